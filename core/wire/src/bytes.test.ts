import fc from "fast-check";
import { expect, test } from "vitest";
import { copyRun, decimalLength, viewOf, writeBytes, writeDecimal } from "./bytes.ts";

test("copyRun copies exactly the run, whatever its length and alignment", () => {
  const from = Buffer.from(Array.from({ length: 400 }, (_, at) => (at * 7) % 256));
  const fromView = viewOf(from);
  fc.assert(
    fc.property(fc.nat(100), fc.nat(299), fc.nat(50), (start, length, at) => {
      const to = Buffer.alloc(400, 0xee);
      const after = copyRun(from, fromView, start, start + length, to, viewOf(to), at);
      const expected = Buffer.alloc(400, 0xee);
      from.copy(expected, at, start, start + length);
      expect(after).toBe(at + length);
      expect(to.equals(expected)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test("numbers are written as they are printed", () => {
  const to = Buffer.alloc(16);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999_999_999 }), (value) => {
      const end = writeDecimal(to, 3, value);
      expect(to.toString("latin1", 3, end)).toBe(String(value));
      expect(decimalLength(value)).toBe(String(value).length);
    }),
  );
  for (let power = 1; power < 1_000_000_000; power *= 10) {
    for (const value of [power - 1, power]) {
      expect(to.toString("latin1", 0, writeDecimal(to, 0, value))).toBe(String(value));
    }
  }
});

test("byte strings of any length are written byte for byte", () => {
  for (const length of [0, 1, 24, 25, 100]) {
    const to = Buffer.alloc(128);
    const text = "\xff".repeat(length);
    expect(writeBytes(to, 5, text)).toBe(5 + length);
    expect(to.toString("latin1", 5, 5 + length)).toBe(text);
  }
});
