// One push subscription on one mailbox: first what is stored, rank by rank, then what arrives.
// The feed keeps its place per rank, so the seam between the two can neither lose nor repeat a
// message, and a reader that falls behind costs no memory: it is served from the store again.
import {
  type MailMessage,
  type MailSink,
  type MailSubscription,
  type RankMask,
  ranks,
} from "@mq9/protocol";
import type { Store } from "@mq9/store";
import { type Guard, Pass } from "./access.ts";
import type { MailMeters } from "./meters.ts";
import type { Positions } from "./positions.ts";
import type { Slot } from "./slot.ts";

/** What feeds and groups need of the engine. */
export interface FeedHost {
  readonly store: Store;
  readonly positions: Positions;
  readonly meters: MailMeters;
  readonly pageMessages: number;
  readonly pageBytes: number;
  /** Everything staged so far; `settled` tells when it is durable. */
  readonly journal: { settled(): Promise<void> };
  nowMs(): number;
  /** A read failed; the engine decides what that means. */
  readFailed(error: unknown): void;
  /** A subscription left this slot. */
  left(slot: Slot): void;
}

/** A sink that several feeds share says whether another of them has filled it. */
export interface FeedSink extends MailSink {
  readonly full?: boolean;
}

/**
 * `new`: not in its mailbox's turn yet. `live`: everything readable was handed over. `behind`: the store holds more, a read is under way
 * or will be. `full`: the sink asked to wait. `ended`: no more deliveries.
 */
type FeedState = "new" | "live" | "behind" | "full" | "ended";

export class Feed implements MailSubscription {
  readonly #host: FeedHost;
  readonly #slot: Slot;
  readonly #ranks: RankMask;
  readonly #sink: FeedSink;
  /** Highest number handed over, per rank. */
  readonly #cursors = new Float64Array(4).fill(-1);
  #endSeq = Number.POSITIVE_INFINITY;
  #state: FeedState = "new";
  #pumping = false;
  readonly #pass: Pass | undefined;

  /** @param guard whose right to take mail counts, now and at every delivery; undefined = nobody's has to be asked */
  constructor(host: FeedHost, slot: Slot, mask: RankMask, sink: FeedSink, guard?: Guard) {
    this.#pass = guard && new Pass(slot, guard);
    this.#host = host;
    this.#slot = slot;
    this.#ranks = mask;
    this.#sink = sink;
  }

  /**
   * Begins with what is stored. Call in the mailbox's turn.
   * @param endSeq numbers from here on are not for this reader
   */
  open(endSeq: number = Number.POSITIVE_INFINITY): void {
    if (this.#state !== "new") return;
    this.#endSeq = endSeq;
    this.#state = "behind";
    this.#slot.opening = this.#begin(this.#slot.opening);
  }

  /**
   * Hands over a first page once the reader before has its own, and once everything accepted before
   * is readable: or the most urgent mail, or an earlier subscription's, would come after the rest.
   */
  async #begin(before: Promise<void> | undefined): Promise<void> {
    await before;
    // A commit that failed is for its sender to hear of; the feed starts again with the store.
    if (this.#slot.staged > 0) await this.#host.journal.settled().catch(() => undefined);
    await new Promise<void>((opened) => {
      void this.#pump(opened);
    });
  }

  /** Looks into the store again: the mailbox, or the store, is back. Raise `slot.version` before. */
  start(): void {
    if (this.#state !== "live" && this.#state !== "behind") return;
    this.#state = "behind";
    void this.#pump();
  }

  /** It may take mail now. Counts in no limit while it may not. */
  get isAdmitted(): boolean {
    return this.#pass === undefined || this.#pass.isOpen;
  }

  /** It is this connection's, and gets nothing. */
  isIdleOf(guard: Guard): boolean {
    return this.#pass?.isClosedTo(guard) === true;
  }

  /** A message became readable. Hands it over at once when nothing stored is waiting before it. */
  push(message: MailMessage, nowMs: number): void {
    if (this.#state !== "live") return;
    if (!this.isAdmitted) {
      this.#state = "behind"; // it is started again when it may
      return;
    }
    if ((this.#ranks & (1 << message.rank)) === 0) return;
    if (message.msgId <= (this.#cursors[message.rank] as number)) return;
    if (message.msgId >= this.#endSeq) return;
    if (this.#sink.full === true) this.#wait();
    else this.#handOver(message, false, nowMs);
  }

  /** A keyed message was taken back without a successor. */
  retract(key: string): void {
    if (this.#state !== "ended" && this.isAdmitted) this.#sink.retracted?.(key);
  }

  /** What it may do has changed. */
  review(): void {
    if (this.#state !== "behind" || !this.isAdmitted) return;
    this.#slot.version += 1; // a look under way may have found the door closed
    this.start();
  }

  end(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    const index = this.#slot.feeds.indexOf(this);
    if (index >= 0) this.#slot.feeds.splice(index, 1);
    this.#host.left(this.#slot);
  }

  #handOver(message: MailMessage, replayed: boolean, nowMs: number): void {
    this.#cursors[message.rank] = message.msgId;
    this.#host.positions.handed(this.#slot, message.rank, message.msgId, nowMs);
    this.#host.meters.deliveries += 1;
    if (!this.#sink.deliver(message, replayed) && this.#state !== "ended") this.#wait();
  }

  #wait(): void {
    this.#state = "full";
    this.#sink.onceWritable(() => {
      if (this.#state !== "full") return;
      this.#state = "behind";
      void this.#pump();
    });
  }

  /** @param opened called after the first page, whatever came of it */
  async #pump(opened?: () => void): Promise<void> {
    if (this.#pumping) {
      opened?.();
      return;
    }
    this.#pumping = true;
    try {
      while (this.#state === "behind") {
        const version = this.#slot.version;
        const removed = this.#slot.beginRead();
        const more = await this.#page(removed).finally(() => this.#slot.endRead(removed));
        opened?.();
        if (this.#state === "behind" && !more && this.#slot.version === version) {
          if (!this.isAdmitted) return;
          this.#state = "live";
          if (this.#endSeq !== Number.POSITIVE_INFINITY) await this.#finish();
        }
      }
    } catch (error) {
      // The state stays `behind`: the feed is started again when the store is back.
      this.#host.readFailed(error);
    } finally {
      this.#pumping = false;
      opened?.();
    }
  }

  /** Ends a replay that has nothing more to come, once that is what the disk says too. */
  async #finish(): Promise<void> {
    const durable = await this.#host.journal.settled().then(
      () => this.#slot.unreadable === undefined,
      () => false, // a drop that failed is none: the feed starts again with the store
    );
    if (durable && this.#state === "live") this.end();
  }

  /** Hands over one page of the first rank that has any. @returns false when no rank had */
  async #page(removed: ReadonlySet<number>): Promise<boolean> {
    const { store, pageMessages, pageBytes } = this.#host;
    for (const rank of ranks) {
      if ((this.#ranks & (1 << rank)) === 0) continue;
      const record = this.#slot.record;
      if (record === undefined || !this.#slot.isLive(this.#host.nowMs())) return false;
      if (!this.isAdmitted) return false;
      const page = await store.messages(record.number, {
        rank,
        afterSeq: this.#cursors[rank] as number,
        limit: pageMessages,
        bytesMax: pageBytes,
      });
      if (this.#slot.record?.number !== record.number) return true;
      const nowMs = this.#host.nowMs();
      for (const stored of page) {
        if (this.#state !== "behind") return true;
        if (!this.#slot.isLive(nowMs) || !this.isAdmitted) return false;
        const gone = nowMs >= stored.expiresAtMs || removed.has(stored.seq);
        if (gone || stored.seq >= this.#endSeq) {
          this.#cursors[rank] = stored.seq;
        } else if (this.#sink.full === true) {
          this.#wait();
        } else {
          this.#handOver(this.#slot.message(stored), true, nowMs);
        }
      }
      if (page.length > 0) return true;
    }
    return false;
  }
}
