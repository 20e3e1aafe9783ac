import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { wireErrors } from "./errors.ts";
import { passingBytesMax } from "./limits.ts";
import type { OperationSink, PublishFrame } from "./operation.ts";
import { Parser } from "./parser.ts";

const limits = { controlLineBytesMax: 64, payloadBytesMax: 32 };

/** Writes every operation down as one line, with all bytes that a receiver would get. */
class Recorder implements OperationSink {
  readonly seen: string[] = [];
  publish(frame: PublishFrame): void {
    const subject = frame.data.latin1Slice(frame.subjectStart, frame.subjectEnd);
    const tail = frame.data.latin1Slice(frame.tailStart, frame.tailEnd);
    this.seen.push(`publish ${subject} ${frame.headerBytes} ${tail}`);
  }
  subscribe(subject: string, queue: string, sid: string): void {
    this.seen.push(`subscribe ${subject} [${queue}] ${sid}`);
  }
  unsubscribe(sid: string, max: number): void {
    this.seen.push(`unsubscribe ${sid} ${max}`);
  }
  connect(json: string): void {
    this.seen.push(`connect ${json}`);
  }
  info(json: string): void {
    this.seen.push(`info ${json}`);
  }
  ping(): void {
    this.seen.push("ping");
  }
  pong(): void {
    this.seen.push("pong");
  }
  peerError(text: string): void {
    this.seen.push(`error ${text}`);
  }
  violation(error: { text: string } | undefined): void {
    this.seen.push(`violation ${error?.text ?? ""}`);
  }
}

function parse(chunks: readonly (string | Buffer)[], headersAllowed = true): string[] {
  const recorder = new Recorder();
  const parser = new Parser(recorder, limits);
  parser.headersAllowed = headersAllowed;
  for (const chunk of chunks) parsePassing(parser, chunk);
  return recorder.seen;
}

/** Parses bytes that are gone right afterwards, as those of a shared buffer are. */
function parsePassing(parser: Parser, chunk: string | Buffer): void {
  const bytes = typeof chunk === "string" ? Buffer.from(chunk, "latin1") : Buffer.from(chunk);
  parser.parse(bytes);
  bytes.fill("?");
}

/**
 * The grammar once more, written to be obvious: regular expressions on the whole text. Knows
 * nothing of chunks.
 */
function naive(text: string, headersAllowed = true): string[] {
  const seen: string[] = [];
  let rest = text;
  const stop = (words: string): string[] => [...seen, `violation ${words}`];
  const unknown = wireErrors.unknownOperation.text;
  while (rest !== "") {
    const bare = /^(?:(ping)|(pong)|(\+ok))/i.exec(rest);
    const verb = /^(connect|info|hpub|pub|unsub|sub|-err)/i.exec(rest)?.[1]?.toLowerCase();
    if (bare === null && verb === undefined) {
      const verbs = ["ping", "pong", "+ok", "connect", "info", "hpub", "pub", "unsub", "sub"];
      const isCut = [...verbs, "-err"].some((word) => word.startsWith(rest.toLowerCase()));
      return isCut ? seen : stop(unknown);
    }
    if (bare !== null) {
      const end = rest.indexOf("\n");
      if (end < 0) return seen;
      if (bare[1] !== undefined) seen.push("ping");
      if (bare[2] !== undefined) seen.push("pong");
      rest = rest.slice(end + 1);
      continue;
    }
    const afterVerb = rest.slice((verb as string).length);
    if (afterVerb === "") return seen;
    if (!/^[ \t]/.test(afterVerb) && !/^(connect|info)$/.test(verb as string)) return stop(unknown);
    const args = afterVerb.replace(/^[ \t]+/, "");
    const end = args.indexOf("\n");
    const line = (end < 0 ? args : args.slice(0, end)).replace(end < 0 ? /$^/ : /\r$/, "");
    const allowed = limits.controlLineBytesMax + (end < 0 ? 1 : 0);
    if (line.length > allowed) return stop(wireErrors.controlLineTooLong.text);
    if (end < 0) return seen;
    rest = args.slice(end + 1);
    const words = line.split(/[ \t\r]+/).filter((word) => word !== "");
    const size = (word: string | undefined): number =>
      /^\d{1,9}$/.test(word ?? "") ? Number(word) : -1;
    switch (verb) {
      case "connect":
      case "info":
        seen.push(`${verb} ${line}`);
        break;
      case "-err":
        seen.push(`error ${line}`);
        break;
      case "sub":
        if (words.length !== 2 && words.length !== 3) return stop("");
        seen.push(`subscribe ${words[0]} [${words.length === 3 ? words[1] : ""}] ${words.at(-1)}`);
        break;
      case "unsub":
        if (words.length !== 1 && words.length !== 2) return stop("");
        seen.push(`unsubscribe ${words[0]} ${Math.max(0, size(words[1]))}`);
        break;
      default: {
        const sizes = verb === "hpub" ? 2 : 1;
        if (words.length !== sizes + 1 && words.length !== sizes + 2) return stop("");
        const total = size(words.at(-1));
        const header = verb === "hpub" ? size(words.at(-2)) : 0;
        if ((verb === "hpub" && !headersAllowed) || total < 0 || header < 0 || header > total) {
          return stop("");
        }
        if (total > limits.payloadBytesMax) return stop(wireErrors.payloadTooLarge.text);
        const body = rest.slice(0, total);
        const ending = rest.slice(total, total + 2);
        if (!"\r\n".startsWith(ending)) return stop(unknown);
        if (ending.length < 2) return seen;
        const reply = words.length === sizes + 2 ? `${words[1]} ` : "";
        const counts = header === 0 ? `${total}` : `${header} ${total}`;
        seen.push(`publish ${words[0]} ${header} ${reply}${counts}\r\n${body}\r\n`);
        rest = rest.slice(total + 2);
      }
    }
  }
  return seen;
}

const block = "NATS/1.0\r\nA: b\r\n\r\n";
const conversation = [
  'CONNECT {"verbose":false}\r\n',
  "PING\r\n",
  "SUB foo.* 1\r\n",
  "sub  bar\tworkers   2 \n",
  "PUB foo.bar 5\r\nhello\r\n",
  "PUB foo.bar inbox.1 0\r\n\r\n",
  `HPUB foo reply ${block.length} ${block.length + 2}\r\n${block}hi\r\n`,
  `hpub foo ${block.length} ${block.length}\r\n${block}\r\n`,
  "HPUB foo 0 2\r\nhi\r\n",
  "PUB f\xf6\xff 3\r\n\0\r\n\r\n",
  "PUB  spaced   3  \nabc\r\n",
  "PUB zeros 003\r\nabc\r\n",
  "UNSUB 1 5\r\n",
  "UNSUB 2\r\n",
  "PONG\r\n",
  "+OK\r\n",
  "INFO {}\r\n",
  "PINGxyz\r\n",
].join("");

describe("Parser", () => {
  test("reads a conversation whole as the naive parser does", () => {
    expect(parse([conversation])).toEqual(naive(conversation));
    expect(parse([conversation])).toHaveLength(17);
  });

  test("reads the same whatever two places the bytes are cut at", () => {
    const whole = parse([conversation]);
    for (let first = 0; first <= conversation.length; first += 1) {
      for (const second of [first, first + 1, first + 2, first + 13]) {
        const cut = [
          conversation.slice(0, first),
          conversation.slice(first, second),
          conversation.slice(second),
        ];
        expect(parse(cut)).toEqual(whole);
      }
    }
  });

  test("reads the same one byte at a time", () => {
    expect(parse([...conversation])).toEqual(parse([conversation]));
  });

  test("agrees with the naive parser on pieces of the grammar in any order and any cut", () => {
    const word = fc.constantFrom(
      ...["PUB", "HPUB", "SUB", "UNSUB", "PING", "pong", "CONNECT", "INFO", "+OK", "-ERR", "MSG"],
      ...[" ", "  ", "\t", "\r\n", "\n", "\r", "foo", "foo.*", ">", "in.box", "a", "q"],
      ...["0", "1", "2", "3", "18", "20", "33", "007", "999999999", "1000000000", "-1", "+5", "x"],
      ...[block, "hi\r\n", "hello\r\n", "\r\n\r\n", "{}", "'x'", "y".repeat(70)],
      ...["PUB foo 3\r\nabc\r\n", "HPUB foo 18 20\r\n", "SUB a 1\r\n", "PING\r\n"],
    );
    const cuts = fc.array(fc.nat(200), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(word, { maxLength: 14 }), cuts, fc.boolean(), (words, at, headers) => {
        const text = words.join("");
        const edges = [0, ...at.map((cut) => Math.min(cut, text.length)), text.length];
        edges.sort((a, b) => a - b);
        const chunks = edges.slice(1).map((end, index) => text.slice(edges[index], end));
        expect(parse(chunks, headers)).toEqual(naive(text, headers));
      }),
      { numRuns: 20_000 },
    );
  });

  test("never throws on noise", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }), (chunks) => {
        const seen = parse(chunks.map((chunk) => Buffer.from(chunk)));
        expect(seen.filter((line) => line.startsWith("violation")).length).toBeLessThan(2);
      }),
      { numRuns: 5_000 },
    );
  });

  test("hands a whole publish over as positions in the chunk itself", () => {
    const chunk = Buffer.from("PUB foo reply 5\r\nhello\r\n", "latin1");
    const recorder = new Recorder();
    const frames: PublishFrame[] = [];
    recorder.publish = (frame) => {
      expect(frame.data).toBe(chunk);
      expect(frame.view.buffer).toBe(chunk.buffer);
      frames.push(frame);
    };
    const parser = new Parser(recorder, limits);
    parser.parse(chunk);
    expect(frames).toHaveLength(1);
    expect(frames[0]?.data, "an idle parser keeps no chunk").not.toBe(chunk);
  });
});

describe("what is kept of a publish", () => {
  const sizes = [0, 1, 100, passingBytesMax, passingBytesMax + 1, 3 * passingBytesMax];
  test.each(sizes)("of %i bytes outlives the bytes it came in", (size) => {
    const wide = { controlLineBytesMax: 4_096, payloadBytesMax: 100_000 };
    const kept: Buffer[] = [];
    const lasting: boolean[] = [];
    const recorder = new Recorder();
    recorder.publish = (frame) => {
      kept.push(frame.keepBody());
      lasting.push(frame.lasting);
    };
    const parser = new Parser(recorder, wide);
    const body = "x".repeat(size);
    parsePassing(parser, `PUB a ${size}\r\n${body}\r\nPUB a ${size}\r\n${body}\r\n`);
    parsePassing(parser, `PUB a ${size}\r\n${body.slice(0, size / 2)}`);
    parsePassing(parser, `${body.slice(size / 2)}\r\n`);
    expect(kept.map((one) => one.toString("latin1") === body)).toEqual([true, true, true]);
    const isLarge = size > passingBytesMax;
    expect(lasting, "and a large one is never copied twice").toEqual([isLarge, isLarge, true]);
  });
});

describe("sizes and limits", () => {
  const tooLarge = [`violation ${wireErrors.payloadTooLarge.text}`];
  test.each([
    ["0", ["publish foo 0 0\r\n\r\n"]],
    ["33", tooLarge],
    ["999999999", tooLarge],
    ["2147483647", ["violation "]],
    ["2147483648", ["violation "]],
    ["9007199254740992", ["violation "]],
    ["1e400", ["violation "]],
    ["-1", ["violation "]],
    ["+5", ["violation "]],
    ["0x10", ["violation "]],
    ["", ["violation "]],
  ])("PUB of size %j", (size, expected) => {
    expect(parse([`PUB foo ${size}\r\n\r\n`])).toEqual(expected);
  });

  test("a payload of exactly the limit passes, and the next one over it does not", () => {
    const body = "x".repeat(limits.payloadBytesMax);
    expect(parse([`PUB foo 32\r\n${body}\r\n`])).toEqual([`publish foo 0 32\r\n${body}\r\n`]);
    expect(parse([`PUB foo 33\r\n${body}x\r\n`])).toEqual(tooLarge);
  });

  test("arguments of exactly the limit pass, one more does not, and no end is not waited for", () => {
    const long = "s".repeat(limits.controlLineBytesMax - 2);
    expect(parse([`SUB ${long} 1\r\n`])).toEqual([`subscribe ${long} [] 1`]);
    const violation = [`violation ${wireErrors.controlLineTooLong.text}`];
    expect(parse([`SUB s${long} 1\r\n`])).toEqual(violation);
    expect(parse([..."SUB ", ...Array.from({ length: 70 }, () => "s")])).toEqual(violation);
  });

  test.each([
    "FOO",
    "\r\n",
    "MSG foo 1 2\r\nhi\r\n",
    "PUB\r\n",
    "UNSUB\r\n",
    "PUBx",
    "-ERRx",
    "PUB foo 5\r\nhelloX",
    "PUB foo 2\r\nhello",
    "PUB foo 5\r\nhello\nPING\r\n",
  ])("%j is an unknown operation", (text) => {
    expect(parse([text])).toEqual([`violation ${wireErrors.unknownOperation.text}`]);
    expect(parse([...text])).toEqual([`violation ${wireErrors.unknownOperation.text}`]);
  });

  test.each([
    "PUB foo\r\n",
    "PUB foo a b 2\r\n",
    "SUB foo\r\n",
    "SUB foo q 1 x\r\n",
    "HPUB foo 5 4\r\n",
    "UNSUB 1 2 3\r\n",
  ])("%j ends the connection without a word", (text) => {
    expect(parse([text])).toEqual(["violation "]);
  });

  test("HPUB without agreement on headers ends the connection without a word", () => {
    expect(parse([`HPUB foo 18 18\r\n${block}\r\n`], false)).toEqual(["violation "]);
  });

  test("nothing is read after a violation", () => {
    expect(parse(["FOO\r\nPING\r\n", "PING\r\n"])).toHaveLength(1);
  });

  test("a body that was announced but does not come reserves little", () => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, { controlLineBytesMax: 64, payloadBytesMax: 100_000_000 });
    const before = process.memoryUsage().arrayBuffers;
    parser.parse(Buffer.from("PUB foo 99999999\r\nabc"));
    // Other tests' garbage comes and goes in the same count; the announced 100 MB would stand out.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(25_000_000);
    expect(parser.isPartial).toBe(true);
    expect(parser.bodyFilled).toBeGreaterThan(0);
  });

  test("a large body arrives complete over many chunks", () => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, { controlLineBytesMax: 64, payloadBytesMax: 1_000_000 });
    const body = Buffer.from(Array.from({ length: 300_000 }, (_, at) => at % 251));
    parser.parse(Buffer.from("PUB foo 300000\r\n"));
    for (let at = 0; at < body.length; at += 7_777) {
      parser.parse(Buffer.from(body.subarray(at, at + 7_777)));
    }
    parser.parse(Buffer.from("\r\n"));
    expect(recorder.seen).toEqual([`publish foo 0 300000\r\n${body.latin1Slice()}\r\n`]);
  });
});

describe("stopping", () => {
  test("while CONNECT is required any other first letter is an authorization violation", () => {
    for (const text of ["PING\r\n", "PUB foo 0\r\n\r\n", "x"]) {
      const recorder = new Recorder();
      const parser = new Parser(recorder, limits);
      parser.connectRequired = true;
      parser.parse(Buffer.from(text));
      expect(recorder.seen).toEqual([`violation ${wireErrors.authorizationViolation.text}`]);
    }
  });

  test("a suspended parser keeps everything in order until it is resumed", () => {
    const text = "CONNECT {}\r\nPING\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nPONG\r\n";
    const expected = parse([text]);
    for (let cut = 0; cut <= text.length; cut += 1) {
      const recorder = new Recorder();
      const parser = new Parser(recorder, limits);
      const connect = recorder.connect.bind(recorder);
      recorder.connect = (json) => {
        connect(json);
        parser.suspend();
      };
      parsePassing(parser, text.slice(0, cut));
      parsePassing(parser, text.slice(cut));
      expect(recorder.seen).toEqual(["connect {}"]);
      parser.resume();
      expect(recorder.seen).toEqual(expected);
    }
  });

  test("what is suspended again and again waits in the copy that was made the first time", () => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, limits);
    recorder.ping = () => {
      recorder.seen.push("ping");
      parser.suspend();
    };
    parsePassing(parser, "PING\r\nPING\r\nPING\r\nPUB a 2\r\nhi\r\n");
    expect(parser.heldBytes).toBe("PING\r\nPING\r\nPUB a 2\r\nhi\r\n".length);
    parser.resume();
    parser.resume();
    expect(recorder.seen).toEqual(["ping", "ping", "ping"]);
    parser.resume();
    expect(recorder.seen).toEqual(["ping", "ping", "ping", "publish a 0 2\r\nhi\r\n"]);
    expect(parser.heldBytes).toBe(0);
  });

  test("a sink that halts the parser sees nothing more", () => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, limits);
    recorder.ping = () => {
      recorder.seen.push("ping");
      parser.halt();
    };
    parser.parse(Buffer.from("PING\r\nPING\r\nPUB foo 0\r\n\r\n"));
    expect(recorder.seen).toEqual(["ping"]);
  });
});

test("takes headers from everybody below the subjects that do, whatever else the line holds", () => {
  const seenOf = (line: string): string[] => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, limits);
    parser.headersTakenBelow = ["$own."];
    parser.parse(
      Buffer.from("PUB a.subject.that.is.long.enough.to.leave.its.places 1\r\nx\r\n", "latin1"),
    );
    recorder.seen.length = 0;
    parser.parse(Buffer.from(line, "latin1"));
    return recorder.seen;
  };
  expect(seenOf("HPUB $own.a 12 12\r\nNATS/1.0\r\n\r\n\r\n")).toHaveLength(1);
  expect(seenOf("HPUB $own.a 12 12\r\nNATS/1.0\r\n\r\n\r\n")[0]).not.toContain("violation");
  for (const line of [
    "HPUB\r\n",
    "HPUB \r\n",
    "HPUB $own.a\r\n",
    "HPUB other 12 12\r\n",
    "HPUB 12 12\r\n",
  ]) {
    expect(seenOf(line).at(-1), line).toContain("violation");
  }
});
