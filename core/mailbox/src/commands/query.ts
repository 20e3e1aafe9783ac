// QUERY: what lies in a mailbox, in delivery order, without taking anything or moving any position.
// Never holds more than it returns and one page, nor reads for more than a few queries at a time.
import {
  isKeptName,
  Mq9Error,
  type QueryRequest,
  type QueryResult,
  type Rank,
  ranks,
} from "@mq9/protocol";
import type { MailboxRecord, MessageRecord } from "@mq9/store";
import { type Target, verbs } from "../access.ts";
import type { Engine } from "../engine.ts";
import { latestKey } from "../latest.ts";
import { sameBytes } from "../same-bytes.ts";
import type { Slot } from "../slot.ts";
import { assertSameLife, Filter, Gathered } from "./matching.ts";
import { searchNewest } from "./query-newest.ts";

/**
 * Conditions hold together. With conditions, `unread` counts what matches them, and no more than a
 * fixed number of messages is looked at: `more` then says that there may be others.
 * @throws {Mq9Error} `not_found`, `expired`, `forbidden` (wrong or missing token)
 */
export function query(engine: Engine, at: Target, request: QueryRequest): Promise<QueryResult> {
  let found: MessageRecord | undefined;
  const answer = async (slot: Slot): Promise<QueryResult> => {
    if (isKeptName(slot.name) && slot.record === undefined) {
      return { messages: [], unread: 0, more: false };
    }
    if (!slot.isLive(engine.nowMs())) throw slot.absence();
    assertToken(engine, slot, request);
    const { number, kind } = slot.record as MailboxRecord;
    if (request.key !== undefined || kind === "latest") {
      return answerOne(engine, slot, request, found);
    }
    const pinned = slot.beginRead();
    try {
      // Messages sent before this query on the same connection may still be on their way to disk.
      if (slot.staged > 0) await engine.journal.settled();
      const search = request.order === "newest" ? readNewest : read;
      return await engine.queries.run(() => search(engine, slot, number, request));
    } finally {
      slot.endRead(pinned);
    }
  };
  return engine.command(at, answer, (slot) => {
    const sought = keyOf(slot, request);
    if (sought === undefined) return undefined;
    return findKeyed(engine, slot, sought).then((message) => {
      found = message;
    });
  });
}

/** The key of the one message that can be the answer. */
function keyOf(slot: Slot, request: QueryRequest): string | undefined {
  // A mailbox that keeps the newest forgets the keys of its messages.
  if (slot.record?.kind === "latest") return request.key === undefined ? latestKey : undefined;
  return request.key;
}

function assertToken(engine: Engine, slot: Slot, { checkToken, tokenDigest }: QueryRequest): void {
  const expected = slot.record?.tokenDigest;
  if (!checkToken || expected === undefined || sameBytes(expected, tokenDigest)) return;
  const nowMs = engine.nowMs();
  const handedOut = slot.grants.some(
    ({ digest, verbs: given, expiresAtMs }) =>
      (given & verbs.query) !== 0 && nowMs < expiresAtMs && sameBytes(digest, tokenDigest),
  );
  if (handedOut) return;
  throw new Mq9Error(
    "forbidden",
    tokenDigest === undefined
      ? "auth error: this mailbox asks for the token of its creation"
      : "auth error: wrong token for this mailbox",
  );
}

/** @param number the life whose token was shown: a later one of the name is none of the caller's business */
async function read(
  engine: Engine,
  slot: Slot,
  number: number,
  request: QueryRequest,
): Promise<QueryResult> {
  const { unreadOnly, countUnread = true } = request;
  const gathered = new Gathered(slot, request);
  const filter = new Filter(request);
  // What is accepted from here on is not part of the answer, or one rank would know more than another.
  const endSeq = Math.min(slot.nextSeq, request.beforeId ?? Number.POSITIVE_INFINITY);
  /** Messages that may still be looked at. Counting what is unread looks at all of it. */
  let room = isFiltered(request) ? engine.options.queryScanMax : Number.POSITIVE_INFINITY;
  let unread = 0;
  for (const rank of ranks) {
    const readUpTo = slot.readUpTo[rank] as number;
    let afterSeq = unreadOnly ? readUpTo : -1;
    if (request.sinceMs !== undefined) {
      afterSeq = await seqBefore(engine, number, { rank, afterSeq, endSeq }, request.sinceMs);
    }
    for (;;) {
      // Past what was asked for only the unread ones still have to be counted.
      if (gathered.more && afterSeq < readUpTo) afterSeq = readUpTo;
      if (room <= 0) return { messages: gathered.messages, unread, more: true };
      const page = await engine.store.messages(number, {
        rank,
        afterSeq,
        beforeSeq: endSeq,
        limit: Math.min(engine.pageMessages, room),
        bytesMax: engine.pageBytes,
      });
      const nowMs = engine.nowMs();
      assertSameLife(slot, number, nowMs);
      room -= page.length;
      for (const stored of page) {
        afterSeq = stored.seq;
        if (nowMs >= stored.expiresAtMs || !filter.takes(stored)) continue;
        if (countUnread && stored.seq > readUpTo) unread += 1;
        gathered.offer(stored);
      }
      if (gathered.more && !countUnread) return { messages: gathered.messages, unread, more: true };
      if (page.length === 0) break;
    }
  }
  return { messages: gathered.messages, unread, more: gathered.more };
}

/** The order of delivery was asked for with conditions: many messages may be looked at for few. */
function isFiltered({ tags, sinceMs, beforeId }: QueryRequest): boolean {
  return tags !== undefined || sinceMs !== undefined || beforeId !== undefined;
}

interface SeqRange {
  readonly rank: Rank;
  readonly afterSeq: number;
  readonly endSeq: number;
}

/**
 * The number before the first message of a rank accepted at or after an instant: instants never go
 * back as numbers grow, so a few single reads find it.
 */
async function seqBefore(
  engine: Engine,
  number: number,
  { rank, afterSeq, endSeq }: SeqRange,
  sinceMs: number,
): Promise<number> {
  let low = afterSeq;
  let high = endSeq;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    const [next] = await engine.store.messages(number, {
      rank,
      afterSeq: middle - 1,
      beforeSeq: high,
      limit: 1,
      bytesMax: 1,
    });
    if (next === undefined || next.createdAtMs >= sinceMs) high = middle;
    else low = next.seq;
  }
  return high - 1;
}

/** The highest numbers that match, and how many of those that match are unread. */
async function readNewest(
  engine: Engine,
  slot: Slot,
  number: number,
  request: QueryRequest,
): Promise<QueryResult> {
  const found = await searchNewest(engine, slot, number, request);
  if (request.countUnread === false) return { ...found, unread: 0 };
  return { ...found, unread: await countUnread(engine, slot, number, request) };
}

/** The unread messages that match. */
async function countUnread(
  engine: Engine,
  slot: Slot,
  number: number,
  request: QueryRequest,
): Promise<number> {
  const all = { ...request, unreadOnly: true, countUnread: true, limit: 0, order: undefined };
  return (await read(engine, slot, number, all)).unread;
}

/** The message of one key, read in the mailbox's turn. */
async function findKeyed(
  engine: Engine,
  slot: Slot,
  key: string,
): Promise<MessageRecord | undefined> {
  const number = slot.record?.number;
  if (number === undefined) return undefined;
  await engine.findPlace(slot, key);
  const place = slot.keyPlaces.get(key);
  if (place === undefined) return undefined;
  if (slot.staged > 0) await engine.journal.settled();
  return engine.store.message(number, place.seq);
}

/** What is known without a search: the message of a mailbox that keeps the newest, or that of a key. */
function answerOne(
  engine: Engine,
  slot: Slot,
  request: QueryRequest,
  found: MessageRecord | undefined,
): QueryResult {
  const { beforeId = Number.POSITIVE_INFINITY, sinceMs = 0, countUnread = true } = request;
  const gathered = new Gathered(slot, request);
  const matches =
    found !== undefined &&
    engine.nowMs() < found.expiresAtMs &&
    found.seq < beforeId &&
    found.createdAtMs >= sinceMs &&
    new Filter(request).takes(found);
  if (!matches) return { messages: [], unread: 0, more: false };
  const isUnread = found.seq > (slot.readUpTo[found.rank] as number);
  if (isUnread || !request.unreadOnly) gathered.offer(found);
  const unread = countUnread && isUnread ? 1 : 0;
  return { messages: gathered.messages, unread, more: gathered.more };
}
