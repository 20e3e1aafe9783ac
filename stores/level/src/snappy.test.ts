import fc from "fast-check";
import { expect, it } from "vitest";
import { unsnappy } from "./snappy.ts";

it("unpacks literals of every length form", () => {
  for (const length of [1, 60, 61, 256, 257, 70_000]) {
    const text = Buffer.alloc(length, "literal");
    const tag =
      length <= 60
        ? [(length - 1) << 2]
        : length <= 256
          ? [60 << 2, length - 1]
          : length <= 65_536
            ? [61 << 2, (length - 1) & 0xff, (length - 1) >>> 8]
            : [62 << 2, (length - 1) & 0xff, ((length - 1) >>> 8) & 0xff, (length - 1) >>> 16];
    const packed = Buffer.concat([varint(length), Buffer.from(tag), text]);
    expect(unsnappy(packed).equals(text)).toBe(true);
  }
});

it("unpacks copies of every kind, also into what they write", () => {
  const abc = [2 << 2, 0x61, 0x62, 0x63];
  const near = [((6 - 4) << 2) | 1, 3];
  expect(unpacked(9, abc, near)).toBe("abcabcabc");
  expect(unpacked(9, abc, [(5 << 2) | 2, 3, 0])).toBe("abcabcabc");
  expect(unpacked(9, abc, [(5 << 2) | 3, 3, 0, 0, 0])).toBe("abcabcabc");
  const far = Buffer.alloc(300, "x");
  const literal = [(60 << 2) | 4, 43, 1];
  const copy = [(0 << 2) | 1 | (1 << 5), 300 - 256];
  expect(unpacked(304, [...literal, ...far], copy)).toBe("x".repeat(304));
});

it("throws a RangeError at whatever is malformed", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        unsnappy(Buffer.concat([varint(20), bytes]));
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
  );
  expect(() => unpacked(4, [2 << 2, 0x61, 0x62, 0x63])).toThrow(RangeError);
  expect(() => unpacked(4, [1, 1])).toThrow(RangeError);
});

function unpacked(length: number, ...parts: readonly number[][]): string {
  return unsnappy(Buffer.concat([varint(length), Buffer.from(parts.flat())])).toString();
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
