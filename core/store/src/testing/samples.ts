// Records for tests: every field filled, any field replaced.
import type { DeadLetter } from "@mq9/protocol";
import type { MailboxRecord, MessageRecord } from "../store.ts";

/** An instant that needs more than 32 bits. */
export const sampleMs = 1_767_225_600_123;

/** A standard mailbox `acme/inbox`, number 1. */
export function sampleMailbox(changes: Partial<MailboxRecord> = {}): MailboxRecord {
  return {
    key: "acme/inbox",
    number: 1,
    kind: "standard",
    public: false,
    desc: undefined,
    ttlSeconds: 3600,
    createdAtMs: sampleMs,
    expiresAtMs: sampleMs + 3_600_000,
    dropped: false,
    tokenDigest: undefined,
    nextSeq: 0,
    ...changes,
  };
}

/** A normal message without headers or key, whose payload is its own number as text. */
export function sampleMessage(seq: number, changes: Partial<MessageRecord> = {}): MessageRecord {
  return {
    seq,
    rank: 2,
    label: "normal",
    createdAtMs: sampleMs + (seq % 1000),
    expiresAtMs: sampleMs + 60_000,
    key: undefined,
    headers: undefined,
    payload: asciiBytes(`message ${seq}`),
    ...changes,
  };
}

/** Every field that a message rarely has, filled. */
export const rareFields: {
  tags: readonly string[];
  from: string;
  visibleAtMs: number;
  dead: DeadLetter;
} = {
  tags: ["urgent-ish", "été", "漢字", ""],
  from: "agent-7@acme/é",
  visibleAtMs: sampleMs + 5_000,
  dead: {
    mailbox: "inbox.é",
    msgId: 2 ** 48 - 1,
    group: "workers 🚀",
    deliveries: 20,
    cause: "poison",
    reason: "it said “no” ✗",
    atMs: sampleMs + 9_000,
  },
};

/** The bytes of a text of ASCII characters. */
export function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** `length` bytes that differ from their neighbours and never repeat in step with a block. */
export function patternBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 0x9e37_79b9;
  for (let i = 0; i < length; i += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
