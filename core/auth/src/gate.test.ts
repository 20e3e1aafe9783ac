import { expect, test } from "vitest";
import { Gate } from "./gate.ts";

test("two jobs run, a hundred wait, more are refused", async () => {
  const gate = new Gate();
  const ends: (() => void)[] = [];
  let most = 0;
  let running = 0;
  const job = async () => {
    most = Math.max(most, ++running);
    await new Promise<void>((resolve) => ends.push(resolve));
    running--;
  };
  const passed = Array.from({ length: 105 }, () => gate.pass(job));
  expect(passed.filter((promise) => promise === undefined)).toHaveLength(3);
  for (let ended = 0; ended < 102; ended++) {
    while (ends.length === 0) await Promise.resolve();
    ends.shift()?.();
  }
  for (const promise of passed) await promise;
  expect(most).toBe(2);
  expect(gate.pass(async () => "again")).toBeDefined();
});

test("a job that fails makes room like any other", async () => {
  const gate = new Gate();
  for (let at = 0; at < 5; at++) {
    await expect(gate.pass(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  }
  expect(await gate.pass(async () => "fine")).toBe("fine");
});
