// The format of LevelDB's logs, which also holds its manifest. Pure: bytes in, records and damage
// out; ./wal-check.ts and ./manifest.ts decide what it means.
//
// A log is a row of 32 KiB blocks. A record lies in one fragment (FULL) or in several (FIRST,
// MIDDLE ..., LAST); no fragment crosses a block, and a block's last 6 bytes stay empty.
//
//   | crc32c of type and data, masked (4) | length (2) | type (1) | data (length) |   little-endian
import { crc32c, unmasked } from "./crc32c.ts";

const blockBytes = 32_768;
const headerBytes = 7;
const fullType = 1;
const firstType = 2;
const lastType = 4;

export interface LogFinding {
  /** Whole records, whether or not LevelDB would still find them. */
  readonly records: number;
  /** Where the first damage starts, be it only an unfinished end; undefined = none. */
  readonly damagedAt: number | undefined;
  /** A record begins behind the damage: what is damaged is not the last one. */
  readonly goesOn: boolean;
}

/** Walks through the bytes of one log and hands out each whole record. */
export function scanLog(bytes: Buffer, take?: (record: Buffer) => void): LogFinding {
  let records = 0;
  let damagedAt: number | undefined;
  let goesOn = false;
  /** The fragments of a record that was begun and has not ended. */
  let begun: Buffer[] | undefined;
  let at = 0;
  while (at + headerBytes <= bytes.length) {
    const blockEnd = at - (at % blockBytes) + blockBytes;
    if (blockEnd - at < headerBytes) {
      at = blockEnd;
      continue;
    }
    const fragment = fragmentAt(bytes, at, blockEnd);
    if (fragment === undefined) {
      damagedAt ??= at;
      begun = undefined;
      at = afterDamage(bytes, at, blockEnd);
      continue;
    }
    if (fragment.type === fullType || fragment.type === firstType) {
      // A record that was begun and never ended, although another one follows.
      if (begun !== undefined) damagedAt ??= at;
      if (damagedAt !== undefined) goesOn = true;
      begun = [];
    }
    begun?.push(bytes.subarray(at + headerBytes, fragment.end));
    if (begun !== undefined && (fragment.type === fullType || fragment.type === lastType)) {
      records += 1;
      take?.(Buffer.concat(begun));
      begun = undefined;
    }
    at = fragment.end;
  }
  if (begun !== undefined || at < bytes.length) damagedAt ??= at;
  return { records, damagedAt, goesOn };
}

/** The fragment at this place; undefined when what lies there is none. */
function fragmentAt(
  bytes: Buffer,
  at: number,
  blockEnd: number,
): { type: number; end: number } | undefined {
  const type = bytes[at + 6] as number;
  const end = at + headerBytes + bytes.readUInt16LE(at + 4);
  if (type < fullType || type > lastType || end > blockEnd || end > bytes.length) return undefined;
  const stored = unmasked(bytes.readUInt32LE(at));
  return crc32c(bytes, at + 6, end) === stored ? { type, end } : undefined;
}

/** Where to look on: behind the damaged fragment if its length leads to a whole one. */
function afterDamage(bytes: Buffer, at: number, blockEnd: number): number {
  const end = at + headerBytes + bytes.readUInt16LE(at + 4);
  if (end + headerBytes > blockEnd || end + headerBytes > bytes.length) return blockEnd;
  return fragmentAt(bytes, end, blockEnd) === undefined ? blockEnd : end;
}
