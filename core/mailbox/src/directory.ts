// The directory of an account: a mailbox the broker keeps, named `$SYSTEM.PUBLIC`, with one message
// per public mailbox under that mailbox's name as key. Subscribing, replay and order are those of
// any mailbox; only the broker writes to it.
import { directoryName, neverMs, rankOf } from "@mq9/protocol";
import type { MailboxRecord, MessageRecord, StoreBatch } from "@mq9/store";
import { barred, keyOf, type Target } from "./access.ts";
import type { Engine } from "./engine.ts";
import type { Slot } from "./slot.ts";

export function directoryKey(account: string): string {
  return `${account}/${directoryName}`;
}

export function isDirectory(slot: Slot): boolean {
  return slot.name === directoryName;
}

/** A command on a mailbox that may be listed. Stages all its changes at once. */
export type ListedCommand<T> = (slot: Slot, directory: Slot | undefined) => Promise<T>;

/**
 * Runs a command in the turn of its mailbox, and in the directory's too when the mailbox is public or
 * is to be (`listing`). The mailbox's turn comes first, so that no later command on it overtakes this
 * one; nobody waits for a mailbox while he holds the directory. What `stage` returns is awaited after
 * both turns.
 */
export async function withDirectory<T>(
  engine: Engine,
  { at, listing }: { readonly at: Target; readonly listing: boolean },
  stage: ListedCommand<T>,
): Promise<T> {
  const slot = engine.slot(keyOf(at));
  const leave = await slot.acquire();
  let leaveDirectory: (() => void) | undefined;
  let staged: Promise<T>;
  try {
    const refusal = engine.faultOf(slot) ?? barred(slot, at);
    if (refusal !== undefined) throw refusal;
    let directory: Slot | undefined;
    if (listing || slot.record?.public === true) {
      directory = engine.slot(directoryKey(slot.account));
      leaveDirectory = await directory.acquire();
      await findEntry(engine, directory, slot);
    }
    assertReadable(engine, slot, directory);
    staged = stage(slot, directory);
  } catch (error) {
    throw engine.failure(error);
  } finally {
    leaveDirectory?.();
    leave();
  }
  return staged;
}

/** Brings the place of a mailbox's entry into memory, where `stageEntry` replaces it. */
async function findEntry(engine: Engine, directory: Slot, slot: Slot): Promise<void> {
  assertReadable(engine, slot, directory);
  // A name that never had a mailbox never had an entry.
  if (slot.record === undefined) engine.rememberPlace(directory, slot.name, undefined);
  else if (directory.record !== undefined) await engine.findPlace(directory, slot.name);
}

/** @throws {Mq9Error} when it is not known whether memory holds what the store does */
function assertReadable(engine: Engine, slot: Slot, directory: Slot | undefined): void {
  const fault = engine.faultOf(slot) ?? directory?.unreadable;
  if (fault !== undefined) throw fault;
}

/** Stages the entry of a public mailbox, and the directory itself with its first one. */
export function stageEntry(
  engine: Engine,
  batch: StoreBatch,
  directory: Slot,
  mailbox: Slot,
  nowMs: number,
): void {
  if (directory.record === undefined) stageKeptMailbox(engine, batch, directory, nowMs);
  const number = (directory.record as unknown as MailboxRecord).number;
  const entry: MessageRecord = {
    seq: directory.nextSeq,
    rank: rankOf("normal"),
    label: "normal",
    createdAtMs: nowMs,
    expiresAtMs: (mailbox.record as MailboxRecord).expiresAtMs,
    key: mailbox.name,
    headers: undefined,
    payload: engine.deps.directoryBody(mailbox.info()),
  };
  directory.nextSeq += 1;
  engine.stageMessage(batch, directory, entry);
  engine.afterCommit(directory, {
    committed() {
      directory.staged -= 1;
      engine.announce(directory, number, entry);
    },
    failed() {
      directory.staged -= 1;
    },
  });
}

/** Stages the end of an entry, and tells the subscribers of the directory when it is durable. */
export function stageRetraction(
  engine: Engine,
  batch: StoreBatch,
  directory: Slot,
  name: string,
): void {
  const place = directory.keyPlaces.get(name);
  const record = directory.record;
  if (place === undefined || record === undefined) return;
  engine.stageRemoval(batch, directory, place);
  batch.removeKeyPlace(record.number, name);
  engine.rememberPlace(directory, name, undefined);
  engine.afterCommit(directory, {
    committed() {
      directory.staged -= 1;
      for (const feed of directory.feeds.slice()) feed.retract(name);
      for (const group of directory.groups.values()) group.retract(name);
    },
    failed() {
      directory.staged -= 1;
    },
  });
}

/** Stages a mailbox that only the broker writes, with the first thing it keeps there. */
export function stageKeptMailbox(
  engine: Engine,
  batch: StoreBatch,
  slot: Slot,
  nowMs: number,
): void {
  slot.beginLife(batch, {
    key: slot.key,
    number: engine.takeMailboxNumber(batch, nowMs),
    kind: "standard",
    public: false,
    desc: undefined,
    ttlSeconds: 0,
    createdAtMs: nowMs,
    expiresAtMs: neverMs,
    dropped: false,
    tokenDigest: undefined,
    nextSeq: slot.nextSeq,
  });
  batch.putMailbox(slot.record as unknown as MailboxRecord);
}
