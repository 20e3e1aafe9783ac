// DELETE: takes one message away for every reader.
import { isKeptName, Mq9Error, type RemoveRequest } from "@mq9/protocol";
import type { MessageRecord } from "@mq9/store";
import type { Engine } from "../engine.ts";
import type { Slot } from "../slot.ts";

/** @throws {Mq9Error} `not_found`, `expired`, `message_not_found`, `forbidden` (the directory) */
export function remove(engine: Engine, key: string, request: RemoveRequest): Promise<void> {
  let found: MessageRecord | undefined;
  return engine.command(
    key,
    async (slot) => {
      const nowMs = engine.nowMs();
      if (isKeptName(slot.name)) {
        throw new Mq9Error("forbidden", `mailbox '${slot.name}' is kept by the broker`);
      }
      if (!slot.isLive(nowMs)) throw slot.absence();
      if (found === undefined || nowMs >= found.expiresAtMs) {
        throw new Mq9Error("message_not_found", "message not found");
      }
      const batch = engine.stage();
      engine.stageRemoval(batch, slot, found);
      if (found.key !== undefined) engine.stageKeyRemoval(batch, slot, found.key);
      await engine.durable(slot);
    },
    async (slot) => {
      found = await find(engine, slot, request.msgId);
    },
  );
}

async function find(engine: Engine, slot: Slot, msgId: number): Promise<MessageRecord | undefined> {
  if (slot.record === undefined || msgId < 0 || msgId >= slot.nextSeq) return undefined;
  if (slot.staged > 0) await engine.journal.settled();
  return engine.store.message(slot.record.number, msgId);
}
