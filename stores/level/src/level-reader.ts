// Every read of the port, over one open database. Decodes and bounds; decides nothing.
import { type Rank, ranks } from "@mq9/protocol";
import type {
  DueEntry,
  MailboxRecord,
  MessagePlace,
  MessageRange,
  MessageRecord,
} from "@mq9/store";
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
/** LevelDB's own default is 16 KiB, which would cut a page of small messages into many hops. */
const bytesPerHopMax = 1024 * 1024;

export class LevelReader {
  readonly #db: Level;
  /** No live due entry is earlier; spares the search the graves of those that were due. */
  #dueFloorMs = 0;
  /** Changes whenever a commit may have put an entry below a floor being worked out. */
  #dueChanges = 0;

  constructor(db: Level) {
    this.#db = db;
  }

  /** Tells that a commit put due entries from this instant on. */
  dueCommitted(earliestMs: number): void {
    if (earliestMs === Number.POSITIVE_INFINITY) return;
    this.#dueFloorMs = Math.min(this.#dueFloorMs, earliestMs);
    this.#dueChanges += 1;
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
    const first = textKey(spaces.mailbox, prefix);
    const after = textKey(spaces.mailbox, afterKey);
    const from = Buffer.compare(after, first) < 0 ? { gte: first } : { gt: after };
    const found: MailboxRecord[] = [];
    await this.#scan({ ...from, lt: afterPrefix(first) }, limit, (key, value) => {
      found.push(readMailbox(key, value));
      return found.length < limit;
    });
    return found;
  }

  async messages(mailboxNumber: number, range: MessageRange): Promise<MessageRecord[]> {
    const { rank, afterSeq, limit, bytesMax } = range;
    const found: MessageRecord[] = [];
    if (afterSeq >= u48Max) return found;
    let bytes = 0;
    const keys = {
      gte: messageKey(mailboxNumber, rank, Math.max(0, afterSeq + 1)),
      lte: messageKey(mailboxNumber, rank, u48Max),
      highWaterMarkBytes: Math.min(bytesMax, bytesPerHopMax),
    };
    await this.#scan(keys, limit, (key, value) => {
      const message = readMessage(key, value);
      found.push(message);
      bytes += message.payload.length + (message.headers?.length ?? 0);
      return found.length < limit && bytes < bytesMax;
    });
    return found;
  }

  async message(mailboxNumber: number, seq: number): Promise<MessageRecord | undefined> {
    const keys = ranks.map((rank) => messageKey(mailboxNumber, rank, seq));
    const values = await this.#db.getMany(keys);
    for (const rank of ranks) {
      const value = values[rank];
      if (value !== undefined) return readMessage(keys[rank] as Buffer, value);
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

  async due(untilMs: number, limit: number): Promise<DueEntry[]> {
    const changes = this.#dueChanges;
    const found: DueEntry[] = [];
    const lastMs = Math.min(untilMs, u48Max);
    if (lastMs < this.#dueFloorMs) return found;
    const gte = mailboxPrefix(spaces.due, this.#dueFloorMs);
    const lt = afterPrefix(mailboxPrefix(spaces.due, lastMs));
    await this.#scan({ gte, lt }, limit, (key, value) => {
      found.push(readDue(key, value));
      return found.length < limit;
    });
    if (limit > 0 && changes === this.#dueChanges) this.#dueFloorMs = found[0]?.atMs ?? lastMs;
    return found;
  }

  /** Hands each entry of a range to `take` until it says that it has enough. */
  async #scan(
    range: { gt?: Buffer; gte?: Buffer; lt?: Buffer; lte?: Buffer; highWaterMarkBytes?: number },
    limit: number,
    take: (key: Buffer, value: Buffer) => boolean,
  ): Promise<void> {
    if (limit <= 0) return;
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
