// The dead letters of a mailbox: messages that a group could not handle, in a mailbox of their own.
// A letter is written and its original settled in one commit. Called by groups and by REDRIVE.
import {
  type DeadLetter,
  deadLetterSuffix,
  Mq9Error,
  mailboxNotFound,
  type RedriveRequest,
  ranks,
} from "@mq9/protocol";
import type { MailboxRecord, MessageRecord, StoreBatch } from "@mq9/store";
import { barred, type Guard, verbs } from "../access.ts";
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

/** A message that waits for its turn to be moved. */
export interface PendingBurial {
  readonly message: Unsettled;
  readonly why: Why;
  readonly done: () => void;
  readonly failed: (error: Mq9Error) => void;
}

/** Messages, and bytes of theirs, that are moved by one commit. */
const buryAtOnce = 64;
const bytesAtOnce = 4_194_304;

/** Moves a message of a group to the dead letters of its mailbox. @throws {Mq9Error} when the store failed */
export function bury(
  engine: Engine,
  group: PullGroup,
  message: Unsettled,
  why: Why,
): Promise<void> {
  return new Promise((done, failed) => {
    group.burials.push({ message, why, done, failed });
    if (group.burials.length === 1) void buryAll(engine, group);
  });
}

/** Thousands may be spent at the same time: some by each commit, and other commands come between. */
async function buryAll(engine: Engine, group: PullGroup): Promise<void> {
  // Whoever is spent in the same turn goes along.
  await Promise.resolve();
  while (group.burials.length > 0) {
    let taken: readonly PendingBurial[] = group.burials.slice(0, buryAtOnce);
    let error: Mq9Error | undefined;
    try {
      const staged = await withDeadLetters(engine, group.slot, (slot, letters) =>
        burySome(engine, group, taken, { slot, letters }),
      );
      taken = staged.burials;
      await staged.durable;
    } catch (cause) {
      error = engine.failure(cause);
    }
    group.burials.splice(0, taken.length);
    for (const { done, failed } of taken) {
      if (error === undefined) done();
      else failed(error);
    }
  }
}

/** @returns those that were staged, the first at least; `durable` in a box, so that nobody waits for it in turn */
async function burySome(
  engine: Engine,
  group: PullGroup,
  burials: readonly PendingBurial[],
  { slot, letters }: { readonly slot: Slot; readonly letters: Slot },
): Promise<{ readonly burials: readonly PendingBurial[]; readonly durable: Promise<void> }> {
  const record = slot.record;
  const isDying = ({ message }: PendingBurial): boolean =>
    record?.number === group.mailboxNumber &&
    group.unsettled(message.seq) === message &&
    message.dying;
  const read: { readonly burial: PendingBurial; readonly stored: MessageRecord | undefined }[] = [];
  let bytes = 0;
  for (const burial of burials) {
    if (bytes >= bytesAtOnce) break;
    const stored = isDying(burial)
      ? await readOne(engine.store, group.mailboxNumber, burial.message)
      : undefined;
    bytes += stored?.payload.length ?? 0;
    read.push({ burial, stored });
  }
  const fault = engine.faultOf(slot) ?? letters.unreadable;
  if (fault !== undefined) throw fault;
  const nowMs = engine.nowMs();
  const staged = read.map(({ burial }) => burial);
  const dying = read.filter(({ burial }) => isDying(burial));
  if (dying.length === 0) return { burials: staged, durable: Promise.resolve() };
  const batch = engine.stage();
  engine.journal.writeLate(group);
  for (const { burial, stored } of dying) {
    const { message, why } = burial;
    if (stored === undefined || !slot.isLive(nowMs) || nowMs >= stored.expiresAtMs) {
      group.settle(message.seq);
      continue;
    }
    const dead: DeadLetter = {
      mailbox: slot.name,
      msgId: message.seq,
      group: group.name,
      deliveries: message.deliveries,
      ...why,
      atMs: nowMs,
    };
    stageLetter(engine, batch, { slot, letters, stored, dead });
    group.buried(message.seq);
  }
  return { burials: staged, durable: engine.durable(slot) };
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
  if (!letters.isLive(nowMs)) stageMailbox(engine, batch, letters, origin.owner, nowMs);
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
      engine.meters.deadLetters += 1;
      engine.announce(letters, record.number, letter);
    },
    failed: () => {
      letters.staged -= 1;
    },
  });
}

/** The mailbox of dead letters, with the first of them. */
function stageMailbox(
  engine: Engine,
  batch: StoreBatch,
  letters: Slot,
  owner: string | undefined,
  nowMs: number,
): void {
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
    owner,
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
  guard?: Guard,
): Promise<number> {
  const slot = engine.slot(`${account}/${mailbox}`);
  if (holdsDeadLetters(slot)) {
    throw new Mq9Error("invalid", `name the mailbox that the letters of ${mailbox} came from`);
  }
  let done = 0;
  while (done < limit) {
    const few = Math.min(limit - done, redriveAtOnce);
    let page: { readonly back: number; readonly blocked: boolean };
    try {
      page = await withDeadLetters(engine, slot, async (from, letters) => {
        const refusal =
          barred(from, { key: from.key, guard, verbs: verbs.manage }) ??
          (letters.isLive(engine.nowMs())
            ? barred(letters, { key: letters.key, guard, verbs: verbs.manage })
            : undefined);
        if (refusal !== undefined) throw refusal;
        return redriveSome(engine, from, letters, msgId, few);
      });
    } catch (error) {
      const failure = engine.failure(error);
      if (done === 0) throw failure;
      throw new Mq9Error(
        "unknown",
        `stopped after ${done} were put back (${failure.message}): repeat it for the others`,
        { cause: failure },
      );
    }
    const { back, blocked } = page;
    done += back;
    if (back === 0 && blocked && done === 0) throw holdsNewer(slot);
    if (back === 0 || msgId !== undefined) break;
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
): Promise<{ readonly back: number; readonly blocked: boolean }> {
  const none = { back: 0, blocked: false };
  if (!slot.isLive(engine.nowMs())) throw slot.absence();
  await engine.journal.settled();
  if (!letters.isLive(engine.nowMs())) {
    if (msgId === undefined) return none;
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
  let isTaken = slot.record?.kind === "latest" && (await holdsMail(engine, slot));
  const nowMs = engine.nowMs();
  if (!slot.isLive(nowMs)) throw slot.absence();
  engine.assertAccepting();
  if (found.length === 0) return none;
  const batch = engine.stage();
  let blocked = false;
  let back = 0;
  found.forEach((letter, i) => {
    const original = originals[i];
    const group = letter.dead && slot.pulls.get(letter.dead.group);
    const isThere = original !== undefined && nowMs < original.expiresAtMs;
    if (isThere && group !== undefined && isSame(original, letter)) {
      engine.journal.writeLate(group);
      group.revive(original.rank, original.seq);
    } else if (isTaken) {
      // It keeps its newest message alone, and a dead letter is never newer.
      blocked = true;
      return;
    } else {
      stageBack(engine, batch, slot, letter, nowMs);
      isTaken = slot.record?.kind === "latest";
    }
    engine.stageRemoval(batch, letters, letter);
    back += 1;
  });
  await engine.durable(slot);
  return { back, blocked };
}

function holdsNewer(slot: Slot): Mq9Error {
  return new Mq9Error(
    "exists",
    `mailbox ${slot.name} keeps its newest message alone and has one: delete that first, or read the letter where it is`,
  );
}

/** Whether a mailbox that keeps the newest message has one. Call in its turn, with everything durable. */
async function holdsMail(engine: Engine, slot: Slot): Promise<boolean> {
  await engine.findPlace(slot, latestKey);
  const place = slot.keyPlaces.get(latestKey);
  if (place === undefined) return false;
  const message = await engine.store.message((slot.record as MailboxRecord).number, place.seq);
  return message !== undefined && engine.nowMs() < message.expiresAtMs;
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
  let bytes = 0;
  for (const rank of ranks) {
    for (let afterSeq = -1; found.length < most && bytes < bytesAtOnce; ) {
      const limit = most - found.length;
      const range = { rank, afterSeq, limit, bytesMax: engine.pageBytes };
      const page = await engine.store.messages(number, range);
      if (page.length === 0) break;
      afterSeq = (page.at(-1) as MessageRecord).seq;
      const due = page.filter((message) => isLetter(message, engine.nowMs()));
      found.push(...due);
      bytes += due.reduce((sum, { payload }) => sum + payload.length, 0);
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
  if (payload.length !== letter.payload.length) return false;
  for (let i = 0; i < payload.length; i += 1) if (payload[i] !== letter.payload[i]) return false;
  return true;
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
