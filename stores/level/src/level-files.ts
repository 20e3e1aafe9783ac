// LevelDB's own files, as ./wal-check.ts and ./table-check.ts read them before LevelDB is opened.
import { open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A file whose name is a number, as LevelDB names its logs and tables. */
export interface NumberedFile {
  readonly number: number;
  readonly path: string;
}

/** The files `<number>.<extension>` in a folder, in the order in which they were made. */
export async function numberedFiles(folder: string, extension: string): Promise<NumberedFile[]> {
  const names = await readdir(folder).catch(emptyIfMissing<string[]>([]));
  return names
    .filter((name) => /^\d+\./.test(name) && name.endsWith(`.${extension}`))
    .map((name) => ({ number: Number.parseInt(name, 10), path: join(folder, name) }))
    .sort((a, b) => a.number - b.number);
}

/** A file's bytes; undefined when it is gone, as when another process owns the folder. */
export function readIfThere(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch(emptyIfMissing(undefined));
}

/** A file read piece by piece, through a window that suits one pass from front to back. */
export interface OpenFile {
  readonly size: number;
  /** Up to `length` bytes from `offset`; fewer at the end. Valid until the next `read`. */
  read(offset: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

const windowBytes = 256 * 1024;

/** Opens a file for reading; undefined when it is gone. */
export async function openIfThere(path: string): Promise<OpenFile | undefined> {
  const file = await open(path, "r").catch(emptyIfMissing(undefined));
  if (file === undefined) return undefined;
  const { size } = await file.stat();
  let window: Buffer = Buffer.alloc(0);
  let windowAt = 0;
  const read = async (offset: number, length: number) => {
    const end = Math.min(size, offset + length);
    if (offset < windowAt || end > windowAt + window.length) {
      window = Buffer.alloc(Math.max(0, Math.min(size - offset, Math.max(length, windowBytes))));
      windowAt = offset;
      const { bytesRead } = await file.read(window, 0, window.length, offset);
      window = window.subarray(0, bytesRead);
    }
    return window.subarray(offset - windowAt, Math.max(offset, end) - windowAt);
  };
  return { size, read, close: () => file.close() };
}

function emptyIfMissing<T>(empty: T): (cause: NodeJS.ErrnoException) => T {
  return (cause) => {
    if (cause.code === "ENOENT") return empty;
    throw cause;
  };
}
