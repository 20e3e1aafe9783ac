// Buffers that outgoing bytes are gathered in. Shared by all connections of a router: a connection
// holds one only while it has something to say.

import { viewOf } from "@mq9/wire";

/**
 * Size of one slab in bytes; one write carries at most this much. What comes in with one read of
 * 64 KiB goes out a little longer to one reader, and should still be one write.
 */
export const slabBytes = 98_304;
/** Slabs kept for later; more are left to the garbage collector. */
const spareMax = 64;

/** A buffer and a view of the same bytes. */
export class Slab {
  readonly bytes: Buffer = Buffer.allocUnsafeSlow(slabBytes);
  readonly view: DataView = viewOf(this.bytes);
}

/** Spare slabs. */
export class SlabPool {
  readonly #spare: Slab[] = [];

  take(): Slab {
    return this.#spare.pop() ?? new Slab();
  }

  /** @param slab nobody refers to its bytes any more */
  give(slab: Slab): void {
    if (this.#spare.length < spareMax) this.#spare.push(slab);
  }
}
