// A million header blocks: what passes the check at the door is exactly what a regular expression of
// the grammar passes, and every tool that reads or rewrites a block keeps it a block.
import {
  appendHeaders,
  encodeHeaders,
  getHeader,
  isHeaderBlock,
  iterateHeaders,
  stripHeaders,
} from "@mq9/wire";
import { describe, expect, test } from "vitest";
import { createRandom, type Random, runs, seed } from "./random.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The grammar as one expression, plus UTF-8: written apart from the code under test. */
function isBlock(text: string): boolean {
  const grammar = /^NATS\/1\.0(?: [^\r\n\0]*)?\r\n(?:[!-9;-~]+:[^\r\n\0]*\r\n)*\r\n$/;
  if (!grammar.test(text)) return false;
  try {
    decoder.decode(Buffer.from(text, "latin1"));
    return true;
  } catch {
    return false;
  }
}

const names = [
  "a",
  "Nats-Msg-Id",
  "mq9-from",
  "MQ9-From",
  "mq9",
  "x y",
  "",
  "é",
  "a:b",
  "a\t",
  "~!",
];
const values = [
  "",
  " v",
  "  two words ",
  "\t",
  "a:b",
  "a\rb",
  "a\nb",
  "a\0b",
  "\xff",
  "\xc3\xa9",
  "\xc3",
];
const firsts = [
  "NATS/1.0",
  "NATS/1.0",
  "NATS/1.0",
  "NATS/1.0 503",
  "NATS/1.0 x",
  "NATS/1.1",
  "nats/1.0",
];
const scraps = [
  "\r\n",
  "\r",
  "\n",
  " folded",
  ":",
  "NATS/1.0\r\n",
  "x: y\r\n",
  "\0",
  "\xed\xa0\x80",
];

function anyBlock(random: Random): string {
  let text = `${random.once(30) ? random.pick(firsts) : "NATS/1.0"}\r\n`;
  for (let count = random.below(4); count > 0; count -= 1) {
    const odd = random.once(8);
    const name = odd ? random.pick(names) : "name-ok";
    const value = random.once(3) ? random.pick(values) : " value";
    text += `${name}:${value}\r\n`;
  }
  text += "\r\n";
  if (!random.once(4)) return text;
  const at = random.below(text.length + 1);
  const scrap = random.once(2) ? random.pick(scraps) : random.bytes(1);
  return text.slice(0, at) + scrap + text.slice(at + random.below(3));
}

describe(`header blocks (SEED=${seed})`, () => {
  test("are accepted exactly when the grammar accepts them", { timeout: 120_000 }, () => {
    const random = createRandom(2);
    let accepted = 0;
    for (let run = 0; run < runs(800_000); run += 1) {
      const text = anyBlock(random);
      // Not at the start of its buffer, as on the wire.
      const bytes = Buffer.from(`PUB x${text}\r\n`, "latin1");
      const verdict = isHeaderBlock(bytes, 5, 5 + text.length);
      if (verdict !== isBlock(text))
        expect({ text, verdict }).toEqual({ text, verdict: isBlock(text) });
      if (verdict) accepted += 1;
    }
    // Neither kind is rare, so the comparison means something.
    expect(accepted).toBeGreaterThan(runs(100_000));
    expect(accepted).toBeLessThan(runs(750_000));
  });

  test("stay blocks, with the same headers, however they are rewritten", {
    timeout: 120_000,
  }, () => {
    const random = createRandom(3);
    for (let run = 0; run < runs(200_000); run += 1) {
      const text = anyBlock(random);
      if (!isBlock(text)) continue;
      const block = Buffer.from(text, "latin1");
      const headers = [...iterateHeaders(block)];
      const problems = [
        sameHeaders([...iterateHeaders(encodeHeaders(headers))], headers) ? "" : "encode",
        isWhole(encodeHeaders(headers)) ? "" : "encode breaks it",
        isWhole(appendHeaders(block, [{ name: "mq9-msg-id", value: "7" }]))
          ? ""
          : "append breaks it",
        stripsOwn(block) ? "" : "strip",
        headers.every(({ name }) => getHeader(block, name.toUpperCase()) !== undefined)
          ? ""
          : "get",
        headers.every(({ name, value }) => !/[\r\n\0]/.test(name + value))
          ? ""
          : "line end in a value",
      ].join("");
      if (problems !== "") expect({ text, problems }).toEqual({ text, problems: "" });
    }
  });

  test("can not be built from a name or a value that would break them", () => {
    for (const text of ["a\rb", "a\nb", "a\r\nb: c", "a\0b"]) {
      expect(() => encodeHeaders([{ name: "ok", value: text }])).toThrow(RangeError);
      expect(() => encodeHeaders([{ name: text, value: "ok" }])).toThrow(RangeError);
      expect(() => encodeHeaders([], text)).toThrow(RangeError);
    }
    for (const name of ["", "a:b", "a b", "é", "\x7f"]) {
      expect(() => encodeHeaders([{ name, value: "ok" }])).toThrow(RangeError);
    }
  });
});

interface NameAndValue {
  readonly name: string;
  readonly value: string;
}

function sameHeaders(one: readonly NameAndValue[], other: readonly NameAndValue[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function isWhole(block: Uint8Array): boolean {
  return isHeaderBlock(block, 0, block.length) && isBlock(Buffer.from(block).toString("latin1"));
}

/** Without the broker's own names nothing of theirs is left, and nothing else is missing. */
function stripsOwn(block: Buffer): boolean {
  const left = [...iterateHeaders(stripHeaders(block, ["mq9-"]))];
  const wanted = [...iterateHeaders(block)].filter(({ name }) => !/^mq9-/i.test(name));
  return isWhole(stripHeaders(block, ["mq9-"])) && sameHeaders(left, wanted);
}
