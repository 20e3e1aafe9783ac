// Buffers that outgoing bytes are gathered in, and the count of all memory that output holds. Shared
// by all connections of a router: a connection holds a slab only while it has something to say.

import { viewOf } from "@mq9/wire";

/**
 * Sizes of slabs in bytes. The smallest keeps ten thousand readers that got one message each small;
 * the middle one takes any message that is copied; the largest is one write of a busy connection: what
 * comes in with one read of 64 KiB goes out a little longer to one reader, and should still be one
 * write.
 */
export const slabSizes = [4_096, 24_576, 98_304] as const;
/** The largest. */
export const slabBytes: number = slabSizes[2];
/** Slabs of each size kept for later; more are left to the garbage collector. */
const spareMax = [1_024, 64, 64];

/** A buffer and a view of the same bytes. */
export class Slab {
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Index of its size; that of a slab made for one long message is none. */
  readonly level: number;

  constructor(size: number, level: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.view = viewOf(this.bytes);
    this.level = level;
  }
}

/** Spare slabs, and what all outboxes of a router hold together. */
export class SlabPool {
  /** Beyond it an outbox that needs more tells its owner first. */
  alarmBytes: number = Number.POSITIVE_INFINITY;
  readonly #spare: Slab[][] = slabSizes.map(() => []);
  #heldBytes = 0;
  /** Runs sent from where they are, by the memory they lie in: many readers share one. */
  readonly #shared = new Map<ArrayBufferLike, number>();

  /** Bytes of memory that output holds: slabs in use, and shared runs, each counted once. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Takes a slab.
   * @param length what has to fit
   * @param level the smallest size that makes sense
   */
  take(length: number, level: number): Slab {
    let at = level;
    while (at < slabSizes.length && length > (slabSizes[at] as number)) at++;
    const size = slabSizes[at] ?? length;
    this.#heldBytes += size;
    return this.#spare[at]?.pop() ?? new Slab(size, at);
  }

  /** @param slab nobody refers to its bytes any more */
  give(slab: Slab): void {
    this.#heldBytes -= slab.bytes.length;
    const spare = this.#spare[slab.level];
    if (spare !== undefined && spare.length < (spareMax[slab.level] as number)) spare.push(slab);
  }

  /** Stops counting a slab that its transport may still refer to. */
  forget(slab: Slab): void {
    this.#heldBytes -= slab.bytes.length;
  }

  /** Counts a run that waits where it is. */
  hold(bytes: Buffer): void {
    const holders = this.#shared.get(bytes.buffer) ?? 0;
    if (holders === 0) this.#heldBytes += bytes.buffer.byteLength;
    this.#shared.set(bytes.buffer, holders + 1);
  }

  /** One reader less waits for a run. */
  release(bytes: Buffer): void {
    const holders = this.#shared.get(bytes.buffer) ?? 0;
    if (holders > 1) {
      this.#shared.set(bytes.buffer, holders - 1);
    } else if (this.#shared.delete(bytes.buffer)) {
      this.#heldBytes -= bytes.buffer.byteLength;
    }
  }
}
