import { expect, test } from "vitest";
import { Histogram } from "./meters.ts";

test("a value counts under the first bound that it does not exceed", () => {
  const histogram = new Histogram([1, 5, 10]);
  for (const value of [0, 1, 1.001, 5, 10, 10.5, 1e9]) histogram.observe(value);
  expect([...histogram.counts]).toEqual([2, 2, 1, 2]);
  expect(histogram.count).toBe(7);
  expect(histogram.sum).toBeCloseTo(1e9 + 27.501, 3);
});
