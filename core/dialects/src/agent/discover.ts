// AGENT.DISCOVER: the fields of every published client and our own, and the list of who was found.
import { type AgentState, type DiscoverRequest, discoverMax, type Mq9Error } from "@mq9/protocol";
import type { DialectOptions } from "../dialect.ts";
import { decodeBody, field, flagField, invalidBody, type JsonObject, textField } from "../json.ts";
import { errorReply } from "../replies.ts";
import { encodeText } from "../utf8.ts";
import type { AgentExchange } from "./exchange.ts";
import { foundItem } from "./item.ts";

const request = "AGENT.DISCOVER";
const limitDefault = 20;

/** What a failed DISCOVER still carries of its success form. */
export const discoverEmptied: JsonObject = { agents: [] };

/**
 * @param bytes `text`, `semantic`, `query` (both), `limit`, `page` of published clients; `skill`, `tag`,
 * `tags`, `name`, `state`, `explain`, `include_public` besides
 * @throws {Mq9Error} `invalid`
 */
export function openDiscover(
  bytes: Uint8Array,
  { replyBytesMax }: Pick<DialectOptions, "replyBytesMax">,
): Extract<AgentExchange, { op: "discover" }> & {
  readonly fail: (error: Mq9Error) => Uint8Array;
} {
  const body = decodeBody(bytes, request);
  const explain = flagField(body, "explain", request);
  const query = textField(body, "query", request);
  const operation: DiscoverRequest = {
    text: textField(body, "text", request) ?? undefined,
    semantic: textField(body, "semantic", request) ?? query,
    skill: given(textField(body, "skill", request)),
    tags: tagsIn(body),
    name: given(textField(body, "name", request)),
    states: statesIn(body),
    includePublic: flagField(body, "include_public", request),
    limit: Math.min(wholeFrom0(body, "limit") || limitDefault, discoverMax),
    page: wholeFrom0(body, "page") || 1,
  };
  return {
    op: "discover",
    operation,
    succeed: ({ agents, total, mode, note }) => {
      const { limit, page } = operation;
      const { json, cut } = joinItems(
        agents.map((found) => () => foundItem(found, explain)),
        replyBytesMax,
      );
      const more = cut || total > page * limit;
      const tail = JSON.stringify({ total, page, limit, more, cut, mode, note });
      return encodeText(`{"error":"","agents":${json},${tail.slice(1)}`);
    },
    fail: (error) => errorReply(error, discoverEmptied),
  };
}

/** Absent and 0 are 0. */
function wholeFrom0(body: JsonObject, name: string): number {
  const value = field(body, name);
  if (value === undefined) return 0;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw invalidBody(request, `${name} must be a whole number from 0`);
  }
  return value;
}

/** An empty text means the same as none. */
function given(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === "" ? undefined : text.trim();
}

function tagsIn(body: JsonObject): readonly string[] | undefined {
  const tags = wordsIn(body, "tags").concat(wordsIn(body, "tag"));
  return tags.length === 0 ? undefined : tags;
}

const states: readonly AgentState[] = ["active", "stale", "gone"];

function statesIn(body: JsonObject): readonly AgentState[] | undefined {
  const words = wordsIn(body, "state");
  if (words.length === 0) return undefined;
  if (words.includes("any") || words.includes("all")) return states;
  const known = states.filter((state) => words.includes(state));
  if (known.length === words.length) return known;
  throw invalidBody(request, "state must be active, stale, gone or any");
}

/** Words as a list or as one text with commas. */
function wordsIn(body: JsonObject, name: string): string[] {
  const value = field(body, name);
  if (value === undefined) return [];
  const words: readonly unknown[] = typeof value === "string" ? value.split(",") : listOf(value);
  if (words.length > 64 || !words.every((word) => typeof word === "string")) {
    throw invalidBody(request, `${name} must be a text or a list of at most 64 texts`);
  }
  return words.map((word) => word.trim()).filter((word) => word !== "");
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [undefined];
}

/**
 * Items are made one at a time, so that only the reply itself is in memory beside the agents.
 * @param lengthMax the list stops growing near so many characters; its first item is always there
 */
function joinItems(
  items: readonly (() => JsonObject)[],
  lengthMax: number,
): { json: string; cut: boolean } {
  let json = "";
  for (const item of items) {
    const text = JSON.stringify(item());
    if (json !== "" && json.length + text.length > lengthMax) {
      return { json: `[${json}]`, cut: true };
    }
    json += json === "" ? text : `,${text}`;
  }
  return { json: `[${json}]`, cut: false };
}
