// The engine behind every mailbox command: slots by name, the journal, the due index. It knows how
// to find a mailbox and how to stage a change; what a command means is in ./commands.
// Pure: time, randomness and the wish to run later come from outside.
import { isKeptName, type MailboxInfo, type MailMessage, Mq9Error, neverMs } from "@mq9/protocol";
import {
  type MailboxRecord,
  type MessageRecord,
  type Store,
  type StoreBatch,
  StoreError,
  type StoreOpening,
} from "@mq9/store";
import { barred, keyOf, type Target } from "./access.ts";
import type { FeedHost } from "./feed.ts";
import type { Glob } from "./glob.ts";
import { decodeGrants } from "./grants.ts";
import { Group } from "./group.ts";
import { type Effect, Journal, type LateWriter } from "./journal.ts";
import { latestKey } from "./latest.ts";
import { type CommitObserver, MailMeters } from "./meters.ts";
import type { MailboxOptions } from "./options.ts";
import { Positions } from "./positions.ts";
import { decodeGroup } from "./pull/group-state.ts";
import { PullGroup, pullPrefix } from "./pull/pull-group.ts";
import { Pulls } from "./pull/pulls.ts";
import { type Quotas, quotasOf } from "./quotas.ts";
import { countNewer } from "./recount.ts";
import type { PublicAgent } from "./registry/public-agents.ts";
import type { Embed } from "./registry/vectors.ts";
import { Slot, type StoredPlace } from "./slot.ts";
import { placeOf, storedPlace } from "./stored-place.ts";
import { AccountTally, MailboxTally, messageBytes, tallyName, totalsNumber } from "./tally.ts";
import { Turns } from "./turns.ts";

/** What the domain takes from outside. */
export interface MailboxDeps {
  readonly store: Store;
  readonly clock: { nowMs(): number };
  readonly random: {
    /** A version 4 UUID from a cryptographic source. */
    uuid(): string;
    /** Bytes from a cryptographic source. */
    bytes(count: number): Uint8Array;
  };
  /** Runs something after the current turn of the event loop. */
  readonly defer: (run: () => void) => void;
  /** SHA-256 of the parts one after the other. */
  readonly digest: (parts: readonly Uint8Array[]) => Uint8Array;
  /** The body of a mailbox's entry in the directory. */
  readonly directoryBody: (info: MailboxInfo) => Uint8Array;
  /**
   * Texts to vectors of their meaning; undefined = no model is configured.
   */
  readonly embed?: Embed | undefined;
  /** The agent that a mailbox's entry in the directory describes; undefined = none is looked for. */
  readonly publicAgent?: ((entry: Uint8Array) => PublicAgent | undefined) | undefined;
  /** `tick` has something to do at this instant. */
  readonly wakeAt: (atMs: number) => void;
  /** Counts what happens; undefined = nobody looks. */
  readonly meters?: MailMeters | undefined;
  readonly commits?: CommitObserver | undefined;
  /** The store failed. Nothing more is accepted until `reopened`. */
  readonly storeFailed: (error: unknown) => void;
}

export class Engine implements FeedHost {
  readonly deps: MailboxDeps;
  options: MailboxOptions;
  readonly store: Store;
  readonly journal: Journal;
  readonly positions: Positions;
  readonly pulls: Pulls;
  readonly slots: Map<string, Slot> = new Map();
  readonly globs: Set<Glob> = new Set();
  /** Queries that read at the same time: pipelined ones must not multiply what is in memory. */
  readonly queries: Turns = new Turns(4);
  /** Mailboxes being read into memory: thousands of readers may come back in the same instant. */
  readonly #loads = new Turns(64);
  /** Set while new messages and mailboxes are refused (a full disk, a shutdown). */
  refusal: Mq9Error | undefined;
  /** Told when a mailbox began, ended or got another end, durably. */
  mailboxChanged: (slot: Slot) => void = () => {};
  quotas: Quotas;
  readonly meters: MailMeters;
  readonly #totals = new Map<string, AccountTally>();
  #nextMailboxNumber = 1;
  /** Every commit carries the clock: after a restart it never reads earlier than what is stored. */
  readonly #clockMark: LateWriter = {
    writeLate: (batch) => this.stageClock(batch, this.nowMs()),
  };
  #reopenings = 0;

  constructor(deps: MailboxDeps, options: MailboxOptions) {
    this.deps = deps;
    this.options = options;
    this.quotas = quotasOf(options);
    this.meters = deps.meters ?? new MailMeters();
    this.store = deps.store;
    this.positions = new Positions(options.positionDelayMs, deps.wakeAt);
    this.pulls = new Pulls(this);
    this.journal = new Journal(
      deps.store,
      deps.defer,
      {
        operationsMax: options.commitOperationsMax,
        bytesMax: options.commitBytesMax,
        observer: deps.commits,
      },
      deps.storeFailed,
    );
  }

  get pageMessages(): number {
    return this.options.pageMessages;
  }

  get pageBytes(): number {
    return this.options.pageBytes;
  }

  nowMs(): number {
    return this.deps.clock.nowMs();
  }

  opened(opening: StoreOpening): void {
    this.#nextMailboxNumber = opening.nextMailboxNumber;
  }

  /** Continues on a store that failed and was reopened: what memory held beyond it is forgotten. */
  reopened(opening: StoreOpening): void {
    this.#nextMailboxNumber = opening.nextMailboxNumber;
    this.journal.reopened();
    this.#reopenings += 1;
    for (const totals of this.#totals.values()) totals.forget();
    for (const slot of this.slots.values()) {
      // Commands that wait for their turn must not act on what memory held.
      slot.record = undefined;
      slot.unreadable = new Mq9Error("storage_failed", "the broker verifies its disk, try again");
      slot.staged = 0;
      slot.enter(() => this.#retry(slot));
    }
    for (const glob of this.globs) glob.scan();
  }

  /** Nothing is accepted until `reopened`. */
  storeFailed(cause: unknown): void {
    this.journal.fail(cause);
  }

  readFailed(error: unknown): void {
    this.deps.storeFailed(error);
  }

  /** The slot of a name, being read from the store if it was not in memory. */
  slot(key: string): Slot {
    const known = this.slots.get(key);
    if (known !== undefined) {
      known.used = true;
      if (known.unreadable !== undefined) known.enter(() => this.#retry(known));
      return known;
    }
    if (this.slots.size >= this.options.activeMax) this.#forgetIdle();
    const slot = new Slot(key);
    // The broker's own mailboxes are in nobody's counts: nobody but the broker could make room there.
    if (!isKeptName(slot.name)) slot.totals = this.#totalsOf(slot.account);
    this.slots.set(key, slot);
    slot.enter(() => this.#loads.run(() => this.#load(slot)));
    return slot;
  }

  /** The slot if it is in memory and no command is under way on it. */
  readySlot(key: string): Slot | undefined {
    const slot = this.slots.get(key);
    if (slot === undefined || !slot.idle || slot.unreadable !== undefined) return undefined;
    slot.used = true;
    return slot;
  }

  /** Loads a slot unless somebody before did: what was staged since is not in the store yet. */
  #retry(slot: Slot): Promise<void> | undefined {
    return slot.unreadable === undefined ? undefined : this.#load(slot);
  }

  async #load(slot: Slot): Promise<void> {
    const reopenings = this.#reopenings;
    try {
      slot.record = undefined;
      slot.tally = undefined;
      slot.scheduleIds = undefined;
      slot.grants = [];
      slot.keyPlaces.clear();
      slot.sweepsAtMs.clear();
      const record = await this.store.mailbox(slot.key);
      if (record === undefined) slot.nextSeq = slot.firstSeq;
      else await this.#loadLife(slot, record);
      // Last: nothing may be counted in totals that are still to be read.
      if (slot.totals?.isLoaded === false) await slot.totals.load();
      // The store was reopened meanwhile: this may be older, and it is read again in its turn.
      if (reopenings !== this.#reopenings) {
        slot.record = undefined;
        return;
      }
      slot.unreadable = undefined;
      for (const glob of this.globs) glob.reread(slot);
      this.startReaders(slot);
    } catch (error) {
      slot.record = undefined;
      slot.unreadable = this.failure(error);
    }
  }

  async #loadLife(slot: Slot, record: MailboxRecord): Promise<void> {
    const [cursors, latest] = await Promise.all([
      this.store.cursors(record.number),
      record.kind === "latest" ? storedPlace(this.store, record.number, latestKey) : undefined,
    ]);
    const tally = MailboxTally.decode(record.number, cursors.get(tallyName));
    slot.nextSeq = await countNewer(
      this.store,
      this,
      tally,
      Math.max(tally.countedSeq, record.nextSeq),
    );
    slot.tally = tally;
    slot.grants = decodeGrants(cursors);
    if (record.kind === "latest") slot.keyPlaces.set(latestKey, latest);
    // Memory knows what was handed out of this life better than the store, where it is written late.
    if (slot.positionsOf !== record.number) {
      slot.beginPositions(record.number);
      this.positions.restore(slot, cursors, (of, name) => this.group(of, name), this.nowMs());
    }
    slot.record = record;
    this.#restorePulls(slot, cursors);
  }

  /** Groups of pullers continue where the store has them; what was leased is free. */
  #restorePulls(slot: Slot, cursors: ReadonlyMap<string, Uint8Array>): void {
    for (const [name, group] of slot.pulls) {
      const isOfThisLife = group.mailboxNumber === slot.record?.number;
      if (isOfThisLife && cursors.has(pullPrefix + name)) continue;
      group.end(new Mq9Error("storage_failed", "the group was not stored, try again"));
      slot.pulls.delete(name);
    }
    for (const [name, value] of cursors) {
      const state = name.startsWith(pullPrefix) ? decodeGroup(value) : undefined;
      if (state === undefined) continue;
      const groupName = name.slice(pullPrefix.length);
      const known = slot.pulls.get(groupName);
      const group = known ?? new PullGroup(this.pulls, slot, groupName, state.deliveriesMax);
      slot.pulls.set(groupName, group);
      group.restore(state);
    }
  }

  /** What lies in each account, as far as it was read. */
  get totals(): ReadonlyMap<string, AccountTally> {
    return this.#totals;
  }

  /** Reads what lies in every account, so that it is known before anybody comes. */
  async loadTotals(): Promise<void> {
    for (const account of (await this.store.cursors(totalsNumber)).keys()) {
      await this.#totalsOf(account).load();
    }
  }

  #totalsOf(account: string): AccountTally {
    let totals = this.#totals.get(account);
    if (totals === undefined) {
      totals = new AccountTally(account, this.store, this.journal, (error) =>
        this.readFailed(error),
      );
      this.#totals.set(account, totals);
    }
    return totals;
  }

  /** What a caller is told when the store could not be read; the engine's owner hears the cause. */
  failure(error: unknown): Mq9Error {
    if (error instanceof Mq9Error) return error;
    this.readFailed(error);
    const damaged = error instanceof StoreError && error.code === "corrupt";
    const message = damaged
      ? "what is asked for is damaged on the broker's disk and is not served; its log says more"
      : "the broker can not read its disk, try again later";
    return new Mq9Error("storage_failed", message, { cause: error });
  }

  group(slot: Slot, name: string): Group {
    let group = slot.groups.get(name);
    if (group === undefined) {
      group = new Group(this, slot, name);
      slot.groups.set(name, group);
    }
    return group;
  }

  /** Lets go of slots that nobody used since the last time, oldest first. */
  #forgetIdle(): void {
    let looked = 0;
    for (const slot of this.slots.values()) {
      if (this.slots.size < this.options.activeMax || (looked += 1) > forgetLookMax) return;
      this.slots.delete(slot.key);
      if (slot.used || !slot.forgettable) {
        slot.used = false;
        this.slots.set(slot.key, slot);
      } else {
        // A group that went on ringing would write over what the next one of its name did.
        for (const group of slot.pulls.values()) group.retire();
      }
    }
  }

  /** A subscription left; nothing to do but let the slot age. */
  left(slot: Slot): void {
    slot.used = false;
  }

  /** Lets every subscription of a mailbox look into the store. */
  startReaders(slot: Slot): void {
    slot.version += 1;
    for (let i = slot.feeds.length - 1; i >= 0; i -= 1) slot.feeds[i]?.start();
    for (const group of slot.groups.values()) if (group.memberCount > 0) group.start();
  }

  /** The batch for one command's changes. @throws {Mq9Error} when the store failed */
  stage(): StoreBatch {
    const batch = this.journal.stage();
    this.journal.writeLate(this.#clockMark);
    return batch;
  }

  /**
   * Tells `effect` when the changes just staged are durable.
   * The effect must count `slot.staged` down, which this counts up.
   */
  afterCommit(slot: Slot, effect: Effect): void {
    slot.staged += 1;
    this.journal.afterCommit(effect);
  }

  /** Resolves when the changes just staged on this slot are durable. @throws {Mq9Error} */
  durable(slot: Slot): Promise<void> {
    return new Promise((resolve, reject) => {
      this.afterCommit(slot, {
        committed: () => {
          slot.staged -= 1;
          resolve();
        },
        failed: (error) => {
          slot.staged -= 1;
          reject(error);
        },
      });
    });
  }

  /**
   * Runs a command on a mailbox in its turn. `prepare` may read the store; `stage` then makes all of
   * the command's changes in one go and returns what the caller waits for.
   */
  command<T>(
    at: Target,
    stage: (slot: Slot) => Promise<T>,
    prepare?: (slot: Slot) => Promise<void> | undefined,
  ): Promise<T> {
    const slot = this.slot(keyOf(at));
    return new Promise((resolve, reject) => {
      const refuse = (error: unknown): void => reject(this.failure(error));
      const act = (): void => {
        const fault = this.faultOf(slot) ?? barred(slot, at);
        if (fault === undefined) stage(slot).then(resolve, refuse);
        else reject(fault);
      };
      slot.enter(() => {
        // Before anything is read: how long an answer takes must not tell what is there.
        const closed = this.faultOf(slot) ?? barred(slot, at);
        if (closed !== undefined) {
          reject(closed);
          return undefined;
        }
        const prepared = prepare?.(slot);
        if (prepared !== undefined) return prepared.then(act, refuse);
        act();
        return undefined;
      });
    });
  }

  /** Why nothing can be said about a mailbox now: it could not be read, or the store failed. */
  faultOf(slot: Slot): Mq9Error | undefined {
    return slot.unreadable ?? this.journal.failure;
  }

  takeMailboxNumber(batch: StoreBatch, nowMs: number): number {
    const number = this.#nextMailboxNumber;
    this.#nextMailboxNumber += 1;
    batch.putCounters(this.#nextMailboxNumber, nowMs);
    return number;
  }

  /** Stages the clock, so that it does not move back over a restart. */
  stageClock(batch: StoreBatch, nowMs: number): void {
    batch.putCounters(this.#nextMailboxNumber, nowMs);
  }

  /** Asks for a look at this mailbox at an instant. */
  stageDue(batch: StoreBatch, slot: Slot, mailboxNumber: number, atMs: number): void {
    if (atMs >= neverMs) return;
    batch.putDue({ atMs, mailboxNumber, mailboxKey: slot.key });
    this.deps.wakeAt(atMs);
  }

  /**
   * Stages one message: its record, its key's place and the removal of the one it replaces.
   * `place` of an earlier message of the key must be in `slot.keyPlaces`.
   */
  stageMessage(batch: StoreBatch, slot: Slot, message: MessageRecord): void {
    const number = (slot.record as MailboxRecord).number;
    const bytes = messageBytes(message);
    if (message.key !== undefined) {
      const earlier = slot.keyPlaces.get(message.key);
      if (earlier !== undefined) this.#stageRemoval(batch, slot, number, earlier);
      const place = { rank: message.rank, seq: message.seq, bytes };
      batch.putKeyPlace(number, message.key, place);
      this.rememberPlace(slot, message.key, place);
    }
    batch.putMessage(number, message);
    this.#count(batch, slot, message.seq, bytes);
    if (message.expiresAtMs < neverMs) this.#stageSweep(batch, slot, number, message.expiresAtMs);
  }

  /** Keeps a key's place in memory; the oldest of many are looked up again when needed. */
  rememberPlace(slot: Slot, key: string, place: StoredPlace | undefined): void {
    slot.keyPlaces.delete(key);
    slot.keyPlaces.set(key, place);
    if (slot.keyPlaces.size > keyPlacesMax) {
      for (const oldest of slot.keyPlaces.keys()) {
        slot.keyPlaces.delete(oldest);
        break;
      }
    }
  }

  /** Reads a key's place when it is not in memory. Call inside a slot task, before staging. */
  async findPlace(slot: Slot, key: string): Promise<void> {
    const record = slot.record;
    if (record === undefined || slot.keyPlaces.has(key)) return;
    await this.journal.settled();
    this.rememberPlace(slot, key, await storedPlace(this.store, record.number, key));
  }

  /** As `findPlace` for several keys; no more of them than a page has messages. */
  async findPlaces(slot: Slot, keys: readonly string[]): Promise<void> {
    const number = slot.record?.number;
    const unknown = keys.filter((key) => !slot.keyPlaces.has(key));
    if (number === undefined || unknown.length === 0) return;
    await this.journal.settled();
    const places = await Promise.all(unknown.map((key) => storedPlace(this.store, number, key)));
    unknown.forEach((key, i) => {
      this.rememberPlace(slot, key, places[i]);
    });
  }

  /**
   * Stages the removal of a message for every reader, and keeps its number from coming back. Call in
   * the mailbox's turn, for a message that is there as far as anything staged tells: it is counted.
   */
  stageRemoval(batch: StoreBatch, slot: Slot, removed: StoredPlace | MessageRecord): void {
    const record = slot.record as MailboxRecord;
    const place = "bytes" in removed ? removed : placeOf(removed);
    this.#stageRemoval(batch, slot, record.number, place);
    if (place.seq === slot.nextSeq - 1) {
      slot.record = { ...record, nextSeq: slot.nextSeq };
      batch.putMailbox(slot.record);
    }
  }

  /** Forgets where the message of a key lies: it is being removed. Call in the mailbox's turn. */
  stageKeyRemoval(batch: StoreBatch, slot: Slot, key: string): void {
    batch.removeKeyPlace((slot.record as MailboxRecord).number, key);
    if (slot.keyPlaces.has(key)) slot.keyPlaces.set(key, undefined);
  }

  /**
   * Makes everything of one life of a mailbox garbage, and takes it out of the counts of its account.
   * @returns the record without the numbers that are garbage now
   */
  stageGarbage(batch: StoreBatch, slot: Slot, record: MailboxRecord): MailboxRecord {
    this.stageUncounted(batch, slot);
    slot.tally?.discard();
    batch.putGarbage(record.number);
    if (record.scheduleNumber !== undefined) batch.putGarbage(record.scheduleNumber);
    if (record.dedup !== undefined) batch.putGarbage(record.dedup.current);
    if (record.dedup?.earlier !== undefined) batch.putGarbage(record.dedup.earlier);
    return { ...record, scheduleNumber: undefined, dedup: undefined };
  }

  /** A mailbox reached its end: its account counts it no more, nor what lies in it. */
  stageUncounted(batch: StoreBatch, slot: Slot): void {
    const tally = slot.tally;
    if (tally === undefined || !tally.inAccount || slot.record?.dropped === true) return;
    tally.inAccount = false;
    tally.write(batch, this.journal);
    slot.totals?.changed(
      batch,
      -1,
      -(tally.messages + tally.scheduled),
      -(tally.bytes + tally.scheduledBytes),
    );
  }

  /** Counts delayed messages that came or went. */
  countScheduled(batch: StoreBatch, slot: Slot, messages: number, bytes: number): void {
    const tally = slot.tally as MailboxTally;
    tally.scheduled += messages;
    tally.scheduledBytes += bytes;
    tally.write(batch, this.journal);
    slot.totals?.changed(batch, 0, messages, bytes);
  }

  #count(batch: StoreBatch, slot: Slot, seq: number, bytes: number): void {
    const tally = slot.tally as MailboxTally;
    tally.added(seq, bytes);
    if (tally.isOverdue) tally.write(batch, this.journal);
    slot.totals?.changed(batch, 0, 1, bytes);
  }

  #stageRemoval(batch: StoreBatch, slot: Slot, mailboxNumber: number, place: StoredPlace): void {
    batch.removeMessage(mailboxNumber, place.rank, place.seq);
    const tally = slot.tally as MailboxTally;
    tally.messages -= 1;
    tally.bytes -= place.bytes;
    tally.write(batch, this.journal);
    if (tally.inAccount) slot.totals?.changed(batch, 0, -1, -place.bytes);
    this.journal.afterCommit({
      committed: () => slot.removed(place.seq),
      failed: () => {}, // it may still be there, and is handed out if it is
    });
  }

  /** One entry per mailbox and minute, however many messages end in it. */
  #stageSweep(batch: StoreBatch, slot: Slot, mailboxNumber: number, expiresAtMs: number): void {
    const atMs = Math.ceil((expiresAtMs + this.options.graceMs) / sweepEveryMs) * sweepEveryMs;
    if (slot.sweepsAtMs.has(atMs)) return;
    if (slot.sweepsAtMs.size >= sweepsRememberedMax) slot.sweepsAtMs.clear();
    slot.sweepsAtMs.add(atMs);
    this.stageDue(batch, slot, mailboxNumber, atMs);
  }

  /** A message became durable: live readers get it now, others know that there is more. */
  announce(slot: Slot, mailboxNumber: number, stored: MessageRecord): void {
    if (slot.record?.number !== mailboxNumber) return;
    slot.version += 1;
    for (const group of slot.pulls.values()) group.arrived();
    for (const fetch of slot.loose) fetch.arrived();
    if (slot.feeds.length === 0 && slot.groups.size === 0) return;
    const nowMs = this.nowMs();
    if (!slot.isLive(nowMs) || nowMs >= stored.expiresAtMs) return;
    const message: MailMessage = slot.message(stored);
    for (let i = slot.feeds.length - 1; i >= 0; i -= 1) slot.feeds[i]?.push(message, nowMs);
    for (const group of slot.groups.values()) group.push(message, nowMs);
  }

  /** Refuses what would add to a store that takes nothing more. */
  assertAccepting(): void {
    if (this.refusal !== undefined) throw this.refusal;
    if (this.journal.failure !== undefined) throw this.journal.failure;
  }
}

const keyPlacesMax = 4_096;
const sweepEveryMs = 60_000;
const sweepsRememberedMax = 16;
const forgetLookMax = 64;
