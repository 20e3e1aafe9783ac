// Makes and checks the data folder before the store is opened, so that what is wrong with it is
// said in a sentence. Called once by the serve command; reads nothing that is in the folder.
import { accessSync, constants, existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { ExitError, exitTemporary } from "./exit-codes.ts";

/**
 * Makes the folder, for this user alone, when it is not there, and checks that it can be used.
 * @param folder absolute path
 * @throws {ExitError} 75 with what to do
 */
export function prepareDataFolder(folder: string): void {
  try {
    makeFolder(folder);
    if (!statSync(folder).isDirectory()) throw Object.assign(new Error(), { code: "ENOTDIR" });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new ExitError(exitTemporary, sentence(folder, error as NodeJS.ErrnoException), {
      cause: error,
    });
  }
}

/**
 * Makes a folder and those above it. Not `recursive: true`: where the system refuses new folders
 * with ENOENT, as /proc does, Node tries again for ever.
 */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent);
  mkdirSync(folder, { mode: 0o700 });
}

function sentence(folder: string, { code, message }: NodeJS.ErrnoException): string {
  const elsewhere = "or choose another folder with --data";
  switch (code) {
    case "EACCES":
    case "EPERM":
      return `data folder ${folder} may not be read and written by ${userName()}: change its owner or permissions (or those of ${dirname(folder)}), ${elsewhere}`;
    case "EROFS":
      return `data folder ${folder} lies on a disk that is mounted read-only: mount it writable, ${elsewhere}`;
    case "ENOTDIR":
    case "EEXIST":
      return `data folder ${folder} is a file, or lies below one: move that file away, ${elsewhere}`;
    case "ENOSPC":
    case "EDQUOT":
      return `data folder ${folder} can not be made because the disk is full: free some space, ${elsewhere}`;
    default:
      return `data folder ${folder} can not be used (${message}): choose another one with --data`;
  }
}

function userName(): string {
  const uid = process.getuid?.();
  return uid === undefined ? "this user" : `this user (uid ${uid})`;
}
