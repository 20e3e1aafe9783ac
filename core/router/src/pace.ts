// How fast one user may publish, with all its connections together: whoever is faster is read more
// slowly, and nothing of it is lost or refused. Kept by authentication, spent by connections.

/** Highest rates of one user. 0 or undefined = none. */
export interface RateLimits {
  /** Messages it publishes, requests and sends to mailboxes among them. */
  readonly messagesPerSecond?: number | undefined;
  /** Messages that others get of it at once: subscribers of plain subjects and of broadcasts. */
  readonly deliveriesPerSecond?: number | undefined;
}

/** This many seconds' worth may come at once after a silence. */
const burstSeconds = 2;

/** Leave that is earned with time. May be overdrawn by one publish, which is paid back by waiting. */
class Leave {
  readonly #perMs: number;
  readonly #most: number;
  #left: number;
  #atMs = 0;

  constructor(perSecond: number) {
    this.#perMs = perSecond / 1_000;
    this.#most = perSecond * burstSeconds;
    this.#left = this.#most;
  }

  /** @returns milliseconds until there is leave again; 0 = there is */
  spend(count: number, nowMs: number): number {
    const earned = Math.max(0, nowMs - this.#atMs) * this.#perMs;
    this.#left = Math.min(this.#most, this.#left + earned) - count;
    this.#atMs = nowMs;
    return this.#left >= 0 ? 0 : -this.#left / this.#perMs;
  }
}

/** The rates of one user. */
export class Pace {
  readonly #messages: Leave | undefined;
  readonly #deliveries: Leave | undefined;

  constructor({ messagesPerSecond = 0, deliveriesPerSecond = 0 }: RateLimits) {
    this.#messages = messagesPerSecond > 0 ? new Leave(messagesPerSecond) : undefined;
    this.#deliveries = deliveriesPerSecond > 0 ? new Leave(deliveriesPerSecond) : undefined;
  }

  /**
   * One message was published.
   * @param deliveries how many got it
   * @param nowMs of a clock that does not step
   * @returns milliseconds to wait before the next is taken
   */
  published(deliveries: number, nowMs: number): number {
    const forMessages = this.#messages?.spend(1, nowMs) ?? 0;
    return Math.max(forMessages, this.#deliveries?.spend(deliveries, nowMs) ?? 0);
  }

  /** A message that was published before got to more of its readers: the next one waits for that. */
  delivered(deliveries: number, nowMs: number): void {
    this.#deliveries?.spend(deliveries, nowMs);
  }
}
