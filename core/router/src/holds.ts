// Keeps `+OK` and `PONG` of one connection in order behind what an owner still has to finish. Made
// by a connection when the first hold opens; it never exists on the way of ordinary traffic.

import type { Hold } from "./subject-space.ts";

/** Answers that can wait. */
export type Answer = "ok" | "pong";

/** Some holds, and the answers that wait for them and for all before them. */
class Segment {
  open = 0;
  /** Runs of equal answers: which, how often. */
  readonly answers: Answer[] = [];
  readonly counts: number[] = [];

  defer(answer: Answer): void {
    const last = this.answers.length - 1;
    if (this.answers[last] === answer) {
      (this.counts[last] as number)++;
    } else {
      this.answers.push(answer);
      this.counts.push(1);
    }
  }
}

/** The holds of one connection. */
export class Holds {
  readonly #emit: (answer: Answer) => void;
  readonly #segments: Segment[] = [];
  #deferred = 0;

  /** @param emit sends one answer whose turn has come */
  constructor(emit: (answer: Answer) => void) {
    this.#emit = emit;
  }

  /** No hold is open, so answers need not wait. */
  get isEmpty(): boolean {
    return this.#segments.length === 0;
  }

  /** Answers that wait. */
  get deferred(): number {
    return this.#deferred;
  }

  /** Opens a hold: answers deferred from now on wait for it. */
  open(): Hold {
    let last = this.#segments.at(-1);
    if (last === undefined || last.answers.length > 0) {
      last = new Segment();
      this.#segments.push(last);
    }
    last.open++;
    return new OpenHold(this, last);
  }

  /** Puts an answer behind all open holds. There must be one. */
  defer(answer: Answer): void {
    this.#segments.at(-1)?.defer(answer);
    this.#deferred++;
  }

  /** The connection ended: nothing waits any more. */
  clear(): void {
    this.#segments.length = 0;
    this.#deferred = 0;
  }

  /** Sends the answers that no hold keeps back any more. */
  advance(): void {
    for (;;) {
      const first = this.#segments[0];
      if (first === undefined || first.open > 0) return;
      this.#segments.shift();
      for (const [at, answer] of first.answers.entries()) {
        const count = first.counts[at] as number;
        this.#deferred -= count;
        for (let sent = 0; sent < count; sent++) this.#emit(answer);
      }
    }
  }
}

class OpenHold implements Hold {
  #holds: Holds | undefined;
  readonly #segment: Segment;

  constructor(holds: Holds, segment: Segment) {
    this.#holds = holds;
    this.#segment = segment;
  }

  release(): void {
    const holds = this.#holds;
    if (holds === undefined) return;
    this.#holds = undefined;
    this.#segment.open--;
    holds.advance();
  }
}
