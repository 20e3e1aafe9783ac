// The broker's clock: milliseconds since 1970 that never step, whatever is done to the machine's clock
// while the broker runs. It follows the machine's clock by running a little faster or slower, and
// does not follow a jump that somebody, or something, must have made by mistake.

export interface BrokerClock {
  nowMs(): number;
}

/** Where time comes from, both in milliseconds. */
export interface TimeSources {
  /** Since 1970; may be set. */
  wallMs(): number;
  /** Since some instant; never set, never backwards. */
  monotonicMs(): number;
}

const machine: TimeSources = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** A difference to the machine's clock above which that one is not believed. */
const suspectMs = 300_000;
/** The most that this clock runs faster or slower than time. */
const slewMax = 0.1;
/** A difference is made up for within this time, if that is not too fast. */
const slewOverMs = 10_000;
/** How often the machine's clock is looked at. */
const lookEveryMs = 1000;
/** A clock that is ahead of the machine's has to be stored this often: nothing else brings it back. */
export const storeAheadEveryMs = 1000;
/** So far ahead is within the ordinary; a start begins as much ahead. */
const aheadByMs = 20;

/**
 * Starts a moment ahead of the machine's clock, or of the last reading of the store if that is later,
 * so that no reading of the process before is later.
 */
export class SteadyClock implements BrokerClock {
  readonly #sources: TimeSources;
  readonly #onSuspicion: (aheadMs: number | undefined) => void;
  /** A reading, and the monotonic instant it belongs to. */
  #baseMs: number;
  #sinceMs: number;
  /** Milliseconds made up for per millisecond. */
  #slew = 0;
  #suspect = false;
  #latestMs = 0;

  /**
   * @param onSuspicion hears how far the machine's clock is ahead (negative: behind) when it is no
   * longer believed, and undefined when it is again
   */
  constructor(
    storedMs: number,
    onSuspicion: (aheadMs: number | undefined) => void,
    sources: TimeSources = machine,
  ) {
    this.#sources = sources;
    this.#onSuspicion = onSuspicion;
    const wallMs = sources.wallMs();
    this.#baseMs = storedMs > wallMs ? storedMs + 2 * storeAheadEveryMs : wallMs + aheadByMs;
    this.#sinceMs = sources.monotonicMs();
    this.#look(this.#sinceMs);
  }

  /** The machine's clock differs too much to be believed: nothing is thrown away for good meanwhile. */
  get isSuspect(): boolean {
    return this.#suspect;
  }

  /** How far this clock is ahead of the machine's; negative = behind. */
  get aheadMs(): number {
    return this.nowMs() - Math.floor(this.#sources.wallMs());
  }

  /** The machine's clock is behind: a start would not find this reading there. */
  get isAhead(): boolean {
    return this.#sources.wallMs() + aheadByMs < this.nowMs();
  }

  nowMs(): number {
    const monotonicMs = this.#sources.monotonicMs();
    if (monotonicMs - this.#sinceMs >= lookEveryMs) this.#look(monotonicMs);
    const now = Math.floor(this.#at(monotonicMs));
    if (now > this.#latestMs) this.#latestMs = now;
    return this.#latestMs;
  }

  #at(monotonicMs: number): number {
    const elapsedMs = monotonicMs - this.#sinceMs;
    return this.#baseMs + elapsedMs + this.#slew * Math.min(elapsedMs, slewOverMs);
  }

  #look(monotonicMs: number): void {
    this.#baseMs = this.#at(monotonicMs);
    this.#sinceMs = monotonicMs;
    const aheadMs = this.#sources.wallMs() - this.#baseMs;
    const suspect = Math.abs(aheadMs) > suspectMs;
    this.#slew = suspect ? 0 : Math.min(slewMax, Math.max(-slewMax, aheadMs / slewOverMs));
    if (suspect === this.#suspect) return;
    this.#suspect = suspect;
    this.#onSuspicion(suspect ? Math.round(aheadMs) : undefined);
  }
}
