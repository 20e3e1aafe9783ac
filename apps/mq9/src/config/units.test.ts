import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  approximateBytes,
  formatBytes,
  formatMilliseconds,
  formatSeconds,
  parseBytes,
  parseMilliseconds,
  parseSeconds,
} from "./units.ts";

describe("sizes", () => {
  it.each([
    ["0", 0],
    ["1048576", 1_048_576],
    ["1MiB", 1_048_576],
    ["1mb", 1_048_576],
    ["512kb", 524_288],
    ["512 KiB", 524_288],
    ["1.5GiB", 1_610_612_736],
    ["10k", 10_000],
    ["2m", 2_000_000],
    ["64b", 64],
    ["1TiB", 1_099_511_627_776],
  ])("reads %s", (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each(["", "-1", "1XB", "MiB", "1,5MiB", "0x10", "1e6", "1.0001kb", "99999999TiB", "1 M i B"])(
    "refuses %j",
    (text) => {
      expect(() => parseBytes(text)).toThrow(RangeError);
    },
  );

  it("reads back whatever it writes", () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 31 }), (bytes) => {
        expect(parseBytes(formatBytes(bytes))).toBe(bytes);
      }),
    );
    expect(formatBytes(67_108_864)).toBe("64MiB");
    expect(formatBytes(1_500)).toBe("1500B");
  });

  it("rounds for people", () => {
    expect(approximateBytes(512)).toBe("512 B");
    expect(approximateBytes(44_345_000_000)).toBe("41.3 GiB");
    expect(approximateBytes(851_443_712)).toBe("812 MiB");
  });
});

describe("durations", () => {
  it("takes a number alone for seconds", () => {
    expect(parseSeconds("3600")).toBe(3_600);
    expect(parseMilliseconds("2")).toBe(2_000);
  });

  it.each([
    ["90s", 90],
    ["15m", 900],
    ["24h", 86_400],
    ["1d", 86_400],
    ["1.5h", 5_400],
    ["2000ms", 2],
  ])("reads %s", (text, seconds) => {
    expect(parseSeconds(text)).toBe(seconds);
    expect(parseMilliseconds(text)).toBe(seconds * 1_000);
  });

  it("does not round a fraction away", () => {
    expect(() => parseSeconds("250ms")).toThrow("whole number of seconds");
    expect(() => parseMilliseconds("0.5ms")).toThrow("whole number of milliseconds");
    expect(parseMilliseconds("0.1")).toBe(100);
  });

  it.each(["", "soon", "-5s", "1w", "5 minutes"])("refuses %j", (text) => {
    expect(() => parseSeconds(text)).toThrow(RangeError);
  });

  it("reads back whatever it writes", () => {
    fc.assert(
      fc.property(fc.nat(), (amount) => {
        expect(parseMilliseconds(formatMilliseconds(amount))).toBe(amount);
        expect(parseSeconds(formatSeconds(amount))).toBe(amount);
      }),
    );
    expect(formatSeconds(86_400)).toBe("1d");
    expect(formatMilliseconds(120_000)).toBe("2m");
  });
});
