// Everything a store answers, as one short text: two stores with the same text hold the same bytes.
import { createHash } from "node:crypto";
import { neverMs, ranks } from "@mq9/protocol";
import type { MailboxRecord, MessageRecord, Store } from "@mq9/store";
import { stepCursor, stepCursorNumber } from "./workload.ts";

const all = { afterSeq: -1, limit: 1_000_000, bytesMax: 2 ** 30 } as const;

/** Which step the store has seen last; 0 = none. */
export async function stepOf(store: Store): Promise<number> {
  const bytes = await store.cursor(stepCursorNumber, stepCursor);
  return bytes === undefined ? 0 : Number(Buffer.from(bytes).toString());
}

/** Clears all garbage first, whose clearing need not be durable. */
export async function digestOf(store: Store, numbersMax: number): Promise<string> {
  while (await store.clearGarbage());
  const hash = createHash("sha256");
  const add = (value: unknown) => hash.update(`${JSON.stringify(value)}\n`);
  for (const mailbox of await store.mailboxes("", "", 1000)) add(plainMailbox(mailbox));
  for (const entry of await store.due(neverMs, 1_000_000)) {
    add([entry.atMs, entry.mailboxNumber, entry.mailboxKey]);
  }
  for (let number = 0; number < numbersMax; number += 1) {
    const last = await store.lastSeq(number);
    if (last >= 0) add([number, last]);
    for (const rank of last >= 0 ? ranks : []) {
      for (const message of await store.messages(number, { ...all, rank })) add(plain(message));
    }
    const cursors = [...(await store.cursors(number))].map(([name, value]) => [name, hex(value)]);
    for (const cursor of cursors.sort()) add([number, cursor]);
    for (let key = 0; key < 5; key += 1) {
      const place = await store.keyPlace(number, `key-${key}`);
      if (place !== undefined) add([number, key, place]);
    }
  }
  return hash.digest("hex");
}

function plainMailbox(record: MailboxRecord): unknown {
  const { key, number, kind, desc, ttlSeconds, createdAtMs, expiresAtMs, dropped, nextSeq } =
    record;
  const { dedup, scheduleNumber, tokenDigest } = record;
  const numbers = [scheduleNumber, dedup?.current, dedup?.sinceMs, dedup?.earlier];
  const rest = [kind, record.public, desc, ttlSeconds, createdAtMs, expiresAtMs, dropped, nextSeq];
  return [key, number, ...rest, numbers, tokenDigest && hex(tokenDigest)];
}

function plain(message: MessageRecord): unknown {
  const { seq, rank, label, createdAtMs, expiresAtMs, key, headers, payload } = message;
  const { tags, from, visibleAtMs, dead } = message;
  const bytes = [headers && hex(headers), hex(payload)];
  return [seq, rank, label, createdAtMs, expiresAtMs, key, tags, from, visibleAtMs, dead, ...bytes];
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}
