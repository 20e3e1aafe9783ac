// The changes of one commit, written straight into a LevelDB batch. LevelDB copies key and value
// within each call, so one scratch buffer serves them all. Made and committed by ./level-store.ts.
import type { Rank } from "@mq9/protocol";
import {
  type DueEntry,
  type MailboxRecord,
  type MessagePlace,
  type MessageRecord,
  type StoreBatch,
  StoreError,
} from "@mq9/store";
import type { ChainedBatch, ClassicLevel } from "classic-level";
import {
  spaces,
  startCountersKey,
  startDueKey,
  startGarbageKey,
  startMailboxKey,
  startMessageKey,
  startNamedKey,
  startRingKey,
} from "./keys.ts";
import type { RecordWriter } from "./record-writer.ts";
import {
  writeBytes,
  writeMailbox,
  writeMessage,
  writeNumbers,
  writePlace,
  writeText,
} from "./records.ts";

export type Level = ClassicLevel<Buffer, Buffer>;
type Chain = ChainedBatch<Level, Buffer, Buffer>;

export class LevelBatch implements StoreBatch {
  operations = 0;
  bytes = 0;
  /** The earliest instant that `putDue` was given; `Infinity` = none. */
  earliestDueMs: number = Number.POSITIVE_INFINITY;
  /** Mailbox number, rank and seq of each message put, one after the other. */
  readonly places: number[] = [];
  readonly #db: Level;
  readonly #writer: RecordWriter;
  #chain: Chain | undefined;
  #taken = false;

  constructor(db: Level, writer: RecordWriter) {
    this.#db = db;
    this.#writer = writer;
  }

  /** Whether it was made since the database was opened, and not committed yet. */
  canBeCommittedTo(db: Level): boolean {
    return this.#db === db && !this.#taken;
  }

  /** Writes the batch with the number of its commit, and syncs. Once only. */
  async write(commit: number, slot: number): Promise<void> {
    startRingKey(this.#writer, slot);
    writeNumbers(this.#writer, commit);
    this.#put();
    const chain = this.#chain;
    this.#taken = true;
    this.#chain = undefined;
    await chain?.write({ sync: true });
  }

  putMailbox(record: MailboxRecord): void {
    startMailboxKey(this.#writer, record.key);
    writeMailbox(this.#writer, record);
    this.#put();
  }

  removeMailbox(key: string): void {
    startMailboxKey(this.#writer, key);
    this.#remove();
  }

  putMessage(mailboxNumber: number, message: MessageRecord): void {
    startMessageKey(this.#writer, mailboxNumber, message);
    writeMessage(this.#writer, message);
    this.#put();
    this.places.push(mailboxNumber, message.rank, message.seq);
  }

  removeMessage(mailboxNumber: number, rank: Rank, seq: number): void {
    startMessageKey(this.#writer, mailboxNumber, { rank, seq });
    this.#remove();
  }

  putKeyPlace(mailboxNumber: number, key: string, place: MessagePlace): void {
    startNamedKey(this.#writer, spaces.keyPlace, { mailboxNumber, name: key });
    writePlace(this.#writer, place);
    this.#put();
  }

  removeKeyPlace(mailboxNumber: number, key: string): void {
    startNamedKey(this.#writer, spaces.keyPlace, { mailboxNumber, name: key });
    this.#remove();
  }

  putCursor(mailboxNumber: number, name: string, value: Uint8Array): void {
    startNamedKey(this.#writer, spaces.cursor, { mailboxNumber, name });
    writeBytes(this.#writer, value);
    this.#put();
  }

  removeCursor(mailboxNumber: number, name: string): void {
    startNamedKey(this.#writer, spaces.cursor, { mailboxNumber, name });
    this.#remove();
  }

  putDue(entry: DueEntry): void {
    startDueKey(this.#writer, entry.atMs, entry.mailboxNumber);
    writeText(this.#writer, entry.mailboxKey);
    this.#put();
    this.earliestDueMs = Math.min(this.earliestDueMs, entry.atMs);
  }

  removeDue(atMs: number, mailboxNumber: number): void {
    startDueKey(this.#writer, atMs, mailboxNumber);
    this.#remove();
  }

  putGarbage(mailboxNumber: number): void {
    startGarbageKey(this.#writer, mailboxNumber);
    writeBytes(this.#writer, nothing);
    this.#put();
  }

  putCounters(nextMailboxNumber: number, clockMs: number): void {
    startCountersKey(this.#writer);
    writeNumbers(this.#writer, nextMailboxNumber, clockMs);
    this.#put();
  }

  /** Hands over the record that lies in the writer. */
  #put(): void {
    const value = this.#writer.sealedValue();
    const key = this.#writer.key();
    this.#open().put(key, value);
    this.operations += 1;
    this.bytes += key.length + value.length;
  }

  #remove(): void {
    const key = this.#writer.key();
    this.#open().del(key);
    this.operations += 1;
    this.bytes += key.length;
  }

  #open(): Chain {
    if (this.#chain !== undefined) return this.#chain;
    if (this.#taken) throw new StoreError("closed", "the batch was committed already");
    if (this.#db.status !== "open") throw new StoreError("closed", "the store is not open");
    this.#chain = this.#db.batch();
    return this.#chain;
  }
}

const nothing = new Uint8Array(0);
