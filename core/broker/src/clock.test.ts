// The broker's clock beside a machine whose clock is set, on time that the test moves.
import fc from "fast-check";
import { expect, test } from "vitest";
import { SteadyClock } from "./clock.ts";

class Machine {
  wall = 1_700_000_000_000;
  monotonic = 5_000;
  readonly told: (number | undefined)[] = [];

  clock(storedMs = 0): SteadyClock {
    return new SteadyClock(storedMs, (aheadMs) => this.told.push(aheadMs), {
      wallMs: () => this.wall,
      monotonicMs: () => this.monotonic,
    });
  }

  pass(ms: number): void {
    this.wall += ms;
    this.monotonic += ms;
  }
}

const hour = 3_600_000;

test("starts at the machine's clock, or after what was stored if that is later", () => {
  const machine = new Machine();
  expect(machine.clock().nowMs()).toBe(machine.wall + 20);
  expect(machine.clock().isAhead).toBe(false);
  expect(machine.clock(machine.wall - 1).nowMs()).toBe(machine.wall + 20);
  expect(machine.clock(machine.wall + 1000).nowMs()).toBe(machine.wall + 3000);
  expect(machine.clock(machine.wall + 1000).isAhead).toBe(true);
  expect(machine.told).toEqual([]);
});

test.each([-hour, hour, 10 * 365 * 24 * hour, -1_700_000_000_000])(
  "goes on as if nothing had happened when the machine's clock jumps by %i ms, and says so once",
  (jump) => {
    const machine = new Machine();
    const clock = machine.clock();
    const start = clock.nowMs();
    machine.pass(1000);
    machine.wall += jump;
    for (let i = 0; i < 100; i += 1) {
      machine.pass(1000);
      expect(Math.abs(clock.nowMs() - (start + 1000 + (i + 1) * 1000))).toBeLessThan(30);
    }
    expect(machine.told).toHaveLength(1);
    expect(Math.abs((machine.told[0] as number) - jump)).toBeLessThan(100);
    expect(clock.isSuspect).toBe(true);
    machine.wall -= jump;
    machine.pass(1000);
    clock.nowMs();
    expect(machine.told[1]).toBeUndefined();
    expect(machine.told).toHaveLength(2);
    expect(clock.isSuspect).toBe(false);
  },
);

test("does not believe a machine whose clock was set back before the start", () => {
  const machine = new Machine();
  const clock = machine.clock(machine.wall + hour);
  machine.pass(60_000);
  expect(clock.nowMs()).toBe(machine.wall + hour + 2000);
  expect(machine.told).toEqual([-hour - 2000]);
});

test("makes up for a small difference without a step", () => {
  const machine = new Machine();
  const clock = machine.clock();
  clock.nowMs();
  machine.wall += 60_000;
  let before = clock.nowMs();
  for (let i = 0; i < 1500; i += 1) {
    machine.pass(500);
    const now = clock.nowMs();
    expect(now - before).toBeGreaterThanOrEqual(450);
    expect(now - before).toBeLessThanOrEqual(551);
    before = now;
  }
  expect(Math.abs(machine.wall - before)).toBeLessThan(5);
  expect(machine.told).toEqual([]);
});

test("makes up for no more than the difference, however long nobody looks", () => {
  const machine = new Machine();
  const clock = machine.clock();
  machine.wall += 200;
  machine.pass(1000);
  clock.nowMs();
  machine.pass(hour);
  expect(Math.abs(clock.nowMs() - machine.wall)).toBeLessThan(2);
});

test("never goes back and never runs more than a tenth too fast or too slow", () => {
  const step = fc.record({
    pass: fc.oneof(fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 0, max: hour })),
    jump: fc.oneof(fc.constant(0), fc.integer({ min: -2 * hour, max: 2 * hour })),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const machine = new Machine();
      const clock = machine.clock();
      const [start, since] = [clock.nowMs(), machine.monotonic];
      for (const { pass, jump } of steps) {
        machine.wall += jump;
        machine.pass(pass);
        const elapsed = machine.monotonic - since;
        const now = clock.nowMs() - start;
        expect(now).toBeGreaterThanOrEqual(Math.floor(elapsed * 0.9) - 1);
        expect(now).toBeLessThanOrEqual(elapsed * 1.1 + 1);
      }
    }),
  );
});
