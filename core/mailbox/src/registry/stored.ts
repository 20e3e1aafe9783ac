// Agents between the registry's memory and the mailbox that keeps them: reading all of them in small
// turns, and staging one. Called by the registry alone.
import { neverMs, rankOf } from "@mq9/protocol";
import type { MailboxRecord, MessageRecord, StoreBatch } from "@mq9/store";
import { stageKeptMailbox } from "../directory.ts";
import type { Engine } from "../engine.ts";
import type { Slot } from "../slot.ts";
import { placeOf } from "../stored-place.ts";
import type { Searched } from "./discover.ts";
import { decodeAgent, type Entry, encodeAgent, endOfMailbox } from "./record.ts";
import type { Roll } from "./roll.ts";

/** The registry's memory once it was read. */
export interface Open extends Searched {
  /** The mailbox that keeps the agents. */
  readonly slot: Slot;
}

/** What the registry knows while it is read again. */
export interface Reading {
  readonly account: string;
  /** What memory held before the store was reopened: it knows later reports than the disk does. */
  readonly before: Roll | undefined;
  /** States that watchers were told; those of agents they do not know are added. */
  readonly shown: Map<string, string>;
  /** An agent's mailbox is there. */
  readonly meetMailbox: (entry: Entry) => void;
}

/** Records per turn of the event loop. */
const readSlice = 16;

/** Reads every agent into `open`, a few at a time: others go first. */
export async function readAgents(engine: Engine, open: Open, reading: Reading): Promise<void> {
  const { number } = open.slot.record as MailboxRecord;
  for (let afterSeq = -1; ; ) {
    const page = await engine.store.messages(number, {
      rank: rankOf("normal"),
      afterSeq,
      limit: readSlice,
      bytesMax: engine.pageBytes,
    });
    if (page.length === 0) return;
    afterSeq = (page.at(-1) as MessageRecord).seq;
    for (const stored of page) take(engine, open, reading, stored);
    await Promise.all(page.map(({ key }) => takeMailbox(engine, open, reading, key as string)));
    await new Promise<void>((resolve) => engine.deps.defer(resolve));
  }
}

function take(engine: Engine, open: Open, reading: Reading, stored: MessageRecord): void {
  const record = decodeAgent(stored.payload);
  if (record === undefined) return; // of a later release, which a return to it finds again
  const place = placeOf(stored);
  const entry: Entry = { ...record, mailboxEndsAtMs: undefined, place, version: 0 };
  const before = reading.before?.get(entry.name);
  if (before !== undefined && before.lastSeenAtMs > entry.lastSeenAtMs) {
    entry.lastSeenAtMs = before.lastSeenAtMs;
    entry.report = before.report;
  }
  open.roll.add(entry);
  open.lexicon.put(entry.name, entry.facts);
  open.vectors?.put(entry);
  if (!reading.shown.has(entry.name)) {
    reading.shown.set(entry.name, open.roll.state(entry, engine.nowMs()));
  }
}

async function takeMailbox(
  engine: Engine,
  { roll }: Open,
  { account, meetMailbox }: Reading,
  name: string,
): Promise<void> {
  const entry = roll.get(name);
  if (entry?.mailbox === undefined) return;
  const record = await engine.store.mailbox(`${account}/${entry.mailbox}`);
  // Whatever was heard of the mailbox meanwhile is later than what was read.
  entry.mailboxEndsAtMs ??= endOfMailbox(record, entry.mailboxKnown);
  if (record !== undefined) meetMailbox(entry);
}

/** Stages an agent's record in place of its last one, and the mailbox with the first of all. */
export function stageAgent(
  engine: Engine,
  batch: StoreBatch,
  slot: Slot,
  entry: Entry,
  nowMs: number,
): void {
  if (slot.record === undefined) stageKeptMailbox(engine, batch, slot, nowMs);
  const message: MessageRecord = {
    seq: slot.nextSeq,
    rank: rankOf("normal"),
    label: "normal",
    createdAtMs: nowMs,
    expiresAtMs: neverMs,
    key: entry.name,
    headers: undefined,
    payload: encodeAgent(entry),
  };
  slot.nextSeq += 1;
  engine.rememberPlace(slot, entry.name, entry.place);
  engine.stageMessage(batch, slot, message);
  entry.place = slot.keyPlaces.get(entry.name);
  engine.stageClock(batch, nowMs); // what a restart takes for silence is counted from it
}

/** Stages that an agent is not registered any more. */
export function stageNoAgent(engine: Engine, batch: StoreBatch, slot: Slot, entry: Entry): void {
  const { number } = slot.record as MailboxRecord;
  if (entry.place !== undefined) engine.stageRemoval(batch, slot, entry.place);
  batch.removeKeyPlace(number, entry.name);
  engine.rememberPlace(slot, entry.name, undefined);
}
