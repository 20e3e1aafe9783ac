// The subjects and bodies that drivers use: generation 0 and 1 of the mq9 protocol, as its documents
// write them. What comes back is read here too.
import { createHash } from "node:crypto";
import type { Rank } from "./history.ts";
import type { Delivered } from "./nats-client.ts";

export type Generation = 0 | 1;

/** Where to publish a message of one rank. Generation 0 has no word for the lowest rank that lives on. */
export function sendSubject(generation: Generation, mailbox: string, rank: Rank): string {
  if (generation === 0 && rank !== 3) {
    return `$mq9.AI.INBOX.${mailbox}.${["critical", "urgent", "normal"][rank]}`;
  }
  const suffix = [".critical", ".urgent", "", ".low"][rank];
  return `$mq9.AI.MAILBOX.MSG.${mailbox}${suffix}`;
}

/** What to subscribe to for every message of a mailbox. */
export function receiveSubject(generation: Generation, mailbox: string): string {
  return generation === 0 ? `$mq9.AI.INBOX.${mailbox}.*` : `$mq9.AI.MAILBOX.MSG.${mailbox}.*`;
}

export const createSubject = "$mq9.AI.MAILBOX.CREATE";

export function deleteSubject(mailbox: string, msgId: number): string {
  return `$mq9.AI.MAILBOX.DELETE.${mailbox}.${msgId}`;
}

export function listSubject(mailbox: string): string {
  return `$mq9.AI.MAILBOX.LIST.${mailbox}`;
}

/** A payload that carries its id and fills up with bytes derived from it. */
export function payloadOf(id: string, bytes: number): Buffer {
  const head = Buffer.from(`${id} `, "latin1");
  const digest = createHash("sha256").update(id).digest();
  const body = Buffer.alloc(Math.max(bytes, 1));
  for (let at = 0; at < body.length; at += digest.length) digest.copy(body, at);
  return Buffer.concat([head, body]);
}

export function idOf(payload: Buffer): string {
  const blank = payload.indexOf(0x20);
  return payload.toString("latin1", 0, blank < 0 ? Math.min(payload.length, 64) : blank);
}

export function hashOf(payload: Buffer): string {
  return createHash("sha256").update(payload).digest("base64url").slice(0, 22);
}

const rankOfLabel: Readonly<Record<string, Rank>> = {
  critical: 0,
  urgent: 1,
  high: 1,
  normal: 2,
  low: 3,
  notify: 3,
};

/** What a delivery says of itself beside its bytes. */
export function marksOf(message: Delivered): { msgId: number | null; rank: Rank | null } {
  const msgId = message.headers.get("mq9-msg-id");
  const label = message.headers.get("mq9-priority");
  return {
    msgId: msgId === undefined ? null : Number(msgId),
    rank: label === undefined ? null : (rankOfLabel[label] ?? null),
  };
}

/** An answer: done, refused for good, or neither is certain. */
export type Answer =
  | { readonly is: "ok"; readonly body: Readonly<Record<string, unknown>> }
  | { readonly is: "refused"; readonly text: string; readonly status: number }
  | { readonly is: "unknown"; readonly text: string };

/** Status 500 is the class of errors after which a request may still have happened. */
export function readAnswer(message: Delivered): Answer {
  const body = JSON.parse(message.payload.toString("utf8")) as Record<string, unknown>;
  const text = body["error"];
  if (typeof text !== "string" || text === "") return { is: "ok", body };
  const status = Number(body["code"] ?? 0);
  return status === 500 ? { is: "unknown", text } : { is: "refused", text, status };
}
