import fc from "fast-check";
import { expect, it } from "vitest";
import { crc32c, unmasked } from "./crc32c.ts";

it("knows the check value of CRC-32C", () => {
  expect(crc32c(Buffer.from("123456789"), 0, 9)).toBe(0xe306_9283);
  expect(crc32c(Buffer.alloc(32), 0, 32)).toBe(0x8a91_36aa);
  expect(crc32c(Buffer.alloc(32, 0xff), 0, 32)).toBe(0x62a8_ab43);
  expect(crc32c(Buffer.alloc(0), 0, 0)).toBe(0);
});

it("sums any part of a buffer like a bit by bit division", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, from) => {
      const start = Math.min(from, bytes.length);
      let sum = 0xffff_ffff;
      for (const byte of bytes.subarray(start)) {
        sum ^= byte;
        for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0x82f6_3b78 : 0);
      }
      expect(crc32c(bytes, start, bytes.length)).toBe(~sum >>> 0);
    }),
  );
});

it("undoes LevelDB's mask", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (sum) => {
      const masked = ((((sum >>> 15) | (sum << 17)) >>> 0) + 0xa282_ead8) >>> 0;
      expect(unmasked(masked)).toBe(sum);
    }),
  );
});
