// Counts and times of what the broker does, as plain numbers that cost an addition each. Written by
// whoever does the work, read by monitoring; nobody decides anything by them.
import { performance } from "node:perf_hooks";
import { type CommitObserver, Histogram, MailMeters } from "@mq9/mailbox";
import type { Mq9ErrorCode } from "@mq9/protocol";

/** Upper bounds in milliseconds: from what memory takes to what a person notices. */
const latencyBoundsMs = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000,
];
/** Up to the longest wait of a FETCH. */
const waitBoundsMs = [1, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000, 30_000, 60_000, 300_000];
const sizeBounds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/**
 * The time of the current turn of the event loop: read once for all that happens in it, because one
 * reading costs more than everything else that is counted.
 */
export class TurnClock {
  /** Microseconds, the lower 32 bits: small integers cost no memory where they are kept. */
  #micros = 0;
  #isRead = false;

  /** The instant of this turn, to be given to `msSince`. */
  mark(): number {
    if (!this.#isRead) {
      this.#isRead = true;
      this.#micros = Math.floor(performance.now() * 1_000) | 0;
      queueMicrotask(this.#forget);
    }
    return this.#micros;
  }

  /** Milliseconds since a mark, which is not older than half an hour. */
  msSince(mark: number): number {
    return ((this.mark() - mark) | 0) / 1_000;
  }

  readonly #forget = (): void => {
    this.#isRead = false;
  };
}

/** Everything that is counted beside what the router counts. Numbers only grow unless noted. */
export class Meters implements CommitObserver {
  readonly turn: TurnClock = new TurnClock();
  /** What the domain counts. */
  readonly mail: MailMeters = new MailMeters();
  /** Messages that were durably stored for a publisher. */
  sendsAccepted = 0;
  /** Publishes to mailboxes that were not stored, by the reason. */
  readonly sendsRefused: Map<Mq9ErrorCode, number> = new Map();
  /** FETCHes that wait for mail right now. */
  waitingFetches = 0;
  /** From the bytes of a publish to its message being durable. */
  readonly sendMs: Histogram = new Histogram(latencyBoundsMs);
  /** From a FETCH to its answer. */
  readonly fetchMs: Histogram = new Histogram(waitBoundsMs);
  readonly commitMs: Histogram = new Histogram(latencyBoundsMs);
  /** Changes in one commit. */
  readonly commitChanges: Histogram = new Histogram(sizeBounds);
  commitsFailed = 0;
  /** When the commit under way began, by `performance.now()`; undefined = none is. */
  commitSinceMs: number | undefined = undefined;

  /** A publish ended. @param arrived a mark of `turn` */
  sent(code: Mq9ErrorCode | undefined, arrived: number): void {
    if (code !== undefined) {
      this.refused(code);
      return;
    }
    this.sendsAccepted += 1;
    this.sendMs.observe(this.turn.msSince(arrived));
  }

  refused(code: Mq9ErrorCode): void {
    this.sendsRefused.set(code, (this.sendsRefused.get(code) ?? 0) + 1);
  }

  commitBegan(changes: number): void {
    this.commitSinceMs = performance.now();
    this.commitChanges.observe(changes);
  }

  commitEnded(stored: boolean): void {
    if (!stored) this.commitsFailed += 1;
    else if (this.commitSinceMs !== undefined) {
      this.commitMs.observe(performance.now() - this.commitSinceMs);
    }
    this.commitSinceMs = undefined;
  }
}
