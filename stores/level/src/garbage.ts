// Finds what is left of mailbox numbers that were given up, a slice at a time. Remembers where it
// stopped, so no slice walks over what the slices before it removed. Never removes anything itself.
import { afterPrefix, mailboxPrefix, spaces, u48Max } from "./keys.ts";
import type { Level } from "./level-batch.ts";

/** Keys removed per slice: about a millisecond of work. */
const keysPerSlice = 1000;
/** Mailboxes looked through per slice; each costs three searches, even when it is empty. */
const mailboxesPerSlice = 100;
/** Mailbox numbers fetched in one go. */
const numbersPerPage = 1000;

const clearedSpaces = [spaces.message, spaces.keyPlace, spaces.cursor] as const;

export class GarbageCollector {
  readonly #db: Level;
  /** Mailbox numbers known to be garbage, the one being cleared first. */
  #numbers: number[] = [];
  /** Where the clearing of the first one stopped. */
  #spaceIndex = 0;
  #lastKey: Buffer | undefined;

  constructor(db: Level) {
    this.#db = db;
  }

  /** The keys to remove next, none when there is no garbage. The caller removes them all at once. */
  async nextSlice(): Promise<Buffer[]> {
    const keys: Buffer[] = [];
    for (let mailboxes = 0; mailboxes < mailboxesPerSlice; mailboxes += 1) {
      if (this.#numbers.length === 0) {
        // What this slice holds is not removed yet and would be found again.
        if (keys.length > 0) break;
        this.#numbers = await this.#page();
      }
      const number = this.#numbers[0];
      if (number === undefined || !(await this.#gather(number, keys))) break;
      keys.push(mailboxPrefix(spaces.garbage, number));
      this.#numbers.shift();
    }
    return keys;
  }

  /** Whether anything is left, once the last slice was removed. */
  async isLeft(): Promise<boolean> {
    if (this.#numbers.length === 0) this.#numbers = await this.#page();
    return this.#numbers.length > 0;
  }

  /** Adds keys of one mailbox. @returns false when the slice is full before the mailbox is empty. */
  async #gather(mailboxNumber: number, keys: Buffer[]): Promise<boolean> {
    for (;;) {
      const space = clearedSpaces[this.#spaceIndex];
      if (space === undefined) break;
      const prefix = mailboxPrefix(space, mailboxNumber);
      const from = this.#lastKey === undefined ? { gte: prefix } : { gt: this.#lastKey };
      const room = keysPerSlice - keys.length;
      if (room <= 0) return false;
      const found = await this.#keys({ ...from, lt: afterPrefix(prefix) }, room);
      for (const key of found) keys.push(key);
      this.#lastKey = found.length < room ? undefined : found.at(-1);
      if (this.#lastKey === undefined) this.#spaceIndex += 1;
    }
    this.#spaceIndex = 0;
    return true;
  }

  async #page(): Promise<number[]> {
    const gte = mailboxPrefix(spaces.garbage, 0);
    const lte = mailboxPrefix(spaces.garbage, u48Max);
    const keys = await this.#keys({ gte, lte }, numbersPerPage);
    return keys.map((key) => key.readUIntBE(1, 6));
  }

  async #keys(
    range: { gt?: Buffer; gte?: Buffer; lt?: Buffer; lte?: Buffer },
    limit: number,
  ): Promise<Buffer[]> {
    const iterator = this.#db.keys({ ...range, highWaterMarkBytes: 1024 * 1024 });
    try {
      return await iterator.nextv(limit);
    } finally {
      await iterator.close();
    }
  }
}
