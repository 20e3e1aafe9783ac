// Frames of RFC 6455, read and written. The reader joins the payloads of one chunk in place, so that
// many small frames cost one turn of the connection and no frame is ever buffered, however long it
// says it is. Knows no sockets.

import { isUtf8 } from "node:buffer";

/** What a reader found. */
export interface FrameEvents {
  /** Payload of the data frames of a chunk, text and binary alike. */
  payload(bytes: Buffer): void;
  ping(payload: Buffer): void;
  /** The peer's last frame; `code` is undefined when it gave none. */
  closed(code: number | undefined, reason: string): void;
  /** A breach of the protocol, in a few words. Nothing is read after it. */
  violation(text: string): void;
}

const continuation = 0;
const text = 1;
const binary = 2;
const close = 8;
const ping = 9;
const pong = 10;
/** Payload of a control frame. */
const controlBytesMax = 125;
/** Longest header: two bytes, a length of eight, a mask of four. */
const headerBytesMax = 14;

/** Reads what one client sends. */
export class FrameReader {
  /** Headers read so far; whoever counts them may set it back. */
  frames = 0;
  readonly #events: FrameEvents;
  readonly #header = Buffer.alloc(headerBytesMax);
  #headerUsed = 0;
  /** Bytes of the header at hand, as far as known. */
  #headerBytes = 2;
  #opcode = 0;
  /** A message began whose last frame has not. */
  #isFragmented = false;
  /** Payload bytes that are still to come. */
  #left = 0;
  #inPayload = false;
  #maskAt = 0;
  readonly #control = Buffer.alloc(controlBytesMax);
  #controlUsed = 0;
  #isOver = false;

  constructor(events: FrameEvents) {
    this.#events = events;
  }

  /** @param chunk the next bytes; they are changed */
  read(chunk: Buffer): void {
    let at = 0;
    let kept = 0;
    let breach: string | undefined;
    while (at < chunk.length && !this.#isOver) {
      if (!this.#inPayload) {
        at = this.#takeHeader(chunk, at);
        if (this.#headerUsed < this.#headerBytes) continue;
        breach = this.#headerUsed === 2 ? this.#begin() : this.#complete();
        if (breach !== undefined) break;
        if (!this.#inPayload) continue;
      }
      const end = Math.min(chunk.length, at + this.#left);
      if (this.#opcode >= close) {
        this.#unmask(chunk, at, end, this.#control, this.#controlUsed);
        this.#controlUsed += end - at;
      } else {
        this.#unmask(chunk, at, end, chunk, kept);
        kept += end - at;
      }
      this.#left -= end - at;
      at = end;
      if (this.#left !== 0) continue;
      this.#inPayload = false;
      if (this.#opcode === close) {
        if (kept !== 0) this.#events.payload(chunk.subarray(0, kept));
        this.#close();
        return;
      }
      if (this.#opcode === ping) {
        this.#events.ping(Buffer.from(this.#control.subarray(0, this.#controlUsed)));
      }
    }
    if (kept !== 0) this.#events.payload(chunk.subarray(0, kept));
    if (breach !== undefined) this.#violate(breach);
  }

  #takeHeader(chunk: Buffer, start: number): number {
    let at = start;
    while (at < chunk.length && this.#headerUsed < this.#headerBytes) {
      this.#header[this.#headerUsed++] = chunk[at++] as number;
    }
    return at;
  }

  /** Looks at the first two bytes of a header. @returns what is wrong with them */
  #begin(): string | undefined {
    const first = this.#header[0] as number;
    const second = this.#header[1] as number;
    const isFinal = (first & 0x80) !== 0;
    const length = second & 0x7f;
    this.#opcode = first & 0x0f;
    if ((first & 0x70) !== 0) return "reserved bits must be clear";
    if ((second & 0x80) === 0) return "mask bit missing";
    switch (this.#opcode) {
      case text:
      case binary:
        if (this.#isFragmented) return "a message began within another";
        this.#isFragmented = !isFinal;
        break;
      case continuation:
        if (!this.#isFragmented) return "nothing to continue";
        this.#isFragmented = !isFinal;
        break;
      case close:
      case ping:
      case pong:
        if (length > controlBytesMax) return "control frame too long";
        if (!isFinal) return "control frame in parts";
        this.#controlUsed = 0;
        break;
      default:
        return "unknown opcode";
    }
    this.#headerBytes = 6 + (length === 126 ? 2 : length === 127 ? 8 : 0);
    return undefined;
  }

  /** The header is whole. @returns what is wrong with its length */
  #complete(): string | undefined {
    const header = this.#header;
    const length = (header[1] as number) & 0x7f;
    this.#left = length;
    if (length === 126) this.#left = header.readUInt16BE(2);
    if (length === 127) {
      const high = header.readUInt32BE(2);
      if (high > 0x1f_ffff) return "length too large";
      this.#left = high * 0x1_0000_0000 + header.readUInt32BE(6);
    }
    header.copyWithin(0, this.#headerBytes - 4, this.#headerBytes); // the mask
    this.frames++;
    this.#maskAt = 0;
    this.#headerUsed = 0;
    this.#headerBytes = 2;
    this.#inPayload = true;
    return undefined;
  }

  /** Takes the mask off while moving bytes to the same place or further ahead. */
  #unmask(from: Buffer, start: number, end: number, to: Buffer, toStart: number): void {
    const mask = this.#header;
    const phase = this.#maskAt;
    const m0 = mask[phase] as number;
    const m1 = mask[(phase + 1) & 3] as number;
    const m2 = mask[(phase + 2) & 3] as number;
    const m3 = mask[(phase + 3) & 3] as number;
    const fours = end - ((end - start) & 3);
    let at = start;
    let put = toStart;
    for (; at < fours; at += 4, put += 4) {
      to[put] = (from[at] as number) ^ m0;
      to[put + 1] = (from[at + 1] as number) ^ m1;
      to[put + 2] = (from[at + 2] as number) ^ m2;
      to[put + 3] = (from[at + 3] as number) ^ m3;
    }
    if (at < end) to[put] = (from[at] as number) ^ m0;
    if (at + 1 < end) to[put + 1] = (from[at + 1] as number) ^ m1;
    if (at + 2 < end) to[put + 2] = (from[at + 2] as number) ^ m2;
    this.#maskAt = (phase + end - start) & 3;
  }

  #close(): void {
    const payload = this.#control.subarray(0, this.#controlUsed);
    if (payload.length === 0) {
      this.#isOver = true;
      this.#events.closed(undefined, "");
      return;
    }
    const code = payload.length === 1 ? 0 : payload.readUInt16BE(0);
    const reason = payload.subarray(2);
    if (!isCloseCode(code)) this.#violate("invalid close code");
    else if (!isUtf8(reason)) this.#violate("close reason is no UTF-8");
    else {
      this.#isOver = true;
      this.#events.closed(code, reason.toString("utf8"));
    }
  }

  #violate(what: string): void {
    this.#isOver = true;
    this.#events.violation(what);
  }
}

/** Codes that may travel: those of the standard, and those of libraries and applications. */
function isCloseCode(code: number): boolean {
  if (code === 1004 || code === 1005 || code === 1006 || code === 1015) return false;
  return (code >= 1000 && code < 1016) || (code >= 3000 && code < 5000);
}

/**
 * Header of an unmasked binary frame that is a whole message.
 * @param length of its payload, in bytes
 */
export function binaryHeader(length: number): Buffer {
  if (length < 126) return Buffer.from([0x80 | binary, length]);
  const header = Buffer.alloc(length < 65_536 ? 4 : 10);
  header[0] = 0x80 | binary;
  if (length < 65_536) {
    header[1] = 126;
    header.writeUInt16BE(length, 2);
  } else {
    header[1] = 127;
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  return header;
}

/** A PONG frame. @param payload of the PING, at most 125 bytes */
export function pongFrame(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x80 | pong, payload.length]), payload]);
}

/** A close frame. @param reason is cut to what fits */
export function closeFrame(code: number | undefined, reason: string): Buffer {
  if (code === undefined) return Buffer.from([0x80 | close, 0]);
  let words = Buffer.from(reason, "utf8").subarray(0, controlBytesMax - 2);
  while (!isUtf8(words)) words = words.subarray(0, -1);
  const frame = Buffer.alloc(4 + words.length);
  frame[0] = 0x80 | close;
  frame[1] = 2 + words.length;
  frame.writeUInt16BE(code, 2);
  words.copy(frame, 4);
  return frame;
}
