// Subjects, headers and bodies as the documents of the three generations write them, and how their
// answers read. Shares nothing with the broker's own code.
import { createHash } from "node:crypto";
import type { Outcome, Rank } from "../../history/src/record.ts";
import type { Delivered, Outgoing } from "./client.ts";

export type Generation = 0 | 1 | 2;

const words = ["critical", "urgent", "normal", "low"] as const;

export interface SendWords {
  readonly key?: string | undefined;
  readonly ttlMs?: number | undefined;
  readonly delayMs?: number | undefined;
  readonly dedup?: string | undefined;
}

/** The publish that sends one message. Generation 0 has no word for the lowest priority. */
export function sendOf(
  generation: Generation,
  mailbox: string,
  rank: Rank,
  payload: Buffer,
  extras: SendWords,
): Outgoing {
  if (generation === 2) {
    const { key, ttlMs, delayMs, dedup } = extras;
    const headers: Record<string, string> = { "mq9-priority": words[rank] };
    if (key !== undefined) headers["mq9-key"] = key;
    if (ttlMs !== undefined) headers["mq9-ttl"] = String(ttlMs / 1000);
    if (delayMs !== undefined && delayMs > 0) headers["mq9-delay"] = String(delayMs / 1000);
    if (dedup !== undefined) headers["mq9-dedup-id"] = dedup;
    return { subject: `$mq9.AI.MSG.SEND.${mailbox}`, payload, headers };
  }
  if (generation === 0 && rank !== 3) {
    const word = ["critical", "urgent", "normal"][rank];
    return { subject: `$mq9.AI.INBOX.${mailbox}.${word}`, payload };
  }
  const suffix = ["critical", "urgent", "", "low"][rank];
  const tail = suffix === "" ? mailbox : `${mailbox}.${suffix}`;
  return { subject: `$mq9.AI.MAILBOX.MSG.${tail}`, payload };
}

export function receiveSubject(generation: Generation, mailbox: string): string {
  if (generation === 2) return `$mq9.AI.MSG.PUSH.${mailbox}`;
  return generation === 0 ? `$mq9.AI.INBOX.${mailbox}.*` : `$mq9.AI.MAILBOX.MSG.${mailbox}.*`;
}

export function command(subject: string, body: object): Outgoing {
  return { subject: `$mq9.AI.${subject}`, payload: Buffer.from(JSON.stringify(body)) };
}

/** A payload that carries its id and fills up with bytes derived from it. */
export function payloadOf(id: string, bytes: number): Buffer {
  const digest = createHash("sha256").update(id).digest();
  const body = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += digest.length) digest.copy(body, at);
  return Buffer.concat([Buffer.from(`${id} `), body]);
}

export function idOf(payload: Buffer): string {
  const blank = payload.indexOf(0x20);
  return payload.toString("latin1", 0, blank < 0 ? Math.min(payload.length, 64) : blank);
}

export function hashOf(payload: Buffer): string {
  return createHash("sha256").update(payload).digest("base64url").slice(0, 12);
}

const rankOfWord: Readonly<Record<string, Rank>> = { critical: 0, urgent: 1, high: 1, low: 3 };

/** `normal` stands for two ranks where a reader knows three words. */
export function rankOf(word: string | undefined): Rank | null {
  return rankOfWord[word ?? ""] ?? null;
}

export function numberIn(text: string | undefined): number | null {
  return text === undefined ? null : Number(text);
}

/** What an answer says. */
export interface Answer {
  readonly res: Outcome;
  readonly text: string;
  readonly code: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Errors of class 500 leave open whether it happened. */
export function readAnswer(message: Delivered | undefined): Answer {
  if (message === undefined) return { res: "unknown", text: "no answer", code: 0, body: {} };
  if (message.headers.get("status") === "503") {
    return { res: "refused", text: "nobody serves this", code: 503, body: {} };
  }
  const body = JSON.parse(message.payload.toString("utf8")) as Record<string, unknown>;
  const text = body["error"];
  const code = Number(body["code"] ?? 0);
  if (typeof text !== "string" || text === "") return { res: "ok", text: "", code, body };
  return { res: code === 500 ? "unknown" : "refused", text, code, body };
}

/** One message of a FETCH or QUERY reply. */
export interface Item {
  readonly msg_id: number | string;
  readonly payload: string;
  readonly payload_encoding?: string;
  readonly priority?: string;
  readonly delivery_count?: number;
}

export function itemsOf(answer: Answer): Item[] {
  const items = answer.body["messages"];
  return Array.isArray(items) ? (items as Item[]) : [];
}

export function payloadOfItem(item: Item): Buffer {
  return Buffer.from(item.payload, item.payload_encoding === "base64" ? "base64" : "utf8");
}
