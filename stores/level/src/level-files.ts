// LevelDB's own files, as ./wal-check.ts and ./table-check.ts read them before LevelDB is opened.
import { readdir, readFile } from "node:fs/promises";
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

function emptyIfMissing<T>(empty: T): (cause: NodeJS.ErrnoException) => T {
  return (cause) => {
    if (cause.code === "ENOENT") return empty;
    throw cause;
  };
}
