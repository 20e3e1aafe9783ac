// QUERY: what lies in a mailbox, in delivery order, without taking anything or moving any position.
// Never holds more than it returns and one page, nor reads for more than a few queries at a time.
import {
  type MailMessage,
  Mq9Error,
  type QueryRequest,
  type QueryResult,
  ranks,
} from "@mq9/protocol";
import type { MailboxRecord, MessageRecord } from "@mq9/store";
import { isDirectory } from "../directory.ts";
import { type Engine, latestKey } from "../engine.ts";
import type { Slot } from "../slot.ts";

/** @throws {Mq9Error} `not_found`, `expired`, `forbidden` (wrong or missing token) */
export function query(engine: Engine, key: string, request: QueryRequest): Promise<QueryResult> {
  let latest: MessageRecord | undefined;
  const find = async (slot: Slot): Promise<void> => {
    latest = await findLatest(engine, slot);
  };
  const answer = async (slot: Slot): Promise<QueryResult> => {
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
    const { number, kind } = slot.record as MailboxRecord;
    if (kind === "latest") return answerLatest(engine, slot, request, latest);
    const pinned = slot.beginRead();
    try {
      // Messages sent before this query on the same connection may still be on their way to disk.
      if (slot.staged > 0) await engine.journal.settled();
      return await engine.queries.run(() => read(engine, slot, number, request));
    } finally {
      slot.endRead(pinned);
    }
  };
  return engine.command(key, answer, (slot) =>
    slot.record?.kind === "latest" ? find(slot) : undefined,
  );
}

const bytesMaxDefault = 1_048_576;
const noBytes = new Uint8Array(0);

/** @param number the life whose token was shown: a later one of the name is none of the caller's business */
async function read(
  engine: Engine,
  slot: Slot,
  number: number,
  request: QueryRequest,
): Promise<QueryResult> {
  const { unreadOnly, countUnread = true } = request;
  const gathered = new Gathered(slot, request);
  // What is accepted from here on is not part of the answer, or one rank would know more than another.
  const endSeq = slot.nextSeq;
  let unread = 0;
  for (const rank of ranks) {
    const readUpTo = slot.readUpTo[rank] as number;
    let afterSeq = unreadOnly ? readUpTo : -1;
    for (;;) {
      // Past what was asked for only the unread ones still have to be counted.
      if (gathered.more && afterSeq < readUpTo) afterSeq = readUpTo;
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
        if (nowMs >= stored.expiresAtMs || stored.seq >= endSeq) continue;
        if (countUnread && stored.seq > readUpTo) unread += 1;
        gathered.offer(stored);
      }
      if (gathered.more && !countUnread) return { messages: gathered.messages, unread, more: true };
      if (page.length === 0) break;
    }
  }
  return { messages: gathered.messages, unread, more: gathered.more };
}

/**
 * The one message of a mailbox that keeps the newest. Call in the mailbox's turn: no successor is
 * on its way to disk then, so a place without a message is one that was swept.
 */
async function findLatest(engine: Engine, slot: Slot): Promise<MessageRecord | undefined> {
  if (slot.staged > 0) await engine.journal.settled();
  const place = slot.keyPlaces.get(latestKey);
  const number = slot.record?.number;
  if (place === undefined || number === undefined) return undefined;
  return engine.store.message(number, place.seq);
}

function answerLatest(
  engine: Engine,
  slot: Slot,
  request: QueryRequest,
  latest: MessageRecord | undefined,
): QueryResult {
  const gathered = new Gathered(slot, request);
  if (latest === undefined || engine.nowMs() >= latest.expiresAtMs) {
    return { messages: [], unread: 0, more: false };
  }
  const isUnread = latest.seq > (slot.readUpTo[latest.rank] as number);
  if (isUnread || !request.unreadOnly) gathered.offer(latest);
  return { messages: gathered.messages, unread: isUnread ? 1 : 0, more: gathered.more };
}

/** The first messages of a mailbox, up to the count and the bytes that were asked for. */
class Gathered {
  readonly messages: MailMessage[] = [];
  /** Something was left out, and so is everything after it. */
  more = false;
  readonly #slot: Slot;
  readonly #limit: number;
  readonly #withPayload: boolean;
  #room: number;

  constructor(slot: Slot, { limit, bytesMax = bytesMaxDefault, withPayload = true }: QueryRequest) {
    this.#slot = slot;
    this.#limit = limit;
    this.#withPayload = withPayload;
    this.#room = bytesMax;
  }

  offer(stored: MessageRecord): void {
    const bytes = this.#withPayload ? stored.payload.length + (stored.headers?.length ?? 0) : 0;
    const fits = this.messages.length === 0 || bytes <= this.#room;
    if (this.more || !fits || this.messages.length >= this.#limit) {
      this.more = true;
      return;
    }
    this.#room -= bytes;
    const message = this.#slot.message(stored);
    this.messages.push(
      this.#withPayload ? message : { ...message, payload: noBytes, headers: undefined },
    );
  }
}

/** Compares without telling by its time where the first difference is. */
function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  if (b === undefined || a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i += 1) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}
