// Everything a store answers, record by record and as one short text: two stores with the same text
// hold the same bytes.
import { createHash } from "node:crypto";
import { neverMs, type Rank, ranks } from "@mq9/protocol";
import type { MailboxRecord, MessageRecord, Store } from "@mq9/store";
import { stepCursor, stepCursorNumber } from "./workload.ts";

const pageMessages = 500;

/** Which step the store has seen last; 0 = none. */
export async function stepOf(store: Store): Promise<number> {
  const bytes = await store.cursor(stepCursorNumber, stepCursor);
  return bytes === undefined ? 0 : Number(Buffer.from(bytes).toString());
}

/** Clears all garbage first, whose clearing need not be durable. */
export async function digestOf(store: Store, numbersMax: number): Promise<string> {
  while (await store.clearGarbage());
  const hash = createHash("sha256");
  for (const [name, content] of await recordsOf(store, numbersMax)) {
    hash.update(`${name} ${content}\n`);
  }
  return hash.digest("hex");
}

/**
 * What each record holds, by a name of its own, in an order of its own.
 * @param refused hears of what could not be read; without it the first of these is thrown
 */
export async function recordsOf(
  store: Store,
  numbersMax: number,
  refused?: (error: unknown) => void,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const put = (name: readonly unknown[], content: unknown) =>
    found.set(JSON.stringify(name), JSON.stringify(content));
  const attempt = (read: () => Promise<void>) =>
    refused === undefined ? read() : read().catch(refused);
  await attempt(async () => {
    for (const mailbox of await store.mailboxes("", "", 1000)) {
      put(["mailbox", mailbox.key], plainMailbox(mailbox));
    }
  });
  await attempt(async () => {
    for (const entry of await store.due(neverMs, 1_000_000)) {
      put(["due", entry.atMs, entry.mailboxNumber], entry.mailboxKey);
    }
  });
  for (let number = 0; number < numbersMax; number += 1) {
    await attempt(async () => {
      const last = await store.lastSeq(number);
      if (last >= 0) put(["last", number], last);
      for (const rank of last >= 0 ? ranks : []) await putMessages(store, { number, rank }, put);
    });
    await attempt(async () => {
      for (const [name, value] of [...(await store.cursors(number))].sort(byName)) {
        put(["cursor", number, name], text(value));
      }
    });
    for (let key = 0; key < 5; key += 1) {
      await attempt(async () => {
        const place = await store.keyPlace(number, `key-${key}`);
        if (place !== undefined) put(["key", number, key], [place.rank, place.seq]);
      });
    }
  }
  return found;
}

async function putMessages(
  store: Store,
  { number, rank }: { readonly number: number; readonly rank: Rank },
  put: (name: readonly unknown[], content: unknown) => void,
): Promise<void> {
  for (let afterSeq = -1; ; ) {
    const range = { rank, afterSeq, limit: pageMessages, bytesMax: 2 ** 24 };
    const page = await store.messages(number, range);
    const last = page.at(-1);
    if (last === undefined) return;
    for (const message of page) put(["message", number, message.seq], plain(message));
    afterSeq = last.seq;
  }
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function plainMailbox(record: MailboxRecord): unknown {
  const { number, kind, desc, ttlSeconds, createdAtMs, expiresAtMs, dropped, nextSeq } = record;
  const { dedup, scheduleNumber, tokenDigest } = record;
  const numbers = [scheduleNumber, dedup?.current, dedup?.sinceMs, dedup?.earlier];
  const rest = [kind, record.public, desc, ttlSeconds, createdAtMs, expiresAtMs, dropped, nextSeq];
  return [number, ...rest, numbers, tokenDigest && text(tokenDigest)];
}

function plain(message: MessageRecord): unknown {
  const { rank, label, createdAtMs, expiresAtMs, key, headers, payload } = message;
  const { tags, from, visibleAtMs, dead } = message;
  const bytes = [headers && text(headers), text(payload)];
  return [rank, label, createdAtMs, expiresAtMs, key, tags, from, visibleAtMs, dead, ...bytes];
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}
