// The bytes of a backup: one file of frames, each with a number and checksums, and an end that says what
// went before. Written from the records of a store, read back piece by piece, in bounded memory. Knows
// no files, sockets or folders: names inside a backup never become names on a disk.
//
//   magic   89 'M' 'Q' '9' 0d 0a 1a 0a
//   frame   type(1) number(4) bodyLength(4) crc32 of these nine(4), body, crc32 of head and body(4)
//     'H'   head, as JSON: BackupHead
//     'R'   records: keyLength(2) valueLength(4) key value, one after the other
//     'F'   the source gave up: a sentence
//     'E'   end, as JSON: BackupEnd, its digest over every byte before this frame
//
// Integers are big-endian; frames are numbered from 0; nothing follows the end.
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { RawRecord, RecordFigures } from "@mq9/store-level";

/** Says what the records are. */
export interface BackupHead {
  /** Of the file. */
  readonly format: 1;
  readonly engine: "leveldb";
  /** Of the records. */
  readonly storeFormat: number;
  /** The release that wrote it. */
  readonly version: string;
  /** When the copy was taken, ISO 8601. */
  readonly takenAt: string;
}

/** What the reader must have come to. */
export interface BackupEnd extends RecordFigures {
  readonly sha256: string;
}

/** A piece of a backup that was verified. */
export type BackupPart =
  | { readonly kind: "head"; readonly head: BackupHead }
  | { readonly kind: "records"; readonly records: readonly RawRecord[] }
  | { readonly kind: "end"; readonly end: BackupEnd };

/** The file is not what was written. Nothing of it may be used. */
export class BackupError extends Error {
  /** Where in the file, in bytes from its begin. */
  readonly offset: number;
  /** What went wrong: `cut` = the end is missing, `source` = whoever wrote it says that it gave up. */
  readonly reason: "damaged" | "cut" | "foreign" | "newer" | "source";

  constructor(reason: BackupError["reason"], message: string, offset: number) {
    super(message);
    this.name = "BackupError";
    this.reason = reason;
    this.offset = offset;
  }
}

const magic = Buffer.from([0x89, 0x4d, 0x51, 0x39, 0x0d, 0x0a, 0x1a, 0x0a]);
const frameHeadBytes = 13;
/** Records go into one frame until it holds so much. */
const frameBytes = 256 * 1024;
/** No frame is larger: the largest message, and room. */
const bodyBytesMax = 1024 * 1024 * 1024;

type FrameType = "H" | "R" | "F" | "E";

/** Where records come from. */
export interface RecordSource {
  readonly figures: RecordFigures;
  /** The next records; none at the end. */
  next(): Promise<readonly RawRecord[]>;
}

/** A source that fails is told in the last frame, and the backup is none. */
export async function* writeBackup(
  head: BackupHead,
  source: RecordSource,
): AsyncGenerator<Buffer, void, void> {
  const hash = createHash("sha256");
  let number = 0;
  const frame = (type: FrameType, body: readonly Uint8Array[]) => {
    const bytes = encodeFrame(type, number, body);
    number += 1;
    hash.update(bytes);
    return bytes;
  };
  hash.update(magic);
  yield magic;
  yield frame("H", [Buffer.from(JSON.stringify(head))]);
  try {
    for (;;) {
      const records = await source.next();
      if (records.length === 0) break;
      for (const body of bodiesOf(records)) yield frame("R", body);
    }
  } catch (error) {
    yield frame("F", [Buffer.from((error as Error).message)]);
    return;
  }
  const end: BackupEnd = { ...source.figures, sha256: hash.copy().digest("hex") };
  yield frame("E", [Buffer.from(JSON.stringify(end))]);
}

function* bodiesOf(records: readonly RawRecord[]): Generator<Uint8Array[]> {
  let body: Uint8Array[] = [];
  let bytes = 0;
  for (const [key, value] of records) {
    const lengths = Buffer.allocUnsafe(6);
    lengths.writeUInt16BE(key.length, 0);
    lengths.writeUInt32BE(value.length, 2);
    body.push(lengths, key, value);
    bytes += 6 + key.length + value.length;
    if (bytes < frameBytes) continue;
    yield body;
    body = [];
    bytes = 0;
  }
  if (body.length > 0) yield body;
}

function encodeFrame(type: FrameType, number: number, body: readonly Uint8Array[]): Buffer {
  const length = body.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.allocUnsafe(frameHeadBytes);
  head.write(type, 0, "latin1");
  head.writeUInt32BE(number, 1);
  head.writeUInt32BE(length, 5);
  head.writeUInt32BE(crc32(head.subarray(0, 9)), 9);
  const bytes = Buffer.concat([head, ...body, Buffer.alloc(4)]);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
  return bytes;
}

/**
 * Reads a backup. Every part was verified when it comes; the whole is only when `end` came.
 * @param chunks the bytes, in pieces of any size
 * @throws {BackupError} where the bytes do not fit, and when they end too early
 */
export async function* readBackup(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<BackupPart, void, void> {
  const bytes = new ByteReader(chunks);
  const hash = createHash("sha256");
  const first = await bytes.first(magic.length);
  if (!first.equals(magic)) {
    throw new BackupError("foreign", "this is no backup made by mq9", 0);
  }
  hash.update(first);
  for (let number = 0; ; number += 1) {
    const before = hash.copy();
    const { type, body, offset } = await readFrame(bytes, number, hash);
    if (type === "F") throw new BackupError("source", body.toString("utf8"), offset);
    if ((type === "H") !== (number === 0)) {
      throw damaged(`the frame is of type ${type}`, offset);
    }
    if (type === "H") yield { kind: "head", head: parseHead(body, offset) };
    if (type === "R") yield { kind: "records", records: parseRecords(body, offset) };
    if (type !== "E") continue;
    const end = parseJson(body, offset) as BackupEnd;
    if (end.sha256 !== before.digest("hex")) {
      throw damaged("the digest of the whole does not fit", offset);
    }
    if (await bytes.isMore()) {
      throw damaged("something follows the end", bytes.offset);
    }
    yield { kind: "end", end };
    return;
  }
}

async function readFrame(
  bytes: ByteReader,
  number: number,
  hash: ReturnType<typeof createHash>,
): Promise<{ type: string; body: Buffer; offset: number }> {
  const { offset } = bytes;
  const head = await bytes.take(frameHeadBytes);
  if (crc32(head.subarray(0, 9)) !== head.readUInt32BE(9)) {
    throw damaged("the checksum of a frame's head does not fit", offset);
  }
  const type = head.toString("latin1", 0, 1);
  const length = head.readUInt32BE(5);
  if (head.readUInt32BE(1) !== number || !"HRFE".includes(type) || length > bodyBytesMax) {
    const found = head.readUInt32BE(1);
    throw damaged(`frame ${number} was expected, and frame ${found} is there`, offset);
  }
  const body = await bytes.take(length);
  const sum = await bytes.take(4);
  if (crc32(body, crc32(head)) !== sum.readUInt32BE(0)) {
    throw damaged("the checksum of a frame does not fit", offset);
  }
  hash.update(head).update(body).update(sum);
  return { type, body, offset };
}

function parseHead(body: Buffer, offset: number): BackupHead {
  const head = parseJson(body, offset) as BackupHead;
  if (head.format !== 1 || head.engine !== "leveldb" || !Number.isInteger(head.storeFormat)) {
    const message = `the backup was made by a newer release (${String(head.version)}): use that one`;
    throw new BackupError("newer", message, offset);
  }
  return head;
}

function parseRecords(body: Buffer, offset: number): RawRecord[] {
  const records: RawRecord[] = [];
  for (let at = 0; at < body.length; ) {
    if (at + 6 > body.length) throw damaged("a record is cut", offset);
    const keyAt = at + 6;
    const valueAt = keyAt + body.readUInt16BE(at);
    at = valueAt + body.readUInt32BE(at + 2);
    if (at > body.length) throw damaged("a record is cut", offset);
    records.push([body.subarray(keyAt, valueAt), body.subarray(valueAt, at)]);
  }
  return records;
}

function parseJson(body: Buffer, offset: number): object {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // said below: whoever wrote this had the checksum right and the rest wrong
  }
  throw damaged("a frame can not be understood", offset);
}

function damaged(what: string, offset: number): BackupError {
  return new BackupError("damaged", `the backup is damaged: ${what}, at byte ${offset}`, offset);
}

/** Bytes by number, out of pieces of any size. */
class ByteReader {
  /** Of the next byte. */
  offset = 0;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #waiting: Buffer[] = [];
  #bytes = 0;
  #ended = false;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** As many as there are, if there are fewer. */
  async first(length: number): Promise<Buffer> {
    while (this.#bytes < length && (await this.#pull()));
    return await this.take(Math.min(length, this.#bytes));
  }

  async take(length: number): Promise<Buffer> {
    const from = this.offset;
    while (this.#bytes < length) {
      if (await this.#pull()) continue;
      const end = from + this.#bytes;
      throw new BackupError(
        "cut",
        `the backup is cut: it ends at byte ${end}, in the middle of a frame that begins at byte ${from}`,
        end,
      );
    }
    this.offset += length;
    this.#bytes -= length;
    const parts: Buffer[] = [];
    for (let left = length; left > 0; ) {
      const first = this.#waiting[0] as Buffer;
      const part = first.subarray(0, left);
      parts.push(part);
      left -= part.length;
      if (part.length === first.length) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(part.length);
    }
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, length);
  }

  async isMore(): Promise<boolean> {
    while (this.#bytes === 0) if (!(await this.#pull())) return false;
    return true;
  }

  async #pull(): Promise<boolean> {
    if (this.#ended) return false;
    const { value, done } = await this.#chunks.next();
    if (done === true) {
      this.#ended = true;
      return false;
    }
    const chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    if (chunk.length > 0) this.#waiting.push(chunk);
    this.#bytes += chunk.length;
    return true;
  }
}
