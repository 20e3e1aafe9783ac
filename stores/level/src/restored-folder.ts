// The folder while a store is put back: the names it then holds, who may touch them, and the last step,
// which whoever opens the folder after a crash takes again. Used by ./restoration.ts and ./level-store.ts;
// writes no record.
//
//   <folder>/restore.lock/   held by the process that restores; a LevelDB, because its lock ends with
//                            the process that holds it
//   <folder>/restore.new/    a data folder in the making; worthless after a crash
//   <folder>/restored/       the same, complete: its name is what counts. What is there is replaced by
//                            it, now or by whoever opens the folder next.
import { rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { StoreError } from "@mq9/store";
import { ClassicLevel } from "classic-level";
import { databaseFolder, syncFolder } from "./data-folder.ts";
import { toStoreError } from "./errors.ts";
import type { Level } from "./level-batch.ts";

/** Names in a data folder; beside FORMAT, ANCHOR, store and reserve. */
export const restoreNames = {
  lock: "restore.lock",
  making: "restore.new",
  made: "restored",
} as const;

/**
 * Ends a restoration that a crash interrupted after its new store was complete. To be called before
 * anything of the folder is looked at.
 * @throws {StoreError} `locked` while another process restores
 */
export async function finishRestore(folder: string): Promise<void> {
  if (!(await isThere(join(folder, restoreNames.made)))) return;
  const lock = await takeLock(folder);
  try {
    await replaceStore(folder);
  } catch (cause) {
    throw toStoreError(cause, `cannot end the restoration of ${folder} that was interrupted`);
  } finally {
    await lock.close();
  }
  await rm(join(folder, restoreNames.lock), { recursive: true, force: true });
}

/**
 * To be called once the store is locked: one that was opened while it is replaced must not be used.
 * @throws {StoreError} `locked`
 */
export async function expectNoRestore(folder: string): Promise<void> {
  if (!(await isThere(join(folder, restoreNames.made)))) return;
  throw new StoreError("locked", `${folder} is being restored: start again when that is done`);
}

/** Moves what was restored into its place. May stop anywhere and be called again. */
export async function replaceStore(folder: string): Promise<void> {
  const made = join(folder, restoreNames.made);
  if (await isThere(databaseFolder(made))) {
    await rm(databaseFolder(folder), { recursive: true, force: true });
    await rename(databaseFolder(made), databaseFolder(folder));
    await syncFolder(folder);
  }
  for (const name of ["ANCHOR", "FORMAT"]) {
    if (await isThere(join(made, name))) await rename(join(made, name), join(folder, name));
  }
  await syncFolder(folder);
  await rm(made, { recursive: true, force: true });
  await syncFolder(folder);
}

/**
 * Looks whether a process has the store open. LevelDB takes its lock first and only then finds that
 * there is a database where none must be, so that nothing in it is read or changed.
 */
export async function expectUnused(folder: string): Promise<void> {
  const where = databaseFolder(folder);
  if (!(await isThere(join(where, "CURRENT")))) return;
  try {
    const db = await openRaw(where, { errorIfExists: true });
    await db.close();
  } catch (cause) {
    if (toStoreError(cause, "").code !== "locked") return;
    const message = `${folder} is in use: stop the broker that runs in it first`;
    throw new StoreError("locked", message, { cause });
  }
}

export async function takeLock(folder: string): Promise<Level> {
  try {
    return await openRaw(join(folder, restoreNames.lock), {});
  } catch (cause) {
    if (toStoreError(cause, "").code !== "locked") throw cause;
    const message = `${folder} is being restored by another process`;
    throw new StoreError("locked", message, { cause });
  }
}

/** A database for whoever restores; the broker opens its own. */
export async function openRaw(where: string, options: { errorIfExists?: boolean }): Promise<Level> {
  const db = new ClassicLevel<Buffer, Buffer>(where, {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
    writeBufferSize: 16 * 1024 * 1024,
    maxFileSize: 16 * 1024 * 1024,
    ...options,
  });
  await db.open();
  return db;
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // A folder below a file is told, with its path, by whoever makes it.
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw toStoreError(cause, `cannot look into ${path}`);
  }
}
