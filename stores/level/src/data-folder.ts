// The data folder and its FORMAT file, which says what wrote the folder. Never touches LevelDB.
//
//   <folder>/FORMAT   {"format":2,"engine":"leveldb","created":"2026-01-31T09:30:00.000Z"}
//   <folder>/ANCHOR   see ./anchor.ts
//   <folder>/store/   LevelDB
import { mkdir, open, readFile, rename, statfs } from "node:fs/promises";
import { join } from "node:path";
import { StoreError } from "@mq9/store";
import { toStoreError } from "./errors.ts";

/**
 * The layout this release writes, and the newest it reads. 1: without tags, senders, delays, dead
 * letters and the numbers beside a mailbox; read as it is, and raised to 2 before anything is written.
 */
export const folderFormat = 2;

const engine = "leveldb";

export function databaseFolder(folder: string): string {
  return join(folder, "store");
}

export function anchorFile(folder: string): string {
  return join(folder, "ANCHOR");
}

/**
 * Makes the folder usable, or says why it is not.
 * @returns true when the folder was not a store before.
 * @throws {StoreError} `format`, `corrupt`, `full`, `io`
 */
export async function prepareFolder(folder: string): Promise<boolean> {
  const text = await readFormat(folder);
  if (text !== undefined) {
    checkFormat(folder, text);
    return false;
  }
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFormat(folder);
    return true;
  } catch (cause) {
    throw toStoreError(cause, `cannot create a store in ${folder}`);
  }
}

/**
 * Says in FORMAT that this release writes here, so that an earlier one refuses instead of misreading.
 * To be called after the folder was verified and before the first write.
 */
export async function raiseFormat(folder: string): Promise<void> {
  const found = parseFormat((await readFormat(folder)) ?? "");
  if (found === undefined || found.format >= folderFormat) return;
  await writeFormat(folder, found.created);
}

/** Free and total bytes of the disk beneath. */
export async function diskSpace(
  folder: string,
): Promise<{ freeBytes: number; totalBytes: number }> {
  const disk = await statfs(folder);
  return { freeBytes: disk.bavail * disk.bsize, totalBytes: disk.blocks * disk.bsize };
}

/** Makes the names in a folder durable. Not every system can sync a folder; those need not. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readFormat(folder: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, "FORMAT"), "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw toStoreError(cause, `cannot read the store in ${folder}`);
  }
}

function checkFormat(folder: string, text: string): void {
  const found = parseFormat(text);
  if (found === undefined) {
    throw new StoreError(
      "corrupt",
      `${join(folder, "FORMAT")} is damaged; restore it from a backup of ${folder}`,
    );
  }
  if (found.engine !== engine) {
    throw new StoreError(
      "format",
      `${folder} belongs to the engine '${found.engine}', not to '${engine}': choose that engine or another folder`,
    );
  }
  if (found.format > folderFormat) {
    throw new StoreError(
      "format",
      `${folder} was written by a newer release (format ${found.format}; this one reads up to ${folderFormat}): run that release, or restore a backup made by this one into another folder`,
    );
  }
}

interface Format {
  readonly format: number;
  readonly engine: string;
  readonly created: string | undefined;
}

function parseFormat(text: string): Format | undefined {
  try {
    const found: unknown = JSON.parse(text);
    if (typeof found !== "object" || found === null) return undefined;
    const { format, engine: name, created } = found as Partial<Record<keyof Format, unknown>>;
    if (!Number.isInteger(format) || typeof name !== "string") return undefined;
    return {
      format: format as number,
      engine: name,
      created: typeof created === "string" ? created : undefined,
    };
  } catch {
    // Not JSON: the caller reports the damage.
    return undefined;
  }
}

async function writeFormat(folder: string, created = new Date().toISOString()): Promise<void> {
  const content = { format: folderFormat, engine, created };
  const temporary = join(folder, "FORMAT.new");
  const handle = await open(temporary, "w", 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(content)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, join(folder, "FORMAT"));
  await syncFolder(folder);
}
