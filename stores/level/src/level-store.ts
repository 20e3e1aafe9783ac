// The LevelDB engine behind the store port: its life cycle and its writes. Reads are in
// ./level-reader.ts. One rule above all: after a write that failed nothing is written, acknowledged
// or read until the store was closed, opened and verified, because LevelDB itself goes on after a
// full disk and loses what it then acknowledges.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
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
} from "@mq9/store";
import { ClassicLevel } from "classic-level";
import { Anchor } from "./anchor.ts";
import { checkRing, readRing, ringSlot } from "./commit-ring.ts";
import {
  anchorFile,
  databaseFolder,
  diskSpace,
  prepareFolder,
  raiseFormat,
  syncFolder,
} from "./data-folder.ts";
import { toStoreError } from "./errors.ts";
import { FolderNames } from "./folder-names.ts";
import { GarbageCollector } from "./garbage.ts";
import { countersKey, fences } from "./keys.ts";
import { type Level, LevelBatch } from "./level-batch.ts";
import { readIfThere } from "./level-files.ts";
import { LevelReader } from "./level-reader.ts";
import { readLiveFiles } from "./manifest.ts";
import { RecordWriter } from "./record-writer.ts";
import { readNumbers } from "./records.ts";
import { expectNoRestore, finishRestore } from "./restored-folder.ts";
import { type StoreSnapshot, takeSnapshot } from "./store-snapshot.ts";
import { checkTables } from "./table-check.ts";
import { checkLogs, checkNothingDropped, holdsRecords } from "./wal-check.ts";

export interface LevelStoreOptions {
  /** The data folder; made when it is not there. */
  readonly folder: string;
  /**
   * Memory for what was written and not yet sorted into a table. Default 64 MiB: a
   * smaller one rewrites each byte more often, a larger one takes longer to read back after a crash.
   */
  readonly writeBufferBytes?: number | undefined;
  /** Memory for blocks that were read. Default 32 MiB. */
  readonly cacheBytes?: number | undefined;
  /** Size of a table file. Default 16 MiB. */
  readonly tableBytes?: number | undefined;
  /**
   * Bytes of table files, the newest first, of which `open` verifies every checksum. Default 1 GiB:
   * a second or two. The log and the indexes of all tables are always verified.
   */
  readonly verifyBytesMax?: number | undefined;
  /**
   * Hears, once each, of damaged records that were left out of a range (messages, mailboxes, due
   * entries); what is asked for by name is refused as `corrupt` instead. Default: a warning of the process.
   */
  readonly onDamage?: ((error: StoreError) => void) | undefined;
}

/** The store port, and what a backup needs beyond it. */
export interface LevelStore extends Store {
  /**
   * Everything there is at this instant, while the store goes on. Committed batches are in it wholly
   * or not at all; one under way may be. Closed with the store. @throws {StoreError} `closed`, `io`
   */
  snapshot(): Promise<StoreSnapshot>;
}

/** The embedded store: LevelDB in a data folder of its own. Opens nothing before `open`. */
export function createLevelStore(options: LevelStoreOptions): LevelStore {
  return new EmbeddedStore(options);
}

/** How long an acknowledged commit may be missing from the anchor file. */
const anchorIntervalMs = 1000;
const mebibyte = 1024 * 1024;

/** What exists only while the store is open. */
interface Session {
  readonly db: Level;
  readonly reader: LevelReader;
  readonly garbage: GarbageCollector;
  readonly anchor: Anchor;
  readonly names: FolderNames;
  /** The number of the last commit that was acknowledged. */
  commit: number;
  anchorTimer: NodeJS.Timeout | undefined;
  /** Why nothing is accepted any more. */
  failure: StoreError | undefined;
}

class EmbeddedStore implements LevelStore {
  readonly durable = true;
  readonly #options: LevelStoreOptions;
  readonly #writer = new RecordWriter();
  #session: Session | undefined;
  /** Writes, `open` and `close` take their turn here. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Calls of `clearGarbage` take their turn here. */
  #clearing: Promise<unknown> = Promise.resolve();

  constructor(options: LevelStoreOptions) {
    this.#options = options;
  }

  open(): Promise<StoreOpening> {
    return this.#inTurn(async () => {
      if (this.#session !== undefined) {
        throw new StoreError("locked", "the store is open already");
      }
      return this.#open();
    });
  }

  close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    return this.#inTurn(async () => {
      if (session === undefined) return;
      try {
        await closeSession(session);
      } catch (cause) {
        throw toStoreError(cause, `cannot close the store in ${this.#options.folder}`);
      }
    });
  }

  /** Works after a failed write too, so that whoever fills a batch need not expect it; `commit` refuses. */
  batch(): StoreBatch {
    if (this.#session === undefined) throw closedError();
    return new LevelBatch(this.#session.db, this.#writer);
  }

  async commit(batch: StoreBatch): Promise<void> {
    const session = this.#usable();
    await this.#inTurn(async () => {
      assertSound(session);
      if (!(batch instanceof LevelBatch) || !batch.canBeCommittedTo(session.db)) {
        const message = "the batch is of an earlier opening or was committed already";
        throw new StoreError("closed", message);
      }
      if (batch.operations === 0) return;
      const commit = session.commit + 1;
      await this.#write(session, async () => {
        await batch.write(commit, ringSlot(commit));
        await session.names.sync();
      });
      session.commit = commit;
      session.reader.committed(batch);
      anchorSoon(session);
    });
  }

  mailbox(key: string): Promise<MailboxRecord | undefined> {
    return this.#read(`mailbox '${key}'`, (reader) => reader.mailbox(key));
  }

  mailboxes(prefix: string, afterKey: string, limit: number): Promise<MailboxRecord[]> {
    return this.#read("mailboxes", (reader) => reader.mailboxes(prefix, afterKey, limit));
  }

  messages(mailboxNumber: number, range: MessageRange): Promise<MessageRecord[]> {
    const what = `messages of mailbox number ${mailboxNumber}`;
    return this.#read(what, (reader) => reader.messages(mailboxNumber, range), mailboxNumber);
  }

  message(mailboxNumber: number, seq: number): Promise<MessageRecord | undefined> {
    const what = `message ${seq} of mailbox number ${mailboxNumber}`;
    return this.#read(what, (reader) => reader.message(mailboxNumber, seq), mailboxNumber);
  }

  lastSeq(mailboxNumber: number): Promise<number> {
    const what = `messages of mailbox number ${mailboxNumber}`;
    return this.#read(what, (reader) => reader.lastSeq(mailboxNumber));
  }

  keyPlace(mailboxNumber: number, key: string): Promise<MessagePlace | undefined> {
    const what = `keys of mailbox number ${mailboxNumber}`;
    return this.#read(what, (reader) => reader.keyPlace(mailboxNumber, key), mailboxNumber);
  }

  cursor(mailboxNumber: number, name: string): Promise<Uint8Array | undefined> {
    const what = `cursor '${name}' of mailbox number ${mailboxNumber}`;
    return this.#read(what, (reader) => reader.cursor(mailboxNumber, name), mailboxNumber);
  }

  cursors(mailboxNumber: number): Promise<Map<string, Uint8Array>> {
    const what = `cursors of mailbox number ${mailboxNumber}`;
    return this.#read(what, (reader) => reader.cursors(mailboxNumber), mailboxNumber);
  }

  due(untilMs: number, limit: number): Promise<DueEntry[]> {
    return this.#read("the due index", (reader) => reader.due(untilMs, limit));
  }

  async snapshot(): Promise<StoreSnapshot> {
    return takeSnapshot(this.#usable().db);
  }

  clearGarbage(): Promise<boolean> {
    const slice = this.#clearing.then(() => this.#clearSlice());
    this.#clearing = slice.catch(() => undefined);
    return slice;
  }

  async space(): Promise<{ freeBytes: number; totalBytes: number }> {
    this.#usable();
    try {
      return await diskSpace(this.#options.folder);
    } catch (cause) {
      throw toStoreError(cause, `cannot measure the disk of ${this.#options.folder}`);
    }
  }

  async #open(): Promise<StoreOpening> {
    const { folder } = this.#options;
    const where = databaseFolder(folder);
    await finishRestore(folder);
    const fresh = await prepareFolder(folder);
    let db: Level | undefined;
    let anchor: Anchor | undefined;
    try {
      anchor = await Anchor.open(anchorFile(folder));
      await expectDatabase(where, (await anchor.read())?.commit ?? 0);
      const live = await readLiveFiles(where);
      const logsAreWhole = await checkLogs(where, live);
      await checkTables(where, live, this.#options.verifyBytesMax ?? 1024 * mebibyte);
      db = await openOrMakeAgain(this.#options, anchor);
      await expectNoRestore(folder);
      // Only now is the folder ours: what the anchor said before may have been another process's.
      const found = await anchor.read();
      const commit = checkRing(await readRing(db), found?.commit ?? 0, where);
      if (logsAreWhole) await checkNothingDropped(where);
      await raiseFormat(folder);
      await raiseFences(db);
      const [nextMailboxNumber = 1, clockMs = 0] = await readCounters(db);
      await syncFolder(where);
      await anchor.write({ commit, clean: false }, true);
      await syncFolder(folder);
      this.#session = makeSession(this.#options, db, anchor, commit);
      const recovered = !fresh && found?.clean !== true;
      return { fresh, nextMailboxNumber, clockMs, recovered };
    } catch (cause) {
      await anchor?.close();
      await db?.close();
      const error = toStoreError(cause, `cannot open the store in ${folder}`);
      if (error.code !== "locked" || error === cause) throw error;
      const owner = "another process, or another store of this one, has it open";
      throw new StoreError("locked", `${folder} is in use: ${owner}`, { cause });
    }
  }

  // The removal takes its turn with the commits: LevelDB would let a commit succeed right behind a
  // removal that failed, and lose it. It is synced because ./wal-check.ts counts on that.
  async #clearSlice(): Promise<boolean> {
    const session = this.#usable();
    const keys = await this.#read("garbage", () => session.garbage.nextSlice());
    if (keys.length === 0) return false;
    await this.#inTurn(async () => {
      if (this.#usable() !== session) throw closedError();
      await this.#write(session, () => {
        const batch = session.db.batch();
        for (const key of keys) batch.del(key);
        return batch.write({ sync: true }).then(() => session.names.sync());
      });
    });
    return this.#read("garbage", () => session.garbage.isLeft());
  }

  /** Runs one write; its failure ends the session's use. */
  async #write(session: Session, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (cause) {
      session.failure = toStoreError(cause, `writing to ${this.#options.folder} failed`);
      throw session.failure;
    }
  }

  /** @param mailboxNumber whose records are read; an error of damage then names the mailbox */
  async #read<T>(
    what: string,
    read: (reader: LevelReader) => Promise<T>,
    mailboxNumber?: number,
  ): Promise<T> {
    const session = this.#usable();
    try {
      return await read(session.reader);
    } catch (cause) {
      const error = toStoreError(cause, `cannot read ${what}`);
      throw await withOwner(session.reader, error, mailboxNumber);
    }
  }

  #usable(): Session {
    const session = this.#session;
    if (session === undefined) throw closedError();
    assertSound(session);
    return session;
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(task);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

/** @throws {StoreError} with the code of the write that failed */
function assertSound({ failure }: Session): void {
  if (failure === undefined) return;
  const message =
    "an earlier write failed; nothing is accepted until the store was closed and opened again";
  throw new StoreError(failure.code, message, { cause: failure });
}

function makeSession(
  { folder, onDamage = warnOfDamage }: LevelStoreOptions,
  db: Level,
  anchor: Anchor,
  commit: number,
): Session {
  const reader = new LevelReader(db, (error, mailboxNumber) => {
    void withOwner(reader, error, mailboxNumber).then(onDamage);
  });
  return {
    db,
    reader,
    garbage: new GarbageCollector(db),
    anchor,
    names: new FolderNames(databaseFolder(folder)),
    commit,
    anchorTimer: undefined,
    failure: undefined,
  };
}

/** An error of damage in the words of whoever runs the broker: with the name of the mailbox. */
async function withOwner(
  reader: LevelReader,
  error: StoreError,
  mailboxNumber: number | undefined,
): Promise<StoreError> {
  if (error.code !== "corrupt" || mailboxNumber === undefined) return error;
  // Best effort: whose it is may be damaged too, or the store closed meanwhile.
  const owner = await reader.ownerOf(mailboxNumber).catch(() => undefined);
  if (owner === undefined) return error;
  const message = `${error.message}; mailbox number ${mailboxNumber} is '${owner}'`;
  return new StoreError("corrupt", message, { cause: error });
}

function warnOfDamage(error: StoreError): void {
  process.emitWarning(error);
}

/** LevelDB would make an empty database where one is missing. */
async function expectDatabase(where: string, anchorCommit: number): Promise<void> {
  await mkdir(where, { recursive: true, mode: 0o700 });
  if (anchorCommit === 0 || (await readIfThere(join(where, "CURRENT"))) !== undefined) return;
  throw new StoreError(
    "corrupt",
    `${where} holds no database, although ${anchorCommit} commits were acknowledged. Nothing was changed. Restore the data folder from a backup, or move it away to start with an empty one`,
  );
}

/** LevelDB begins to recover as soon as the object is made: check everything before. */
async function openDatabase(options: LevelStoreOptions): Promise<Level> {
  const db = new ClassicLevel<Buffer, Buffer>(databaseFolder(options.folder), {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
    writeBufferSize: options.writeBufferBytes ?? 64 * mebibyte,
    cacheSize: options.cacheBytes ?? 32 * mebibyte,
    maxFileSize: options.tableBytes ?? 16 * mebibyte,
    compression: true,
  });
  await db.open();
  return db;
}

/**
 * LevelDB does not sync what it makes first: a loss of power while a database is made can leave one
 * that never opens. Nothing was acknowledged in it, so it is made again.
 */
async function openOrMakeAgain(options: LevelStoreOptions, anchor: Anchor): Promise<Level> {
  try {
    return await openDatabase(options);
  } catch (cause) {
    // A database that another process has open is refused as locked, whatever its files look like.
    if (toStoreError(cause, "").code === "locked") throw cause;
    const where = databaseFolder(options.folder);
    if ((await anchor.read()) !== undefined || (await holdsRecords(where))) throw cause;
    await rm(join(where, "CURRENT"), { force: true });
    return openDatabase(options);
  }
}

async function readCounters(db: Level): Promise<number[]> {
  const value = await db.get(countersKey);
  return value === undefined ? [] : readNumbers(countersKey, value, "the counters of the store");
}

/** A new database gets the fences that stand between the spaces for good. */
async function raiseFences(db: Level): Promise<void> {
  if ((await db.get(fences[0] as Buffer)) !== undefined) return;
  const batch = db.batch();
  for (const fence of fences) batch.put(fence, Buffer.alloc(0));
  await batch.write({ sync: true });
}

/** Writes the anchor within a second, once for all commits until then. */
function anchorSoon(session: Session): void {
  session.anchorTimer ??= setTimeout(() => {
    session.anchorTimer = undefined;
    session.anchor
      .write({ commit: session.commit, clean: false }, false)
      .catch((cause: unknown) => {
        session.failure ??= toStoreError(cause, "writing the anchor file failed");
      });
  }, anchorIntervalMs).unref();
}

async function closeSession(session: Session): Promise<void> {
  clearTimeout(session.anchorTimer);
  try {
    const clean = session.failure === undefined;
    await session.anchor.write({ commit: session.commit, clean }, true);
  } finally {
    await session.anchor.close();
    await session.db.close();
  }
}

function closedError(): StoreError {
  return new StoreError("closed", "the store is not open");
}
