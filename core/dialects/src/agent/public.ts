// A public mailbox as an agent: its entry in the directory when its description is a card.
import type { AgentFacts } from "@mq9/protocol";
import { decodeBody, field, type JsonObject } from "../json.ts";
import { encodeText } from "../utf8.ts";
import { asObject, factsOf, nameWithin } from "./card.ts";
import { visible } from "./shown.ts";

/**
 * @param entry what `directoryBody` made
 * @returns undefined when the mailbox is not described by a card
 */
export function publicAgent(entry: Uint8Array):
  | {
      readonly name: string;
      readonly mailbox: string;
      readonly body: Uint8Array;
      readonly facts: AgentFacts;
    }
  | undefined {
  const record = readEntry(entry);
  const mailbox = field(record, "mail_id");
  const desc = field(record, "desc");
  if (typeof mailbox !== "string" || typeof desc !== "string") return undefined;
  const card = asObject(desc);
  if (card === undefined || !Array.isArray(field(card, "skills"))) return undefined;
  const name = visible(nameWithin(card) ?? "").trim();
  if (name === "") return undefined;
  return { name, mailbox, body: encodeText(desc), facts: factsOf(card) };
}

function readEntry(entry: Uint8Array): JsonObject {
  try {
    return decodeBody(entry, "directory record");
  } catch {
    return {}; // best effort: what can not be read describes nobody
  }
}
