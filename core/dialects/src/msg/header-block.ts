// Reads header blocks as bytes: the walk over their lines, and the map of them in JSON. Blocks were
// checked by the connection, so every line ends in CR LF and an empty one is last.
import { decodeText } from "../utf8.ts";

const cr = 13;
const lf = 10;
const colon = 58;

/** Start of the first header line; `block.length` or the closing empty line when there is none. */
export function firstLineOf(block: Uint8Array): number {
  return lineAfter(block, 0);
}

/** Whether a header line starts there. */
export function isLine(block: Uint8Array, at: number): boolean {
  return at < block.length && block[at] !== cr;
}

/** Start of what follows the line at `at`. */
export function lineAfter(block: Uint8Array, at: number): number {
  const end = block.indexOf(lf, at);
  return end < 0 ? block.length : end + 1;
}

/** Where the name that starts at `line` ends, at its colon. */
export function nameEndOf(block: Uint8Array, line: number): number {
  const end = block.indexOf(colon, line);
  return end < 0 ? block.length : end;
}

/** Whether the bytes from `line` to `nameEnd` are this name. @param name in lower case */
export function isNamed(block: Uint8Array, line: number, nameEnd: number, name: string): boolean {
  return nameEnd - line === name.length && startsWith(block, line, name);
}

/** Whether a name there begins like this. @param start in lower case */
export function startsWith(block: Uint8Array, line: number, start: string): boolean {
  for (let i = 0; i < start.length; i += 1) {
    const byte = block[line + i] ?? 0;
    const folded = byte >= 65 && byte <= 90 ? byte | 32 : byte;
    if (folded !== start.charCodeAt(i)) return false;
  }
  return true;
}

/** The value of the line whose name ends at `nameEnd`, without blanks around it. */
export function valueOf(block: Uint8Array, nameEnd: number): string {
  let from = nameEnd + 1;
  let end = block.indexOf(cr, from);
  if (end < 0) end = block.length;
  while (from < end && isBlank(block[from])) from += 1;
  while (end > from && isBlank(block[end - 1])) end -= 1;
  return decodeText(block.subarray(from, end)) ?? "";
}

/**
 * The block as names and values. Names are kept as they were written; the values of a name that
 * stands there more than once are joined by `, `. No name reaches a prototype.
 */
export function headerMap(block: Uint8Array): Readonly<Record<string, string>> {
  const map = Object.create(null) as Record<string, string>;
  for (let line = firstLineOf(block); isLine(block, line); line = lineAfter(block, line)) {
    const nameEnd = nameEndOf(block, line);
    const name = decodeText(block.subarray(line, nameEnd)) ?? "";
    const value = valueOf(block, nameEnd);
    const before = map[name];
    map[name] = before === undefined ? value : `${before}, ${value}`;
  }
  return map;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 32 || byte === 9;
}
