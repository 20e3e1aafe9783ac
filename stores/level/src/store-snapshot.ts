// Everything a store holds at one instant, as raw records, for a backup. Made by ./level-store.ts while
// the store goes on; reads a snapshot of LevelDB, so commits neither wait for it nor show up in it.
// Never decodes more than it needs for its figures, and never leaves out what is damaged.
import { StoreError } from "@mq9/store";
import type { Iterator, Snapshot } from "classic-level";
import { toStoreError } from "./errors.ts";
import { mailboxPrefix, spaces, u48Max } from "./keys.ts";
import type { Level } from "./level-batch.ts";
import { isSealed } from "./record-writer.ts";
import { readMailbox } from "./records.ts";

/** One record as it lies on the disk, its checksum included. Keys never repeat and ascend. */
export type RawRecord = readonly [key: Uint8Array, value: Uint8Array];

/** What went through so far. */
export interface RecordFigures {
  readonly records: number;
  /** Bytes of keys and values. */
  readonly bytes: number;
  /** Mailboxes that are there; names that were dropped do not count. */
  readonly mailboxes: number;
  /** Delayed messages and dead letters among them. */
  readonly messages: number;
  /** Records whose checksum does not fit. */
  readonly damaged: number;
}

/** The records of a store at one instant. To be closed: LevelDB keeps what it shows until then. */
export interface StoreSnapshot extends AsyncDisposable {
  readonly figures: RecordFigures;
  /** The next records, about a mebibyte; none at the end. @throws {StoreError} `io`, `corrupt`, `closed` */
  next(): Promise<readonly RawRecord[]>;
  close(): Promise<void>;
}

const recordsPerHop = 1000;
const bytesPerHop = 1024 * 1024;
const clearedSpaces: ReadonlySet<number> = new Set([
  spaces.message,
  spaces.keyPlace,
  spaces.cursor,
]);

/** @param db open, and not failed */
export async function takeSnapshot(db: Level): Promise<StoreSnapshot> {
  const snapshot = db.snapshot();
  try {
    const garbage = new Set<number>();
    const from = mailboxPrefix(spaces.garbage, 0);
    const numbers = { gte: from, lte: mailboxPrefix(spaces.garbage, u48Max), snapshot };
    for await (const key of db.keys(numbers)) garbage.add(key.readUIntBE(1, 6));
    return new LevelSnapshot(db, snapshot, garbage);
  } catch (cause) {
    await snapshot.close();
    throw toStoreError(cause, "cannot read the store");
  }
}

class LevelSnapshot implements StoreSnapshot {
  readonly #snapshot: Snapshot;
  readonly #iterator: Iterator<Level, Buffer, Buffer>;
  /** Mailbox numbers that were given up; what lies under them is left out. */
  readonly #garbage: ReadonlySet<number>;
  readonly #tally = new RecordTally();

  constructor(db: Level, snapshot: Snapshot, garbage: ReadonlySet<number>) {
    this.#snapshot = snapshot;
    this.#garbage = garbage;
    this.#iterator = db.iterator({
      gt: Buffer.from([spaces.meta]),
      lt: Buffer.from([spaces.garbage]),
      highWaterMarkBytes: bytesPerHop,
      fillCache: false,
      snapshot,
    });
  }

  get figures(): RecordFigures {
    return this.#tally.figures;
  }

  async next(): Promise<readonly RawRecord[]> {
    try {
      for (;;) {
        const entries = await this.#iterator.nextv(recordsPerHop);
        if (entries.length === 0) return [];
        const kept = this.#kept(entries);
        if (kept.length > 0) return kept;
      }
    } catch (cause) {
      throw toStoreError(cause, "cannot read the store");
    }
  }

  async close(): Promise<void> {
    await this.#iterator.close();
    await this.#snapshot.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #kept(entries: readonly [Buffer, Buffer][]): RawRecord[] {
    const kept: RawRecord[] = [];
    for (const entry of entries) {
      const [key, value] = entry;
      if (isFence(key) || isRing(key)) continue;
      if (clearedSpaces.has(key[0] as number) && key.length >= 7) {
        const number = key.readUIntBE(1, 6);
        if (this.#garbage.has(number)) {
          this.#iterator.seek(mailboxPrefix(key[0] as number, number + 1));
          return kept;
        }
      }
      this.#tally.add(key, value);
      kept.push(entry);
    }
    return kept;
  }
}

/** Counts records; who writes them and who reads them back must come to the same. */
export class RecordTally {
  #figures = { records: 0, bytes: 0, mailboxes: 0, messages: 0, damaged: 0 };

  get figures(): RecordFigures {
    return this.#figures;
  }

  add(key: Uint8Array, value: Uint8Array): void {
    const [keyBytes, valueBytes] = [asBuffer(key), asBuffer(value)];
    const figures = this.#figures;
    figures.records += 1;
    figures.bytes += key.length + value.length;
    if (!isSealed(keyBytes, valueBytes)) figures.damaged += 1;
    else if (key[0] === spaces.message) figures.messages += 1;
    else if (key[0] === spaces.mailbox && isThere(keyBytes, valueBytes)) figures.mailboxes += 1;
  }
}

function isThere(key: Buffer, value: Buffer): boolean {
  try {
    return !readMailbox(key, value).dropped;
  } catch (error) {
    // Sealed and yet not readable: written by a newer release; it is a mailbox all the same.
    if (error instanceof StoreError) return true;
    throw error;
  }
}

/** Made anew where the records are put back. */
function isFence(key: Uint8Array): boolean {
  return key.length === 1;
}

/** The ring proves that no commit is missing from one folder; in another one commits begin anew. */
function isRing(key: Uint8Array): boolean {
  return key[0] === spaces.meta && key[1] === 0x72;
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
