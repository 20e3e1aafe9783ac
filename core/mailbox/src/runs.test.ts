// Runs of numbers: nothing put in is lost, whatever they are merged to, and bursts cost one run.
import type { Rank } from "@mq9/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodePosition, encodePosition, Runs } from "./runs.ts";

function plain(runs: Runs): string[] {
  return runs.all().map(({ rank, from, to }) => `${rank}:${from}-${to}`);
}

function runsOf(numbers: readonly number[], rank: Rank = 0, nowMs = 0): Runs {
  const runs = new Runs();
  for (const seq of numbers) runs.add(rank, seq, nowMs);
  return runs;
}

test("a burst is one run, and one of another rank another", () => {
  const runs = runsOf(Array.from({ length: 5_000 }, (_, i) => i));
  runs.add(2, 5_000, 0);
  expect(plain(runs)).toEqual(["0:0-4999", "2:5000-5000"]);
});

test("a run does not grow for longer than a second, or its first would stay young with its latest", () => {
  const runs = new Runs();
  for (let i = 0; i < 6; i += 1) runs.add(0, i, i * 400);
  expect(plain(runs)).toEqual(["0:0-2", "0:3-5"]);
  expect(runs.cutAged(800)).toBe(true);
  expect(runs.cutAged(800)).toBe(false);
  expect(plain(runs)).toEqual(["0:3-5"]);
});

test("a number taken out splits a run or shortens it", () => {
  const runs = runsOf([0, 1, 2, 3, 4, 5]);
  expect([3, 0, 5, 3].map((seq) => runs.cut(0, seq, seq))).toEqual([true, true, true, false]);
  expect(plain(runs)).toEqual(["0:1-2", "0:4-4"]);
  expect(runs.count).toBe(2);
});

test("shrinking joins the closest runs, lowest first, and no more than it must", () => {
  const runs = runsOf([0, 2, 4, 100, 105, 1000]);
  runs.shrink(5);
  expect(plain(runs)).toEqual(["0:0-2", "0:4-4", "0:100-100", "0:105-105", "0:1000-1000"]);
  runs.shrink(3);
  expect(plain(runs)).toEqual(["0:0-4", "0:100-105", "0:1000-1000"]);
  runs.shrink(0);
  expect(plain(runs)).toEqual(["0:0-1000"]);
});

describe("against a set of numbers", () => {
  const span = fc.tuple(fc.nat(60), fc.nat(12)).map(([from, more]) => ({ from, to: from + more }));
  const step = fc.oneof(
    fc.record({ op: fc.constant("add" as const), rank: fc.nat(3), seq: fc.nat(60) }),
    fc.record({ op: fc.constant("cut" as const), rank: fc.nat(3), span }),
    fc.record({ op: fc.constant("absorb" as const), rank: fc.nat(3), span }),
  );

  test("runs hold exactly what was put in and not taken out", () => {
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const runs = new Runs();
        const model = new Set<string>();
        for (const each of steps) {
          const rank = each.rank as Rank;
          if (each.op === "add") {
            runs.add(rank, each.seq, 0);
            model.add(`${rank}:${each.seq}`);
            continue;
          }
          const { from, to } = each.span;
          if (each.op === "cut") runs.cut(rank, from, to);
          else runs.absorb([{ rank, from, to, sinceMs: 0, atMs: 0 }]);
          for (let seq = from; seq <= to; seq += 1) {
            if (each.op === "cut") model.delete(`${rank}:${seq}`);
            else model.add(`${rank}:${seq}`);
          }
        }
        expect(numbersOf(runs)).toEqual([...model].sort());
        expect(runs.count).toBe(runs.all().length);
      }),
    );
  });

  test("shrunk runs hold all that was put in, in no more runs than asked for", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200)), fc.nat(20), (numbers, most) => {
        const runs = runsOf(numbers, 1);
        runs.shrink(most);
        expect(numbers.filter((seq) => !runs.has(1, seq))).toEqual([]);
        expect(runs.count).toBeLessThanOrEqual(Math.max(1, most));
        expect(runs.count).toBe(runs.all().length);
      }),
    );
  });

  function numbersOf(runs: Runs): string[] {
    const found: string[] = [];
    for (const { rank, from, to } of runs.all()) {
      for (let seq = from; seq <= to; seq += 1) found.push(`${rank}:${seq}`);
    }
    return found.sort();
  }
});

test("a position reads back as it was written, and one of another format not at all", () => {
  const runs = runsOf([1, 2, 9], 3);
  const bytes = encodePosition(Float64Array.of(-1, 7, -1, 9), runs);
  const found = decodePosition(bytes, 5);
  expect([...(found?.cursors ?? [])]).toEqual([-1, 7, -1, 9]);
  expect(found?.runs.map(({ rank, from, to, atMs }) => [rank, from, to, atMs])).toEqual([
    [3, 1, 2, 5],
    [3, 9, 9, 5],
  ]);
  bytes[0] = 2;
  expect(decodePosition(bytes, 5)).toBeUndefined();
  expect(decodePosition(new Uint8Array(0), 5)).toBeUndefined();
});
