// Every read of the port, over one open database. Decodes and bounds; decides nothing.
import { type Rank, ranks } from "@mq9/protocol";
import {
  type DueEntry,
  type MailboxRecord,
  type MessagePlace,
  type MessageRange,
  type MessageRecord,
  StoreError,
} from "@mq9/store";
import { Bounds, type LearntBounds, MessageBounds } from "./bounds.ts";
import {
  afterPrefix,
  mailboxPrefix,
  messageKey,
  namedKey,
  spaces,
  textKey,
  u48Max,
} from "./keys.ts";
import type { Level } from "./level-batch.ts";
import { readCursor, readDue, readMailbox, readMessage, readPlace } from "./records.ts";

type Entry = [Buffer, Buffer];

/** Entries fetched in one go; each is a hop to the thread pool and back. */
const entriesPerHop = 1000;
/** Numbers that are looked up one by one instead of a search, which costs as much as ten of them. */
const lookupsMax = 16;
/** LevelDB's own default is 16 KiB, which would cut a page of small messages into many hops. */
const bytesPerHopMax = 1024 * 1024;

/** What a commit put, as far as the reader keeps bounds of it. */
export interface CommittedPuts {
  /** The earliest instant of its due entries; `Infinity` = none. */
  readonly earliestDueMs: number;
  /** Mailbox number, rank and seq of each message, one after the other. */
  readonly places: readonly number[];
}

export class LevelReader {
  readonly #db: Level;
  readonly #due = new Bounds();
  readonly #messages = new MessageBounds();
  readonly #onDamage: (error: StoreError, mailboxNumber: number | undefined) => void;
  /** Keys of the damaged records that were told. */
  readonly #damaged = new Set<string>();

  /**
   * @param onDamage hears, once each, of damaged records that a range was answered without, and whose
   * messages they were
   */
  constructor(db: Level, onDamage: (error: StoreError, mailboxNumber: number | undefined) => void) {
    this.#db = db;
    this.#onDamage = onDamage;
  }

  /** Tells what a commit put, after it succeeded. */
  committed({ earliestDueMs, places }: CommittedPuts): void {
    if (earliestDueMs !== Number.POSITIVE_INFINITY) this.#due.put(earliestDueMs);
    for (let at = 0; at < places.length; at += 3) {
      this.#messages.put(places[at] as number, places[at + 1] as number, places[at + 2] as number);
    }
  }

  // A lookup by whole key takes a few microseconds and runs where it is called: the way to the
  // thread pool and back costs ten times as much, and the send path waits for these two.
  async mailbox(key: string): Promise<MailboxRecord | undefined> {
    const place = textKey(spaces.mailbox, key);
    const value = this.#db.getSync(place);
    return value && readMailbox(place, value);
  }

  async keyPlace(mailboxNumber: number, key: string): Promise<MessagePlace | undefined> {
    const place = namedKey(spaces.keyPlace, mailboxNumber, key);
    const value = this.#db.getSync(place);
    return value && readPlace(place, value);
  }

  async mailboxes(prefix: string, afterKey: string, limit: number): Promise<MailboxRecord[]> {
    if (limit <= 0) return [];
    const first = textKey(spaces.mailbox, prefix);
    const after = textKey(spaces.mailbox, afterKey);
    const from = Buffer.compare(after, first) < 0 ? { gte: first } : { gt: after };
    const found: MailboxRecord[] = [];
    await this.#scan({ ...from, lt: afterPrefix(first) }, limit, (key, value) => {
      const record = this.#unlessDamaged(readMailbox, key, value);
      if (record !== undefined) found.push(record);
      return found.length < limit;
    });
    return found;
  }

  async messages(mailboxNumber: number, range: MessageRange): Promise<MessageRecord[]> {
    const { rank, afterSeq, limit, bytesMax, newestFirst = false } = range;
    const found: MessageRecord[] = [];
    const bounds = this.#messages.of(mailboxNumber, rank);
    const before = Math.min(range.beforeSeq ?? u48Max + 1, u48Max + 1);
    const [from, last] = [Math.max(afterSeq + 1, bounds.first), Math.min(before - 1, bounds.last)];
    if (from > last || limit <= 0) return found;
    const [fromFirst, toLast] = [afterSeq < bounds.first, before > bounds.last || before > u48Max];
    let bytes = 0;
    let more = true;
    const take = (key: Buffer, value: Buffer): boolean => {
      const message = this.#unlessDamaged(readMessage, key, value);
      if (message === undefined) return true;
      found.push(message);
      bytes += message.payload.length + (message.headers?.length ?? 0);
      more = found.length < limit && bytes < bytesMax;
      return more;
    };
    const read = bounds.beginRead();
    const learnt: LearntBounds = {};
    try {
      let [low, high] = [from, last];
      const few = high - low < lookupsMax;
      if (few || limit <= lookupsMax / 4) {
        // Where the numbers left are many, only as far as there is no gap.
        while (more && low <= high) {
          const key = messageKey(mailboxNumber, rank, newestFirst ? high : low);
          const value = this.#db.getSync(key);
          if (value === undefined && !few) break;
          if (value !== undefined) take(key, value);
          if (newestFirst) high -= 1;
          else low += 1;
        }
      }
      if (more && low <= high) {
        const keys = {
          gte: messageKey(mailboxNumber, rank, low),
          lte: messageKey(mailboxNumber, rank, high),
          reverse: newestFirst,
          highWaterMarkBytes: Math.min(bytesMax, bytesPerHopMax),
        };
        await this.#scan(keys, limit - found.length, take);
      }
      const ends = newestFirst
        ? { first: found.at(-1), last: found[0] }
        : { first: found[0], last: found.at(-1) };
      const none = toLast ? Number.POSITIVE_INFINITY : before;
      if (fromFirst && (!newestFirst || more)) learnt.first = ends.first?.seq ?? none;
      if (toLast && (newestFirst || more)) learnt.last = ends.last?.seq ?? from - 1;
    } finally {
      bounds.endRead(read, learnt);
    }
    return found;
  }

  async message(mailboxNumber: number, seq: number): Promise<MessageRecord | undefined> {
    for (const rank of ranks) {
      const key = messageKey(mailboxNumber, rank, seq);
      const value = this.#db.getSync(key);
      if (value !== undefined) return readMessage(key, value);
    }
    return undefined;
  }

  async lastSeq(mailboxNumber: number): Promise<number> {
    const snapshot = this.#db.snapshot();
    try {
      const newest = async (rank: Rank): Promise<number> => {
        const gte = messageKey(mailboxNumber, rank, 0);
        const lte = messageKey(mailboxNumber, rank, u48Max);
        const iterator = this.#db.keys({ gte, lte, reverse: true, limit: 1, snapshot });
        try {
          const key = await iterator.next();
          return key === undefined ? -1 : key.readUIntBE(8, 6);
        } finally {
          await iterator.close();
        }
      };
      return Math.max(...(await Promise.all(ranks.map(newest))));
    } finally {
      await snapshot.close();
    }
  }

  async cursors(mailboxNumber: number): Promise<Map<string, Uint8Array>> {
    const prefix = mailboxPrefix(spaces.cursor, mailboxNumber);
    const found = new Map<string, Uint8Array>();
    await this.#scan({ gte: prefix, lt: afterPrefix(prefix) }, u48Max, (key, value) => {
      found.set(key.toString("utf8", 7), readCursor(key, value));
      return true;
    });
    return found;
  }

  async cursor(mailboxNumber: number, name: string): Promise<Uint8Array | undefined> {
    const place = namedKey(spaces.cursor, mailboxNumber, name);
    const value = this.#db.getSync(place);
    return value && readCursor(place, value);
  }

  async due(untilMs: number, limit: number): Promise<DueEntry[]> {
    const found: DueEntry[] = [];
    const lastMs = Math.min(untilMs, u48Max);
    if (lastMs < this.#due.first || limit <= 0) return found;
    const gte = mailboxPrefix(spaces.due, this.#due.first);
    const lt = afterPrefix(mailboxPrefix(spaces.due, lastMs));
    const read = this.#due.beginRead();
    const learnt: LearntBounds = {};
    try {
      await this.#scan({ gte, lt }, limit, (key, value) => {
        const entry = this.#unlessDamaged(readDue, key, value);
        if (entry !== undefined) found.push(entry);
        return found.length < limit;
      });
      learnt.first = found[0]?.atMs ?? lastMs;
    } finally {
      this.#due.endRead(read, learnt);
    }
    return found;
  }

  /**
   * The name of the mailbox that this number belongs to, be it the number of its messages or one of
   * those beside it; undefined when no readable record says so. Reads every mailbox: for errors only.
   */
  async ownerOf(mailboxNumber: number): Promise<string | undefined> {
    const first = Buffer.from([spaces.mailbox]);
    let owner: string | undefined;
    await this.#scan({ gt: first, lt: afterPrefix(first) }, u48Max, (key, value) => {
      const record = this.#unlessDamaged(readMailbox, key, value);
      if (record === undefined) return true;
      const { number, scheduleNumber, dedup } = record;
      const numbers = [number, scheduleNumber, dedup?.current, dedup?.earlier];
      if (numbers.includes(mailboxNumber)) owner = record.key;
      return owner === undefined;
    });
    return owner;
  }

  /** One damaged record must not take the others of its range with it. */
  #unlessDamaged<T>(
    read: (key: Buffer, value: Buffer) => T,
    key: Buffer,
    value: Buffer,
  ): T | undefined {
    try {
      return read(key, value);
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== "corrupt") throw error;
      const name = key.toString("latin1");
      if (!this.#damaged.has(name)) {
        this.#damaged.add(name);
        this.#onDamage(error, key[0] === spaces.message ? key.readUIntBE(1, 6) : undefined);
      }
      return undefined;
    }
  }

  /** Hands each entry of a range to `take` until it says that it has enough. */
  async #scan(
    range: {
      gt?: Buffer;
      gte?: Buffer;
      lt?: Buffer;
      lte?: Buffer;
      reverse?: boolean;
      highWaterMarkBytes?: number;
    },
    limit: number,
    take: (key: Buffer, value: Buffer) => boolean,
  ): Promise<void> {
    const iterator = this.#db.iterator({ highWaterMarkBytes: bytesPerHopMax, ...range });
    try {
      let more = true;
      while (more) {
        const entries: Entry[] = await iterator.nextv(Math.min(limit, entriesPerHop));
        if (entries.length === 0) return;
        for (const [key, value] of entries) {
          more = take(key, value);
          if (!more) break;
        }
      }
    } finally {
      await iterator.close();
    }
  }
}
