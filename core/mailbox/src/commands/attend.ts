// What the due index asks for: a mailbox that reached its end, one whose grace is over, messages
// whose time to live has passed, delayed messages that become visible. Every step is one commit, and doing it twice does no harm.
import { neverMs } from "@mq9/protocol";
import type { DueEntry, MailboxRecord, MessageRecord } from "@mq9/store";
import { stageIdsGone } from "../dedup.ts";
import { stageRetraction, withDirectory } from "../directory.ts";
import type { Engine } from "../engine.ts";
import { isGeneratedName } from "../generated-name.ts";
import type { Slot } from "../slot.ts";
import { leaveIfOver } from "./over.ts";
import { removeMany } from "./removal.ts";
import { release } from "./scheduled.ts";

/** Handles one due entry and removes it. */
export function attend(engine: Engine, entry: DueEntry): Promise<void> {
  return withDirectory(engine, { at: entry.mailboxKey, listing: false }, (slot, directory) =>
    act(engine, entry, { slot, directory, nowMs: engine.nowMs() }),
  );
}

interface Scene {
  readonly slot: Slot;
  /** The directory in its turn, when the mailbox is listed there. */
  readonly directory: Slot | undefined;
  /** One reading for the whole step, so that a mailbox does not end in the middle of it. */
  readonly nowMs: number;
}

async function act(engine: Engine, entry: DueEntry, scene: Scene): Promise<void> {
  const { slot, nowMs } = scene;
  const record = slot.record;
  if (record !== undefined && record.scheduleNumber === entry.mailboxNumber) {
    if (slot.isLive(nowMs)) await release(engine, slot.key, entry.mailboxNumber);
  } else if (record?.dedup?.current === entry.mailboxNumber) {
    if (slot.isLive(nowMs)) stageIdsGone(engine, slot);
  } else if (record !== undefined && record.number === entry.mailboxNumber) {
    if (slot.isLive(nowMs)) await sweep(engine, slot, record, nowMs);
    else stageEnd(engine, scene, record);
  }
  engine.stage().removeDue(entry.atMs, entry.mailboxNumber);
  await engine.durable(slot);
  leaveIfOver(engine, slot);
}

/** The steps after a mailbox's end: unlist, after the grace free its bytes, later forget its name. */
function stageEnd(engine: Engine, scene: Scene, record: MailboxRecord): void {
  const { slot, directory, nowMs } = scene;
  const batch = engine.stage();
  if (slot.tally?.inAccount === true && !record.dropped) engine.meters.mailboxesExpired += 1;
  const freeAtMs = record.expiresAtMs + engine.options.graceMs;
  const forgetAtMs = record.expiresAtMs + engine.options.nameMemoryMs;
  if (directory !== undefined) stageRetraction(engine, batch, directory, slot.name);
  if (nowMs < freeAtMs) {
    engine.stageUncounted(batch, slot);
    slot.record = { ...record, public: false, nextSeq: slot.nextSeq };
    batch.putMailbox(slot.record);
    engine.stageDue(batch, slot, record.number, freeAtMs);
  } else if (nowMs < forgetAtMs && !isGeneratedName(slot.name)) {
    const left = engine.stageGarbage(batch, slot, record);
    slot.record = { ...left, public: false, dropped: true, nextSeq: slot.nextSeq };
    batch.putMailbox(slot.record);
    engine.stageDue(batch, slot, record.number, forgetAtMs);
  } else {
    engine.stageGarbage(batch, slot, record);
    batch.removeMailbox(slot.key);
    slot.record = undefined;
    slot.firstSeq = slot.nextSeq;
  }
}

/** Removes messages of a living mailbox whose end is longer ago than the grace. */
async function sweep(
  engine: Engine,
  slot: Slot,
  record: MailboxRecord,
  nowMs: number,
): Promise<void> {
  const endedBeforeMs = nowMs - engine.options.graceMs;
  slot.sweepsAtMs.clear();
  const ended = {
    mailboxNumber: record.number,
    beforeSeq: slot.nextSeq,
    includes: ({ expiresAtMs }: MessageRecord) =>
      expiresAtMs < neverMs && expiresAtMs <= endedBeforeMs,
  };
  const done = { removed: 0 };
  try {
    await removeMany(engine, slot, ended, done);
  } finally {
    engine.meters.messagesExpired += done.removed;
  }
}
