// A million inputs for the parser of the wire. However a stream is cut, the events are the same, and
// they are those of a second, naive parser; nothing ever throws.
import { hashByte, type OperationSink, Parser, type PublishFrame, type WireError } from "@mq9/wire";
import { describe, expect, test } from "vitest";
import { naiveEvents } from "./naive-parser.ts";
import { createRandom, type Random, runs, seed } from "./random.ts";

/** Small, so that short streams reach them. */
const limits = { controlLineBytesMax: 48, payloadBytesMax: 40 };

/** Writes events down as the naive parser does. */
class Recorder implements OperationSink {
  events: string[] = [];
  /** Called after each event, for instance to suspend the parser. */
  after: () => void = () => undefined;

  #add(event: string): void {
    this.events.push(event);
    this.after();
  }

  publish(frame: PublishFrame): void {
    const { data, subjectStart, subjectEnd, replyStart, replyEnd, headerBytes } = frame;
    let hash = 0;
    for (let at = subjectStart; at < subjectEnd; at += 1) hash = hashByte(hash, data[at] as number);
    const reply = data.latin1Slice(replyStart, replyEnd);
    const tail = data.latin1Slice(frame.tailStart, frame.tailEnd);
    const faults = [
      hash === frame.subjectHash ? "" : " wrong hash",
      tail.startsWith(reply) ? "" : " wrong reply",
      frame.view.byteOffset === data.byteOffset ? "" : " wrong view",
      tail.endsWith(`\r\n${data.latin1Slice(frame.bodyStart, frame.bodyEnd)}\r\n`)
        ? ""
        : " wrong body",
    ].join("");
    this.#add(`pub ${headerBytes} ${data.latin1Slice(subjectStart, subjectEnd)} ${tail}${faults}`);
  }

  subscribe(subject: string, queue: string, sid: string): void {
    this.#add(`sub ${subject}|${queue}|${sid}`);
  }

  unsubscribe(sid: string, max: number): void {
    this.#add(`unsub ${sid} ${max}`);
  }

  connect(json: string): void {
    this.#add(`connect ${json}`);
  }

  info(json: string): void {
    this.#add(`info ${json}`);
  }

  ping(): void {
    this.#add("ping");
  }

  pong(): void {
    this.#add("pong");
  }

  peerError(text: string): void {
    this.#add(`-err ${text}`);
  }

  violation(error: WireError | undefined): void {
    this.events.push(`violation ${error?.text ?? "-"}`);
  }
}

function eventsOf(chunks: readonly Buffer[], headersAllowed: boolean, suspend?: Random): string[] {
  const recorder = new Recorder();
  const parser = new Parser(recorder, limits);
  parser.headersAllowed = headersAllowed;
  let suspended = false;
  if (suspend !== undefined) {
    recorder.after = () => {
      suspended ||= suspend.once(2);
      if (suspended) parser.suspend();
    };
  }
  for (const chunk of chunks) {
    parser.parse(chunk);
    if (suspend?.once(2) === true) suspended = resume(parser);
  }
  while (suspended) suspended = resume(parser);
  return recorder.events;

  function resume(held: Parser): boolean {
    suspended = false;
    held.resume();
    return suspended;
  }
}

const words = [
  "a",
  "foo",
  "foo.bar",
  "*",
  ">",
  "..",
  "a.>",
  "_INBOX.x.1",
  "$mq9.AI.MAILBOX.CREATE",
];
const blanks = [" ", "  ", "\t", " \t "];
const lineEnds = ["\r\n", "\r\n", "\r\n", "\n", "\r\r\n"];
const verbs = ["PUB", "pub", "HPUB", "hPuB", "SUB", "UNSUB", "PING", "PONG", "CONNECT", "+OK"];
const dictionary: readonly string[] = [
  ["PUB ", "HPUB ", "SUB ", "UNSUB ", "PING\r\n", "PONG\r\n", "CONNECT {}\r\n", "INFO {}\r\n"],
  ["+OK\r\n", "-ERR 'x'\r\n", "\r\n", "\n", "\r", " ", "\t", "foo", "1", "0", "12", "000000002"],
  ["4294967296", "-1", "1e3", "NATS/1.0\r\n\r\n", "\x00", "\xff", "'", '"', "{", "MSG a 1 0\r\n"],
].flat();

/** A stream of operations that are right, with every freedom that the protocol leaves. */
function validStream(random: Random): string {
  let stream = "";
  for (let count = 1 + random.below(4); count > 0; count -= 1) stream += validOperation(random);
  return stream;
}

function validOperation(random: Random): string {
  const gap = random.once(4) ? random.pick(blanks) : " ";
  const end = random.pick(lineEnds);
  const subject = random.pick(words);
  const reply = random.once(3) ? `${random.pick(words)}${gap}` : "";
  switch (random.below(10)) {
    case 0:
      return `${random.pick(["PING", "pong", "PiNg", "+OK"])}${random.once(3) ? "xyz" : ""}${end}`;
    case 1:
      return `${random.pick(["SUB", "sub"])}${gap}${subject}${gap}${reply}${random.below(100)}${end}`;
    case 2:
      return `UNSUB${gap}${random.below(100)}${random.once(2) ? `${gap}${random.below(5)}` : ""}${end}`;
    case 3:
      return `CONNECT${random.once(4) ? "" : gap}{"name":"${random.pick(["x", "\xc3\xa9"])}"}${end}`;
    case 4:
      return random.pick([`INFO {}${end}`, `-ERR 'x y'${end}`]);
    case 5:
    case 6: {
      const headers = random.pick(["", "NATS/1.0\r\n\r\n", "NATS/1.0\r\nA: b\r\n\r\n"]);
      const payload = random.bytes(random.below(12));
      const sizes = `${headers.length}${gap}${headers.length + payload.length}`;
      return `HPUB${gap}${subject}${gap}${reply}${sizes}${end}${headers}${payload}\r\n`;
    }
    default: {
      const payload = random.once(4) ? random.pick(dictionary) : random.bytes(random.below(20));
      const size = random.once(20) ? `00${payload.length}` : `${payload.length}`;
      return `${random.pick(["PUB", "pub"])}${gap}${subject}${gap}${reply}${size}${end}${payload}\r\n`;
    }
  }
}

/** A right stream with a few things wrong. */
function damagedStream(random: Random): string {
  let stream = validStream(random);
  for (let count = 1 + random.below(3); count > 0; count -= 1) {
    const at = random.below(stream.length + 1);
    const length = random.below(4);
    const with_ = random.pick([
      "",
      random.bytes(1),
      random.pick(dictionary),
      stream.slice(at, at + random.below(12)),
    ]);
    stream = stream.slice(0, at) + with_ + stream.slice(at + length);
  }
  return stream;
}

/** Words of the protocol in any order. */
function wordSalad(random: Random): string {
  let stream = random.pick(verbs);
  for (let count = random.below(14); count > 0; count -= 1) stream += random.pick(dictionary);
  return stream;
}

function noise(random: Random): string {
  const start = random.once(2) ? random.pick(verbs) : "";
  return start + random.bytes(1 + random.below(60));
}

function pieces(stream: Buffer, random: Random): Buffer[] {
  if (random.once(8)) return Array.from(stream, (_, at) => stream.subarray(at, at + 1));
  const cuts = Array.from({ length: 1 + random.below(3) }, () => random.below(stream.length + 1));
  const edges = [0, ...cuts.sort((a, b) => a - b), stream.length];
  return edges.slice(1).map((edge, at) => stream.subarray(edges[at], edge));
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((event, at) => event === other[at]);
}

describe(`the parser (SEED=${seed})`, () => {
  const kinds: readonly [string, (random: Random) => string][] = [
    ["streams that are right", validStream],
    ["streams with a few things wrong", damagedStream],
    ["words of the protocol in any order", wordSalad],
    ["noise", noise],
  ];
  test.each(kinds)(
    "gives the same events for %s, however they are cut",
    { timeout: 120_000 },
    (kind, make) => {
      const random = createRandom(kind.length);
      for (let run = 0; run < runs(250_000); run += 1) {
        const stream = make(random);
        const bytes = Buffer.from(stream, "latin1");
        const headersAllowed = !random.once(5);
        const whole = eventsOf([bytes], headersAllowed);
        const cut = eventsOf(pieces(bytes, random), headersAllowed);
        const naive = naiveEvents(stream, limits, headersAllowed);
        // Comparing first keeps the assertions, which are slow, out of the way of a million inputs.
        if (!same(whole, naive))
          expect({ stream, events: whole }).toEqual({ stream, events: naive });
        if (!same(cut, whole)) expect({ stream, events: cut }).toEqual({ stream, events: whole });
        if (!random.once(4)) continue;
        const suspended = eventsOf(pieces(bytes, random), headersAllowed, random);
        if (!same(suspended, whole))
          expect({ stream, suspended }).toEqual({ stream, suspended: whole });
      }
    },
  );

  test("the streams taken for right are right, so the first case is no empty one", () => {
    const random = createRandom(77);
    for (let run = 0; run < 1_000; run += 1) {
      const stream = validStream(random);
      const events = naiveEvents(stream, { controlLineBytesMax: 99, payloadBytesMax: 99 }, true);
      expect(events.filter((event) => event.startsWith("violation"))).toEqual([]);
    }
  });
});

test("a control line without an end, fed byte by byte, is refused at the limit and keeps nothing", () => {
  const recorder = new Recorder();
  const parser = new Parser(recorder, { controlLineBytesMax: 4_096, payloadBytesMax: 1_048_576 });
  const byte = Buffer.from("a");
  parser.parse(Buffer.from("SUB "));
  for (let count = 1; count <= 70_000; count += 1) parser.parse(byte);
  expect(recorder.events).toEqual(["violation maximum control line exceeded"]);
});

test("a payload that is only announced reserves no memory for it", () => {
  const held: Parser[] = [];
  const before = process.memoryUsage().arrayBuffers;
  for (let count = 0; count < 1_000; count += 1) {
    const parser = new Parser(new Recorder(), {
      controlLineBytesMax: 4_096,
      payloadBytesMax: 1_048_576,
    });
    parser.parse(Buffer.from("PUB foo 1048576\r\nabc"));
    held.push(parser);
  }
  const grownBytes = process.memoryUsage().arrayBuffers - before;
  expect(held.length).toBe(1_000);
  expect(grownBytes).toBeLessThan(1_000 * 16_384);
});
