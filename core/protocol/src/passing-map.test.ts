import { expect, it } from "vitest";
import { PassingMap } from "./passing-map.ts";

it("holds what a Map holds, in its order, through any puts and deletions", () => {
  const [map, passing] = [new Map<number, number>(), new PassingMap<number, number>()];
  let state = 7;
  for (let step = 0; step < 20_000; step += 1) {
    state = (state * 48_271) % 2_147_483_647;
    const key = state % 40;
    // Ages of many entries and ages of few, down to none.
    if (state % 100 < (step % 2000 < 1000 ? 60 : 35)) {
      map.set(key, step);
      passing.set(key, step);
    } else {
      expect(passing.delete(key)).toBe(map.delete(key));
    }
    expect(passing.size).toBe(map.size);
    expect(passing.get(key)).toBe(map.get(key));
    expect(passing.has(key)).toBe(map.has(key));
    if (step % 100 === 0) {
      expect([...passing]).toEqual([...map]);
      expect([...passing.keys()]).toEqual([...map.keys()]);
      expect([...passing.values()]).toEqual([...map.values()]);
    }
  }
  passing.clear();
  expect([...passing]).toEqual([]);
});

it("lets every entry be deleted while they are gone through", () => {
  const passing = new PassingMap<number, string>();
  for (let key = 0; key < 100; key += 1) passing.set(key, "x");
  const told: number[] = [];
  for (const [key] of passing) {
    told.push(key);
    passing.delete(key);
  }
  expect(told).toHaveLength(100);
  expect(passing.size).toBe(0);
});
