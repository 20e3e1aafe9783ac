// What `mq9 backup` and `mq9 restore` do, without their talk: bytes into a file that is whole or not
// there, and out of one into a data folder. Both look at every byte and every record on the way.
import { createReadStream } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import path from "node:path";
import { StoreError } from "@mq9/store";
import {
  beginRestore,
  FolderNotEmptyError,
  type RecordFigures,
  RecordTally,
  type Restoration,
} from "@mq9/store-level";
import { CliError } from "../cli/exit-codes.ts";
import { type BackupEnd, BackupError, type BackupHead, readBackup } from "./backup-file.ts";

/** What a whole backup holds. */
export interface BackupFacts {
  readonly head: BackupHead;
  readonly end: BackupEnd;
}

/** Called now and then with what went through. */
export type Progress = (figures: RecordFigures) => void;

/** Writes bytes to a file of the owner's alone; it has its name only once it is whole and synced. */
export async function keepBackup(
  bytes: AsyncIterable<Uint8Array>,
  file: string,
  progress: Progress,
): Promise<BackupFacts> {
  const partial = `${file}.partial`;
  try {
    const handle = await open(partial, "w", 0o600);
    let facts: BackupFacts;
    try {
      facts = await checkBackup(writtenTo(bytes, handle), progress);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, file);
    await syncFolderOf(file);
    return facts;
  } catch (error) {
    await rm(partial, { force: true });
    throw failed(error, `${file} can not be written`);
  }
}

/** Writes bytes to a stream that is no file. */
export async function passBackup(
  bytes: AsyncIterable<Uint8Array>,
  write: (chunk: Uint8Array) => Promise<void>,
  progress: Progress,
): Promise<BackupFacts> {
  async function* passed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      await write(chunk);
      yield chunk;
    }
  }
  try {
    return await checkBackup(passed(), progress);
  } catch (error) {
    throw failed(error, "the backup can not be written");
  }
}

/** Reads a backup to its end. @throws {BackupError} when it is not whole */
export async function checkBackup(
  bytes: AsyncIterable<Uint8Array>,
  progress: Progress,
): Promise<BackupFacts> {
  const tally = new RecordTally();
  const add = async (records: readonly (readonly [Uint8Array, Uint8Array])[]) => {
    for (const [key, value] of records) tally.add(key, value);
    progress(tally.figures);
  };
  return await readWhole(bytes, tally, add);
}

/** Reads a file as a backup. @throws {CliError} when there is none, or it is not whole */
export async function checkBackupOf(file: string, progress: Progress): Promise<BackupFacts> {
  try {
    return await checkBackup(backupBytes(file), progress);
  } catch (error) {
    throw failed(error, `${file} can not be read`);
  }
}

export interface RestoreRequest {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly folder: string;
  readonly replace: boolean;
  readonly progress: Progress;
}

/**
 * Puts a backup in the place of a data folder.
 * @throws {CliError} and nothing has changed, or it says that the next start ends the restoration
 */
export async function restoreBackup(request: RestoreRequest): Promise<BackupFacts> {
  const { bytes, folder, replace, progress } = request;
  let restoration: Restoration | undefined;
  try {
    let facts: BackupFacts | undefined;
    let head: BackupHead | undefined;
    for await (const part of readBackup(bytes)) {
      if (part.kind === "head") {
        head = part.head;
        restoration = await beginRestore({ folder, replace, format: head.storeFormat });
      } else if (part.kind === "records") {
        await restoration?.put(part.records);
        progress(restoration?.figures ?? noFigures);
      } else if (head !== undefined) {
        facts = { head, end: part.end };
      }
    }
    if (facts === undefined || restoration === undefined) throw new Error("a backup had no end");
    expectFigures(restoration.figures, facts.end);
    await restoration.commit();
    return facts;
  } catch (error) {
    await restoration?.abandon();
    throw failed(error, `${folder} can not be restored`);
  }
}

async function readWhole(
  bytes: AsyncIterable<Uint8Array>,
  tally: RecordTally,
  add: (records: readonly (readonly [Uint8Array, Uint8Array])[]) => Promise<void>,
): Promise<BackupFacts> {
  let head: BackupHead | undefined;
  let end: BackupEnd | undefined;
  for await (const part of readBackup(bytes)) {
    if (part.kind === "head") head = part.head;
    else if (part.kind === "records") await add(part.records);
    else end = part.end;
  }
  if (head === undefined || end === undefined) throw new Error("a backup had no end");
  expectFigures(tally.figures, end);
  return { head, end };
}

function expectFigures(found: RecordFigures, end: BackupEnd): void {
  const same = (Object.keys(noFigures) as (keyof RecordFigures)[]).every(
    (name) => found[name] === end[name],
  );
  if (same) return;
  throw new BackupError(
    "damaged",
    "the backup is damaged: its records are not those it counted",
    0,
  );
}

async function* writtenTo(
  bytes: AsyncIterable<Uint8Array>,
  handle: FileHandle,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    await handle.writeFile(chunk);
    yield chunk;
  }
}

/** Bytes of a file, or of standard input for `-`. @throws {CliError} when it is not there */
export function backupBytes(file: string): AsyncIterable<Uint8Array> {
  return file === "-" ? process.stdin : createReadStream(file, { highWaterMark: 256 * 1024 });
}

async function syncFolderOf(file: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path.dirname(path.resolve(file)), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function failed(error: unknown, doing: string): Error {
  if (error instanceof CliError) return error;
  if (error instanceof BackupError) return ofBackup(error);
  if (error instanceof FolderNotEmptyError) {
    return new CliError("error", error.message, {
      reason: "not_empty",
      hint: "Name another folder with --data, or add --force to replace what is there.",
    });
  }
  if (error instanceof StoreError) {
    return new CliError(error.code === "full" ? "actionNeeded" : "error", error.message, {
      reason: error.code,
      cause: error,
    });
  }
  const { code, message, path: file } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" && !doing.endsWith("written")) {
    return new CliError("notFound", `there is no file ${file ?? ""}`, { cause: error });
  }
  if (code === undefined) return error as Error;
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  return new CliError(isFull ? "actionNeeded" : "error", `${doing}: ${message}`, {
    reason: code,
    cause: error,
  });
}

function ofBackup(error: BackupError): CliError {
  const hints: Readonly<Record<BackupError["reason"], string | undefined>> = {
    damaged: "Nothing was changed. Use another backup.",
    cut: "Nothing was changed. Copy the file again, or use another backup.",
    foreign: "Backups are made by: mq9 backup <file>",
    newer: undefined,
    source: undefined,
  };
  return new CliError("error", error.message, {
    reason: `backup_${error.reason}`,
    hint: hints[error.reason],
    cause: error,
  });
}

const noFigures: RecordFigures = { records: 0, bytes: 0, mailboxes: 0, messages: 0, damaged: 0 };
