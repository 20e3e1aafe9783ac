// Puts a world in the place of the platform: timers, clocks, chance and listening sockets of this
// process are the world's from here on. The code under test is the real code and notices nothing.
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import { performance } from "node:perf_hooks";
import type { Network } from "./network.ts";
import type { Scheduled, World } from "./world.ts";

let world: World;
let network: Network;

/** What the broker gets for a timer. */
class Timer {
  scheduled: Scheduled;

  constructor(scheduled: Scheduled) {
    this.scheduled = scheduled;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

type Callback = (...values: unknown[]) => void;

function later(run: Callback, delayMs = 0, ...values: unknown[]): Timer {
  // Node's own rules: at least a millisecond, and a delay that does not fit in 31 bits is none.
  const delay = delayMs >= 1 && delayMs <= 2_147_483_647 ? Math.trunc(delayMs) : 1;
  return new Timer(world.after(delay, () => run(...values)));
}

function repeatedly(run: Callback, everyMs = 1, ...values: unknown[]): Timer {
  const every = Math.max(1, everyMs);
  const again = (): void => {
    timer.scheduled = world.after(every, again);
    run(...values);
  };
  const timer = new Timer(world.after(every, again));
  return timer;
}

function soon(run: Callback, ...values: unknown[]): Timer {
  return new Timer(world.after(0, () => run(...values)));
}

function cancel(timer: unknown): void {
  if (timer instanceof Timer) timer.scheduled.cancelled = true;
}

/** Makes the platform this world's. Called once for each world. */
export function inhabit(next: World, itsNetwork: Network): void {
  world = next;
  network = itsNetwork;
}

/** Replaces the platform, once and for ever in this process. */
export function patchPlatform(): void {
  Object.assign(globalThis, {
    setTimeout: later,
    setInterval: repeatedly,
    setImmediate: soon,
    clearTimeout: cancel,
    clearInterval: cancel,
    clearImmediate: cancel,
  });
  Object.assign(Date, { now: () => Math.floor(world.wallBase + world.now) });
  Object.defineProperty(performance, "now", { value: () => world.now });
  Object.assign(Math, { random: () => world.random.next() });
  Object.assign(crypto, {
    randomBytes: (count: number) => world.random.bytes(count),
    randomUUID: () => uuid(world.random.bytes(16)),
  });
  Object.assign(net, {
    createServer: (_options: object, accept: (socket: unknown) => void) => network.server(accept),
  });
  syncBuiltinESMExports();
}

function uuid(bytes: Buffer): string {
  const hex = bytes.toString("hex");
  return [0, 8, 12, 16, 20].map((at, n) => hex.slice(at, [8, 12, 16, 20, 32][n])).join("-");
}
