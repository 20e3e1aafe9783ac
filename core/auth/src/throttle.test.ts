import { expect, test } from "vitest";
import { digestOf } from "./digest.ts";
import { Throttle } from "./throttle.ts";

function fail(throttle: Throttle, user: string, address: string, guess: string): boolean {
  const attempt = throttle.begin(user, address, digestOf(guess));
  attempt?.failed();
  return attempt !== undefined;
}

test("ten different wrong secrets within a minute are seen, no more until it is over", () => {
  let nowMs = 1000;
  const throttle = new Throttle(() => nowMs);
  const seen = Array.from({ length: 12 }, (_, at) => fail(throttle, "u", "1.1.1.1", `g${at}`));
  expect(seen.filter(Boolean)).toHaveLength(10);
  expect(throttle.begin("u", "1.1.1.1", digestOf("right"))).toBeUndefined();
  nowMs += 59_999;
  expect(throttle.begin("u", "1.1.1.1", digestOf("right"))).toBeUndefined();
  nowMs += 1;
  expect(throttle.begin("u", "1.1.1.1", digestOf("right"))).toBeDefined();
});

test("other users and other addresses are counted for themselves", () => {
  const throttle = new Throttle(() => 0);
  for (let at = 0; at < 10; at++) fail(throttle, "u", "1.1.1.1", `g${at}`);
  expect(fail(throttle, "v", "1.1.1.1", "g")).toBe(true);
  expect(fail(throttle, "u", "1.1.1.2", "g")).toBe(true);
});

test("the addresses of one IPv6 network count as one", () => {
  const throttle = new Throttle(() => 0);
  for (let at = 0; at < 10; at++) fail(throttle, "u", `2001:db8:1:2::${at}`, `g${at}`);
  expect(fail(throttle, "u", "2001:db8:1:2:ffff::1", "g")).toBe(false);
  expect(fail(throttle, "u", "2001:db8:1:3::1", "g")).toBe(true);
  expect(fail(throttle, "u", "2001:db8::1", "g")).toBe(true);
});

test("secrets that are being looked at count too, so that many at once are no way around", () => {
  const throttle = new Throttle(() => 0);
  const open = Array.from({ length: 12 }, (_, at) => throttle.begin("u", "a", digestOf(`g${at}`)));
  expect(open.filter((attempt) => attempt !== undefined)).toHaveLength(10);
  expect(throttle.begin("u", "a", digestOf("g0"))).toBeDefined();
  open[1]?.succeeded();
  expect(throttle.begin("u", "a", digestOf("next"))).toBeDefined();
});

test("a wrong secret said again is refused but not counted", () => {
  const throttle = new Throttle(() => 0);
  for (let at = 0; at < 100; at++) expect(fail(throttle, "u", "a", "same")).toBe(at === 0);
  expect(throttle.begin("u", "a", digestOf("right"))).toBeDefined();
});

test("memory is bounded, and what ended well is forgotten", () => {
  const throttle = new Throttle(() => 0);
  for (let at = 0; at < 10_500; at++) fail(throttle, `u${at}`, "a", "g");
  expect(throttle.size).toBe(10_000);
  const other = new Throttle(() => 0);
  other.begin("u", "a", digestOf("right"))?.succeeded();
  other.begin("u", "a", digestOf("any"))?.abandoned();
  expect(other.size).toBe(0);
});

test("other secrets do not begin the count anew, and let what was wrong be tried again", () => {
  let nowMs = 1000;
  const throttle = new Throttle(() => nowMs);
  for (let at = 0; at < 6; at++) fail(throttle, "u", "1.1.1.1", `g${at}`);
  throttle.secretsChanged();
  const seen = Array.from({ length: 6 }, (_, at) => fail(throttle, "u", "1.1.1.1", `g${at}`));
  expect(seen).toEqual([true, true, true, true, false, false]);
  throttle.secretsChanged();
  expect(fail(throttle, "u", "1.1.1.1", "right")).toBe(false);
  nowMs += 60_000;
  throttle.begin("u", "1.1.1.1", digestOf("right"))?.succeeded();
  expect(throttle.size).toBe(0);
});
