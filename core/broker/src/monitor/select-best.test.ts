import fc from "fast-check";
import { expect, test } from "vitest";
import { selectBest } from "./select-best.ts";

const compare = (a: readonly number[], b: readonly number[]): number =>
  (a[0] as number) - (b[0] as number);

test("selects as a stable sort of everything would, in as many slices as there are", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 10_000, size: "max" }),
      fc.nat(12_000),
      async (values, most) => {
        const entries = values.map((value, at) => [value, at]);
        let pauses = 0;
        const found = await selectBest(entries, compare, most, async () => {
          pauses += 1;
        });
        expect(found).toEqual([...entries].sort(compare).slice(0, most));
        expect(pauses).toBe(Math.max(0, Math.ceil(entries.length / 4_096) - 1));
      },
    ),
    { numRuns: 30 },
  );
});
