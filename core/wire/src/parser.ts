// Turns the bytes of one client connection into operations, however they are split into chunks.
// Fed by the connection. Never touches sockets, copies nothing small that arrives whole, and never
// reserves memory for bytes that have not come yet beyond doubling what has.

import { decimalLength, viewOf, writeDecimal } from "./bytes.ts";
import { type WireError, wireErrors } from "./errors.ts";
import { passingBytesMax, sizeDigitsMax, type WireLimits } from "./limits.ts";
import { hashByte, noBytes, noView, type OperationSink, PublishFrame } from "./operation.ts";

/**
 * Where the next byte belongs: before an operation, in its verb, in the blanks after it, in its
 * arguments, in arguments that do not matter, in headers and payload.
 */
type Phase = "idle" | "verb" | "blank" | "arguments" | "skip" | "body";

const lf = 10;
const cr = 13;
const space = 32;
const tab = 9;

/** First reservation for a body that did not arrive whole. */
const bodyStepBytes = 8_192;

/** Incremental parser of one connection. */
export class Parser {
  /** HPUB is accepted; otherwise it ends the connection. */
  headersAllowed = false;
  /** Subjects that begin with one of these take HPUB from everybody. */
  headersTakenBelow: readonly string[] = [];
  /** Only CONNECT is accepted; any other first letter is an authorization violation. */
  connectRequired = false;
  /** What the connection may send; another one's from its next operation on. */
  limits: Readonly<WireLimits>;

  readonly #sink: OperationSink;
  readonly #frame = new PublishFrame();

  #halted = false;
  #suspended = false;
  /** What came while suspended. */
  #waiting: Buffer[] = [];
  #begun = 0;

  #phase: Phase = "idle";
  /** Index of the verb in `verbs`, as far as its letters tell. */
  #verb = 0;
  #letters = 0;
  #blanks = 0;
  /** Arguments that an earlier chunk brought. */
  #kept: Buffer = noBytes;
  #keptLength = 0;
  /** Operation that did not arrive whole, in canonical form, filled as its body comes. */
  #body: Buffer = noBytes;
  #bodyFilled = 0;

  constructor(sink: OperationSink, limits: Readonly<WireLimits>) {
    this.#sink = sink;
    this.limits = limits;
  }

  /** Counts operations that did not take the fast path: together with `isPartial` it names the one that is not whole yet. */
  get begun(): number {
    return this.#begun;
  }

  /** How many bytes of a body that is not whole yet have come. */
  get bodyFilled(): number {
    return this.#phase === "body" ? this.#bodyFilled : 0;
  }

  /** Memory that what is not whole yet holds, in bytes. */
  get heldBytes(): number {
    let bytes = this.#kept.length + this.#body.length;
    for (const chunk of this.#waiting) bytes += chunk.length;
    return bytes;
  }

  /** The last chunk ended inside an operation. */
  get isPartial(): boolean {
    return this.#phase !== "idle";
  }

  /** Nothing more will be parsed. */
  halt(): void {
    this.#halted = true;
    this.#waiting = [];
    this.#kept = noBytes;
    this.#body = noBytes;
  }

  /** `resume` is awaited. */
  get isSuspended(): boolean {
    return this.#suspended;
  }

  /** Stops after the current operation and keeps what follows, until `resume`. */
  suspend(): void {
    this.#suspended = true;
  }

  /** Goes on with what was kept. */
  resume(): void {
    this.#suspended = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const chunk of waiting) this.#parse(chunk, true);
  }

  /**
   * Parses the next bytes of the connection.
   * @param chunk may be written to again afterwards: frames refer to it, what has to wait is copied
   */
  parse(chunk: Buffer): void {
    this.#parse(chunk, false);
  }

  /** @param lasting nobody writes to the chunk again */
  #parse(chunk: Buffer, lasting: boolean): void {
    if (this.#halted) return;
    if (this.#suspended) {
      this.#waiting.push(lasting ? chunk : copyOf(chunk, 0));
      return;
    }
    const end = chunk.length;
    let at = 0;
    while (this.#phase !== "idle" && at < end && !this.#halted) at = this.#step(chunk, at, end);

    const frame = this.#frame;
    const view = viewOf(chunk);
    while (at < end && !this.#halted) {
      if (this.#suspended) {
        this.#waiting.push(lasting ? chunk.subarray(at) : copyOf(chunk, at));
        break;
      }
      frame.data = chunk;
      frame.view = view;
      frame.lasting = lasting;
      const next = this.connectRequired ? 0 : this.#wholePublish(chunk, at, end);
      at = next !== 0 ? next : this.#operation(chunk, at, end);
    }
    // An idle connection keeps nothing alive.
    frame.data = noBytes;
    frame.view = noView;
  }

  /**
   * The fast path: a PUB or HPUB in canonical form that lies in the chunk as a whole.
   * @returns the position after it, or 0 when the general path must look
   */
  #wholePublish(chunk: Buffer, start: number, end: number): number {
    const frame = this.#frame;
    let at = start;
    let letter = (chunk[at] as number) | 32;
    const withHeaders = letter === 104; /* h */
    if (withHeaders) {
      if (!this.headersAllowed || end - at < 2) return 0;
      letter = (chunk[++at] as number) | 32;
    }
    // The shortest publish, "PUB a 0\r\n\r\n", has 11 bytes.
    if (letter !== 112 /* p */ || end - at < 11) return 0;
    if (((chunk[at + 1] as number) | 32) !== 117 /* u */) return 0;
    if (((chunk[at + 2] as number) | 32) !== 98 /* b */) return 0;
    if (chunk[at + 3] !== space) return 0;
    at += 4;

    const subjectStart = at;
    let hash = 0;
    let byte = chunk[at] as number;
    while (byte > space) {
      hash = hashByte(hash, byte);
      if (++at === end) return 0;
      byte = chunk[at] as number;
    }
    const subjectEnd = at;
    if (byte !== space || subjectEnd === subjectStart) return 0;

    // The last two blanks of the line separate what follows the subject.
    let lastBlank = subjectEnd;
    let earlierBlank = 0;
    let blanks = 1;
    for (;;) {
      if (++at === end) return 0;
      byte = chunk[at] as number;
      if (byte > space) continue;
      if (byte === cr) break;
      if (byte !== space) return 0;
      earlierBlank = lastBlank;
      lastBlank = at;
      blanks++;
    }
    const size = canonicalSize(chunk, lastBlank + 1, at);
    const headerBytes = withHeaders ? canonicalSize(chunk, earlierBlank + 1, lastBlank) : 0;
    const sizesStart = withHeaders ? earlierBlank : lastBlank;
    const hasReply = blanks - (withHeaders ? 2 : 1);
    const bodyStart = at + 2;
    const bodyEnd = bodyStart + size;
    if (
      size < 0 ||
      size > this.limits.payloadBytesMax ||
      (size > passingBytesMax && !frame.lasting) ||
      bodyEnd + 2 > end ||
      chunk[at + 1] !== lf ||
      chunk[bodyEnd] !== cr ||
      chunk[bodyEnd + 1] !== lf ||
      at - subjectStart > this.limits.controlLineBytesMax
    ) {
      return 0;
    }
    if (hasReply !== 0 && (hasReply !== 1 || sizesStart === subjectEnd + 1)) return 0;
    if (withHeaders && (headerBytes <= 0 || headerBytes > size)) return 0;

    frame.subjectStart = subjectStart;
    frame.subjectEnd = subjectEnd;
    frame.subjectHash = hash;
    frame.replyStart = subjectEnd + 1;
    frame.replyEnd = hasReply === 0 ? subjectEnd + 1 : sizesStart;
    frame.headerBytes = headerBytes;
    frame.bodyStart = bodyStart;
    frame.bodyEnd = bodyEnd;
    this.#sink.publish(frame);
    return bodyEnd + 2;
  }

  /** The general path: begins any operation. @returns where parsing goes on */
  #operation(chunk: Buffer, start: number, end: number): number {
    const isConnect = ((chunk[start] as number) | 32) === 99; /* c */
    if (this.connectRequired && !isConnect) {
      return this.#violation(wireErrors.authorizationViolation, end);
    }
    this.#begun++;
    this.#phase = "verb";
    this.#verb = 0;
    this.#letters = 0;
    this.#blanks = 0;
    this.#keptLength = 0;
    let at = start;
    do at = this.#step(chunk, at, end);
    while (this.isPartial && at < end && !this.#halted);
    return at;
  }

  #step(chunk: Buffer, at: number, end: number): number {
    switch (this.#phase) {
      case "verb":
        return this.#readVerb(chunk, at, end);
      case "blank":
        return this.#readBlanks(chunk, at, end);
      case "arguments":
        return this.#readArguments(chunk, at, end);
      case "skip":
        return this.#skipLine(chunk, at, end);
      case "body":
        return this.#readBody(chunk, at, end);
      case "idle":
        return at;
    }
  }

  #readVerb(chunk: Buffer, start: number, end: number): number {
    for (let at = start; at < end; at++) {
      const byte = chunk[at] as number;
      const letter = byte >= 65 && byte <= 90 ? byte | 32 : byte;
      const verb = verbWith(this.#verb, this.#letters, letter);
      if (verb < 0) return this.#violation(wireErrors.unknownOperation, end);
      this.#verb = verb;
      if (++this.#letters === (verbs[verb] as string).length) {
        this.#phase = verb <= lastBareVerb ? "skip" : "blank";
        return at + 1;
      }
    }
    return end;
  }

  #readBlanks(chunk: Buffer, start: number, end: number): number {
    for (let at = start; at < end; at++) {
      const byte = chunk[at] as number;
      if (byte === space || byte === tab) {
        this.#blanks++;
        continue;
      }
      if (this.#blanks === 0 && this.#verb > lastGluedVerb) {
        return this.#violation(wireErrors.unknownOperation, end);
      }
      this.#phase = "arguments";
      return at;
    }
    return end;
  }

  #skipLine(chunk: Buffer, at: number, end: number): number {
    const lineEnd = chunk.indexOf(lf, at);
    if (lineEnd < 0) return end;
    this.#phase = "idle";
    if (verbs[this.#verb] === "ping") this.#sink.ping();
    else if (verbs[this.#verb] === "pong") this.#sink.pong();
    return lineEnd + 1;
  }

  #readArguments(chunk: Buffer, at: number, end: number): number {
    const lineEnd = chunk.indexOf(lf, at);
    // One more for a CR whose LF may follow.
    const room = this.limits.controlLineBytesMax + 1 - this.#keptLength;
    if ((lineEnd < 0 ? end : lineEnd) - at > room) {
      return this.#violation(wireErrors.controlLineTooLong, end);
    }
    if (lineEnd >= 0 && this.#keptLength === 0) {
      this.#line(chunk, at, lineEnd);
      return lineEnd + 1;
    }
    this.#keep(chunk, at, lineEnd < 0 ? end : lineEnd);
    if (lineEnd < 0) return end;
    const line = this.#kept;
    this.#kept = noBytes;
    this.#line(line, 0, this.#keptLength);
    return lineEnd + 1;
  }

  #keep(chunk: Buffer, at: number, end: number): void {
    const length = this.#keptLength + end - at;
    if (length > this.#kept.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(64, length * 2));
      this.#kept.copy(grown, 0, 0, this.#keptLength);
      this.#kept = grown;
    }
    chunk.copy(this.#kept, this.#keptLength, at, end);
    this.#keptLength = length;
  }

  /** Acts on a complete control line, given its arguments. */
  #line(line: Buffer, start: number, lineEnd: number): void {
    const end = lineEnd > start && line[lineEnd - 1] === cr ? lineEnd - 1 : lineEnd;
    this.#phase = "idle";
    if (end - start > this.limits.controlLineBytesMax) {
      this.#violation(wireErrors.controlLineTooLong, 0);
      return;
    }
    switch (verbs[this.#verb]) {
      case "pub":
        return this.#publishLine(line, start, end, false);
      case "hpub":
        return this.#publishLine(line, start, end, true);
      case "sub":
        return this.#subscribeLine(line, start, end);
      case "unsub":
        return this.#unsubscribeLine(line, start, end);
      case "connect":
        return this.#sink.connect(line.utf8Slice(start, end));
      case "info":
        return this.#sink.info(line.utf8Slice(start, end));
      case "-err":
        return this.#sink.peerError(line.latin1Slice(start, end));
      case "ping":
      case "pong":
      case "+ok":
      case undefined:
        return;
    }
  }

  #subscribeLine(line: Buffer, start: number, end: number): void {
    const count = splitArguments(line, start, end);
    if (count !== 2 && count !== 3) {
      this.#violation(undefined, 0);
      return;
    }
    const queue = count === 3 ? argument(line, 1) : "";
    this.#sink.subscribe(argument(line, 0), queue, argument(line, count - 1));
  }

  #unsubscribeLine(line: Buffer, start: number, end: number): void {
    const count = splitArguments(line, start, end);
    if (count !== 1 && count !== 2) {
      this.#violation(undefined, 0);
      return;
    }
    // A maximum that is no number means at once, as 0 does.
    const max = count === 2 ? Math.max(0, sizeArgument(line, 1)) : 0;
    this.#sink.unsubscribe(argument(line, 0), max);
  }

  /** Checks a PUB or HPUB line and begins its body. */
  #publishLine(line: Buffer, start: number, end: number, withHeaders: boolean): void {
    const count = splitArguments(line, start, end);
    const sizes = withHeaders ? 2 : 1;
    const size = count > sizes ? sizeArgument(line, count - 1) : -1;
    const headerBytes = withHeaders && size >= 0 ? sizeArgument(line, count - 2) : 0;
    if (
      count > sizes + 2 ||
      size < 0 ||
      headerBytes < 0 ||
      headerBytes > size ||
      // Last: the line has a subject then.
      (withHeaders && !this.headersAllowed && !this.#takesHeaders(line))
    ) {
      this.#violation(undefined, 0);
      return;
    }
    if (size > this.limits.payloadBytesMax) {
      this.#violation(wireErrors.payloadTooLarge, 0);
      return;
    }
    this.#beginBody(line, count === sizes + 2, headerBytes, size);
  }

  /** Whether the subject of the line, which was split, takes headers whatever CONNECT said. */
  #takesHeaders(line: Buffer): boolean {
    const subject = line.latin1Slice(starts[0] as number, ends[0] as number);
    return this.headersTakenBelow.some((prefix) => subject.startsWith(prefix));
  }

  /** Writes the canonical head of the operation; the body follows as it arrives. */
  #beginBody(line: Buffer, hasReply: boolean, headerBytes: number, size: number): void {
    const subjectLength = (ends[0] as number) - (starts[0] as number);
    const replyLength = hasReply ? (ends[1] as number) - (starts[1] as number) : 0;
    const replyEnd = subjectLength + 1 + replyLength;
    const sizesStart = replyEnd + (hasReply ? 1 : 0);
    const headerDigits = headerBytes === 0 ? 0 : decimalLength(headerBytes) + 1;
    const bodyStart = sizesStart + headerDigits + decimalLength(size) + 2;

    const body = Buffer.allocUnsafeSlow(bodyStart + Math.min(size + 2, bodyStepBytes));
    line.copy(body, 0, starts[0] as number, ends[0] as number);
    body[subjectLength] = space;
    if (hasReply) {
      line.copy(body, subjectLength + 1, starts[1] as number, ends[1] as number);
      body[replyEnd] = space;
    }
    let at = sizesStart;
    if (headerBytes !== 0) {
      at = writeDecimal(body, at, headerBytes);
      body[at++] = space;
    }
    at = writeDecimal(body, at, size);
    body[at++] = cr;
    body[at] = lf;

    let hash = 0;
    for (let i = 0; i < subjectLength; i++) hash = hashByte(hash, body[i] as number);
    const frame = this.#frame;
    frame.subjectStart = 0;
    frame.subjectEnd = subjectLength;
    frame.subjectHash = hash;
    frame.replyStart = subjectLength + 1;
    frame.replyEnd = replyEnd;
    frame.headerBytes = headerBytes;
    frame.bodyStart = bodyStart;
    frame.bodyEnd = bodyStart + size;
    this.#body = body;
    this.#bodyFilled = bodyStart;
    this.#phase = "body";
  }

  #readBody(chunk: Buffer, at: number, end: number): number {
    const frame = this.#frame;
    const bodyEnd = frame.bodyEnd;
    const next = Math.min(end, at + bodyEnd + 2 - this.#bodyFilled);
    const filled = this.#bodyFilled + next - at;
    if (filled > this.#body.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(bodyEnd + 2, filled * 2));
      this.#body.copy(grown, 0, 0, this.#bodyFilled);
      this.#body = grown;
    }
    const body = this.#body;
    chunk.copy(body, this.#bodyFilled, at, next);
    this.#bodyFilled = filled;
    if (
      (filled > bodyEnd && body[bodyEnd] !== cr) ||
      (filled > bodyEnd + 1 && body[bodyEnd + 1] !== lf)
    ) {
      return this.#violation(wireErrors.unknownOperation, end);
    }
    if (filled < bodyEnd + 2) return next;
    frame.data = body;
    frame.view = viewOf(body);
    frame.lasting = true;
    this.#body = noBytes;
    this.#phase = "idle";
    this.#sink.publish(frame);
    return next;
  }

  #violation(error: WireError | undefined, end: number): number {
    this.halt();
    this.#sink.violation(error);
    return end;
  }
}

/**
 * Verbs in lower case. Neighbours share their first letters, so that a mismatch moves on to the
 * next one. First those whose arguments do not matter, then those that may touch them.
 */
const verbs = [
  "ping",
  "pong",
  "+ok",
  "connect",
  "info",
  "pub",
  "hpub",
  "sub",
  "unsub",
  "-err",
] as const;
const lastBareVerb = 2;
const lastGluedVerb = 4;

/** The first verb from `verb` on that goes on with `letter` after `count` letters, or -1. */
function verbWith(verb: number, count: number, letter: number): number {
  const known = (verbs[verb] as string).slice(0, count);
  for (let at = verb; at < verbs.length; at++) {
    const word = verbs[at] as string;
    if (word.charCodeAt(count) === letter && word.startsWith(known)) return at;
  }
  return -1;
}

function copyOf(chunk: Buffer, start: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(chunk.length - start);
  chunk.copy(copy, 0, start);
  return copy;
}

/** Arguments of the line at hand. Shared by all parsers: a line is split and read at once. */
const argumentsMax = 5;
const starts = new Int32Array(argumentsMax);
const ends = new Int32Array(argumentsMax);

/** Splits at blanks. @returns how many arguments there are; above the maximum they are only counted */
function splitArguments(line: Buffer, start: number, end: number): number {
  let count = 0;
  let at = start;
  while (at < end) {
    while (at < end && isBlank(line[at] as number)) at++;
    if (at === end) break;
    if (count < argumentsMax) starts[count] = at;
    while (at < end && !isBlank(line[at] as number)) at++;
    if (count < argumentsMax) ends[count] = at;
    count++;
  }
  return count;
}

function isBlank(byte: number): boolean {
  return byte === space || byte === tab || byte === cr || byte === lf;
}

function argument(line: Buffer, index: number): string {
  return line.latin1Slice(starts[index], ends[index]);
}

/** An argument as a size, -1 when it is none. */
function sizeArgument(line: Buffer, index: number): number {
  const end = ends[index] as number;
  let at = starts[index] as number;
  if (end - at > sizeDigitsMax) return -1;
  let size = 0;
  for (; at < end; at++) {
    const digit = (line[at] as number) - 48;
    if (digit < 0 || digit > 9) return -1;
    size = size * 10 + digit;
  }
  return size;
}

/** A size written the only way we write it: no leading zeros. -1 when it is not. */
function canonicalSize(chunk: Buffer, start: number, end: number): number {
  const length = end - start;
  if (length <= 0 || length > sizeDigitsMax) return -1;
  let size = 0;
  for (let at = start; at < end; at++) {
    const digit = (chunk[at] as number) - 48;
    if (digit < 0 || digit > 9) return -1;
    size = size * 10 + digit;
  }
  return length > 1 && chunk[start] === 48 ? -1 : size;
}
