// DELETE: takes one message away for every reader.
import { isKeptName, Mq9Error, type RemoveRequest } from "@mq9/protocol";
import type { MessageRecord } from "@mq9/store";
import type { Target } from "../access.ts";
import type { Engine } from "../engine.ts";
import { findMessage } from "./find.ts";

/** @throws {Mq9Error} `not_found`, `expired`, `message_not_found`, `forbidden` (the directory) */
export function remove(engine: Engine, at: Target, request: RemoveRequest): Promise<void> {
  let found: MessageRecord | undefined;
  return engine.command(
    at,
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
      found = await findMessage(engine, slot, request.msgId);
    },
  );
}
