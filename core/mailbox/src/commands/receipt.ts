// RECEIPT: where a message is, for its sender: whether it is stored, and how each group stands with it.
import { Mq9Error, type Rank, type ReceiptRequest, type ReceiptResult } from "@mq9/protocol";
import type { MessageRecord } from "@mq9/store";
import type { Target } from "../access.ts";
import { isDirectory } from "../directory.ts";
import type { Engine } from "../engine.ts";
import type { Slot } from "../slot.ts";
import { findMessage, wasGiven } from "./find.ts";

/** @throws {Mq9Error} `not_found`, `expired`, `message_not_found` (a number that was never given) */
export function receipt(
  engine: Engine,
  at: Target,
  { msgId }: ReceiptRequest,
): Promise<ReceiptResult> {
  let stored: MessageRecord | undefined;
  return engine.command(
    at,
    async (slot) => {
      const nowMs = engine.nowMs();
      if (!slot.isLive(nowMs)) throw slot.absence();
      if (isDirectory(slot) || !wasGiven(slot, msgId)) {
        throw new Mq9Error("message_not_found", "message not found");
      }
      if (stored === undefined) return { state: "gone", read: false, groups: [] };
      const { rank } = stored;
      return {
        state: nowMs < stored.expiresAtMs ? "stored" : "expired",
        read: msgId <= (slot.readUpTo[rank] as number),
        groups: standings(slot, rank, msgId),
      };
    },
    (slot) => {
      if (isDirectory(slot)) return undefined;
      return findMessage(engine, slot, msgId).then((found) => {
        stored = found;
      });
    },
  );
}

function standings(slot: Slot, rank: Rank, msgId: number): ReceiptResult["groups"] {
  const found: ReceiptResult["groups"][number][] = [];
  for (const group of slot.pulls.values()) {
    const standing = group.memory.standing(rank, msgId);
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
