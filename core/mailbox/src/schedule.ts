// Delayed messages: accepted and durable, and invisible until their time. They lie under a number of
// their own beside the mailbox, in the order of their time; a due entry wakes the mailbox, and what is
// due then becomes ordinary mail with the next numbers. Called by SEND and by the due index.
import type { MailboxRecord, MessageRecord, StoreBatch } from "@mq9/store";
import type { Engine } from "./engine.ts";
import type { Slot } from "./slot.ts";
import { messageBytes } from "./tally.ts";

/** Ids per millisecond; more than that move to the next one. */
const idsPerMs = 256;
/** Delayed messages have no rank yet. */
const scheduleRank = 0;
const takenMax = 1_024;

/** What memory knows of the ids of one mailbox. */
export interface ScheduleIds {
  /** The highest id that is or was in use. */
  lastId: number;
  /** The highest id per millisecond, of those that may not be durable yet. */
  readonly taken: Map<number, number>;
}

/** The lowest id of what becomes visible at an instant. */
function firstId(slot: Slot, visibleAtMs: number): number {
  return (visibleAtMs - (slot.record as MailboxRecord).createdAtMs) * idsPerMs;
}

/** Finds a free id for an instant, or soon after. Call in the mailbox's turn, then stage at once. */
export async function findScheduledId(
  engine: Engine,
  slot: Slot,
  visibleAtMs: number,
): Promise<number> {
  const number = slot.record?.scheduleNumber;
  let ids = slot.scheduleIds;
  if (ids === undefined) {
    ids = {
      lastId: number === undefined ? -1 : await engine.store.lastSeq(number),
      taken: new Map(),
    };
    slot.scheduleIds = ids;
  }
  if (ids.taken.size >= takenMax && slot.staged > 0) await engine.journal.settled();
  if (ids.taken.size >= takenMax || slot.staged === 0) ids.taken.clear();
  for (let id = firstId(slot, visibleAtMs); ; id += idsPerMs) {
    if (number === undefined || id > ids.lastId) return id;
    const last = ids.taken.get(id) ?? (await lastIdFrom(engine, number, id));
    if (last < id + idsPerMs - 1) return last + 1;
  }
}

/** The highest stored id of the millisecond that begins with this one; one less = none. */
async function lastIdFrom(engine: Engine, number: number, id: number): Promise<number> {
  const [last] = await engine.store.messages(number, {
    rank: scheduleRank,
    afterSeq: id - 1,
    beforeSeq: id + idsPerMs,
    newestFirst: true,
    limit: 1,
    bytesMax: 1,
  });
  return last?.seq ?? id - 1;
}

/**
 * Stages a delayed message under an id from `findScheduledId`.
 * @param message as it will be, but for its number, its rank and the instant of its visibility
 */
export function stageScheduled(
  engine: Engine,
  batch: StoreBatch,
  slot: Slot,
  id: number,
  message: MessageRecord,
): void {
  let record = slot.record as MailboxRecord;
  let number = record.scheduleNumber;
  if (number === undefined) {
    number = engine.takeMailboxNumber(batch, message.createdAtMs);
    record = { ...record, scheduleNumber: number };
    slot.record = record;
    batch.putMailbox(record);
  }
  const visibleAtMs = record.createdAtMs + Math.floor(id / idsPerMs);
  batch.putMessage(number, { ...message, seq: id, rank: scheduleRank, visibleAtMs });
  engine.stageDue(batch, slot, number, visibleAtMs);
  engine.countScheduled(batch, slot, 1, messageBytes(message));
  if (slot.scheduleIds !== undefined) {
    slot.scheduleIds.lastId = Math.max(slot.scheduleIds.lastId, id);
    slot.scheduleIds.taken.set(id - (id % idsPerMs), id);
  }
}

/** Stages the end of a delayed message: it becomes visible, or was cancelled. */
export function stageUnscheduled(
  engine: Engine,
  batch: StoreBatch,
  slot: Slot,
  message: MessageRecord,
): void {
  const number = slot.record?.scheduleNumber;
  if (number === undefined) return;
  batch.removeMessage(number, scheduleRank, message.seq);
  engine.countScheduled(batch, slot, -1, -messageBytes(message));
}

/** A page of delayed messages by time. */
export function scheduledPage(
  engine: Engine,
  slot: Slot,
  range: { readonly afterId: number; readonly beforeId?: number; readonly limit: number },
): Promise<MessageRecord[]> {
  const number = slot.record?.scheduleNumber;
  if (number === undefined) return Promise.resolve([]);
  return engine.store.messages(number, {
    rank: scheduleRank,
    afterSeq: range.afterId,
    beforeSeq: range.beforeId,
    limit: range.limit,
    bytesMax: engine.pageBytes,
  });
}

/** The first id that is not due yet. */
export function firstIdAfter(slot: Slot, nowMs: number): number {
  return firstId(slot, nowMs + 1);
}
