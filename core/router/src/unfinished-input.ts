// Counts the memory of operations that began and are not whole yet, of all connections together, and
// ends the slowest when it is too much. Told by connections after each chunk; knows no sockets.

import type { Connection } from "./connection.ts";

/** At the cap this part of it is made free, so that not every chunk looks at all connections. */
const freePart = 10;

/** Unfinished operations of one router. */
export class UnfinishedInput {
  /** Connections closed because all unfinished input together was too much. */
  cuts = 0;
  readonly #bytesMax: () => number;
  #heldBytes = 0;
  /** What each holds; first the one whose operation began first. */
  readonly #holders = new Map<Connection, number>();

  /** @param bytesMax the cap of today */
  constructor(bytesMax: () => number) {
    this.#bytesMax = bytesMax;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * A connection holds more, or less.
   * @param isSame it is still the operation it was before
   */
  hold(connection: Connection, isSame: boolean, moreBytes: number): void {
    const bytes = (this.#holders.get(connection) ?? 0) + moreBytes;
    this.#heldBytes += moreBytes;
    if (!isSame || bytes === 0) this.#holders.delete(connection);
    if (bytes !== 0) this.#holders.set(connection, bytes);
    if (this.#heldBytes > this.#bytesMax()) this.#cutOldest();
  }

  /** The connection ended. */
  drop(connection: Connection, bytes: number): void {
    this.#holders.delete(connection);
    this.#heldBytes -= bytes;
  }

  /** Who finishes soon stays: first those that did not even say CONNECT, then the oldest. */
  #cutOldest(): void {
    const untilBytes = this.#bytesMax() * (1 - 1 / freePart);
    for (const isOpen of [false, true]) {
      for (const connection of this.#holders.keys()) {
        if (this.#heldBytes <= untilBytes) return;
        if ((connection.state === "OPEN") !== isOpen) continue;
        this.cuts++;
        connection.abort("Too Much Unfinished Input");
      }
    }
  }
}
