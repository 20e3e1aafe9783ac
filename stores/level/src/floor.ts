// Lower bounds of what is live in a range of keys. LevelDB keeps the graves of removed entries until
// it sorts its tables, and a search walks over each of them: a hundred thousand messages that were
// read and removed cost fifty milliseconds per search from the first. Bounds are learnt from reads.

/** Nothing below `value` is live. Safe to be too low, never too high. */
export class Floor {
  #value = 0;
  #reads: FloorRead[] = [];

  get value(): number {
    return this.#value;
  }

  /** A commit put an entry there. */
  put(value: number): void {
    if (value < this.#value) this.#value = value;
    for (const read of this.#reads) read.lowestPut = Math.min(read.lowestPut, value);
  }

  /** Begins a read from `value` on. What is put until it ends may be missing from its answer. */
  beginRead(): FloorRead {
    const read = { lowestPut: Number.POSITIVE_INFINITY };
    this.#reads.push(read);
    return read;
  }

  /** Ends it. `first`: where the first live entry was found, or below which none was; else undefined. */
  endRead(read: FloorRead, first: number | undefined): void {
    this.#reads = this.#reads.filter((other) => other !== read);
    if (first !== undefined) this.#value = Math.max(this.#value, Math.min(first, read.lowestPut));
  }
}

export interface FloorRead {
  lowestPut: number;
}

/** Mailboxes whose bounds are remembered; the one not asked for longest is forgotten first. */
const mailboxesMax = 32_768;
const ranksPerMailbox = 4;

/** The floors of the messages of each rank, for mailboxes that were read lately. */
export class MessageFloors {
  readonly #floors = new Map<number, readonly Floor[]>();

  of(mailboxNumber: number, rank: number): Floor {
    let floors = this.#floors.get(mailboxNumber);
    if (floors !== undefined) this.#floors.delete(mailboxNumber);
    else floors = Array.from({ length: ranksPerMailbox }, () => new Floor());
    this.#floors.set(mailboxNumber, floors);
    if (this.#floors.size > mailboxesMax) {
      for (const oldest of this.#floors.keys()) {
        this.#floors.delete(oldest);
        break;
      }
    }
    return floors[rank] as Floor;
  }

  put(mailboxNumber: number, rank: number, seq: number): void {
    this.#floors.get(mailboxNumber)?.[rank]?.put(seq);
  }
}
