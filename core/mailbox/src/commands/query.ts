// QUERY: what lies in a mailbox, in delivery order, without taking anything or moving any position.
import {
  type MailMessage,
  Mq9Error,
  type QueryRequest,
  type QueryResult,
  ranks,
} from "@mq9/protocol";
import type { MailboxRecord } from "@mq9/store";
import { isDirectory } from "../directory.ts";
import type { Engine } from "../engine.ts";
import type { Slot } from "../slot.ts";

/** @throws {Mq9Error} `not_found`, `expired`, `forbidden` (wrong or missing token) */
export function query(engine: Engine, key: string, request: QueryRequest): Promise<QueryResult> {
  return engine.command(key, async (slot) => {
    if (isDirectory(slot) && slot.record === undefined) {
      return { messages: [], unread: 0, more: false };
    }
    if (!slot.isLive(engine.nowMs())) throw slot.absence();
    const expected = slot.record?.tokenDigest;
    if (request.checkToken && expected !== undefined && !sameBytes(expected, request.tokenDigest)) {
      throw new Mq9Error(
        "forbidden",
        request.tokenDigest === undefined
          ? "auth error: this mailbox asks for the token of its creation"
          : "auth error: wrong token for this mailbox",
      );
    }
    // Messages sent before this query on the same connection may still be on their way to disk.
    if (slot.staged > 0) await engine.journal.settled();
    const pinned = slot.beginRead();
    return read(engine, slot, request).finally(() => slot.endRead(pinned));
  });
}

async function read(engine: Engine, slot: Slot, request: QueryRequest): Promise<QueryResult> {
  const { number } = slot.record as MailboxRecord;
  const messages: MailMessage[] = [];
  let unread = 0;
  let more = false;
  for (const rank of ranks) {
    const readUpTo = slot.readUpTo[rank] as number;
    let afterSeq = request.unreadOnly ? readUpTo : -1;
    for (;;) {
      const page = await engine.store.messages(number, {
        rank,
        afterSeq,
        limit: engine.pageMessages,
        bytesMax: engine.pageBytes,
      });
      const nowMs = engine.nowMs();
      if (!slot.isLive(nowMs) || slot.record?.number !== number) throw slot.absence();
      for (const stored of page) {
        afterSeq = stored.seq;
        if (nowMs >= stored.expiresAtMs) continue;
        if (stored.seq > readUpTo) unread += 1;
        if (messages.length < request.limit) messages.push(slot.message(stored));
        else more = true;
      }
      if (page.length === 0) break;
      // Past the limit only the unread ones still have to be counted.
      if (more && afterSeq < readUpTo) afterSeq = readUpTo;
    }
  }
  return { messages, unread, more };
}

/** Compares without telling by its time where the first difference is. */
function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  if (b === undefined || a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i += 1) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}
