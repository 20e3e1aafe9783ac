// The headers that tell the broker how to keep a message, in any generation's publish: one walk over
// the bytes of a block reads them and takes out the lines that only the broker writes. Blocks of
// messages that carry none of them pass as they are.
import {
  delayMsMax,
  Mq9Error,
  type PriorityLabel,
  parsePriorityLabel,
  ttlSecondsMax,
} from "@mq9/protocol";
import {
  firstLineOf,
  isLine,
  isNamed,
  lineAfter,
  nameEndOf,
  startsWith,
  valueOf,
} from "./header-block.ts";

/** What the headers of one publish ask for. */
export interface SendHeaders {
  /** What is stored of the block; undefined when no line is left. */
  readonly headers: Uint8Array | undefined;
  /** Undefined = the header is not there. A word that is no priority is `normal`. */
  readonly label: PriorityLabel | undefined;
  readonly key: string | undefined;
  readonly tags: readonly string[] | undefined;
  readonly ttlSeconds: number | undefined;
  readonly delayMs: number | undefined;
  readonly dedupId: string | undefined;
  /** Shown for this mailbox; never stored. */
  readonly token: string | undefined;
  /**
   * Which message of a chain this is, where a client tells that another caused it: the first one is 1
   * and says nothing. `headers` tell it to whoever reads this one.
   */
  readonly hops: number | undefined;
}

/** Thirty days. */
const delaySecondsMax = delayMsMax / 1000;

/**
 * Headers beginning so that senders may write and that mean nothing to us; every other name that begins
 * with `mq9-` is the broker's own. Readers fold case and drop blanks, so both count here.
 */
const passing: readonly string[] = ["mq9-reply-to:", "mq9-a2a-"];

/** What other brokers of this protocol family tell of a sender, or would act on. */
const foreign: readonly string[] = ["nats-request-info", "nats-trace-dest"];

/** What a line is to us: `asks` is read and kept, `told` is read and written anew at delivery. */
type Line = "other" | "own" | "told" | "asks";

class Reading {
  label: PriorityLabel | undefined;
  key: string | undefined;
  tags: readonly string[] | undefined;
  ttlSeconds: number | undefined;
  delayMs: number | undefined;
  dedupId: string | undefined;
  natsId: string | undefined;
  token: string | undefined;
  /** As the client copied it from the message before. */
  hopsBefore: number | undefined;
  /** It passes on what the broker wrote into a delivery. */
  isForwarded = false;
}

/**
 * Reads the block of one publish. Names count in any case of their letters; of a name that stands
 * there twice the last line counts.
 * @param block a well-formed header block; what is returned may be a view of it
 * @throws {Mq9Error} `invalid` naming the header that makes no sense
 */
export function readSendHeaders(block: Uint8Array): SendHeaders {
  const reading = new Reading();
  /** Start and end of the stretches that stay. */
  const kept: number[] = [];
  let from = 0;
  let lines = 0;
  for (let line = firstLineOf(block); isLine(block, line); ) {
    const next = lineAfter(block, line);
    const kind = readLine(block, line, reading);
    if (kind === "own" || kind === "told") {
      if (line > from) kept.push(from, line);
      from = next;
    } else {
      lines += 1;
    }
    line = next;
  }
  const { label, key, tags, ttlSeconds, delayMs, dedupId, natsId, token } = reading;
  const hops = hopsOf(reading);
  const stored = lines === 0 ? undefined : from === 0 ? block : joined(block, kept, from);
  return {
    token,
    hops,
    headers: hops === undefined ? stored : withHops(stored, hops),
    label,
    key,
    tags,
    ttlSeconds,
    delayMs,
    dedupId: dedupId ?? natsId,
  };
}

function readLine(block: Uint8Array, line: number, reading: Reading): Line {
  const first = (block[line] ?? 0) | 32;
  if (first === 0x6e) return readNatsLine(block, line, reading);
  if (first === 0x20 || first === 0x29) return readBlankLine(block, line);
  if (first !== 0x6d || !startsWith(block, line, "mq9-")) return "other";
  const nameEnd = nameEndOf(block, line);
  const named = (name: string): boolean => isNamed(block, line, nameEnd, name);
  if (named("mq9-priority")) {
    reading.label = parsePriorityLabel(valueOf(block, nameEnd)) ?? "normal";
    return "told";
  }
  if (named("mq9-key")) {
    reading.key = valueOf(block, nameEnd) || undefined;
    return "told";
  }
  if (named("mq9-tags")) {
    reading.tags = readTags(valueOf(block, nameEnd));
    return "told";
  }
  if (named("mq9-ttl")) {
    reading.ttlSeconds = seconds("mq9-ttl", valueOf(block, nameEnd), 1, ttlSecondsMax);
    return "asks";
  }
  if (named("mq9-delay")) {
    const delay = seconds("mq9-delay", valueOf(block, nameEnd), 0, delaySecondsMax);
    reading.delayMs = delay === 0 ? undefined : delay * 1000;
    return "asks";
  }
  if (named("mq9-dedup-id")) {
    reading.dedupId = valueOf(block, nameEnd) || undefined;
    return "asks";
  }
  if (named("mq9-hops")) {
    reading.hopsBefore = hopsBefore(valueOf(block, nameEnd));
    return "own";
  }
  if (named("mq9-msg-id")) {
    reading.isForwarded = true;
    return "own";
  }
  if (named("mq9-token")) {
    reading.token = valueOf(block, nameEnd) || undefined;
    return "own";
  }
  return passing.some((name) => startsWith(block, line, name)) ? "other" : "own";
}

/** A name behind blanks: some reader will take them away. */
function readBlankLine(block: Uint8Array, line: number): Line {
  let at = line;
  while (block[at] === 0x20 || block[at] === 0x09) at += 1;
  const isOurs = ["mq9-", ...foreign].some((name) => startsWith(block, at, name));
  return isOurs ? "own" : "other";
}

function readNatsLine(block: Uint8Array, line: number, reading: Reading): Line {
  const nameEnd = nameEndOf(block, line);
  if (foreign.some((name) => startsWith(block, line, name))) return "own";
  if (!isNamed(block, line, nameEnd, "nats-msg-id")) return "other";
  reading.natsId = valueOf(block, nameEnd) || undefined;
  return "asks";
}

function readTags(value: string): readonly string[] | undefined {
  const tags = value
    .split(",")
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "");
  return tags.length === 0 ? undefined : [...new Set(tags)];
}

function seconds(name: string, value: string, least: number, most: number): number {
  const number = /^[0-9]{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new Mq9Error(
    "invalid",
    `invalid ${name}: it must be a whole number of seconds from ${least} to ${most}`,
  );
}

function hopsBefore(value: string): number {
  if (/^[0-9]{1,6}$/.test(value)) return Number(value);
  throw new Mq9Error(
    "invalid",
    "invalid mq9-hops: copy it from the message that made you send this one, or write 1 where that has none",
  );
}

function hopsOf({ hopsBefore: told, isForwarded }: Reading): number | undefined {
  if (told === undefined && !isForwarded) return undefined;
  return Math.max(told ?? 1, 1) + 1;
}

/** The block with a line more at its end. */
function withHops(block: Uint8Array | undefined, hops: number): Uint8Array {
  const head = block === undefined ? asciiBytes("NATS/1.0\r\n") : block.subarray(0, -2);
  const line = asciiBytes(`mq9-hops: ${hops}\r\n\r\n`);
  const bytes = new Uint8Array(head.length + line.length);
  bytes.set(head, 0);
  bytes.set(line, head.length);
  return bytes;
}

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function joined(block: Uint8Array, kept: readonly number[], from: number): Uint8Array {
  const stretches = [...kept, from, block.length];
  let length = 0;
  for (let i = 0; i < stretches.length; i += 2) {
    length += (stretches[i + 1] ?? 0) - (stretches[i] ?? 0);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < stretches.length; i += 2) {
    const stretch = block.subarray(stretches[i], stretches[i + 1]);
    bytes.set(stretch, at);
    at += stretch.length;
  }
  return bytes;
}

/**
 * What passes to whoever listens now: the sender's lines but for those that only the broker writes.
 * @param hops of `readSendHeaders`
 */
export function passedHeaders(block: Uint8Array, hops?: number): Uint8Array {
  const passed = passedLines(block);
  return hops === undefined ? passed : withHops(passed, hops);
}

function passedLines(block: Uint8Array): Uint8Array {
  const ignored = new Reading();
  const kept: number[] = [];
  let from = 0;
  for (let line = firstLineOf(block); isLine(block, line); ) {
    const next = lineAfter(block, line);
    if (isOwn(block, line, ignored)) {
      if (line > from) kept.push(from, line);
      from = next;
    }
    line = next;
  }
  return from === 0 ? block : joined(block, kept, from);
}

function isOwn(block: Uint8Array, line: number, ignored: Reading): boolean {
  try {
    return readLine(block, line, ignored) === "own";
  } catch (error) {
    if (!(error instanceof Mq9Error)) throw error;
    return false; // a number that makes no sense to us may to them
  }
}

/** The token that a request shows in its headers. */
export function tokenOf(block: Uint8Array): string | undefined {
  let token: string | undefined;
  for (let line = firstLineOf(block); isLine(block, line); line = lineAfter(block, line)) {
    if (!startsWith(block, line, "mq9-token")) continue;
    const nameEnd = nameEndOf(block, line);
    if (isNamed(block, line, nameEnd, "mq9-token")) token = valueOf(block, nameEnd) || undefined;
  }
  return token;
}
