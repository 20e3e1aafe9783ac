// The one timer of the broker: calls back at the earliest instant anybody asked for.
import type { BrokerClock } from "./clock.ts";

/** Node fires timers at once when the delay is longer than this (2^31 - 1 ms). */
const delayMaxMs = 2_147_483_647;

export class Alarm {
  readonly #clock: BrokerClock;
  readonly #ring: () => void;
  #atMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: BrokerClock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Rings at this instant, unless something earlier was asked for already. */
  setFor(atMs: number): void {
    if (atMs >= this.#atMs) return;
    this.#atMs = atMs;
    clearTimeout(this.#timer);
    const delayMs = Math.min(Math.max(0, atMs - this.#clock.nowMs()), delayMaxMs);
    this.#timer = setTimeout(this.#due, delayMs);
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#atMs = Number.POSITIVE_INFINITY;
  }

  readonly #due = (): void => {
    const atMs = this.#atMs;
    this.#atMs = Number.POSITIVE_INFINITY;
    if (atMs > this.#clock.nowMs()) this.setFor(atMs);
    else this.#ring();
  };
}
