// The broker's clock: milliseconds since 1970 that never step backwards, whatever is done to the
// machine's clock while the broker runs.

export interface BrokerClock {
  nowMs(): number;
}

/**
 * Starts at the wall clock, or at the last reading of the store if that is later, and then moves with
 * the monotonic timer alone.
 */
export function createBrokerClock(storedMs: number): BrokerClock {
  const base = Math.max(Date.now(), storedMs) - performance.now();
  let latest = 0;
  return {
    nowMs(): number {
      const now = Math.floor(base + performance.now());
      if (now > latest) latest = now;
      return latest;
    },
  };
}
