import fc from "fast-check";
import { expect, it } from "vitest";
import { SeenNumbers } from "./seen.ts";

it("tells every number once, in whatever order they come", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 200 }), (numbers) => {
      const seen = new SeenNumbers();
      const set = new Set<number>();
      for (const number of numbers) {
        expect(seen.add(number)).toBe(!set.has(number));
        set.add(number);
      }
      for (let number = 0; number <= 61; number += 1)
        expect(seen.has(number)).toBe(set.has(number));
      const starts = [...set].filter((number) => !set.has(number - 1));
      expect(seen.stretches).toBe(starts.length);
    }),
  );
});

it("stays small however many numbers there were, and forgets the lowest alone", () => {
  const seen = new SeenNumbers();
  for (let number = 0; number < 140_000; number += 2) seen.add(number);
  expect(seen.stretches).toBe(65_536);
  expect(seen.add(139_998)).toBe(false);
  expect(seen.add(0)).toBe(true);
});
