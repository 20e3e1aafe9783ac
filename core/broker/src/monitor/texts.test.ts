import { expect, test } from "vitest";
import { durationText, nanoseconds, timeText, uptimeText } from "./texts.ts";

const second = 1_000;
const day = 86_400 * second;

test.each([
  [0, "0s"],
  [-5, "0s"],
  [999, "0s"],
  [59 * second, "59s"],
  [61 * second, "1m1s"],
  [3_600 * second, "1h0m0s"],
  [day + 2 * 3_600 * second + 3 * 60 * second + 4 * second, "1d2h3m4s"],
  [366 * day + 5 * second, "1y1d0h0m5s"],
])("an uptime of %d ms is %s", (ms, text) => {
  expect(uptimeText(ms)).toBe(text);
});

test.each([
  [0, "0s"],
  [0.509, "509µs"],
  [0.0005, "0.5µs"],
  [1.25, "1.25ms"],
  [999, "999ms"],
  [2_500, "2.5s"],
  [90_000, "1m30s"],
])("a round trip of %d ms is %s", (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test("instants are in UTC, durations in whole nanoseconds", () => {
  expect(timeText(0)).toBe("1970-01-01T00:00:00.000Z");
  expect(nanoseconds(1.5)).toBe(1_500_000);
});
