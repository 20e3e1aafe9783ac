// Bounds of what is live in a range of keys, learnt from reads. LevelDB keeps the graves of removed
// entries until it sorts its tables, and a search walks over each of them: a hundred thousand messages
// that were read and removed cost fifty milliseconds per search from the first. And every search leaves
// an iterator for the garbage collector, which stops the process for as long as there are thousands:
// between close bounds the messages are looked up by number, and an empty range costs nothing.

/** Nothing below `first` and nothing above `last` is live. Both are safe when they are too wide. */
export class Bounds {
  #first = 0;
  #last = Number.POSITIVE_INFINITY;
  #reads: BoundsRead[] = [];

  get first(): number {
    return this.#first;
  }

  get last(): number {
    return this.#last;
  }

  /** A commit put an entry there. */
  put(value: number): void {
    if (value < this.#first) this.#first = value;
    if (value > this.#last) this.#last = value;
    for (const read of this.#reads) {
      read.lowestPut = Math.min(read.lowestPut, value);
      read.highestPut = Math.max(read.highestPut, value);
    }
  }

  /** Begins a read. What is put until it ends may be missing from its answer. */
  beginRead(): BoundsRead {
    const read = { lowestPut: Number.POSITIVE_INFINITY, highestPut: -1 };
    this.#reads.push(read);
    return read;
  }

  /** Ends it with what it learnt: below `first` or above `last` it found nothing; undefined = not known. */
  endRead(read: BoundsRead, { first, last }: LearntBounds): void {
    this.#reads = this.#reads.filter((other) => other !== read);
    if (first !== undefined) this.#first = Math.max(this.#first, Math.min(first, read.lowestPut));
    if (last !== undefined) this.#last = Math.min(this.#last, Math.max(last, read.highestPut));
  }
}

export interface LearntBounds {
  first?: number | undefined;
  last?: number | undefined;
}

interface BoundsRead {
  lowestPut: number;
  highestPut: number;
}

/** Mailboxes whose bounds are remembered; the one learnt first is forgotten first. */
const mailboxesMax = 32_768;
const ranksPerMailbox = 4;

/** The bounds of the messages of each rank, for mailboxes that were read. */
export class MessageBounds {
  readonly #bounds = new Map<number, readonly Bounds[]>();

  of(mailboxNumber: number, rank: number): Bounds {
    let bounds = this.#bounds.get(mailboxNumber);
    if (bounds === undefined) {
      bounds = Array.from({ length: ranksPerMailbox }, () => new Bounds());
      this.#bounds.set(mailboxNumber, bounds);
      this.#forgetBeyond(mailboxesMax);
    }
    return bounds[rank] as Bounds;
  }

  #forgetBeyond(most: number): void {
    if (this.#bounds.size <= most) return;
    for (const oldest of this.#bounds.keys()) {
      this.#bounds.delete(oldest);
      return;
    }
  }

  put(mailboxNumber: number, rank: number, seq: number): void {
    this.#bounds.get(mailboxNumber)?.[rank]?.put(seq);
  }
}
