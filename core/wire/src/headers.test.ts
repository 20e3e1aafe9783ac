import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  appendHeaders,
  encodeHeaders,
  getHeader,
  headerStatus,
  isHeaderBlock,
  iterateHeaders,
  stripHeaders,
} from "./headers.ts";

const accepts = (text: string): boolean => {
  const bytes = Buffer.from(`xx${text}yy`, "latin1");
  return isHeaderBlock(bytes, 2, bytes.length - 2);
};

describe("isHeaderBlock", () => {
  test.each([
    "NATS/1.0\r\n\r\n",
    "NATS/1.0 503\r\n\r\n",
    "NATS/1.0 404 No Messages\r\n\r\n",
    "NATS/1.0\r\nA:\r\n\r\n",
    "NATS/1.0\r\nA: b\r\nA: c\r\n\r\n",
    "NATS/1.0\r\nA: b:c d\t\r\n\r\n",
    "NATS/1.0\r\nA: \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\r\n\r\n",
  ])("accepts %j", (text) => {
    expect(accepts(text)).toBe(true);
  });

  test.each([
    "",
    "JUNK",
    "NATS/1.0",
    "NATS/1.0\r\n",
    "NATS/1.1\r\n\r\n",
    "NATS/1.0x\r\n\r\n",
    "NATS/1.0\r\n\r\n\r\n",
    "NATS/1.0\r\nA: b\r\n",
    "NATS/1.0\r\nA: b\n\r\n",
    "NATS/1.0\r\nA: b\rc\r\n\r\n",
    "NATS/1.0\r\nA: b\0c\r\n\r\n",
    "NATS/1.0\r\nno colon\r\n\r\n",
    "NATS/1.0\r\n: v\r\n\r\n",
    "NATS/1.0\r\nA : v\r\n\r\n",
    "NATS/1.0\r\n folded\r\n\r\n",
    "NATS/1.0\r\nA: v\r\n folded\r\n\r\n",
    "NATS/1.0\r\n\xc3\xa9: v\r\n\r\n",
    "NATS/1.0\r\nA: \xff\r\n\r\n",
    "NATS/1.0\r\nA: \xc0\xaf\r\n\r\n",
    "NATS/1.0\r\nA: \xed\xa0\x80\r\n\r\n",
    "NATS/1.0\r\nA: \xc3\r\n\r\n",
  ])("refuses %j", (text) => {
    expect(accepts(text)).toBe(false);
  });

  test("accepts everything that encodeHeaders writes, and reads it back", () => {
    const name = fc.stringMatching(/^[!-9;-~]{1,12}$/);
    const value = fc.string({ unit: "binary", maxLength: 20 }).map((text) => {
      return text.replaceAll(/[\r\n\0]/g, "").trim();
    });
    fc.assert(
      fc.property(fc.array(fc.record({ name, value }), { maxLength: 6 }), (headers) => {
        const block = encodeHeaders(headers);
        expect(isHeaderBlock(block, 0, block.length)).toBe(true);
        const read = [...iterateHeaders(block)];
        expect(read.map((header) => header.name)).toEqual(headers.map((header) => header.name));
        const trimmed = (text: string): string => text.replaceAll(/^[ \t]+|[ \t]+$/g, "");
        expect(read.map((header) => header.value)).toEqual(
          headers.map((header) => trimmed(header.value)),
        );
      }),
    );
  });
});

describe("reading and writing", () => {
  const block = Buffer.from("NATS/1.0 503 gone\r\nFoo: 1\r\nmq9-key:  k v \r\nFoo: 2\r\n\r\n");

  test("finds the first header of a name in any case, trimmed", () => {
    expect(getHeader(block, "foo")).toBe("1");
    expect(getHeader(block, "MQ9-KEY")).toBe("k v");
    expect(getHeader(block, "fo")).toBeUndefined();
    expect(getHeader(block, "")).toBeUndefined();
  });

  test("knows the status", () => {
    expect(headerStatus(block)).toBe(503);
    expect(headerStatus(encodeHeaders([]))).toBeUndefined();
    expect(headerStatus(encodeHeaders([], "404 No Messages"))).toBe(404);
  });

  test("appends lines before the end", () => {
    const longer = appendHeaders(block, [{ name: "X", value: "ü" }]);
    expect(isHeaderBlock(longer, 0, longer.length)).toBe(true);
    expect(getHeader(longer, "x")).toBe("ü");
    expect(getHeader(longer, "foo")).toBe("1");
    expect(appendHeaders(undefined, []).toString()).toBe("NATS/1.0\r\n\r\n");
  });

  test("strips names by prefix and leaves the rest byte for byte", () => {
    const stripped = stripHeaders(block, ["mq9-", "nats-"]);
    expect(Buffer.from(stripped).toString()).toBe("NATS/1.0 503 gone\r\nFoo: 1\r\nFoo: 2\r\n\r\n");
    expect(Buffer.from(stripHeaders(block, ["foo"])).toString()).toBe(
      "NATS/1.0 503 gone\r\nmq9-key:  k v \r\n\r\n",
    );
    expect(stripHeaders(block, ["absent"])).toBe(block);
  });

  test("refuses to write what would break the block", () => {
    expect(() => encodeHeaders([{ name: "a b", value: "" }])).toThrow(RangeError);
    expect(() => encodeHeaders([{ name: "", value: "" }])).toThrow(RangeError);
    expect(() => encodeHeaders([{ name: "a", value: "x\r\nInjected: y" }])).toThrow(RangeError);
    expect(() => encodeHeaders([], "503\r\n")).toThrow(RangeError);
  });
});
