// Which of LevelDB's files count: what its manifest says. Files it does not name are leftovers of an
// interrupted run, whole or not, and LevelDB removes them.
import { join } from "node:path";
import { LevelCursor } from "./level-cursor.ts";
import { readIfThere } from "./level-files.ts";
import { scanLog } from "./level-log.ts";

export interface LiveFiles {
  /** Numbers of the tables that hold data. */
  readonly tables: ReadonlySet<number>;
  /** Whether LevelDB will recover the log of this number. */
  isLiveLog(number: number): boolean;
}

/** Reads the manifest as far as it is whole; LevelDB itself reports its damage. */
export async function readLiveFiles(folder: string): Promise<LiveFiles> {
  const name = (await readIfThere(join(folder, "CURRENT")))?.toString().trim() ?? "";
  const manifest = /^MANIFEST-\d+$/.test(name) ? await readIfThere(join(folder, name)) : undefined;
  const tables = new Set<number>();
  const logs = { first: 0, previous: 0 };
  scanLog(manifest ?? Buffer.alloc(0), (edit) => applyEdit(edit, tables, logs));
  return {
    tables,
    isLiveLog: (number) => number >= logs.first || number === logs.previous,
  };
}

/** One record of the manifest: fields behind their tags. */
function applyEdit(
  edit: Buffer,
  tables: Set<number>,
  logs: { first: number; previous: number },
): void {
  const cursor = new LevelCursor(edit, 0);
  while (!cursor.atEnd) {
    const tag = cursor.varint();
    switch (tag) {
      case 1: // the name of the comparator
        cursor.skipBytes();
        break;
      case 2: // the first log that is not in a table yet
        logs.first = cursor.varint();
        break;
      case 3: // the next file number
      case 4: // the last sequence number
        cursor.varint();
        break;
      case 5: // where the next compaction of a level starts
        cursor.varint();
        cursor.skipBytes();
        break;
      case 6: // a table that is no more: level, number
        cursor.varint();
        tables.delete(cursor.varint());
        break;
      case 7: // a new table: level, number, size, smallest and largest key
        cursor.varint();
        tables.add(cursor.varint());
        cursor.varint();
        cursor.skipBytes();
        cursor.skipBytes();
        break;
      case 9: // a log that was being written to a table
        logs.previous = cursor.varint();
        break;
      default: // not known to LevelDB 1.20 either, which will refuse it
        return;
    }
  }
}
