import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBase64, decodeData, decodeJson, decodeText, encodeData } from "./codec.ts";
import { InvalidDataError } from "./errors.ts";

describe("what is sent", () => {
  it("is bytes as they are, texts as UTF-8, and all else JSON that a header tells", () => {
    const bytes = Uint8Array.of(0, 255);
    expect(encodeData(bytes)).toEqual({ payload: bytes, contentType: undefined });
    expect(decodeText(encodeData("grüß").payload)).toBe("grüß");
    expect(encodeData("x").contentType).toBeUndefined();
    expect(encodeData({ a: [1] }).contentType).toBe("application/json");
    expect(decodeText(encodeData({ a: [1] }).payload)).toBe('{"a":[1]}');
    expect(decodeText(encodeData(null).payload)).toBe("null");
    expect(encodeData(undefined).payload).toHaveLength(0);
  });

  it("is refused when JSON cannot hold it", () => {
    const round: { self?: unknown } = {};
    round.self = round;
    for (const data of [round, 1n, () => {}, Symbol("x")]) {
      expect(() => encodeData(data)).toThrow(InvalidDataError);
    }
  });

  it("comes back as the value it was", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const { payload, contentType } = encodeData(value);
        const read = decodeData(payload, contentType);
        // JSON has no negative zero.
        expect(JSON.stringify(read)).toBe(JSON.stringify(value));
      }),
    );
  });
});

describe("what is received without being told what it is", () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

  it.each([
    ["an object", bytes(' {"a":1}'), undefined, { a: 1 }],
    ["a list", bytes("[1]"), undefined, [1]],
    ["nearly JSON", bytes("{a}"), undefined, "{a}"],
    ["a number in a text", bytes("7"), undefined, "7"],
    ["a number said to be JSON", bytes("7"), "application/json; charset=utf-8", 7],
    ["a kind of JSON", bytes("true"), "application/cloudevents+json", true],
    ["an object said to be text", bytes("{}"), "text/plain", "{}"],
    ["no UTF-8", Uint8Array.of(0xff), undefined, Uint8Array.of(0xff)],
    ["nothing", Uint8Array.of(), undefined, ""],
  ])("%s", (_name, payload, contentType, value) => {
    expect(decodeData(payload, contentType)).toEqual(value);
  });

  it("says what it found instead of JSON", () => {
    expect(() => decodeJson(bytes("hello"))).toThrow(/is no JSON .*it begins with "hello"/);
    expect(() => decodeData(bytes("{"), "application/json")).toThrow(InvalidDataError);
  });
});

it("reads base64 of any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect([...decodeBase64(Buffer.from(bytes).toString("base64"))]).toEqual([...bytes]);
    }),
  );
});
