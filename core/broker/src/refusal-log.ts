// Who was not let in, or is no longer, as lines of the log. Told by the system of every connection
// that ended so; strangers cause as many as they like, so that only some of each second are written.
// Never writes what somebody signed in with: a name is often a password in the wrong field.
import type { Log } from "./log.ts";

/** Lines in one second; the rest is counted, and told with the next line. */
const linesPerSecond = 5;

/** A connection whose credentials do not hold. */
export interface Refusal {
  /** Why it was closed, as in `/connz`. */
  readonly reason: string;
  readonly address: string;
  /** Number of the connection. */
  readonly client: number;
  /** It had been let in before. */
  readonly wasIn: boolean;
}

export class RefusalLog {
  readonly #log: Log;
  readonly #nowMs: () => number;
  #secondBeganMs = Number.NEGATIVE_INFINITY;
  #written = 0;
  #omitted = 0;

  /** @param nowMs a clock that never goes back */
  constructor(log: Log, nowMs: () => number) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  tell({ reason, address, client, wasIn }: Refusal): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#secondBeganMs >= 1_000) {
      this.#secondBeganMs = nowMs;
      this.#written = 0;
    }
    if (this.#written === linesPerSecond) {
      this.#omitted += 1;
      return;
    }
    this.#written += 1;
    const omitted = this.#omitted === 0 ? {} : { omittedBefore: this.#omitted };
    this.#omitted = 0;
    const what = wasIn ? "a client is no longer let in" : "a client was not let in";
    this.#log.warn(what, { address, client, reason, ...omitted });
  }
}
