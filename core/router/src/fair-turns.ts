// Lets connections whose bytes take long go on one after the other, a few per turn of the event loop, so
// that everybody else is heard in between. Filled by connections that worked for a whole turn.

import type { Connection } from "./connection.ts";

/** Connections that go on in one turn of the event loop. */
const perTurn = 2;

/** Work, in units of about 0.1 µs, after which a connection lets others go first. */
export const turnWorkMax = 100_000;

/** What operations cost, in the same units; a delivery is one, and one more for each KiB. */
export const workOf = {
  ping: 10,
  subscribe: 300,
  unsubscribe: 150,
  connect: 1_000,
  owned: 100,
  noResponders: 100,
  /** Looking a subject up that is not cached, and each node of the index on the way. */
  match: 60,
  node: 3,
} as const;

/** Connections that have more to do. */
export class FairTurns {
  readonly #waiting: Pick<Connection, "goOn">[] = [];
  #isScheduled = false;

  /** The connection goes on when its turn comes. */
  add(connection: Pick<Connection, "goOn">): void {
    this.#waiting.push(connection);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#waiting.length === 0) return;
    this.#isScheduled = true;
    setImmediate(this.#next);
  }

  readonly #next = (): void => {
    this.#isScheduled = false;
    // Who has still more to do queues up again behind the others.
    for (const connection of this.#waiting.splice(0, perTurn)) connection.goOn();
    this.#schedule();
  };
}
