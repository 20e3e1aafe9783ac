// Copies and number writing for the hot path. Calls into the runtime cost about 40 ns each, so
// short runs are moved here, four bytes at a time.

declare global {
  /** What Node's buffers have had since long, faster than `toString` and `write`, but untyped. */
  interface Buffer {
    latin1Slice(start?: number, end?: number): string;
    utf8Slice(start?: number, end?: number): string;
    latin1Write(text: string, offset: number, length: number): number;
  }
}

/** Runs up to this long are copied faster here than by the runtime. Measured on Node 20. */
const shortRunBytesMax = 112;

/**
 * Copies a run of bytes. The views must cover the same bytes as their buffers.
 * @returns the position after the last byte written
 */
export function copyRun(
  from: Buffer,
  fromView: DataView,
  start: number,
  end: number,
  to: Buffer,
  toView: DataView,
  at: number,
): number {
  if (end - start > shortRunBytesMax) {
    from.copy(to, at, start, end);
    return at + end - start;
  }
  let source = start;
  let target = at;
  for (const words = end - 3; source < words; source += 4, target += 4) {
    toView.setInt32(target, fromView.getInt32(source, true), true);
  }
  while (source < end) to[target++] = from[source++] as number;
  return target;
}

/** A view of a buffer's own bytes. */
export function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

/** Writes a byte string. @returns the position after it */
export function writeBytes(to: Buffer, at: number, bytes: string): number {
  const length = bytes.length;
  if (length > 24) return at + to.latin1Write(bytes, at, length);
  for (let from = 0; from < length; from++) to[at + from] = bytes.charCodeAt(from);
  return at + length;
}

/** Writes a whole number from 0 to 999,999,999. @returns the position after it */
export function writeDecimal(to: Buffer, at: number, value: number): number {
  const end = at + decimalLength(value);
  let rest = value;
  let target = end;
  do {
    const next = (rest / 10) | 0;
    to[--target] = 48 + rest - next * 10;
    rest = next;
  } while (rest !== 0);
  return end;
}

/** How many digits a whole number from 0 to 999,999,999 has. */
export function decimalLength(value: number): number {
  if (value < 10) return 1;
  if (value < 100) return 2;
  if (value < 1_000) return 3;
  if (value < 10_000) return 4;
  if (value < 100_000) return 5;
  if (value < 1_000_000) return 6;
  if (value < 10_000_000) return 7;
  return value < 100_000_000 ? 8 : 9;
}
