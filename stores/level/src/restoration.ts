// Puts the records of a backup in the place of a store, wholly or not at all. Used by whoever restores.
// Never touches the store that is there before the new one is complete, synced, opened and counted;
// ./restored-folder.ts tells how the one takes the place of the other.
import { mkdir, readdir, rename, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { StoreError } from "@mq9/store";
import { databaseFolder, folderFormat, syncFolder } from "./data-folder.ts";
import { toStoreError } from "./errors.ts";
import { fences } from "./keys.ts";
import type { Level } from "./level-batch.ts";
import { createLevelStore } from "./level-store.ts";
import {
  expectUnused,
  restoreNames as names,
  openRaw,
  replaceStore,
  takeLock,
} from "./restored-folder.ts";
import { type RawRecord, type RecordFigures, RecordTally } from "./store-snapshot.ts";

export interface RestoreOptions {
  /** The data folder; made when it is not there. */
  readonly folder: string;
  /** Replace the store that is there. Default false: a folder that is not empty is refused. */
  readonly replace?: boolean | undefined;
  /** The layout of the records, as `storeFormat` was where they come from. */
  readonly format: number;
}

/** A store in the making. Ends with `commit` or `abandon`. */
export interface Restoration {
  readonly figures: RecordFigures;
  /** @throws {StoreError} `full`, `io` */
  put(records: readonly RawRecord[]): Promise<void>;
  /**
   * Verifies what was put and replaces what is there. When it resolves it is done and on stable
   * storage; after a crash before that, it is done or nothing has changed.
   * @throws {StoreError} `locked` (a broker runs in the folder), `corrupt`, `full`, `io`; when the last step
   * failed it says that whoever opens the folder next ends it, else nothing has changed
   */
  commit(): Promise<void>;
  /** Removes what was made so far. Idempotent. */
  abandon(): Promise<void>;
}

const leftovers: ReadonlySet<string> = new Set([names.lock, names.making]);
/** What file systems and brokers put beside a store; no sign that one is there. */
const beside: ReadonlySet<string> = new Set(["lost+found", ".DS_Store"]);

/**
 * @throws {FolderNotEmptyError}
 * @throws {StoreError} `locked` (a broker runs in the folder, or somebody restores), `format`, `full`, `io`
 */
export async function beginRestore(options: RestoreOptions): Promise<Restoration> {
  const { folder, format } = options;
  if (format > folderFormat) {
    const message = `the backup holds records of format ${format}, and this release reads up to ${folderFormat}: restore it with the release that made it`;
    throw new StoreError("format", message);
  }
  let lock: Level | undefined;
  try {
    const found = await readdir(folder).catch(noneIfMissing);
    const inTheWay = found.filter((name) => !leftovers.has(name) && !beside.has(name));
    if (inTheWay.length > 0 && options.replace !== true) throw new FolderNotEmptyError(folder);
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    lock = await takeLock(folder);
    await expectUnused(folder);
    const making = join(folder, names.making);
    await rm(making, { recursive: true, force: true });
    await mkdir(databaseFolder(making), { recursive: true, mode: 0o700 });
    const db = await openRaw(databaseFolder(making), { errorIfExists: true });
    return new LevelRestoration(options, { lock, db, madeFolder: made !== undefined });
  } catch (cause) {
    await lock?.close();
    throw toStoreError(cause, `cannot restore into ${folder}`);
  }
}

/** There is something in the folder, and nobody said that it may be replaced. */
export class FolderNotEmptyError extends StoreError {
  constructor(folder: string) {
    super("io", `${folder} is not empty`);
    this.name = "FolderNotEmptyError";
  }
}

class LevelRestoration implements Restoration {
  readonly #options: RestoreOptions;
  readonly #lock: Level;
  readonly #tally = new RecordTally();
  readonly #madeFolder: boolean;
  #db: Level | undefined;
  #ended = false;

  constructor(options: RestoreOptions, parts: { lock: Level; db: Level; madeFolder: boolean }) {
    this.#options = options;
    this.#lock = parts.lock;
    this.#db = parts.db;
    this.#madeFolder = parts.madeFolder;
  }

  get figures(): RecordFigures {
    return this.#tally.figures;
  }

  async put(records: readonly RawRecord[]): Promise<void> {
    const db = this.#db;
    if (db === undefined) throw new StoreError("closed", "the restoration has ended");
    try {
      const batch = db.batch();
      for (const [key, value] of records) {
        batch.put(key as Buffer, value as Buffer);
        this.#tally.add(key, value);
      }
      await batch.write();
    } catch (cause) {
      throw toStoreError(cause, `cannot write to ${this.#options.folder}`);
    }
  }

  async commit(): Promise<void> {
    const { folder } = this.#options;
    const [making, made] = [join(folder, names.making), join(folder, names.made)];
    try {
      await this.#complete();
      await expectSame(await countRecords(making), this.figures);
      await syncFolder(databaseFolder(making));
      await syncFolder(making);
      await expectUnused(folder);
      await rm(made, { recursive: true, force: true });
      await rename(making, made);
      await syncFolder(folder);
    } catch (cause) {
      throw toStoreError(cause, `cannot restore into ${folder}`);
    }
    try {
      // A broker that started just now either saw the name, and left, or is in use here.
      await expectUnused(folder);
    } catch (cause) {
      await rename(made, making);
      throw toStoreError(cause, `cannot restore into ${folder}`);
    }
    try {
      await replaceStore(folder);
    } catch (cause) {
      const { code, message } = toStoreError(cause, `cannot end the restoration of ${folder}`);
      const text = `${message}; what was restored is whole and waits there: the next start of a broker in this folder ends the restoration`;
      throw new StoreError(code, text, { cause });
    }
    await this.#release();
  }

  async abandon(): Promise<void> {
    if (this.#ended) return;
    await this.#db?.close();
    this.#db = undefined;
    await rm(join(this.#options.folder, names.making), { recursive: true, force: true });
    await this.#release();
    // best effort: somebody else may have found a use for it.
    if (this.#madeFolder) await rmdir(this.#options.folder).catch(() => {});
  }

  /** Everything that was put is on the disk. */
  async #complete(): Promise<void> {
    const db = this.#db;
    if (db === undefined) throw new StoreError("closed", "the restoration has ended");
    this.#db = undefined;
    try {
      const batch = db.batch();
      for (const fence of fences) batch.put(fence, Buffer.alloc(0));
      // The tables were synced as they were made; this syncs the log, and all that is in it.
      await batch.write({ sync: true });
    } finally {
      await db.close();
    }
  }

  async #release(): Promise<void> {
    this.#ended = true;
    await this.#lock.close();
    await rm(join(this.#options.folder, names.lock), { recursive: true, force: true });
  }
}

/** Opens it as a broker would, with every check there is, and reads every record. */
async function countRecords(folder: string): Promise<RecordFigures> {
  const store = createLevelStore({ folder, verifyBytesMax: Number.MAX_SAFE_INTEGER });
  await store.open();
  try {
    await using snapshot = await store.snapshot();
    while ((await snapshot.next()).length > 0);
    return snapshot.figures;
  } finally {
    await store.close();
  }
}

async function expectSame(found: RecordFigures, put: RecordFigures): Promise<void> {
  const same = (Object.keys(put) as (keyof RecordFigures)[]).every(
    (name) => found[name] === put[name],
  );
  if (same) return;
  const message = `what was written reads back differently (${JSON.stringify(found)} instead of ${JSON.stringify(put)}): nothing was replaced; check the disk`;
  throw new StoreError("corrupt", message);
}

function noneIfMissing(cause: NodeJS.ErrnoException): string[] {
  if (cause.code === "ENOENT") return [];
  throw cause;
}
