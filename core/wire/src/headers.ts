// Header blocks: `NATS/1.0[ status[ description]]` CRLF, lines of `Name: value` CRLF, CRLF.
// Used at ingress to refuse malformed blocks and by whoever reads or writes headers. Works on the
// bytes; nothing here decodes a block that nobody asked about.

const cr = 13;
const lf = 10;
const colon = 58;
const version = Buffer.from("NATS/1.0", "latin1");

/** One header as text. */
export interface Header {
  readonly name: string;
  readonly value: string;
}

/**
 * Whether bytes are one well-formed block: version line, every name of printable ASCII without
 * colon and followed by one, no CR, LF or NUL but in line ends, valid UTF-8, an empty line last.
 */
export function isHeaderBlock(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < version.length + 4) return false;
  for (let at = 0; at < version.length; at++) if (bytes[start + at] !== version[at]) return false;
  let at = start + version.length;
  if (bytes[at] !== cr && bytes[at] !== 32) return false;
  at = lineEnd(bytes, at, end);
  while (at >= 0 && at + 2 < end) {
    const lineStart = at + 2;
    if (bytes[lineStart] === cr) return bytes[lineStart + 1] === lf && lineStart + 2 === end;
    let nameEnd = lineStart;
    while (isNameByte(bytes[nameEnd] as number)) nameEnd++;
    if (nameEnd === lineStart || bytes[nameEnd] !== colon || nameEnd >= end) return false;
    at = lineEnd(bytes, nameEnd + 1, end);
  }
  return false;
}

/** Status code of a block, for instance 503; undefined when its first line carries none. */
export function headerStatus(block: Uint8Array): number | undefined {
  const first = version.length;
  if (block[first] !== 32) return undefined;
  const digits = text(block, first + 1, first + 4);
  return /^\d{3}$/.test(digits) ? Number(digits) : undefined;
}

/**
 * Value of the first header of that name, without surrounding blanks.
 * @param name compared without regard to the case of ASCII letters
 */
export function getHeader(block: Uint8Array, name: string): string | undefined {
  for (let line = firstLine(block); line >= 0; line = nextLine(block, line)) {
    if (lineHasName(block, line, name)) return lineValue(block, line + name.length + 1);
  }
  return undefined;
}

/** All headers in order, names in the case they were sent in. */
export function* iterateHeaders(block: Uint8Array): Generator<Header, void, undefined> {
  for (let line = firstLine(block); line >= 0; line = nextLine(block, line)) {
    let nameEnd = line;
    while (nameEnd < block.length && block[nameEnd] !== colon) nameEnd++;
    yield { name: text(block, line, nameEnd), value: lineValue(block, nameEnd + 1) };
  }
}

/**
 * Writes a block.
 * @param status "" for none, for instance `503` or `404 No Messages`
 * @throws {RangeError} when a name or value cannot stand in a block
 */
export function encodeHeaders(headers: Iterable<Header>, status = ""): Buffer {
  const first = status === "" ? "NATS/1.0" : `NATS/1.0 ${checkedValue(status)}`;
  return Buffer.from(`${first}\r\n${encodeLines(headers)}\r\n`, "utf8");
}

/**
 * The block with more lines at its end.
 * @param block a well-formed block, or undefined to begin one
 * @throws {RangeError} when a name or value cannot stand in a block
 */
export function appendHeaders(block: Uint8Array | undefined, headers: Iterable<Header>): Buffer {
  if (block === undefined) return encodeHeaders(headers);
  const lines = Buffer.from(`${encodeLines(headers)}\r\n`, "utf8");
  const joined = Buffer.allocUnsafe(block.length - 2 + lines.length);
  joined.set(block.subarray(0, block.length - 2));
  joined.set(lines, block.length - 2);
  return joined;
}

/**
 * The block without the headers whose names begin with one of the prefixes.
 * @param prefixes lower case; names are compared without regard to the case of ASCII letters
 * @returns the same block when it has none of them
 */
export function stripHeaders(block: Uint8Array, prefixes: readonly string[]): Uint8Array {
  const kept: Uint8Array[] = [];
  let keptFrom = 0;
  for (let line = firstLine(block); line >= 0; ) {
    const next = nextLine(block, line);
    if (prefixes.some((prefix) => startsWithFolded(block, line, prefix))) {
      kept.push(block.subarray(keptFrom, line));
      keptFrom = next >= 0 ? next : block.length - 2;
    }
    line = next;
  }
  if (keptFrom === 0) return block;
  kept.push(block.subarray(keptFrom));
  return Buffer.concat(kept);
}

/** Start of the first header line, -1 when there is none. */
function firstLine(block: Uint8Array): number {
  return headerLineAt(block, afterLine(block, 0));
}

function nextLine(block: Uint8Array, line: number): number {
  return headerLineAt(block, afterLine(block, line));
}

function headerLineAt(block: Uint8Array, at: number): number {
  return at >= block.length || block[at] === cr ? -1 : at;
}

function afterLine(block: Uint8Array, at: number): number {
  const end = block.indexOf(lf, at);
  return end < 0 ? block.length : end + 1;
}

function lineHasName(block: Uint8Array, line: number, name: string): boolean {
  return block[line + name.length] === colon && startsWithFolded(block, line, name.toLowerCase());
}

function startsWithFolded(block: Uint8Array, line: number, lower: string): boolean {
  if (line + lower.length > block.length) return false;
  for (let at = 0; at < lower.length; at++) {
    const byte = block[line + at] as number;
    const folded = byte >= 65 && byte <= 90 ? byte | 32 : byte;
    if (folded !== lower.charCodeAt(at)) return false;
  }
  return true;
}

function lineValue(block: Uint8Array, start: number): string {
  let from = start;
  let end = start;
  while (end < block.length && block[end] !== cr) end++;
  while (from < end && isBlank(block[from] as number)) from++;
  while (end > from && isBlank(block[end - 1] as number)) end--;
  return text(block, from, end);
}

function text(block: Uint8Array, start: number, end: number): string {
  return Buffer.from(block.buffer, block.byteOffset + start, end - start).toString("utf8");
}

function isBlank(byte: number): boolean {
  return byte === 32 || byte === 9;
}

function isNameByte(byte: number): boolean {
  return byte > 32 && byte < 127 && byte !== colon;
}

/** Position of the CR LF that ends a line of value bytes, -1 when a byte or the end is wrong. */
function lineEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === cr) return at + 1 < end && bytes[at + 1] === lf ? at : -1;
    if (byte === lf || byte === 0) return -1;
    if (byte >= 0x80) {
      const length = utf8Length(bytes, at, end);
      if (length === 0) return -1;
      at += length - 1;
    }
  }
  return -1;
}

/** Length of a well-formed UTF-8 sequence of two bytes or more, 0 when it is malformed. */
function utf8Length(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at] as number;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > end) return 0;
  const second = bytes[at + 1] as number;
  // Overlong forms, surrogates and what lies above U+10FFFF show in the second byte.
  if (first === 0xe0 && second < 0xa0) return 0;
  if (first === 0xed && second > 0x9f) return 0;
  if (first === 0xf0 && second < 0x90) return 0;
  if (first === 0xf4 && second > 0x8f) return 0;
  for (let next = 1; next < length; next++) {
    if (((bytes[at + next] as number) & 0xc0) !== 0x80) return 0;
  }
  return length;
}

function encodeLines(headers: Iterable<Header>): string {
  let lines = "";
  for (const { name, value } of headers) {
    if (!/^[!-9;-~]+$/.test(name)) throw new RangeError(`no header name: ${JSON.stringify(name)}`);
    lines += `${name}: ${checkedValue(value)}\r\n`;
  }
  return lines;
}

function checkedValue(value: string): string {
  if (/[\r\n\0]/.test(value)) throw new RangeError("a header value cannot hold CR, LF or NUL");
  return value;
}
