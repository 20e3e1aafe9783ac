import { expect, test, vi } from "vitest";
import { Meters, TurnClock } from "./meters.ts";

test("a clock of turns is read once per turn", async () => {
  const clock = new TurnClock();
  const first = clock.mark();
  const now = vi.spyOn(performance, "now").mockReturnValue(performance.now() + 5);
  expect(clock.mark()).toBe(first); // time passes, the turn goes on
  await Promise.resolve();
  expect(clock.msSince(first)).toBeGreaterThanOrEqual(5);
  now.mockRestore();
});

test("the difference of two marks is right whatever their size", async () => {
  const clock = new TurnClock();
  const now = vi.spyOn(performance, "now");
  for (const atMs of [0, 2 ** 31 / 1_000 - 1, 2 ** 32 / 1_000 - 1, 1e12]) {
    now.mockReturnValue(atMs);
    const mark = clock.mark();
    await Promise.resolve();
    now.mockReturnValue(atMs + 7.5);
    expect(clock.msSince(mark)).toBeCloseTo(7.5, 2);
    await Promise.resolve();
  }
  now.mockRestore();
});

test("a publish that is refused is in no time, and counted by its code", () => {
  const meters = new Meters();
  const arrived = meters.turn.mark();
  meters.sent(undefined, arrived);
  meters.sent("not_found", arrived);
  meters.sent("not_found", arrived);
  expect(meters.sendsAccepted).toBe(1);
  expect(meters.sendMs.count).toBe(1);
  expect(meters.sendsRefused).toEqual(new Map([["not_found", 2]]));
});

test("a commit is under way from its beginning to its end, also one that fails", () => {
  const meters = new Meters();
  meters.commitBegan(7);
  expect(meters.commitSinceMs).toBeDefined();
  meters.commitEnded(true);
  meters.commitBegan(1);
  meters.commitEnded(false);
  expect(meters.commitSinceMs).toBeUndefined();
  expect([meters.commitMs.count, meters.commitsFailed, meters.commitChanges.count]).toEqual([
    1, 1, 2,
  ]);
});
