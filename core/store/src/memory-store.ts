// The in-memory engine: the plainest code that does what the port says, so the other engines are
// measured against it. For tests and for brokers that may forget; it never touches a disk.
import { type Rank, ranks } from "@mq9/protocol";
import { compareInByteOrder } from "./byte-order.ts";
import {
  type DueEntry,
  type MailboxRecord,
  type MessagePlace,
  type MessageRange,
  type MessageRecord,
  type Store,
  type StoreBatch,
  StoreError,
  type StoreOpening,
} from "./store.ts";

export interface MemoryStoreOptions {
  /**
   * Stands for the fsync of a commit: nothing of the batch can be read before it resolves, and a
   * rejection drops the batch. Default: resolves at once.
   */
  readonly sync?: (() => Promise<void>) | undefined;
}

/** One change of a batch, ready to be applied to what survives. */
type Change = (kept: Kept) => void;

/**
 * A store that lives as long as its object. `close` and `open` keep what was committed; `crash`
 * gives the store that a killed process would find.
 */
export class MemoryStore implements Store {
  readonly durable = false;
  readonly #sync: () => Promise<void>;
  #kept = new Kept();
  #state: "new" | "open" | "failed" | "closed" = "new";
  #underWay: Promise<void> | undefined;

  constructor(options: MemoryStoreOptions = {}) {
    this.#sync = options.sync ?? (() => Promise.resolve());
  }

  /**
   * The power goes: this store is closed without a word, a commit under way is lost, and the store
   * returned (not yet open) holds exactly what was committed.
   */
  crash(): MemoryStore {
    const survivor = new MemoryStore({ sync: this.#sync });
    survivor.#kept = this.#kept;
    this.#kept = new Kept();
    this.#state = "closed";
    return survivor;
  }

  async open(): Promise<StoreOpening> {
    if (this.#state === "open") throw new StoreError("locked", "the store is open already");
    const kept = this.#kept;
    const opening: StoreOpening = {
      fresh: !kept.used,
      nextMailboxNumber: kept.nextMailboxNumber,
      clockMs: kept.clockMs,
      recovered: kept.used && !kept.cleanlyClosed,
    };
    kept.used = true;
    kept.cleanlyClosed = false;
    this.#state = "open";
    return opening;
  }

  async close(): Promise<void> {
    const wasOpen = this.#state === "open";
    this.#state = "closed";
    // Whoever committed hears of a failure; here it only means that there is nothing to wait for.
    await this.#underWay?.catch(() => undefined);
    if (wasOpen) this.#kept.cleanlyClosed = true;
  }

  batch(): StoreBatch {
    if (this.#state === "new" || this.#state === "closed") throw closedError();
    return new MemoryBatch();
  }

  async commit(batch: StoreBatch): Promise<void> {
    this.#assertOpen();
    if (!(batch instanceof MemoryBatch)) throw new StoreError("io", "a batch of another store");
    if (this.#underWay) throw new StoreError("io", "the caller has another commit under way");
    this.#underWay = this.#apply(batch.take());
    try {
      await this.#underWay;
    } finally {
      this.#underWay = undefined;
    }
  }

  async #apply(changes: readonly Change[]): Promise<void> {
    const kept = this.#kept;
    try {
      await this.#sync();
    } catch (cause) {
      if (this.#state === "open") this.#state = "failed";
      if (cause instanceof StoreError) throw cause;
      throw new StoreError("io", "the sync of a commit failed", { cause });
    }
    // After a crash the batch belongs to a process that is no more.
    if (kept !== this.#kept) throw closedError();
    for (const change of changes) change(kept);
  }

  async mailbox(key: string): Promise<MailboxRecord | undefined> {
    return this.#read().mailboxes.get(key);
  }

  async mailboxes(prefix: string, afterKey: string, limit: number): Promise<MailboxRecord[]> {
    const kept = this.#read();
    const keys = kept.sortedMailboxKeys();
    const found: MailboxRecord[] = [];
    const start = firstIndex(
      keys,
      (key) => compareInByteOrder(key, prefix) >= 0 && compareInByteOrder(key, afterKey) > 0,
    );
    for (const key of keys.slice(start)) {
      if (found.length >= limit || !key.startsWith(prefix)) break;
      const record = kept.mailboxes.get(key);
      if (record !== undefined) found.push(record);
    }
    return found;
  }

  async messages(mailboxNumber: number, range: MessageRange): Promise<MessageRecord[]> {
    return this.#read().contents.get(mailboxNumber)?.messages[range.rank].range(range) ?? [];
  }

  async message(mailboxNumber: number, seq: number): Promise<MessageRecord | undefined> {
    const content = this.#read().contents.get(mailboxNumber);
    for (const rank of ranks) {
      const message = content?.messages[rank].bySeq.get(seq);
      if (message !== undefined) return message;
    }
    return undefined;
  }

  async lastSeq(mailboxNumber: number): Promise<number> {
    const content = this.#read().contents.get(mailboxNumber);
    if (content === undefined) return -1;
    return Math.max(...ranks.map((rank) => content.messages[rank].lastSeq()));
  }

  async keyPlace(mailboxNumber: number, key: string): Promise<MessagePlace | undefined> {
    return this.#read().contents.get(mailboxNumber)?.keyPlaces.get(key);
  }

  async cursors(mailboxNumber: number): Promise<Map<string, Uint8Array>> {
    return new Map(this.#read().contents.get(mailboxNumber)?.cursors);
  }

  async cursor(mailboxNumber: number, name: string): Promise<Uint8Array | undefined> {
    return this.#read().contents.get(mailboxNumber)?.cursors.get(name);
  }

  async due(untilMs: number, limit: number): Promise<DueEntry[]> {
    const due = this.#read().due;
    return due.slice(
      0,
      Math.min(
        limit,
        firstIndex(due, (entry) => entry.atMs > untilMs),
      ),
    );
  }

  async clearGarbage(): Promise<boolean> {
    const kept = this.#read();
    for (const mailboxNumber of kept.garbage) {
      kept.contents.delete(mailboxNumber);
      kept.garbage.delete(mailboxNumber);
      break;
    }
    return kept.garbage.size > 0;
  }

  async space(): Promise<undefined> {
    this.#assertOpen();
    return undefined;
  }

  #assertOpen(): void {
    if (this.#state === "open") return;
    if (this.#state !== "failed") throw closedError();
    throw new StoreError("io", "an earlier commit failed: close and open the store first");
  }

  #read(): Kept {
    this.#assertOpen();
    return this.#kept;
  }
}

/** What survives `close` and `crash`. */
class Kept {
  used = false;
  cleanlyClosed = true;
  nextMailboxNumber = 1;
  clockMs = 0;
  readonly mailboxes = new Map<string, MailboxRecord>();
  readonly contents = new Map<number, Content>();
  /** By instant, then mailbox number. */
  readonly due: DueEntry[] = [];
  readonly garbage = new Set<number>();
  #sortedKeys: string[] | undefined;

  content(mailboxNumber: number): Content {
    let content = this.contents.get(mailboxNumber);
    if (content === undefined) {
      content = new Content();
      this.contents.set(mailboxNumber, content);
    }
    return content;
  }

  putMailbox(record: MailboxRecord): void {
    if (!this.mailboxes.has(record.key)) this.#sortedKeys = undefined;
    this.mailboxes.set(record.key, record);
  }

  removeMailbox(key: string): void {
    if (this.mailboxes.delete(key)) this.#sortedKeys = undefined;
  }

  putDue(entry: DueEntry): void {
    const at = firstIndex(this.due, (other) => compareDue(other, entry) >= 0);
    const known = this.due[at];
    this.due.splice(at, known !== undefined && compareDue(known, entry) === 0 ? 1 : 0, entry);
  }

  removeDue(place: DuePlace): void {
    const at = firstIndex(this.due, (other) => compareDue(other, place) >= 0);
    const known = this.due[at];
    if (known !== undefined && compareDue(known, place) === 0) this.due.splice(at, 1);
  }

  sortedMailboxKeys(): readonly string[] {
    this.#sortedKeys ??= [...this.mailboxes.keys()].sort(compareInByteOrder);
    return this.#sortedKeys;
  }
}

/** Everything filed under one mailbox number. */
class Content {
  readonly messages: Readonly<Record<Rank, MessageList>> = {
    0: new MessageList(),
    1: new MessageList(),
    2: new MessageList(),
    3: new MessageList(),
  };
  readonly keyPlaces = new Map<string, MessagePlace>();
  readonly cursors = new Map<string, Uint8Array>();
}

/** Messages of one rank. Removal leaves a stale number in `#seqs`, swept when half of it is stale. */
class MessageList {
  readonly bySeq = new Map<number, MessageRecord>();
  #seqs: number[] = [];

  put(message: MessageRecord): void {
    const at = this.#indexAfter(message.seq - 1);
    if (this.#seqs[at] !== message.seq) {
      if (at === this.#seqs.length) this.#seqs.push(message.seq);
      else this.#seqs.splice(at, 0, message.seq);
    }
    this.bySeq.set(message.seq, message);
  }

  remove(seq: number): void {
    this.bySeq.delete(seq);
    if (this.#seqs.length > 2 * this.bySeq.size + 64) {
      this.#seqs = this.#seqs.filter((kept) => this.bySeq.has(kept));
    }
  }

  range(range: MessageRange): MessageRecord[] {
    const { afterSeq, beforeSeq = Number.POSITIVE_INFINITY, newestFirst = false } = range;
    const found: MessageRecord[] = [];
    let bytes = 0;
    const first = this.#indexAfter(afterSeq);
    const end =
      beforeSeq === Number.POSITIVE_INFINITY ? this.#seqs.length : this.#indexAfter(beforeSeq - 1);
    const step = newestFirst ? -1 : 1;
    for (let i = newestFirst ? end - 1 : first; i >= first && i < end; i += step) {
      if (found.length >= range.limit || (found.length > 0 && bytes >= range.bytesMax)) break;
      const message = this.bySeq.get(this.#seqs[i] ?? -1);
      if (message === undefined) continue;
      found.push(message);
      bytes += message.payload.length + (message.headers?.length ?? 0);
    }
    return found;
  }

  lastSeq(): number {
    for (let i = this.#seqs.length - 1; i >= 0; i -= 1) {
      const seq = this.#seqs[i] ?? -1;
      if (this.bySeq.has(seq)) return seq;
    }
    return -1;
  }

  /** The index of the first number greater than `seq`. */
  #indexAfter(seq: number): number {
    if ((this.#seqs.at(-1) ?? -1) <= seq) return this.#seqs.length;
    return firstIndex(this.#seqs, (other) => other > seq);
  }
}

class MemoryBatch implements StoreBatch {
  operations = 0;
  bytes = 0;
  #changes: Change[] | undefined = [];

  /** Hands out the changes, once. */
  take(): Change[] {
    const changes = this.#changes;
    if (changes === undefined) throw new StoreError("closed", "the batch was committed already");
    this.#changes = undefined;
    return changes;
  }

  putMailbox(record: MailboxRecord): void {
    const tokenDigest = record.tokenDigest && new Uint8Array(record.tokenDigest);
    const dedup = record.dedup && { ...record.dedup };
    const copy: MailboxRecord = { ...record, tokenDigest, dedup };
    this.#add(64 + record.key.length, (kept) => kept.putMailbox(copy));
  }

  removeMailbox(key: string): void {
    this.#add(key.length, (kept) => kept.removeMailbox(key));
  }

  putMessage(mailboxNumber: number, message: MessageRecord): void {
    const payload = new Uint8Array(message.payload);
    const headers = message.headers && new Uint8Array(message.headers);
    const tags = message.tags && [...message.tags];
    const dead = message.dead && { ...message.dead };
    const copy: MessageRecord = { ...message, payload, headers, tags, dead };
    this.#add(48 + payload.length + (headers?.length ?? 0), (kept) =>
      kept.content(mailboxNumber).messages[copy.rank].put(copy),
    );
  }

  removeMessage(mailboxNumber: number, rank: Rank, seq: number): void {
    this.#add(16, (kept) => kept.contents.get(mailboxNumber)?.messages[rank].remove(seq));
  }

  putKeyPlace(mailboxNumber: number, key: string, place: MessagePlace): void {
    const copy: MessagePlace = { ...place };
    this.#add(24 + key.length, (kept) => kept.content(mailboxNumber).keyPlaces.set(key, copy));
  }

  removeKeyPlace(mailboxNumber: number, key: string): void {
    this.#add(8 + key.length, (kept) => kept.contents.get(mailboxNumber)?.keyPlaces.delete(key));
  }

  putCursor(mailboxNumber: number, name: string, value: Uint8Array): void {
    const copy = new Uint8Array(value);
    this.#add(16 + name.length + copy.length, (kept) =>
      kept.content(mailboxNumber).cursors.set(name, copy),
    );
  }

  removeCursor(mailboxNumber: number, name: string): void {
    this.#add(8 + name.length, (kept) => kept.contents.get(mailboxNumber)?.cursors.delete(name));
  }

  putDue(entry: DueEntry): void {
    const copy: DueEntry = { ...entry };
    this.#add(24, (kept) => kept.putDue(copy));
  }

  removeDue(atMs: number, mailboxNumber: number): void {
    this.#add(16, (kept) => kept.removeDue({ atMs, mailboxNumber }));
  }

  putGarbage(mailboxNumber: number): void {
    this.#add(8, (kept) => kept.garbage.add(mailboxNumber));
  }

  putCounters(nextMailboxNumber: number, clockMs: number): void {
    this.#add(16, (kept) => {
      kept.nextMailboxNumber = nextMailboxNumber;
      kept.clockMs = clockMs;
    });
  }

  #add(bytes: number, change: Change): void {
    if (this.#changes === undefined) {
      throw new StoreError("closed", "the batch was committed already");
    }
    this.#changes.push(change);
    this.operations += 1;
    this.bytes += bytes;
  }
}

type DuePlace = Pick<DueEntry, "atMs" | "mailboxNumber">;

function compareDue(a: DuePlace, b: DuePlace): number {
  return a.atMs - b.atMs || a.mailboxNumber - b.mailboxNumber;
}

/** Index of the first item for which `isFrom` holds; it holds for every later item too. */
function firstIndex<T>(items: readonly T[], isFrom: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isFrom(items[middle] as T)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function closedError(): StoreError {
  return new StoreError("closed", "the store is not open");
}
