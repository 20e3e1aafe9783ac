// A group of pullers on one mailbox. It hands every message to one consumer at a time: what is out is
// leased, and comes back when the lease ends, is handed back, or its consumer leaves. What is settled
// is never handed out again, also not after a crash; leases live in memory alone.
import {
  type AckMode,
  type Consumer,
  type DeadLetter,
  type FetchResult,
  type GroupInfo,
  type MailMessage,
  Mq9Error,
  type Rank,
} from "@mq9/protocol";
import type { StoreBatch } from "@mq9/store";
import type { LateWriter } from "../journal.ts";
import type { MailMeters } from "../meters.ts";
import type { Positions } from "../positions.ts";
import type { Slot } from "../slot.ts";
import { Turns } from "../turns.ts";
import type { Alarms, Sleeper } from "./alarms.ts";
import type { PendingBurial } from "./dead-letters.ts";
import { GroupMemory } from "./group-memory.ts";
import type { DecodedGroup } from "./group-state.ts";
import { Look, type LookGroup, type LookHost } from "./look.ts";
import type { Holding } from "./pulls.ts";
import { Shares } from "./shares.ts";
import { backoffMs, FetchBatch, type Unsettled } from "./unsettled.ts";

/** What groups of pullers need of the engine. */
export interface PullHost extends LookHost {
  readonly alarms: Alarms;
  readonly positions: Positions;
  readonly meters: MailMeters;
  readonly journal: { settled(): Promise<void> };
  /** Runs something after the current turn of the event loop. */
  defer(run: () => void): void;
  /** Writes the group with the next commit and resolves when that is durable. @throws {Mq9Error} */
  writeGroup(group: PullGroup): Promise<void>;
  /** Moves a message to the dead letters and settles it. @throws {Mq9Error} when the store failed */
  bury(group: PullGroup, message: Unsettled, why: Why): Promise<void>;
  /** Whether this consumer left for good. */
  hasLeft(consumer: Consumer): boolean;
  /** This consumer has to be told to the holding when it leaves. */
  holds(consumer: Consumer, holding: Holding): void;
  holdsNoMore(consumer: Consumer, holding: Holding): void;
  failure(error: unknown): Mq9Error;
}

/** Why a message goes to the dead letters. */
export type Why = Pick<DeadLetter, "cause" | "reason">;

/** What a consumer asks for, with every default filled in. */
export interface Wish {
  readonly limit: number;
  readonly bytesMax: number;
  readonly waitMs: number;
  readonly leaseMs: number;
  readonly consumer: Consumer | undefined;
  readonly held: "again" | "kept";
  /** What it takes is leased to nobody: the leases end by time. */
  readonly detached: boolean;
  /** Nothing is leased: what was found is ready for others at once. */
  readonly look: boolean;
  readonly fairEvery: number;
}

interface Waiter {
  readonly wish: Wish;
  readonly untilMs: number;
  readonly resolve: (result: FetchResult) => void;
  readonly reject: (error: Mq9Error) => void;
  done: boolean;
}

const nothing: FetchResult = { messages: [], more: false };
/** How exactly it is known when somebody last fetched. */
const usedWrittenMs = 3_600_000;
/** How long after a failure a message is tried to be moved to the dead letters again. */
const buryAgainMs = 60_000;
export class PullGroup implements LateWriter, Sleeper, Holding, LookGroup {
  readonly name: string;
  readonly slot: Slot;
  /** The life of the mailbox it belongs to. */
  readonly mailboxNumber: number;
  /** Deliveries after which a message is dead; 0 = never. */
  deliveriesMax: number;
  /** When somebody last fetched. */
  usedAtMs: number;
  /** Set while the group's beginning is not durable. */
  beginning: Promise<void> | undefined = undefined;
  readonly #host: PullHost;
  readonly memory: GroupMemory = new GroupMemory();
  readonly #dying = new Set<Unsettled>();
  /** What waits to be moved to the dead letters, in that order. */
  readonly burials: PendingBurial[] = [];
  readonly #shares: Shares;
  readonly #waiters: Waiter[] = [];
  /** One fetch at a time looks for messages. */
  readonly #turn = new Turns(1);
  #leased = 0;
  #sinceFair = 0;
  /** It showed that it acknowledges every message for itself. */
  #oneByOne = false;
  /** Fetches under way. */
  #fetches = 0;
  /** Grows whenever there may be something to hand out. */
  #changes = 0;
  #waking = false;
  #ended: Mq9Error | undefined;

  constructor(host: PullHost, slot: Slot, name: string, deliveriesMax: number) {
    this.#host = host;
    this.#shares = new Shares({
      holds: (consumer) => host.holds(consumer, this),
      holdsNoMore: (consumer) => host.holdsNoMore(consumer, this),
    });
    this.slot = slot;
    this.name = name;
    this.mailboxNumber = slot.record?.number as number;
    this.deliveriesMax = deliveriesMax;
    this.usedAtMs = host.nowMs();
  }

  /** Begins behind these numbers, whatever was handed out or settled before. */
  begin(cursors: Float64Array): void {
    this.#forgetAll();
    this.memory.begin(cursors);
    this.#wake(); // others of the group may wait for what is ahead again
  }

  /** Continues where the stored state stands. Nobody holds anything then. */
  restore(state: DecodedGroup): void {
    this.#forgetAll();
    this.deliveriesMax = state.deliveriesMax;
    this.usedAtMs = state.usedAtMs;
    this.memory.restore(state);
    const nowMs = this.#host.nowMs();
    for (const message of this.memory.unsettled.values()) {
      if (message.notBeforeMs > nowMs) {
        this.#at(message.notBeforeMs);
      } else {
        message.notBeforeMs = 0;
        this.memory.ready.add(message.rank, message.seq);
      }
    }
    this.#wake();
  }

  /** To be written soon, with other positions. */
  #changed(): void {
    this.#host.positions.changed(this.slot, this.#host.nowMs());
  }

  #forgetAll(): void {
    this.#changes += 1;
    this.memory.clear();
    this.#dying.clear();
    this.#shares.clearMessages();
    this.#host.meters.leases -= this.#leased;
    this.#leased = 0;
  }

  /** The mailbox's life is over: whoever waits hears why. */
  end(error: Mq9Error): void {
    this.#ended = error;
    this.#forgetAll();
    this.#host.alarms.forget(this);
    for (const waiter of this.#waiters.splice(0)) {
      if (waiter.done) continue;
      this.#waitsNoMore(waiter);
      waiter.reject(error);
    }
  }

  /** Its mailbox is no longer kept in memory: another object continues when somebody asks. */
  retire(): void {
    this.end(new Mq9Error("storage_failed", "the group is being read, try again"));
  }

  /** Nothing in memory would be lost by forgetting this group. */
  get forgettable(): boolean {
    return (
      this.#fetches === 0 &&
      this.#leased === 0 &&
      this.#dying.size === 0 &&
      this.#waiters.length === 0 &&
      !this.memory.dirty &&
      this.beginning === undefined
    );
  }

  // --- fetching ---------------------------------------------------------------------------------

  /** Leases what there is, or waits for it. @throws {Mq9Error} */
  async fetch(wish: Wish): Promise<FetchResult> {
    this.#fetches += 1;
    try {
      return await this.#fetch(wish);
    } finally {
      this.#fetches -= 1;
    }
  }

  async #fetch(wish: Wish): Promise<FetchResult> {
    const changes = this.#changes;
    const nowMs = this.#host.nowMs();
    if (nowMs - this.usedAtMs >= usedWrittenMs) {
      this.usedAtMs = nowMs;
      this.memory.dirty = true;
      this.#changed();
    }
    const result = await this.#turn.run(() => this.#take(wish));
    if (result.messages.length > 0) return result;
    if (wish.waitMs > 0) return this.#wait(wish, changes);
    if (this.slot.staged === 0) return result;
    // What was sent before on this connection may be on its way to disk.
    await this.#host.journal.settled();
    return this.#turn.run(() => this.#take(wish));
  }

  /** @param changes what the group knew before it looked in vain */
  #wait(wish: Wish, changes: number): Promise<FetchResult> {
    const { consumer } = wish;
    if (consumer !== undefined && this.#host.hasLeft(consumer)) return Promise.resolve(nothing);
    this.#shares.waits(consumer);
    return new Promise((resolve, reject) => {
      const untilMs = this.#host.nowMs() + wish.waitMs;
      this.#waiters.push({ wish, untilMs, resolve, reject, done: false });
      this.#at(untilMs);
      if (this.#changes !== changes) this.#wake(); // something came since it looked
    });
  }

  /** A message became readable. */
  arrived(): void {
    this.#changes += 1;
    if (this.#waiters.length > 0) this.#wake();
  }

  /** Serves whoever waits, once the current turn is over: what comes together is handed out together. */
  #wake(): void {
    if (this.#waking || this.#waiters.length === 0) return;
    this.#waking = true;
    this.#host.defer(() => {
      void this.#serve().finally(() => {
        this.#waking = false;
      });
    });
  }

  async #serve(): Promise<void> {
    for (let waiter = this.#waiters[0]; waiter !== undefined; waiter = this.#waiters[0]) {
      if (waiter.done) {
        this.#remove(waiter);
        continue;
      }
      const changes = this.#changes;
      // What it held when it began to wait was handed out again then, if it was to be.
      const wish: Wish = { ...waiter.wish, held: "kept" };
      let outcome: FetchResult | Mq9Error;
      try {
        outcome = await this.#turn.run(() => this.#take(wish));
      } catch (error) {
        outcome = this.#host.failure(error);
      }
      const found = outcome instanceof Mq9Error || outcome.messages.length > 0;
      if (!found) {
        if (!waiter.done && this.#changes === changes) return;
        continue;
      }
      this.#remove(waiter);
      if (waiter.done && !(outcome instanceof Mq9Error)) {
        // It was answered meanwhile, because its time was up or it left.
        this.#giveBack(outcome);
      } else {
        this.#waitsNoMore(waiter);
        if (outcome instanceof Mq9Error) waiter.reject(outcome);
        else waiter.resolve(outcome);
      }
    }
  }

  #remove(waiter: Waiter): void {
    const index = this.#waiters.indexOf(waiter);
    if (index >= 0) this.#waiters.splice(index, 1);
  }

  /** Nobody saw this result: as if it had never been handed out. */
  #giveBack(result: FetchResult): void {
    for (const { msgId } of result.messages) {
      const message = this.memory.unsettled.get(msgId);
      if (message?.lease === undefined) continue;
      message.deliveries -= 1;
      this.handBack(message, 0);
    }
  }

  /** Looks once for what this wish may have, and leases it. Call in the group's turn. */
  async #take(wish: Wish): Promise<FetchResult> {
    if (this.#ended !== undefined) throw this.#ended;
    await this.beginning;
    const nowMs = this.#host.nowMs();
    if (!this.slot.isLive(nowMs)) throw this.slot.absence();
    if (wish.held === "again" && !wish.look && wish.consumer !== undefined) {
      this.#takeBack(wish.consumer);
    }
    const look = new Look(this.#host, this, { ...wish, sinceFair: this.#sinceFair });
    try {
      await look.gather();
      return await this.#finish(wish, look);
    } catch (error) {
      if (!look.isOutdated) for (const { message } of look.taken) this.#unlease(message, 0);
      throw error;
    }
  }

  /** Leases what was taken and makes the result of it. */
  async #finish(wish: Wish, look: Look): Promise<FetchResult> {
    if (look.isOutdated) return nothing;
    const taken = look.taken.filter(({ message }) => this.#holds(message));
    if (taken.length === 0) {
      if (this.memory.dirty) this.#changed();
      if (!look.capped) return nothing;
      throw new Mq9Error(
        "quota_exceeded",
        `the limit of ${this.#host.unsettledMax} unacknowledged messages of one group is reached: acknowledge some first`,
      );
    }
    const { consumer, leaseMs, fairEvery, detached } = wish;
    if (consumer !== undefined && this.#host.hasLeft(consumer)) {
      for (const { message } of taken) this.#free(message, 0);
      this.#changed();
      return nothing;
    }
    if (wish.look) {
      for (const { message } of taken) this.#putBack(message);
      if (this.memory.dirty) this.#changed();
      const messages = taken.map(({ stored }) => this.slot.message(stored));
      return { messages, more: look.budget.more };
    }
    const nowMs = this.#host.nowMs();
    const endsAtMs = nowMs + leaseMs;
    taken.sort((a, b) => a.message.rank - b.message.rank);
    const batch = new FetchBatch(taken.map(({ message }) => message));
    let mustBeKnown = false;
    const { meters } = this.#host;
    const messages = taken.map(({ message, stored }, place): MailMessage => {
      message.deliveries += 1;
      message.batch = batch;
      message.place = place;
      message.handedAtMs = nowMs;
      meters.handedOut(message.delivery === 1, nowMs - stored.createdAtMs);
      this.#lease(message, detached ? undefined : consumer, endsAtMs);
      if (message.deliveries >= durableFrom) mustBeKnown = true;
      this.#host.positions.handed(this.slot, message.rank, message.seq, nowMs);
      return {
        ...this.slot.message(stored),
        deliveryCount: message.delivery,
        leaseEndsAtMs: endsAtMs,
      };
    });
    if (fairEvery > 0) this.#sinceFair = (this.#sinceFair + taken.length) % fairEvery;
    this.#at(endsAtMs);
    this.memory.dirty = true;
    // A message that kills its reader must be counted before it is read once more.
    if (mustBeKnown) await this.#host.writeGroup(this);
    else this.#changed();
    return { messages, more: look.budget.more };
  }

  // --- leases -----------------------------------------------------------------------------------

  #lease(message: Unsettled, consumer: Consumer | undefined, endsAtMs: number): void {
    message.lease = { consumer, endsAtMs };
    message.notBeforeMs = 0;
    this.#leased += 1;
    this.#host.meters.leases += 1;
    this.#shares.take(consumer, message);
  }

  #dropLease(message: Unsettled): void {
    const { lease } = message;
    if (lease === undefined) return;
    message.lease = undefined;
    this.#leased -= 1;
    this.#host.meters.leases -= 1;
    this.#shares.give(lease.consumer, message);
  }

  /** A fetch that waited is answered. */
  #waitsNoMore(waiter: Waiter): void {
    waiter.done = true;
    this.#shares.waitsNoMore(waiter.wish.consumer);
  }

  /** Ends a lease: the message may be handed out again, at once or later, or is dead. */
  #unlease(message: Unsettled, notBeforeMs: number): void {
    this.#dropLease(message);
    if (!this.buryIfSpent(message)) this.#free(message, notBeforeMs);
  }

  /** It was looked at, and is as it was; whoever waits is served in its turn. */
  #putBack(message: Unsettled): void {
    this.memory.ready.add(message.rank, message.seq);
  }

  #free(message: Unsettled, notBeforeMs: number): void {
    message.notBeforeMs = notBeforeMs;
    this.memory.dirty = true;
    if (notBeforeMs > this.#host.nowMs()) {
      this.memory.ready.remove(message.rank, message.seq);
      this.#at(notBeforeMs);
      return;
    }
    message.notBeforeMs = 0;
    this.memory.ready.add(message.rank, message.seq);
    this.#changes += 1;
    this.#wake();
  }

  /** It is not settled, and of this life of the group. */
  #holds(message: Unsettled): boolean {
    return this.memory.unsettled.get(message.seq) === message;
  }

  buryIfSpent(message: Unsettled): boolean {
    if (this.deliveriesMax <= 0 || message.deliveries < this.deliveriesMax) return false;
    // Whoever owns the store hears of its failure.
    this.#bury(message, { cause: "deliveries", reason: undefined }).catch(() => {});
    return true;
  }

  /** @throws {Mq9Error} when it could not be moved; it is tried again then */
  async #bury(message: Unsettled, why: Why): Promise<void> {
    message.dying = true;
    this.#dying.add(message);
    this.memory.ready.remove(message.rank, message.seq);
    try {
      await this.#host.bury(this, message, why);
    } catch (error) {
      this.#spare(message, this.#host.nowMs() + buryAgainMs);
      throw error;
    }
  }

  /** What a consumer holds is handed out again to whoever asks next: it asks itself. */
  #takeBack(consumer: Consumer): void {
    const nowMs = this.#host.nowMs();
    for (const message of this.#shares.heldBy(consumer)) {
      const waitMs = backoffMs(message.deliveries);
      this.#unlease(message, waitMs === 0 ? 0 : nowMs + waitMs);
    }
  }

  /** A consumer left: what it holds is free, what it waits for is over. */
  release(consumer: Consumer): void {
    for (const waiter of this.#waiters) {
      if (waiter.wish.consumer !== consumer || waiter.done) continue;
      this.#waitsNoMore(waiter);
      waiter.resolve(nothing);
    }
    for (const message of this.#shares.heldBy(consumer)) this.#unlease(message, 0);
    this.#dropDone();
  }

  #dropDone(): void {
    for (let i = this.#waiters.length - 1; i >= 0; i -= 1) {
      if (this.#waiters[i]?.done === true) this.#waiters.splice(i, 1);
    }
  }

  /** Something may change at this instant. Kept nowhere else: `ring` looks through what there is. */
  #at(atMs: number): void {
    this.#host.alarms.set(this, atMs);
  }

  /** Ends what has come to its end. */
  ring(nowMs: number): void {
    let next = Number.POSITIVE_INFINITY;
    for (const waiter of this.#waiters) {
      if (waiter.done) continue;
      if (waiter.untilMs <= nowMs) {
        this.#waitsNoMore(waiter);
        waiter.resolve(nothing);
      } else next = Math.min(next, waiter.untilMs);
    }
    this.#dropDone();
    for (const message of this.memory.unsettled.values()) {
      this.#endIfOver(message, nowMs);
      if (!message.dying) next = Math.min(next, message.changesAtMs);
    }
    if (this.memory.dirty) this.#changed();
    if (next !== Number.POSITIVE_INFINITY) this.#at(next);
  }

  #endIfOver(message: Unsettled, nowMs: number): void {
    if (!this.#holds(message) || message.dying) return;
    const { lease } = message;
    if (lease !== undefined) {
      if (lease.endsAtMs > nowMs) return;
      this.#host.meters.leasesExpired += 1;
      this.#unlease(message, 0);
    } else if (message.notBeforeMs > 0 && message.notBeforeMs <= nowMs) {
      this.#free(message, 0);
    }
  }

  // --- settling ---------------------------------------------------------------------------------

  /** The message as long as it is not settled. */
  unsettled(seq: number): Unsettled | undefined {
    return this.memory.unsettled.get(seq);
  }

  /** What an acknowledgement of this message is about. */
  meant(message: Unsettled, mode: AckMode): readonly number[] {
    const { batch, place } = message;
    if (batch === undefined || mode === "one") return [message.seq];
    if (mode === "delivered") {
      batch.meant ??= this.#meaning(place, batch);
      if (batch.meant === "one") return [message.seq];
    }
    return batch.messages
      .slice(0, place + 1)
      .filter((each) => each.batch === batch && this.#holds(each))
      .map((each) => each.seq);
  }

  /**
   * Whoever acknowledges any but the last of a result first does so one by one, and so does whoever
   * did so before: what failed in front of it must come again.
   */
  #meaning(place: number, { messages }: FetchBatch): "one" | "batch" {
    if (place < messages.length - 1) this.#oneByOne = true;
    return this.#oneByOne ? "one" : "batch";
  }

  /** Settles a message because its consumer is done with it. @returns false when it was settled before */
  acknowledge(seq: number): boolean {
    const message = this.memory.unsettled.get(seq);
    if (message?.lease !== undefined) {
      this.#host.meters.leaseMs.observe(this.#host.nowMs() - message.handedAtMs);
    }
    return this.settle(seq);
  }

  /** The group never sees it again. @returns false when it was settled before */
  settle(seq: number): boolean {
    const message = this.memory.unsettled.get(seq);
    if (message === undefined) return false;
    this.#dropLease(message);
    this.memory.ready.remove(message.rank, seq);
    this.memory.unsettled.delete(seq);
    this.#dying.delete(message);
    this.memory.dirty = true;
    return true;
  }

  /** Hands a message back. An acknowledgement of what else its consumer got is not about it. */
  handBack(message: Unsettled, notBeforeMs: number): void {
    message.batch = undefined;
    this.#unlease(message, notBeforeMs);
  }

  /** Takes back what perhaps nobody saw: this delivery is told to the next reader, and does not count. */
  handBackUnseen(message: Unsettled): void {
    message.deliveries -= 1;
    message.unseen += 1;
    this.handBack(message, 0);
  }

  /** Gives a message to the dead letters because a worker said so. */
  giveUp(message: Unsettled, reason: string | undefined): Promise<void> {
    message.batch = undefined;
    this.#dropLease(message);
    return this.#bury(message, { cause: "poison", reason });
  }

  extend(message: Unsettled, endsAtMs: number): void {
    const consumer = message.lease?.consumer;
    message.lease = { consumer, endsAtMs };
    this.#at(endsAtMs);
  }

  /** It lies among the dead letters now. */
  buried(seq: number): void {
    this.settle(seq);
    this.memory.buried(seq);
  }

  /** It could not be moved to the dead letters: once more, later. */
  #spare(message: Unsettled, notBeforeMs: number): void {
    if (!this.#holds(message)) return;
    message.dying = false;
    this.#dying.delete(message);
    this.#free(message, notBeforeMs);
  }

  /** A dead letter comes back, as if it had never been handed out. */
  revive(rank: Rank, seq: number): void {
    const message = this.memory.revive(rank, seq);
    if (message === undefined) this.arrived();
    else this.#free(message, 0);
  }

  // --- what is known ----------------------------------------------------------------------------

  info(): GroupInfo {
    let deferred = 0;
    for (const { notBeforeMs } of this.memory.unsettled.values())
      if (notBeforeMs > 0) deferred += 1;
    return {
      group: this.name,
      leased: this.#leased,
      deferred,
      unsettled: this.memory.unsettled.size,
      waiting: this.#waiters.length,
      deliveriesMax: this.deliveriesMax,
    };
  }

  // --- what is stored ---------------------------------------------------------------------------

  /** Whether it changed since the last call. */
  takeDirty(): boolean {
    const dirty = this.memory.dirty;
    this.memory.dirty = false;
    return dirty;
  }

  encode(): Uint8Array {
    return this.memory.encode(this);
  }

  writeLate(batch: StoreBatch): void {
    if (this.#ended !== undefined || this.slot.record?.number !== this.mailboxNumber) return;
    this.memory.dirty = false;
    batch.putCursor(this.mailboxNumber, pullPrefix + this.name, this.encode());
  }
}

/** Cursor names of groups of pullers; push groups have names of their own. */
export const pullPrefix = "g:";
/** From this delivery on the count is durable before the message is handed out. */
const durableFrom = 3;
