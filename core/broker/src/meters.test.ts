import { expect, test } from "vitest";
import { Meters, TurnClock } from "./meters.ts";

test("a clock of turns is read once per turn", async () => {
  const clock = new TurnClock();
  const first = clock.nowMs();
  let spun = 0;
  while (performance.now() - first < 2) spun += 1; // time passes, the turn goes on
  expect(spun).toBeGreaterThan(0);
  expect(clock.nowMs()).toBe(first);
  await Promise.resolve();
  expect(clock.nowMs()).toBeGreaterThan(first);
});

test("a publish that is refused is in no time, and counted by its code", () => {
  const meters = new Meters();
  const arrivedMs = meters.turn.nowMs();
  meters.sent(undefined, arrivedMs);
  meters.sent("not_found", arrivedMs);
  meters.sent("not_found", arrivedMs);
  expect(meters.sendsAccepted).toBe(1);
  expect(meters.sendMs.count).toBe(1);
  expect(meters.sendsRefused).toEqual(new Map([["not_found", 2]]));
});

test("a commit is under way from its beginning to its end, also one that fails", () => {
  const meters = new Meters();
  meters.commitBegan(7);
  expect(meters.commitSinceMs).toBeGreaterThanOrEqual(0);
  meters.commitEnded(true);
  meters.commitBegan(1);
  meters.commitEnded(false);
  expect(meters.commitSinceMs).toBe(-1);
  expect([meters.commitMs.count, meters.commitsFailed, meters.commitChanges.count]).toEqual([
    1, 1, 2,
  ]);
});
