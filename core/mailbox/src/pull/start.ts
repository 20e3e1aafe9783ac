// Where a read begins: the place, per rank, behind which the first message lies.
import { type Rank, ranks, type StartPosition } from "@mq9/protocol";
import type { MailboxRecord } from "@mq9/store";
import type { Engine } from "../engine.ts";
import type { Slot } from "../slot.ts";

/** Numbers to begin behind, per rank. Call in the mailbox's turn. */
export async function startCursors(
  engine: Engine,
  slot: Slot,
  start: StartPosition,
): Promise<Float64Array> {
  switch (start.at) {
    case "latest":
      return new Float64Array(4).fill(slot.nextSeq - 1);
    case "earliest":
      return new Float64Array(4).fill(-1);
    case "id":
      return new Float64Array(4).fill(Math.min(Math.max(start.msgId, 0), slot.nextSeq) - 1);
    case "time": {
      const cursors = new Float64Array(4);
      for (const rank of ranks) {
        cursors[rank] = await lastBefore(engine, slot, rank, start.ms);
      }
      return cursors;
    }
  }
}

/** The highest number of a rank that was accepted before an instant; -1 = none. Their order is that of time. */
async function lastBefore(engine: Engine, slot: Slot, rank: Rank, ms: number): Promise<number> {
  const { number } = slot.record as MailboxRecord;
  let before = -1;
  let end = slot.nextSeq;
  while (end - before > 1) {
    const middle = before + Math.floor((end - before) / 2);
    const [found] = await engine.store.messages(number, {
      rank,
      afterSeq: middle - 1,
      limit: 1,
      bytesMax: 1,
    });
    if (found === undefined || found.seq >= end) end = middle;
    else if (found.createdAtMs < ms) before = found.seq;
    else end = middle;
  }
  return before;
}
