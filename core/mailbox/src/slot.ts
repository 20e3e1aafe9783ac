// A mailbox in memory: what the engine knows of one name while somebody uses it. Commands on one
// slot run one after the other; a slot that nobody uses is forgotten and read again when needed.
import {
  type MailboxInfo,
  type MailMessage,
  type Mq9Error,
  mailboxExpired,
  mailboxNotFound,
} from "@mq9/protocol";
import type { MailboxRecord, MessagePlace, MessageRecord, StoreBatch } from "@mq9/store";
import type { Grant, Standing } from "./access.ts";
import type { KnownSend } from "./dedup.ts";
import type { Feed } from "./feed.ts";
import type { Group } from "./group.ts";
import type { LooseFetch } from "./pull/loose-fetch.ts";
import type { PullGroup } from "./pull/pull-group.ts";
import type { ScheduleIds } from "./schedule.ts";
import { type AccountTally, MailboxTally } from "./tally.ts";

/** A command on a slot. When it returns a promise, later commands wait for it. */
export type SlotTask = () => Promise<void> | undefined;

/** Where a message lies, and what it adds to the counts. */
export interface StoredPlace extends MessagePlace {
  readonly bytes: number;
}

const noGrants: readonly Grant[] = [];

export class Slot {
  /** `<account>/<name>`. */
  readonly key: string;
  readonly name: string;
  /** Undefined = the name was never created, or was forgotten. Check `isLive` before use. */
  record: MailboxRecord | undefined = undefined;
  /** Set when the store could not be read: the mailbox may exist, nobody knows. */
  unreadable: Mq9Error | undefined = undefined;
  nextSeq = 0;
  /** Numbers below were used by a life that the store forgot; readers that stayed know them. */
  firstSeq = 0;
  /** Grows with every message that became readable; tells a reader whether it missed one. */
  version = 0;
  /** Highest number per rank that any subscriber was handed. */
  readonly readUpTo: Float64Array = new Float64Array(4).fill(-1);
  readonly feeds: Feed[] = [];
  /** Settles when the newest feed has its first page; undefined = there never was one. Never rejects. */
  opening: Promise<void> | undefined = undefined;
  readonly groups: Map<string, Group> = new Map();
  /** Groups of pullers, whose names are a space of their own. */
  readonly pulls: Map<string, PullGroup> = new Map();
  /** Fetches without a group that wait. */
  readonly loose: Set<LooseFetch> = new Set();
  /** Places of keyed messages as staged, for those looked up lately; undefined = known to be absent. */
  readonly keyPlaces: Map<string, StoredPlace | undefined> = new Map();
  /** What lies in this life of the mailbox; set with `record`. */
  tally: MailboxTally | undefined = undefined;
  /** The totals of its account; undefined = the broker keeps this mailbox. Set once by the engine. */
  totals: AccountTally | undefined = undefined;
  /** Tokens handed out for this life; replaced as a whole when one comes or goes. */
  grants: readonly Grant[] = noGrants;
  #standing: Standing | undefined = undefined;
  /** Sweeps already asked for, by instant. */
  readonly sweepsAtMs: Set<number> = new Set();
  /** The mailbox number that `readUpTo` and the groups' positions belong to. */
  positionsOf: number | undefined = undefined;
  /** Sends with an id that are not durable yet. Of this life, like the ids of delayed messages. */
  pendingSends: Map<string, KnownSend> | undefined = undefined;
  scheduleIds: ScheduleIds | undefined = undefined;
  /** Changes staged and not yet durable. */
  staged = 0;
  /** Somebody keeps this slot for himself: it is never forgotten. */
  kept = false;
  /** Touched since the last search for idle slots. */
  used = true;
  /** `readUpTo` or a group's position changed since it was last written. */
  positionsDirty = false;
  #busy = false;
  readonly #queue: SlotTask[] = [];
  /** One set per read under way, of the messages removed since it began. */
  readonly #reads: Set<number>[] = [];

  constructor(key: string) {
    this.key = key;
    this.name = key.slice(key.indexOf("/") + 1);
  }

  get account(): string {
    return this.key.slice(0, this.key.indexOf("/"));
  }

  /** No command is running or waiting. */
  get idle(): boolean {
    return !this.#busy;
  }

  /** Nothing in memory would be lost by forgetting this slot. */
  get forgettable(): boolean {
    return (
      !this.#busy &&
      !this.kept &&
      this.staged === 0 &&
      this.#reads.length === 0 &&
      this.feeds.length === 0 &&
      !this.positionsDirty &&
      this.loose.size === 0 &&
      !this.#hasMembers()
    );
  }

  /** Groups of both kinds. */
  get groupCount(): number {
    return this.groups.size + this.pulls.size;
  }

  /** The mailbox's life is over: whoever pulls from it hears so. */
  endPulls(): void {
    const error = this.absence();
    for (const group of this.pulls.values()) group.end(error);
    this.pulls.clear();
    for (const fetch of this.loose) fetch.end();
  }

  #hasMembers(): boolean {
    for (const group of this.groups.values()) if (group.memberCount > 0) return true;
    for (const group of this.pulls.values()) if (!group.forgettable) return true;
    return false;
  }

  /** Runs a command now, or after those that came before it. The task must not throw or reject. */
  enter(task: SlotTask): void {
    if (this.#busy) {
      this.#queue.push(task);
      return;
    }
    this.#busy = true;
    const pending = task();
    if (pending === undefined && this.#queue.length === 0) this.#busy = false;
    else void this.#drain(pending);
  }

  /** Waits for its turn and keeps it until the returned function is called, exactly once. */
  acquire(): Promise<() => void> {
    return new Promise((resolve) => {
      this.enter(() => new Promise<void>((leave) => resolve(leave)));
    });
  }

  async #drain(first: Promise<void> | undefined): Promise<void> {
    await first;
    for (let task = this.#queue.shift(); task !== undefined; task = this.#queue.shift()) {
      const pending = task();
      if (pending !== undefined) await pending;
    }
    this.#busy = false;
  }

  /**
   * Begins to read messages: the slot stays in memory until `endRead`.
   * @returns the numbers whose removal became durable meanwhile; what was read may still hold them
   */
  beginRead(): ReadonlySet<number> {
    const removed = new Set<number>();
    this.#reads.push(removed);
    return removed;
  }

  endRead(removed: ReadonlySet<number>): void {
    this.#reads.splice(this.#reads.indexOf(removed as Set<number>), 1);
  }

  /** A message was removed for every reader, durably. */
  removed(seq: number): void {
    for (const read of this.#reads) read.add(seq);
    for (const group of this.groups.values()) group.settle(seq);
    for (const group of this.pulls.values()) group.settle(seq);
  }

  isLive(nowMs: number): boolean {
    const record = this.record;
    return record !== undefined && !record.dropped && nowMs < record.expiresAtMs;
  }

  /** What decides who may do what with it. The same object as long as nothing of it changes. */
  get standing(): Standing {
    const { record, grants, name } = this;
    const exists = record !== undefined && !record.dropped;
    const owner = exists ? record.owner : undefined;
    const isPublic = exists && record.public;
    const known = this.#standing;
    if (
      known !== undefined &&
      known.exists === exists &&
      known.owner === owner &&
      known.public === isPublic &&
      known.grants === grants
    ) {
      return known;
    }
    this.#standing = { name, exists, owner, public: isPublic, grants };
    return this.#standing;
  }

  /** Why a command on this name is refused when it is not live. */
  absence(): Mq9Error {
    if (this.unreadable !== undefined) return this.unreadable;
    const record = this.record;
    if (record === undefined || record.dropped) return mailboxNotFound(this.name);
    return mailboxExpired(this.name);
  }

  /**
   * Forgets what belonged to the earlier life of the name, and counts the new one. Subscriptions stay.
   * @param batch the open one, which makes the life durable
   */
  beginLife(batch: StoreBatch, record: MailboxRecord): void {
    if (this.record !== undefined) this.endPulls();
    this.record = record;
    this.tally = new MailboxTally(record.number);
    this.totals?.changed(batch, 1, 0, 0);
    this.nextSeq = record.nextSeq;
    this.keyPlaces.clear();
    this.grants = noGrants;
    this.pendingSends = undefined;
    this.scheduleIds = undefined;
    this.sweepsAtMs.clear();
    this.beginPositions(record.number);
  }

  /** Forgets what was handed out of another life. */
  beginPositions(mailboxNumber: number): void {
    this.positionsOf = mailboxNumber;
    this.positionsDirty = false;
    this.readUpTo.fill(-1);
    for (const [name, group] of this.groups) {
      group.reset();
      if (group.memberCount === 0) this.groups.delete(name);
    }
  }

  info(): MailboxInfo {
    return mailboxInfo(this.name, this.record as MailboxRecord);
  }

  /** A stored message as readers see it. */
  message(stored: MessageRecord): MailMessage {
    return {
      msgId: stored.seq,
      mailbox: this.name,
      rank: stored.rank,
      label: stored.label,
      createdAtMs: stored.createdAtMs,
      expiresAtMs: stored.expiresAtMs,
      key: this.record?.kind === "latest" ? undefined : stored.key,
      headers: stored.headers,
      payload: stored.payload,
      tags: stored.tags,
      from: stored.from,
      dead: stored.dead,
    };
  }
}

/** What decides who may do what with a stored mailbox, but for the tokens handed out for it. */
export function standingOf(name: string, { owner, public: isPublic }: MailboxRecord): Standing {
  return { name, exists: true, owner, public: isPublic, grants: noGrants };
}

/** A stored mailbox as it is seen from outside. */
export function mailboxInfo(name: string, record: MailboxRecord): MailboxInfo {
  return {
    name,
    kind: record.kind,
    public: record.public,
    desc: record.desc,
    ttlSeconds: record.ttlSeconds,
    createdAtMs: record.createdAtMs,
    expiresAtMs: record.expiresAtMs,
    ...(record.owner === undefined ? {} : { owner: record.owner }),
  };
}
