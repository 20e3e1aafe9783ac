// INSPECT and PURGE: what a mailbox holds, by its counts, and the removal of all of it.
import { isKeptName, type MailboxDetail, Mq9Error, type PurgeRequest } from "@mq9/protocol";
import { keyOf, type Target } from "../access.ts";
import type { Engine } from "../engine.ts";
import type { Slot } from "../slot.ts";
import { everything, removeMany } from "./removal.ts";

/** The mailbox with its counts and groups. @throws {Mq9Error} `not_found`, `expired` */
export function inspect(engine: Engine, at: Target): Promise<MailboxDetail> {
  return engine.command(at, async (slot) => {
    if (!slot.isLive(engine.nowMs())) throw slot.absence();
    const detail = detailOf(slot);
    if (slot.staged > 0) await engine.journal.settled();
    return detail;
  });
}

function detailOf(slot: Slot): MailboxDetail {
  return {
    ...slot.info(),
    messages: slot.tally?.messages ?? 0,
    bytes: slot.tally?.bytes ?? 0,
    scheduled: slot.tally?.scheduled ?? 0,
    nextId: slot.nextSeq,
    groups: [...slot.pulls.values()].map((group) => group.info()),
  };
}

/**
 * Removes every message accepted before this call, or with a number below `beforeId`; delayed ones
 * stay. What comes meanwhile stays too.
 * @returns how many, all of them durably
 * @throws {Mq9Error} `not_found`, `expired`, `forbidden` (kept by the broker)
 */
export async function purge(
  engine: Engine,
  at: Target,
  { beforeId = Number.POSITIVE_INFINITY }: PurgeRequest,
): Promise<number> {
  const slot = engine.slot(keyOf(at));
  if (isKeptName(slot.name)) {
    throw new Mq9Error("forbidden", `mailbox '${slot.name}' is kept by the broker`);
  }
  const pinned = slot.beginRead(); // another object of this name would count for itself
  const done = { removed: 0 };
  try {
    const doomed = await engine.command(at, async (live) => {
      if (!live.isLive(engine.nowMs())) throw live.absence();
      const all = everything(live);
      // What was sent before this call on the same connection may still be on its way to disk.
      if (live.staged > 0) await engine.journal.settled();
      return { ...all, beforeSeq: Math.min(all.beforeSeq, beforeId) };
    });
    await removeMany(engine, slot, doomed, done);
  } catch (error) {
    const failure = engine.failure(error);
    if (done.removed === 0) throw failure;
    throw new Mq9Error(
      "unknown",
      `the disk failed after ${done.removed} messages were removed; the others may still be there`,
      { cause: failure },
    );
  } finally {
    slot.endRead(pinned);
  }
  return done.removed;
}
