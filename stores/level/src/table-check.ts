// Checks LevelDB's sorted tables before LevelDB opens them. classic-level does not ask LevelDB to
// verify a block's checksum when it reads, and a block that can not be read is skipped without a
// word; the checksum of our own records can not notice a record that is not there.
//
//   table   data blocks, filter block, metaindex block, index block, footer (48)
//   block   contents, compression (1), crc32c of both, masked (4)
//   footer  handle of metaindex, handle of index, padding, magic (8); a handle is two varints
import { StoreError } from "@mq9/store";
import { crc32c, unmasked } from "./crc32c.ts";
import { type Handle, LevelCursor } from "./level-cursor.ts";
import { numberedFiles, readIfThere } from "./level-files.ts";
import type { LiveFiles } from "./manifest.ts";
import { unsnappy } from "./snappy.ts";

const footerBytes = 48;
const magic = 0xdb47_7524_8b80_fb57n;

/**
 * Checks tables, the newest first, until about `bytesMax` bytes were read.
 * @throws {StoreError} `corrupt` naming the file and the place
 */
export async function checkTables(
  folder: string,
  live: LiveFiles,
  bytesMax: number,
): Promise<void> {
  let bytesRead = 0;
  for (const { path, number } of (await numberedFiles(folder, "ldb")).toReversed()) {
    if (bytesRead >= bytesMax) return;
    // Left by a compaction that never finished; LevelDB removes it.
    if (!live.tables.has(number)) continue;
    const table = await readIfThere(path);
    if (table === undefined) continue;
    bytesRead += table.length;
    const damagedAt = damageInTable(table);
    if (damagedAt !== undefined) {
      throw new StoreError(
        "corrupt",
        `${path} is damaged in the block at byte ${damagedAt} of ${table.length}. Nothing was changed. Restore the data folder from a backup, or move it away to start with an empty one`,
      );
    }
  }
}

/** Where the first damaged block starts; undefined when the table is whole. Pure. */
export function damageInTable(table: Buffer): number | undefined {
  const footerAt = table.length - footerBytes;
  if (footerAt < 0 || table.readBigUInt64LE(table.length - 8) !== magic) return 0;
  const footer = new LevelCursor(table, footerAt);
  try {
    const metaindex = footer.handle();
    const index = footer.handle();
    for (const parent of [index, metaindex]) {
      const contents = blockContents(table, parent);
      if (contents === undefined) return parent.offset;
      for (const child of handlesIn(contents)) {
        if (!isWhole(table, child)) return child.offset;
      }
    }
    return undefined;
  } catch (cause) {
    if (cause instanceof RangeError) return footerAt;
    throw cause;
  }
}

function isWhole(table: Buffer, { offset, size }: Handle): boolean {
  const end = offset + size + 1;
  if (end + 4 > table.length) return false;
  return crc32c(table, offset, end) === unmasked(table.readUInt32LE(end));
}

function blockContents(table: Buffer, handle: Handle): Buffer | undefined {
  const { offset, size } = handle;
  if (!isWhole(table, handle)) return undefined;
  const stored = table.subarray(offset, offset + size);
  return table[offset + size] === 1 ? unsnappy(stored) : stored;
}

/** The handles that an index or metaindex block lists. */
function handlesIn(block: Buffer): Handle[] {
  const restarts = block.readUInt32LE(block.length - 4);
  const end = block.length - 4 - 4 * restarts;
  const handles: Handle[] = [];
  const cursor = new LevelCursor(block, 0);
  while (cursor.at < end) {
    cursor.varint();
    const keyBytes = cursor.varint();
    const valueBytes = cursor.varint();
    const value = cursor.at + keyBytes;
    handles.push(new LevelCursor(block, value).handle());
    cursor.at = value + valueBytes;
  }
  return handles;
}
