// Looks a message up by its number, for commands that name one.
import type { MessageRecord } from "@mq9/store";
import type { Engine } from "../engine.ts";
import type { Slot } from "../slot.ts";

/** Whether a message of this mailbox has or had this number. */
export function wasGiven(slot: Slot, msgId: number): boolean {
  return Number.isInteger(msgId) && msgId >= 0 && msgId < slot.nextSeq;
}

/** The message if it is stored, once everything staged before is. Call in the mailbox's turn. */
export async function findMessage(
  engine: Engine,
  slot: Slot,
  msgId: number,
): Promise<MessageRecord | undefined> {
  if (slot.record === undefined || !wasGiven(slot, msgId)) return undefined;
  if (slot.staged > 0) await engine.journal.settled();
  return engine.store.message(slot.record.number, msgId);
}
