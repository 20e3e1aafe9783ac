// What follows once the end of a mailbox is durable; DROP and the clock call it.
import type { Engine } from "../engine.ts";
import { detachGlobs } from "../glob.ts";
import type { Slot } from "../slot.ts";

/** Lets go of whoever follows a mailbox whose life is over or pulls from it. Does nothing while it lives. */
export function leaveIfOver(engine: Engine, slot: Slot): void {
  if (slot.isLive(engine.nowMs())) return;
  detachGlobs(engine, slot);
  slot.endPulls();
}
