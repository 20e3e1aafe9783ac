// Delayed messages after their acceptance: shown, cancelled, or made visible when they are due. The
// due index calls `release`, one commit per page; a page done twice finds nothing the second time.
import {
  type CancelRequest,
  Mq9Error,
  rankOf,
  type ScheduledMessage,
  type ScheduledRequest,
} from "@mq9/protocol";
import type { MailboxRecord, MessageRecord } from "@mq9/store";
import type { Target } from "../access.ts";
import type { Engine } from "../engine.ts";
import { firstIdAfter, scheduledPage, stageUnscheduled } from "../schedule.ts";
import type { Slot } from "../slot.ts";

/**
 * What is not visible yet, by time: a page of at most `limit`, and of the bytes of a page.
 * @throws {Mq9Error} `not_found`, `expired`
 */
export function scheduled(
  engine: Engine,
  at: Target,
  { afterId, limit }: ScheduledRequest,
): Promise<readonly ScheduledMessage[]> {
  let page: readonly MessageRecord[] = [];
  return engine.command(
    at,
    async (slot) => {
      const nowMs = engine.nowMs();
      if (!slot.isLive(nowMs)) throw slot.absence();
      return page
        .filter((message) => nowMs < visibleAtOf(message))
        .map((message) => ({
          scheduledId: message.seq,
          visibleAtMs: visibleAtOf(message),
          message: { ...slot.message(message), msgId: -1, rank: rankOf(message.label) },
        }));
    },
    async (slot) => {
      if (slot.record?.scheduleNumber === undefined || limit < 1) return;
      if (slot.staged > 0) await engine.journal.settled();
      const dueId = firstIdAfter(slot, engine.nowMs()) - 1;
      page = await scheduledPage(engine, slot, { afterId: Math.max(afterId, dueId), limit });
    },
  );
}

/** @throws {Mq9Error} `not_found`, `expired`, `message_not_found` (its time has come, or it never was) */
export function cancel(engine: Engine, at: Target, { scheduledId }: CancelRequest): Promise<void> {
  let found: MessageRecord | undefined;
  return engine.command(
    at,
    async (slot) => {
      const nowMs = engine.nowMs();
      if (!slot.isLive(nowMs)) throw slot.absence();
      if (found === undefined || nowMs >= visibleAtOf(found)) {
        throw new Mq9Error("message_not_found", "message not found");
      }
      stageUnscheduled(engine, engine.stage(), slot, found);
      await engine.durable(slot);
    },
    async (slot) => {
      if (!Number.isSafeInteger(scheduledId) || scheduledId < 0) return;
      if (slot.staged > 0) await engine.journal.settled();
      const range = { afterId: scheduledId - 1, beforeId: scheduledId + 1, limit: 1 };
      [found] = await scheduledPage(engine, slot, range);
    },
  );
}

/** Makes everything visible whose time has come. @throws when the store fails; it is tried again */
export async function release(engine: Engine, key: string, scheduleNumber: number): Promise<void> {
  while (await releasePage(engine, key, scheduleNumber));
}

/** @returns false when nothing was due */
function releasePage(engine: Engine, key: string, scheduleNumber: number): Promise<boolean> {
  let page: readonly MessageRecord[] = [];
  const nowMs = engine.nowMs();
  return engine.command(
    key,
    async (slot) => {
      if (page.length === 0 || !slot.isLive(nowMs)) return false;
      await stageVisible(engine, slot, page, nowMs);
      return true;
    },
    async (slot) => {
      if (slot.record?.scheduleNumber !== scheduleNumber) return;
      if (slot.staged > 0) await engine.journal.settled();
      const range = {
        afterId: -1,
        beforeId: firstIdAfter(slot, nowMs),
        limit: engine.pageMessages,
      };
      page = await scheduledPage(engine, slot, range);
      const keys = page.flatMap(({ key: messageKey }) => messageKey ?? []);
      await engine.findPlaces(slot, [...new Set(keys)]);
    },
  );
}

/** Stages a page of due messages as ordinary mail with the next numbers, all in one batch. */
function stageVisible(
  engine: Engine,
  slot: Slot,
  page: readonly MessageRecord[],
  nowMs: number,
): Promise<void> {
  const number = (slot.record as MailboxRecord).number;
  const batch = engine.stage();
  const visible: MessageRecord[] = [];
  for (const message of page) {
    stageUnscheduled(engine, batch, slot, message);
    if (nowMs >= message.expiresAtMs) continue; // it ended before anybody saw it
    const record: MessageRecord = {
      ...message,
      seq: slot.nextSeq,
      rank: rankOf(message.label),
      createdAtMs: nowMs,
      visibleAtMs: undefined,
    };
    slot.nextSeq += 1;
    engine.stageMessage(batch, slot, record);
    visible.push(record);
  }
  return new Promise((resolve, reject) => {
    engine.afterCommit(slot, {
      committed() {
        slot.staged -= 1;
        for (const record of visible) engine.announce(slot, number, record);
        resolve();
      },
      failed(error) {
        slot.staged -= 1;
        reject(error);
      },
    });
  });
}

function visibleAtOf(message: MessageRecord): number {
  return message.visibleAtMs ?? message.createdAtMs;
}
