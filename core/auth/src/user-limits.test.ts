import { describe, expect, test } from "vitest";
import { allowedForMs, isFrom, readLimits, saysNothing } from "./user-limits.ts";

const at = (time: string): number => Date.parse(`2026-03-01T${time}Z`);

describe("times of the day", () => {
  const office = [{ start: "08:00:00", end: "18:00:00" }];
  const night = [{ start: "22:00:00", end: "06:00:00" }];
  test.each([
    [office, "07:59:59", 0],
    [office, "08:00:00", 10 * 3600],
    [office, "17:59:59", 1],
    [office, "18:00:00", 0],
    [night, "23:00:00", 7 * 3600],
    [night, "05:59:59", 1],
    [night, "06:00:00", 0],
    [night, "12:00:00", 0],
    [[...office, ...night], "12:00:00", 6 * 3600],
    [[{ start: "x", end: "y" }], "12:00:00", 0],
    [[{ start: "25:00:00", end: "26:00:00" }], "01:00:00", 0],
  ])("%j at %s leaves %d s", (times, time, seconds) => {
    expect(allowedForMs(times, "", at(time))).toBe(seconds * 1000);
  });

  test("are of the place that is named, and of none when there is no such place", () => {
    expect(allowedForMs(office, "Asia/Tokyo", at("00:00:00"))).toBe(9 * 3600 * 1000);
    expect(allowedForMs(office, "Nowhere/Else", at("12:00:00"))).toBe(0);
  });

  test("that are not given do not end", () => {
    expect(allowedForMs([], "", 0)).toBe(Number.POSITIVE_INFINITY);
  });
});

test("addresses are compared with networks of their own kind", () => {
  expect(isFrom(["10.0.0.0/8"], "10.1.2.3")).toBe(true);
  expect(isFrom(["10.0.0.0/8"], "::ffff:10.1.2.3")).toBe(true);
  expect(isFrom(["10.0.0.0/8"], "11.0.0.1")).toBe(false);
  expect(isFrom(["2001:db8::/32"], "2001:db8::1")).toBe(true);
  expect(isFrom(["2001:db8::/32"], "10.1.2.3")).toBe(false);
  for (const wrong of ["10.0.0.0", "10.0.0.0/33", "all", "10.0.0.0/-1", ""]) {
    expect(isFrom([wrong], "10.0.0.1")).toBe(false);
  }
});

test("none of what is read is taken from what objects inherit", () => {
  const claims = JSON.parse('{"__proto__":{"bearer_token":true},"constructor":1}');
  expect(readLimits(claims, false).isBearer).toBe(false);
  expect(saysNothing(claims)).toBe(true);
});
