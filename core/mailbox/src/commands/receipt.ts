// RECEIPT: where a message is, for its sender: whether it is stored, and how each group stands with it.
import {
  directoryName,
  Mq9Error,
  type Rank,
  type ReceiptRequest,
  type ReceiptResult,
} from "@mq9/protocol";
import type { MailboxRecord, MessageRecord } from "@mq9/store";
import type { Engine } from "../engine.ts";
import type { Slot } from "../slot.ts";

/** @throws {Mq9Error} `not_found`, `expired`, `message_not_found` (a number that was never given) */
export function receipt(
  engine: Engine,
  key: string,
  { msgId }: ReceiptRequest,
): Promise<ReceiptResult> {
  let stored: MessageRecord | undefined;
  return engine.command(
    key,
    async (slot) => {
      const nowMs = engine.nowMs();
      if (!slot.isLive(nowMs)) throw slot.absence();
      if (!wasGiven(slot, msgId)) throw new Mq9Error("message_not_found", "message not found");
      if (stored === undefined) return { state: "gone", read: false, groups: [] };
      const { rank } = stored;
      return {
        state: nowMs < stored.expiresAtMs ? "stored" : "expired",
        read: msgId <= (slot.readUpTo[rank] as number),
        groups: standings(slot, rank, msgId),
      };
    },
    (slot) => {
      if (slot.record === undefined || !wasGiven(slot, msgId)) return undefined;
      return find(engine, slot, msgId).then((found) => {
        stored = found;
      });
    },
  );
}

function wasGiven(slot: Slot, msgId: number): boolean {
  return (
    Number.isInteger(msgId) && msgId >= 0 && msgId < slot.nextSeq && slot.name !== directoryName
  );
}

async function find(engine: Engine, slot: Slot, msgId: number): Promise<MessageRecord | undefined> {
  if (slot.staged > 0) await engine.journal.settled();
  return engine.store.message((slot.record as MailboxRecord).number, msgId);
}

function standings(slot: Slot, rank: Rank, msgId: number): ReceiptResult["groups"] {
  const found: ReceiptResult["groups"][number][] = [];
  for (const group of slot.pulls.values()) {
    const standing = group.standing(rank, msgId);
    if (standing === undefined) continue;
    const { state, message } = standing;
    found.push({
      group: group.name,
      state,
      deliveryCount: message?.delivery ?? 0,
      untilMs: message?.lease?.endsAtMs ?? (message?.notBeforeMs || undefined),
    });
  }
  return found;
}
