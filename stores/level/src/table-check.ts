// Checks LevelDB's sorted tables before LevelDB opens them. classic-level does not ask LevelDB to
// verify a block's checksum when it reads: a block that can not be read is skipped without a word,
// a damaged index ends the process by an assertion, and the checksum of our own records can not
// notice a record that is not there.
//
//   table   data blocks, filter block, metaindex block, index block, footer (48)
//   block   contents, compression (1), crc32c of both, masked (4)
//   footer  handle of metaindex, handle of index, padding, magic (8); a handle is two varints
import { StoreError } from "@mq9/store";
import { crc32c, unmasked } from "./crc32c.ts";
import { type Handle, LevelCursor } from "./level-cursor.ts";
import { numberedFiles, type OpenFile, openIfThere } from "./level-files.ts";
import type { LiveFiles } from "./manifest.ts";
import { unsnappy } from "./snappy.ts";

const footerBytes = 48;
const trailerBytes = 5;
const magic = 0xdb47_7524_8b80_fb57n;

/**
 * Checks index and filter of every live table, and all data of the newest ones until about
 * `bytesMax` bytes were read.
 * @throws {StoreError} `corrupt` naming the file and the place
 */
export async function checkTables(
  folder: string,
  live: LiveFiles,
  bytesMax: number,
): Promise<void> {
  let bytesRead = 0;
  for (const { path, number } of (await numberedFiles(folder, "ldb")).toReversed()) {
    // One that is not live was left by a compaction that never finished; LevelDB removes it.
    const table = live.tables.has(number) ? await openIfThere(path) : undefined;
    if (table === undefined) continue;
    try {
      const withData = bytesRead < bytesMax;
      if (withData) bytesRead += table.size;
      const damagedAt = await damageInTable(table, withData);
      if (damagedAt !== undefined) {
        throw new StoreError(
          "corrupt",
          `${path} is damaged in the block at byte ${damagedAt} of ${table.size}. Nothing was changed. Restore the data folder from a backup, or move it away to start with an empty one`,
        );
      }
    } finally {
      await table.close();
    }
  }
}

/** Where the first damaged block starts; undefined when the table is whole. */
async function damageInTable(table: OpenFile, withData: boolean): Promise<number | undefined> {
  const footerAt = table.size - footerBytes;
  if (footerAt < 0) return 0;
  const footer = await table.read(footerAt, footerBytes);
  if (footer.readBigUInt64LE(footerBytes - 8) !== magic) return footerAt;
  try {
    const cursor = new LevelCursor(footer, 0);
    const metaindex = cursor.handle();
    const index = cursor.handle();
    for (const parent of [index, metaindex]) {
      const block = await wholeBlock(table, parent);
      if (block === undefined) return parent.offset;
      if (parent === index && !withData) continue;
      for (const child of handlesIn(contentsOf(block))) {
        if ((await wholeBlock(table, child)) === undefined) return child.offset;
      }
    }
    return undefined;
  } catch (cause) {
    if (cause instanceof RangeError) return footerAt;
    throw cause;
  }
}

/** A block with its compression byte; undefined when its checksum does not fit. */
async function wholeBlock(table: OpenFile, handle: Handle): Promise<Buffer | undefined> {
  const bytes = await table.read(handle.offset, handle.size + trailerBytes);
  const end = handle.size + 1;
  if (bytes.length !== handle.size + trailerBytes) return undefined;
  return crc32c(bytes, 0, end) === unmasked(bytes.readUInt32LE(end)) ? bytes : undefined;
}

function contentsOf(block: Buffer): Buffer {
  const stored = block.subarray(0, -trailerBytes);
  return block[stored.length] === 1 ? unsnappy(stored) : stored;
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
