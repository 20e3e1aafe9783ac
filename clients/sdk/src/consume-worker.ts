// The engine of consume() and work(): fetches ahead of its handlers, keeps their leases alive, settles
// what they finished, and hands back what it did not begin. Lives through reconnects and restarts of
// the broker. What a handler is, and what its result means, is decided by who makes the worker.
import {
  fetchMax,
  type MailMessage,
  Mq9Error,
  type PullApi,
  type StartPosition,
} from "@mq9/protocol";
import { Acks } from "./consume-acks.ts";
import { Ahead, Recent } from "./consume-ahead.ts";
import { Held, type HeldBy, leaseLost, type Outcome } from "./consume-held.ts";
import { codeOf, mayPass, Pause, retryDelayMs } from "./consume-retry.ts";
import { Returns } from "./consume-returns.ts";
import type { Message, Settlement } from "./message.ts";

/** Where a worker's messages come from. */
export interface WorkSource<T> {
  readonly mailbox: string;
  readonly api: Pick<PullApi, "fetch" | "ack" | "nack" | "extend">;
  /** Makes what the handler sees of a message. */
  message(parts: MailMessage, settlement: Settlement): Message<T>;
  /** Who else works for that group over the same connection. */
  readonly siblings?: ((group: string) => Siblings<T>) | undefined;
  /** Tells when the connection, and with it every lease, is lost, and when it is back. @returns what ends it */
  watch?(lost: () => void, back: () => void): () => void;
}

/** The workers of one connection for one group of one mailbox: to the broker they are one consumer. */
export type Siblings<T> = Set<Pick<Worker<T>, "knows" | "take">>;

export interface WorkerOptions {
  readonly group: string;
  readonly start: StartPosition;
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly deliveriesMax: number | undefined;
  readonly fairEvery: number | undefined;
}

/** What happens to each message. */
export interface Job<T> {
  /** Never rejects. */
  run(held: Held<T>): Promise<Outcome>;
  /** Something failed that no handler hears of. */
  onError(error: unknown, message: Message<T> | undefined): void;
}

/** What a worker has done so far; all but the last four only grow. */
export interface WorkStats {
  readonly fetched: number;
  /** Handlers that came to an end, whatever the end was. */
  readonly handled: number;
  readonly acked: number;
  /** Handed back to be tried again. */
  readonly returned: number;
  /** Given to the dead letters. */
  readonly rejected: number;
  /** Handed to us again while we had them or had finished them, and not handled again. */
  readonly repeats: number;
  /** Leases that ended while a handler ran. */
  readonly leasesLost: number;
  /** Handlers at work. */
  readonly running: number;
  /** Fetched and not begun. */
  readonly waiting: number;
  /** Finished and not yet confirmed by the broker. */
  readonly unconfirmed: number;
}

/** How much work is fetched ahead: what the handlers do in so long. */
const aheadMs = 250;
const aheadMax = 2_000;
const aheadBytesMax = 16 * 1_048_576;
/** Finished and unconfirmed beyond which nothing more is begun: a group holds 10,000 at most. */
const unconfirmedMax = 5_000;
/** How long a fetch waits for mail. One that is still out when the worker stops hands back what it brings. */
const waitMs = 30_000;
/** Brokers of others may not wait: after so many answers of that kind they are asked more slowly. */
const rushedMax = 3;
/** Fetches after a reconnect that look for what handlers are at work on. */
const reclaimsMax = 5;
/** How long a stopping worker tries to get what it finished acknowledged. */
const settleMs = 10_000;

export class Worker<T> implements HeldBy<T> {
  readonly group: string;
  readonly done: Promise<void>;
  readonly #source: WorkSource<T>;
  readonly #options: WorkerOptions;
  readonly #job: Job<T>;
  readonly #acks: Acks;
  readonly #returns: Returns;
  readonly #siblings: Siblings<T>;
  /** Fetched and not begun. */
  readonly #ahead: Ahead<T> = new Ahead();
  /** Everything handed to us and not finished. */
  readonly #held: Map<number, Held<T>> = new Map();
  readonly #recent: Recent = new Recent();
  /** After a reconnect, until it is known which messages are still ours. */
  #reclaiming = false;
  /** The connection was lost once: from then on a first delivery may be a repeat that the broker does not know of. */
  #wasCut = false;
  /** Numbers of the fetches under way. */
  readonly #fetching: Set<number> = new Set();
  #fetches = 0;
  #failures = 0;
  /** Answers in a row that had nothing and came at once, though there was time to wait for mail. */
  #rushed = 0;
  #more = false;
  /** Handlers at work, also on what they have settled themselves. */
  readonly #running: Set<Held<T>> = new Set();
  /** Mean time of a handler; 0 = none has finished. */
  #handlerMs = 0;
  #stopping = false;
  #failure: unknown;
  /** Finished messages of which the broker could not be told. */
  #leftOpen = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #pause = new Pause();
  #paused = false;
  #unwatch: (() => void) | undefined;
  #idle: (() => void) | undefined;
  #resolve: () => void = () => {};
  #reject: (error: unknown) => void = () => {};
  readonly #counts = {
    fetched: 0,
    handled: 0,
    acked: 0,
    returned: 0,
    rejected: 0,
    repeats: 0,
    leasesLost: 0,
  };

  constructor(source: WorkSource<T>, options: WorkerOptions, job: Job<T>) {
    const { mailbox, api } = source;
    const { group, leaseMs } = options;
    this.group = group;
    this.#source = source;
    this.#options = options;
    this.#job = job;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#acks = new Acks({
      api,
      mailbox,
      group,
      done: (msgIds) => this.#acked(msgIds),
      failed: (msgIds, error) => this.#unsettled(msgIds.length, error, undefined),
    });
    this.#returns = new Returns({
      api,
      mailbox,
      group,
      again: ({ parts, leaseEndsMs }) => {
        this.take(parts, leaseEndsMs);
        this.#pump();
      },
    });
    this.#siblings = source.siblings?.(group) ?? new Set();
    this.#siblings.add(this);
    this.#unwatch = source.watch?.(
      () => this.#lost(),
      () => this.#back(),
    );
    this.#timer = setInterval(() => this.#tick(), Math.min(5_000, Math.max(100, leaseMs / 5)));
    queueMicrotask(() => this.#pump());
  }

  get stats(): WorkStats {
    return {
      ...this.#counts,
      running: this.#running.size,
      waiting: this.#ahead.size,
      unconfirmed: this.#acks.size + this.#returns.size,
    };
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** Begins nothing more, hands back what was not begun, waits for handlers and acknowledgements. */
  stop(): Promise<void> {
    if (!this.#stopping) void this.#stop(undefined);
    return this.done;
  }

  /** Tells every running handler to end. */
  abort(reason: Mq9Error): void {
    for (const held of this.#running) held.abort(reason);
  }

  // --- what a held message asks for -------------------------------------------------------------

  message(parts: MailMessage, settlement: Settlement): Message<T> {
    return this.#source.message(parts, settlement);
  }

  async settle(held: Held<T>, outcome: Outcome): Promise<void> {
    const { msgId, deliveryCount } = held;
    if (outcome.kind === "nack" || outcome.kind === "reject") {
      await this.#returns.send(msgId, deliveryCount, outcome);
      this.#counts[outcome.kind === "nack" ? "returned" : "rejected"] += 1;
    } else if (outcome.kind === "ack") {
      await this.#acks.addAndWait(msgId);
    } else if (outcome.kind === "unseen") {
      await this.#returns.unseen(msgId, deliveryCount);
    }
  }

  async extend(held: Held<T>, leaseMs: number = this.#options.leaseMs): Promise<number> {
    const { mailbox, api } = this.#source;
    const { msgId, deliveryCount } = held;
    const askedMs = performance.now();
    const endsAtMs = await api.extend({
      mailbox,
      group: this.group,
      msgId,
      leaseMs,
      deliveryCount,
    });
    held.leaseEndsMs = askedMs + leaseMs;
    held.adrift = false;
    return endsAtMs;
  }

  // --- handlers ---------------------------------------------------------------------------------

  #pump(): void {
    const { concurrency } = this.#options;
    while (this.#running.size < concurrency && this.#ahead.size > 0 && !this.#stopping) {
      if (this.#acks.size >= unconfirmedMax) break;
      const held = this.#ahead.takeFirst();
      held.running = true;
      this.#running.add(held);
      void this.#handle(held);
    }
    if (!this.#stopping) this.#fetchAhead();
    else if (this.#running.size === 0) this.#idle?.();
  }

  async #handle(held: Held<T>): Promise<void> {
    const beganMs = performance.now();
    const outcome = await this.#job.run(held);
    const tookMs = performance.now() - beganMs;
    this.#handlerMs += (tookMs - this.#handlerMs) * (this.#handlerMs === 0 ? 1 : 0.1);
    this.#running.delete(held);
    this.#counts.handled += 1;
    this.#forget(held);
    this.#finish(held, outcome);
    this.#pump();
  }

  #finish(held: Held<T>, outcome: Outcome): void {
    if (held.settled || outcome.kind === "left") return;
    if (outcome.kind === "ack") this.#acks.add(held.msgId);
    else void this.settle(held, outcome).catch((error) => this.#unsettled(1, error, held.message));
  }

  /** What can not be settled is told at once; what the end of the connection left open, once at the end. */
  #unsettled(count: number, error: unknown, message: Message<T> | undefined): void {
    if (codeOf(error) === "closed") this.#leftOpen += count;
    else this.#job.onError(error, message);
  }

  #acked(msgIds: readonly number[]): void {
    this.#counts.acked += msgIds.length;
    if (this.#fetching.size > 0) this.#recent.add(this.#fetches, msgIds);
    this.#pump();
  }

  // --- fetching ---------------------------------------------------------------------------------

  /** Messages that the handlers finish in a moment: nothing where one takes long, so that others get it. */
  #aheadWanted(): number {
    if (this.#handlerMs === 0) return 0;
    const perMs = this.#options.concurrency / Math.max(this.#handlerMs, 0.001);
    return Math.min(aheadMax, Math.floor(perMs * aheadMs));
  }

  #fetchAhead(): void {
    if (this.#paused || this.#fetching.size >= (this.#more ? 2 : 1)) return;
    if (this.#ahead.bytes >= aheadBytesMax || this.#acks.size >= unconfirmedMax) return;
    const wanted = this.#options.concurrency + this.#aheadWanted();
    const room = wanted - this.#running.size - this.#ahead.size;
    if (room <= 0 || (room * 4 < wanted && this.#ahead.size > 0)) return;
    void this.#fetch(Math.min(room, fetchMax), waitMs);
  }

  /** @returns whether the broker answered */
  async #fetch(limit: number, waitMs: number): Promise<boolean> {
    this.#fetches += 1;
    const number = this.#fetches;
    this.#fetching.add(number);
    const { mailbox, api } = this.#source;
    const { group, start, leaseMs, deliveriesMax, fairEvery } = this.#options;
    let isAnswered = false;
    const beganMs = performance.now();
    try {
      const result = await api.fetch({
        mailbox,
        group,
        start,
        limit,
        waitMs,
        leaseMs,
        held: "kept",
        deliveriesMax,
        fairEvery,
      });
      isAnswered = true;
      this.#failures = 0;
      this.#more = result.more;
      const leaseEndsMs = performance.now() + leaseMs;
      for (const message of result.messages) this.#sorted(message).take(message, leaseEndsMs);
      const isRushed = result.messages.length === 0 && leaseEndsMs - leaseMs - beganMs < waitMs / 2;
      this.#rushed = isRushed ? this.#rushed + 1 : 0;
      if (this.#rushed > rushedMax) await this.#rest(retryDelayMs(this.#rushed));
    } catch (error) {
      this.#more = false;
      await this.#fetchFailed(error);
    } finally {
      this.#fetching.delete(number);
      this.#recent.forgetBefore(Math.min(...this.#fetching, Number.POSITIVE_INFINITY));
    }
    this.#pump();
    return isAnswered;
  }

  /** Whether a delivery of that message concerns this worker: it is at work on it, or has finished it. */
  knows(msgId: number): boolean {
    return this.#held.has(msgId) || this.#acks.has(msgId) || this.#returns.has(msgId);
  }

  /** After a reconnect one worker may be handed what another one is at work on: it gets the new lease. */
  #sorted({ msgId }: MailMessage): Pick<Worker<T>, "take"> {
    if (this.#siblings.size === 1 || this.knows(msgId)) return this;
    for (const sibling of this.#siblings) if (sibling.knows(msgId)) return sibling;
    return this;
  }

  /** A message was handed over by the broker. */
  take(parts: MailMessage, leaseEndsMs: number): void {
    const { msgId, deliveryCount = 1 } = parts;
    this.#counts.fetched += 1;
    const known = this.#held.get(msgId);
    // One that its handler has settled itself is out of its hands, though the handler goes on.
    if (known !== undefined && !known.settled) {
      this.#counts.repeats += 1;
      known.adopt(deliveryCount, leaseEndsMs);
    } else if (
      this.#acks.has(msgId) ||
      this.#returns.adopt({ parts, leaseEndsMs }) ||
      ((deliveryCount > 1 || this.#wasCut) && this.#recent.has(msgId))
    ) {
      this.#counts.repeats += 1; // finished here already: its settlement is on its way, or was
    } else if (this.#stopping) {
      void this.#returns.unseen(msgId, deliveryCount);
    } else {
      const held = new Held(this, parts, leaseEndsMs);
      this.#held.set(msgId, held);
      this.#ahead.push(held);
    }
  }

  async #fetchFailed(error: unknown): Promise<void> {
    if (this.#stopping) return;
    if (!mayPass(error)) {
      void this.#stop(codeOf(error) === "closed" ? undefined : error);
      return;
    }
    this.#failures += 1;
    if (this.#failures === 1 && codeOf(error) !== "draining") this.#job.onError(error, undefined);
    await this.#rest(retryDelayMs(this.#failures));
  }

  async #rest(ms: number): Promise<void> {
    if (this.#stopping) return;
    this.#paused = true;
    await this.#pause.wait(ms);
    this.#paused = false;
  }

  // --- leases -----------------------------------------------------------------------------------

  /** The connection is gone, and what it held is free for others: what was not begun is forgotten. */
  #lost(): void {
    this.#wasCut = true;
    for (const held of this.#ahead.clear()) this.#forget(held);
    for (const held of this.#held.values()) held.adrift = !held.settled;
  }

  /** Handlers went on meanwhile: their messages are asked for again, before others get them. */
  #back(): void {
    this.#pause.end();
    this.#acks.wake();
    this.#returns.wake();
    void this.#reclaim();
  }

  async #reclaim(): Promise<void> {
    if (this.#reclaiming) return;
    this.#reclaiming = true;
    for (let tries = 0; tries < reclaimsMax && !this.#stopping; tries += 1) {
      const adrift = this.#adrift();
      if (adrift === 0) break;
      // What waits for its settlement may come again too, and must not take the place of these.
      const others = this.#acks.size + this.#returns.size;
      const room = Math.max(0, this.#options.concurrency - this.#running.size);
      const isAnswered = await this.#fetch(Math.min(adrift + others + room, fetchMax), 0);
      // One that failed says nothing: the connection may have broken once more.
      if (isAnswered && !this.#more) break;
    }
    this.#reclaiming = false;
    for (const held of this.#held.values()) if (held.adrift) void this.#keep(held);
  }

  #adrift(): number {
    let count = 0;
    for (const held of this.#held.values()) if (held.adrift) count += 1;
    return count;
  }

  #tick(): void {
    const nowMs = performance.now();
    const { leaseMs, concurrency } = this.#options;
    const spare = this.#ahead.size - concurrency - this.#aheadWanted();
    for (let i = 0; i < spare; i += 1) this.#handBack(this.#ahead.takeLast());
    for (const held of this.#held.values()) {
      if (held.settled) continue;
      if (held.extending && nowMs >= held.leaseEndsMs) {
        this.#leaseEnded(held, new Error("the broker does not answer"), true);
      } else if (held.leaseEndsMs - nowMs < leaseMs * 0.6) {
        void this.#keep(held);
      }
    }
  }

  /** A later delivery of the same message may have its place by now. */
  #forget(held: Held<T>): void {
    if (this.#held.get(held.msgId) === held) this.#held.delete(held.msgId);
  }

  #handBack(held: Held<T>): void {
    this.#forget(held);
    void this.#returns.unseen(held.msgId, held.deliveryCount);
  }

  /** Makes the lease longer, or finds that it is lost. */
  async #keep(held: Held<T>): Promise<void> {
    if (held.extending || held.aborted || (held.adrift && this.#reclaiming)) return;
    held.extending = true;
    const { deliveryCount } = held;
    try {
      await this.extend(held);
    } catch (error) {
      const isOver = performance.now() >= held.leaseEndsMs;
      const wasAdopted = held.deliveryCount !== deliveryCount;
      const code = codeOf(error);
      if (code === "unsupported") held.leaseEndsMs = Number.POSITIVE_INFINITY; // no leases there
      if ((mayPass(error) && !isOver) || wasAdopted) return;
      if (code === "closed" || code === "unsupported") return;
      this.#leaseEnded(held, error, isOver);
    } finally {
      held.extending = false;
    }
  }

  #leaseEnded(held: Held<T>, error: unknown, isOver: boolean): void {
    if (this.#held.get(held.msgId) !== held || held.aborted) return; // it is finished, or told
    if (!held.running) {
      this.#ahead.remove(held);
      this.#forget(held);
      return;
    }
    this.#counts.leasesLost += 1;
    const text = error instanceof Error ? error.message : String(error);
    const why = isOver ? `it could not be extended in time (${text})` : text;
    held.abort(leaseLost(this.#source.mailbox, held.msgId, why, error));
  }

  // --- the end ----------------------------------------------------------------------------------

  async #stop(failure: unknown): Promise<void> {
    this.#stopping = true;
    this.#failure = failure;
    this.#pause.end();
    const waiting = this.#ahead.clear();
    for (const held of waiting) this.#forget(held);
    const returned = Promise.all(
      waiting.map((held) => this.#returns.unseen(held.msgId, held.deliveryCount)),
    );
    if (this.#running.size > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    await returned;
    await this.#settleAll();
    clearInterval(this.#timer);
    this.#unwatch?.();
    this.#siblings.delete(this);
    if (this.#leftOpen > 0) this.#failure ??= this.#closedTooEarly();
    if (this.#failure === undefined) this.#resolve();
    else this.#reject(this.#failure);
  }

  #closedTooEarly(): Mq9Error {
    const { mailbox } = this.#source;
    const text = `${this.#leftOpen} messages of ${mailbox} were handled, and the connection was closed before the broker was told: group ${this.group} will be handed them again. Stop consumers first, or use drain()`;
    return new Mq9Error("closed", text);
  }

  async #settleAll(): Promise<void> {
    const late = setTimeout(() => this.#returns.giveUp(), settleMs);
    try {
      await this.#acks.drain(settleMs);
      while (this.#returns.size > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    } catch (error) {
      this.#failure ??= error;
    }
    clearTimeout(late);
  }
}
