// A million inputs for the parser of the wire. However a stream is cut, the events are the same, and
// they are those of a second, naive parser; nothing ever throws.
import { hashByte, type OperationSink, Parser, type PublishFrame, type WireError } from "@mq9/wire";
import { describe, expect, test } from "vitest";
import { naiveEvents } from "./naive-parser.ts";
import { createRandom, type Random, runs, seed } from "./random.ts";
import { damagedStream, noise, validStream, wordSalad } from "./streams.ts";

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
  // 1 GiB was announced; garbage of other tests comes and goes in the same count.
  expect(grownBytes).toBeLessThan(128 * 1_048_576);
});
