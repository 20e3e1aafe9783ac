// The dead letters of a mailbox: messages that a group could not handle, in a mailbox of their own.
// A letter is written and its original settled in one commit. Called by groups and by REDRIVE.
import {
  type DeadLetter,
  deadLetterSuffix,
  Mq9Error,
  mailboxNotFound,
  neverMs,
  type RedriveRequest,
  ranks,
} from "@mq9/protocol";
import type { MailboxRecord, MessageRecord, StoreBatch } from "@mq9/store";
import type { Engine } from "../engine.ts";
import { latestKey } from "../latest.ts";
import type { Slot } from "../slot.ts";
import type { PullGroup, Why } from "./pull-group.ts";
import { readOne } from "./read-one.ts";
import type { Unsettled } from "./unsettled.ts";

/** Whether a mailbox holds dead letters: it has none of its own. */
export function holdsDeadLetters(slot: Slot): boolean {
  return slot.name.endsWith(deadLetterSuffix);
}

/** Moves a message of a group to the dead letters of its mailbox. @throws {Mq9Error} when the store failed */
export function bury(
  engine: Engine,
  group: PullGroup,
  message: Unsettled,
  why: Why,
): Promise<void> {
  return withDeadLetters(engine, group.slot, async (slot, letters) => {
    const { seq } = message;
    const record = slot.record;
    const nowMs = engine.nowMs();
    if (record?.number !== group.mailboxNumber || group.unsettled(seq) !== message) return;
    if (!message.dying) return;
    const stored = await readOne(engine.store, record.number, message);
    const fault = engine.faultOf(slot) ?? letters.unreadable;
    if (fault !== undefined) throw fault;
    if (group.unsettled(seq) !== message || !message.dying) return;
    const batch = engine.stage();
    engine.journal.writeLate(group);
    if (stored !== undefined && slot.isLive(nowMs) && nowMs < stored.expiresAtMs) {
      const dead: DeadLetter = {
        mailbox: slot.name,
        msgId: seq,
        group: group.name,
        deliveries: message.deliveries,
        ...why,
        atMs: nowMs,
      };
      stageLetter(engine, batch, { slot, letters, stored, dead });
      group.buried(seq);
    } else {
      group.settle(seq);
    }
    await engine.durable(slot);
  });
}

interface Burial {
  readonly slot: Slot;
  readonly letters: Slot;
  readonly stored: MessageRecord;
  readonly dead: DeadLetter;
}

/** Appends the letter, in a mailbox that lives as long as it. */
function stageLetter(
  engine: Engine,
  batch: StoreBatch,
  { slot, letters, stored, dead }: Burial,
): void {
  const nowMs = dead.atMs;
  const origin = slot.record as MailboxRecord;
  const expiresAtMs = Math.max(
    Math.min(stored.expiresAtMs, origin.expiresAtMs),
    nowMs + engine.options.deadLetterMs,
  );
  if (!letters.isLive(nowMs)) stageMailbox(engine, batch, letters, nowMs);
  const record = letters.record as MailboxRecord;
  if (record.expiresAtMs < expiresAtMs) {
    letters.record = { ...record, expiresAtMs };
    batch.putMailbox(letters.record);
    engine.stageDue(batch, letters, record.number, expiresAtMs);
  }
  const { key: _, visibleAtMs: __, ...kept } = stored;
  const letter: MessageRecord = {
    ...kept,
    key: undefined,
    seq: letters.nextSeq,
    createdAtMs: nowMs,
    expiresAtMs,
    dead,
  };
  letters.nextSeq += 1;
  engine.stageMessage(batch, letters, letter);
  engine.afterCommit(letters, {
    committed: () => {
      letters.staged -= 1;
      engine.announce(letters, record.number, letter);
    },
    failed: () => {
      letters.staged -= 1;
    },
  });
}

/** The mailbox of dead letters, with the first of them. */
function stageMailbox(engine: Engine, batch: StoreBatch, letters: Slot, nowMs: number): void {
  const earlier = letters.record;
  if (earlier !== undefined) engine.stageGarbage(batch, letters, earlier);
  const record: MailboxRecord = {
    key: letters.key,
    number: engine.takeMailboxNumber(batch, nowMs),
    kind: "standard",
    public: false,
    desc: undefined,
    ttlSeconds: Math.ceil(engine.options.deadLetterMs / 1000),
    createdAtMs: nowMs,
    expiresAtMs: nowMs,
    dropped: false,
    tokenDigest: undefined,
    nextSeq: letters.nextSeq,
  };
  letters.beginLife(batch, record);
}

/**
 * Puts dead letters back: to the group that could not handle them while the original is still
 * there, else as new messages of the mailbox.
 * @returns how many @throws {Mq9Error} `not_found`, `expired`, `message_not_found`
 */
export async function redrive(
  engine: Engine,
  account: string,
  { mailbox, msgId, limit }: RedriveRequest,
): Promise<number> {
  const slot = engine.slot(`${account}/${mailbox}`);
  if (holdsDeadLetters(slot)) {
    throw new Mq9Error("invalid", `name the mailbox that the letters of ${mailbox} came from`);
  }
  let done = 0;
  while (done < limit) {
    const few = Math.min(limit - done, redriveAtOnce);
    const back = await withDeadLetters(engine, slot, (from, letters) =>
      redriveSome(engine, from, letters, msgId, few),
    );
    done += back;
    if (back < few || msgId !== undefined) break;
  }
  return done;
}

/** Letters put back by one commit. */
const redriveAtOnce = 64;

async function redriveSome(
  engine: Engine,
  slot: Slot,
  letters: Slot,
  msgId: number | undefined,
  most: number,
): Promise<number> {
  if (!slot.isLive(engine.nowMs())) throw slot.absence();
  await engine.journal.settled();
  if (!letters.isLive(engine.nowMs())) {
    if (msgId === undefined) return 0;
    throw mailboxNotFound(letters.name);
  }
  const found = await lettersOf(engine, letters, msgId, most);
  if (msgId !== undefined && found.length === 0) {
    throw new Mq9Error("message_not_found", "message not found");
  }
  const originals = await Promise.all(
    found.map(async ({ dead }) =>
      dead === undefined
        ? undefined
        : engine.store.message((slot.record as MailboxRecord).number, dead.msgId),
    ),
  );
  if (slot.record?.kind === "latest") await engine.findPlace(slot, latestKey);
  const nowMs = engine.nowMs();
  if (!slot.isLive(nowMs)) throw slot.absence();
  engine.assertAccepting();
  if (found.length === 0) return 0;
  const batch = engine.stage();
  found.forEach((letter, i) => {
    const original = originals[i];
    const group = letter.dead && slot.pulls.get(letter.dead.group);
    const isThere = original !== undefined && nowMs < original.expiresAtMs;
    if (isThere && group !== undefined && isSame(original, letter)) {
      engine.journal.writeLate(group);
      group.revive(original.rank, original.seq);
    } else {
      stageBack(engine, batch, slot, letter, nowMs);
    }
    engine.stageRemoval(batch, letters, letter);
  });
  await engine.durable(slot);
  return found.length;
}

function stageBack(
  engine: Engine,
  batch: StoreBatch,
  slot: Slot,
  letter: MessageRecord,
  nowMs: number,
): void {
  const { number, kind } = slot.record as MailboxRecord;
  const message: MessageRecord = {
    ...letter,
    key: kind === "latest" ? latestKey : undefined,
    seq: slot.nextSeq,
    createdAtMs: nowMs,
    expiresAtMs: neverMs,
    dead: undefined,
  };
  slot.nextSeq += 1;
  engine.stageMessage(batch, slot, message);
  engine.afterCommit(slot, {
    committed: () => {
      slot.staged -= 1;
      engine.announce(slot, number, message);
    },
    failed: () => {
      slot.staged -= 1;
    },
  });
}

/** What was sent to the mailbox by hand came from nowhere, and stays. */
async function lettersOf(
  engine: Engine,
  letters: Slot,
  msgId: number | undefined,
  most: number,
): Promise<MessageRecord[]> {
  const { number } = letters.record as MailboxRecord;
  if (msgId !== undefined) {
    const letter = await engine.store.message(number, msgId);
    return letter !== undefined && isLetter(letter, engine.nowMs()) ? [letter] : [];
  }
  const found: MessageRecord[] = [];
  for (const rank of ranks) {
    for (let afterSeq = -1; found.length < most; ) {
      const limit = most - found.length;
      const range = { rank, afterSeq, limit, bytesMax: engine.pageBytes };
      const page = await engine.store.messages(number, range);
      if (page.length === 0) break;
      afterSeq = (page.at(-1) as MessageRecord).seq;
      found.push(...page.filter((message) => isLetter(message, engine.nowMs())));
    }
  }
  return found;
}

function isLetter({ dead, expiresAtMs }: MessageRecord, nowMs: number): boolean {
  return dead !== undefined && nowMs < expiresAtMs;
}

/** The number may belong to another life of the name. */
function isSame(original: MessageRecord, letter: MessageRecord): boolean {
  const { payload } = original;
  return (
    payload.length === letter.payload.length &&
    payload.every((byte, i) => byte === letter.payload[i])
  );
}

/** Runs in the turn of a mailbox, then of its dead letters; nobody waits for a mailbox while he holds the latter. */
async function withDeadLetters<T>(
  engine: Engine,
  slot: Slot,
  act: (slot: Slot, letters: Slot) => Promise<T>,
): Promise<T> {
  const held = engine.slot(slot.key);
  const leave = await held.acquire();
  let leaveLetters: (() => void) | undefined;
  try {
    const letters = engine.slot(slot.key + deadLetterSuffix);
    leaveLetters = await letters.acquire();
    const fault = engine.faultOf(held) ?? letters.unreadable;
    if (fault !== undefined) throw fault;
    return await act(held, letters);
  } catch (error) {
    throw engine.failure(error);
  } finally {
    leaveLetters?.();
    leave();
  }
}
