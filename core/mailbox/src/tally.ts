// What lies in a mailbox and in an account, counted as it is staged: quotas and INSPECT look here.
// Written late with the commits that change it, so a count is exact after any crash and no start
// reads mailboxes. Decides nothing; who refuses is in ./commands.
import { type Store, type StoreBatch, StoreError } from "@mq9/store";
import type { Journal, LateWriter } from "./journal.ts";

/** The cursor beside a mailbox that holds its counts. */
export const tallyName = "t";
/** Account totals lie beside this number, which no mailbox has, named by the account. */
export const totalsNumber = 0;

/** The counts of a mailbox that only takes mail are written after so much; a load reads the rest. */
const unwrittenMessagesMax = 256;
const unwrittenBytesMax = 1_048_576;
/** A mailbox that is read into memory time and again shall not be counted again each time. */
const recountedMax = 16;

const formatVersion = 1;

/** Bytes of a message as every limit counts them: payload and headers. */
export function messageBytes(message: {
  readonly payload: Uint8Array;
  readonly headers?: Uint8Array | undefined;
}): number {
  return message.payload.length + (message.headers === undefined ? 0 : message.headers.length);
}

/** The counts of one life of a mailbox. */
export class MailboxTally implements LateWriter {
  readonly mailboxNumber: number;
  /** Stored and visible, and their bytes. A message that ended counts until it is swept. */
  messages = 0;
  bytes = 0;
  /** Accepted and not visible yet, and their bytes. */
  scheduled = 0;
  scheduledBytes = 0;
  /** Messages with numbers below are in the counts. */
  countedSeq = 0;
  /** False once its account counts it no more: its end was noticed. */
  inAccount = true;
  /** The counts were found in the store. A store of format 1 has none. */
  isStored = false;
  #unwrittenMessages = 0;
  #unwrittenBytes = 0;
  /** The open batch that writes these counts when it closes. */
  #writtenBy: StoreBatch | undefined;
  #garbage = false;

  constructor(mailboxNumber: number) {
    this.mailboxNumber = mailboxNumber;
  }

  /** The counts as they were last written; what is newer has to be counted again. */
  static decode(mailboxNumber: number, bytes: Uint8Array | undefined): MailboxTally {
    const tally = new MailboxTally(mailboxNumber);
    if (bytes === undefined || bytes.length < tallyBytes || bytes[0] !== formatVersion) {
      return tally;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    tally.isStored = true;
    tally.inAccount = view.getUint8(1) === 1;
    tally.messages = view.getFloat64(2);
    tally.bytes = view.getFloat64(10);
    tally.scheduled = view.getFloat64(18);
    tally.scheduledBytes = view.getFloat64(26);
    tally.countedSeq = view.getFloat64(34);
    return tally;
  }

  /** Counts a message. */
  added(seq: number, bytes: number): void {
    this.messages += 1;
    this.bytes += bytes;
    this.countedSeq = seq + 1;
    this.#unwrittenMessages += 1;
    this.#unwrittenBytes += bytes;
  }

  /** Enough was counted since the last writing that it has to be written again. */
  get isOverdue(): boolean {
    return (
      this.#unwrittenMessages >= unwrittenMessagesMax || this.#unwrittenBytes >= unwrittenBytesMax
    );
  }

  /** A load counted what was not written: many of those, or all, are written with the next message. */
  reloaded(endSeq: number): void {
    this.countedSeq = endSeq;
    if (!this.isStored || this.#unwrittenMessages >= recountedMax)
      this.#unwrittenMessages = unwrittenMessagesMax;
  }

  /** Writes the counts with `batch`, which is open. */
  write(batch: StoreBatch, journal: Journal): void {
    if (this.#writtenBy === batch) return;
    this.#writtenBy = batch;
    journal.writeLate(this);
  }

  /** The mailbox number is garbage: nothing may be written beside it any more. */
  discard(): void {
    this.#garbage = true;
  }

  writeLate(batch: StoreBatch): void {
    this.#writtenBy = undefined;
    this.#unwrittenMessages = 0;
    this.#unwrittenBytes = 0;
    if (this.#garbage) return;
    const view = new DataView(new ArrayBuffer(tallyBytes));
    view.setUint8(0, formatVersion);
    view.setUint8(1, this.inAccount ? 1 : 0);
    view.setFloat64(2, this.messages);
    view.setFloat64(10, this.bytes);
    view.setFloat64(18, this.scheduled);
    view.setFloat64(26, this.scheduledBytes);
    view.setFloat64(34, this.countedSeq);
    batch.putCursor(this.mailboxNumber, tallyName, new Uint8Array(view.buffer));
  }
}

const tallyBytes = 42;

/** The counts of all mailboxes of one account, but for those the broker keeps. */
export class AccountTally implements LateWriter {
  readonly name: string;
  mailboxes = 0;
  /** Of all its mailboxes, scheduled ones included. */
  messages = 0;
  bytes = 0;
  readonly #store: Store;
  readonly #journal: Journal;
  readonly #damaged: (error: unknown) => void;
  #loaded = false;
  #loading: Promise<void> | undefined;
  /** How often the store was reopened. */
  #life = 0;
  /** The open batch that writes these counts when it closes. */
  #writtenBy: StoreBatch | undefined;

  /** @param damaged told when the stored totals can not be read; they begin at nothing then */
  constructor(name: string, store: Store, journal: Journal, damaged: (error: unknown) => void) {
    this.name = name;
    this.#store = store;
    this.#journal = journal;
    this.#damaged = damaged;
  }

  /** Resolves when the counts are those of the store and what was staged since. Rejects like a read. */
  async load(): Promise<void> {
    while (!this.#loaded) {
      const loading = (this.#loading ??= this.#read());
      try {
        await loading;
      } finally {
        if (this.#loading === loading) this.#loading = undefined;
      }
    }
  }

  get isLoaded(): boolean {
    return this.#loaded;
  }

  /** The store was reopened: what memory counted may not be in it. */
  forget(): void {
    this.#loaded = false;
    this.#loading = undefined;
    this.#life += 1;
  }

  /** Counts a change with the open batch. Call `Journal.stage` before. */
  changed(batch: StoreBatch, mailboxes: number, messages: number, bytes: number): void {
    this.mailboxes += mailboxes;
    this.messages += messages;
    this.bytes += bytes;
    if (this.#writtenBy === batch) return;
    this.#writtenBy = batch;
    this.#journal.writeLate(this);
  }

  writeLate(batch: StoreBatch): void {
    this.#writtenBy = undefined;
    const view = new DataView(new ArrayBuffer(totalsBytes));
    view.setUint8(0, formatVersion);
    view.setFloat64(1, this.mailboxes);
    view.setFloat64(9, this.messages);
    view.setFloat64(17, this.bytes);
    batch.putCursor(totalsNumber, this.name, new Uint8Array(view.buffer));
  }

  async #read(): Promise<void> {
    const life = this.#life;
    const bytes = await this.#store.cursor(totalsNumber, this.name).catch((error: unknown) => {
      // One broken record must not take all mailboxes of an account with it: its limits give way.
      if (!(error instanceof StoreError && error.code === "corrupt")) throw error;
      this.#damaged(error);
      return undefined;
    });
    if (life !== this.#life) return;
    const known = bytes !== undefined && bytes.length >= totalsBytes && bytes[0] === formatVersion;
    const view = known ? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) : undefined;
    this.mailboxes = view?.getFloat64(1) ?? 0;
    this.messages = view?.getFloat64(9) ?? 0;
    this.bytes = view?.getFloat64(17) ?? 0;
    this.#loaded = true;
  }
}

const totalsBytes = 25;
