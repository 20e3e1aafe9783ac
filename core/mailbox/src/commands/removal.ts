// Takes many messages out of a mailbox, a page and a commit at a time; PURGE and the sweep of ended
// messages call it. Other commands run between two pages. Never takes what is newer than asked for.
import { type Rank, ranks } from "@mq9/protocol";
import type { MailboxRecord, MessageRange, MessageRecord } from "@mq9/store";
import type { Engine } from "../engine.ts";
import type { Slot } from "../slot.ts";

/** Which messages of which life of a mailbox go. */
export interface Doomed {
  readonly mailboxNumber: number;
  /** Only numbers below this one. */
  readonly beforeSeq: number;
  readonly includes: (message: MessageRecord) => boolean;
}

/**
 * Removes messages until none is left that is doomed, or the mailbox ends.
 * @param done counts those that are gone durably
 * @throws {Mq9Error} or {StoreError} when the store fails; what was removed before stays removed
 */
export async function removeMany(
  engine: Engine,
  slot: Slot,
  doomed: Doomed,
  done: { removed: number } = { removed: 0 },
): Promise<void> {
  const { mailboxNumber, beforeSeq } = doomed;
  const pinned = slot.beginRead(); // the slot must stay in memory
  try {
    for (const rank of ranks) {
      for (let afterSeq = -1; ; ) {
        const seen = await engine.store.messages(
          mailboxNumber,
          pageOf(engine, rank, afterSeq, beforeSeq),
        );
        const last = seen.at(-1);
        if (last === undefined || !isSameLife(engine, slot, mailboxNumber)) break;
        if (seen.some(doomed.includes)) {
          const range = pageOf(engine, rank, afterSeq, last.seq + 1);
          done.removed += await removePage(engine, slot, range, doomed);
        }
        afterSeq = last.seq;
      }
    }
  } finally {
    slot.endRead(pinned);
  }
}

function pageOf(engine: Engine, rank: Rank, afterSeq: number, beforeSeq: number): MessageRange {
  const { pageMessages: limit, pageBytes: bytesMax } = engine;
  return { rank, afterSeq, beforeSeq, limit, bytesMax };
}

function isSameLife(engine: Engine, slot: Slot, mailboxNumber: number): boolean {
  return slot.record?.number === mailboxNumber && slot.isLive(engine.nowMs());
}

/** Reads the page once more in the mailbox's turn: what went meanwhile must not be counted twice. */
async function removePage(
  engine: Engine,
  slot: Slot,
  range: MessageRange,
  { mailboxNumber, includes }: Doomed,
): Promise<number> {
  const leave = await slot.acquire();
  let count = 0;
  let durable: Promise<void>;
  try {
    const fault = engine.faultOf(slot);
    if (fault !== undefined) throw fault;
    if (slot.staged > 0) await engine.journal.settled();
    const page = await engine.store.messages(mailboxNumber, range);
    if (!isSameLife(engine, slot, mailboxNumber)) return 0;
    const batch = engine.stage();
    for (const message of page) {
      if (!includes(message)) continue;
      engine.stageRemoval(batch, slot, message);
      if (message.key !== undefined) engine.stageKeyRemoval(batch, slot, message.key);
      count += 1;
    }
    durable = engine.durable(slot);
  } finally {
    leave();
  }
  await durable;
  return count;
}

/** Everything that is accepted by now, in the life that is there now. */
export function everything(slot: Slot): Doomed {
  return {
    mailboxNumber: (slot.record as MailboxRecord).number,
    beforeSeq: slot.nextSeq,
    includes: () => true,
  };
}
