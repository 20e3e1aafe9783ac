// Counts and latencies of one load while a window of wall time is open.

/** What a window came to. */
export interface Measured {
  readonly perSecond: number;
  /** Milliseconds; undefined where nothing was timed. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly messages: number;
  readonly seconds: number;
  /** Processor cores that this process took: near 1 it was the limit, not the broker. */
  readonly clientCores: number;
}

export class Meter {
  #open = false;
  #count = 0;
  #latenciesMs = new Float64Array(1 << 16);
  #timed = 0;
  #startedMs = 0;
  #usage: NodeJS.CpuUsage = { user: 0, system: 0 };

  /** Begins to count. */
  start(): void {
    this.#open = true;
    this.#startedMs = performance.now();
    this.#usage = process.cpuUsage();
  }

  count(messages: number): void {
    if (this.#open) this.#count += messages;
  }

  latency(ms: number): void {
    if (!this.#open) return;
    if (this.#timed === this.#latenciesMs.length) {
      const grown = new Float64Array(this.#timed * 2);
      grown.set(this.#latenciesMs);
      this.#latenciesMs = grown;
    }
    this.#latenciesMs[this.#timed] = ms;
    this.#timed += 1;
  }

  /** Ends the window. */
  stop(): Measured {
    this.#open = false;
    const seconds = (performance.now() - this.#startedMs) / 1000;
    const { user, system } = process.cpuUsage(this.#usage);
    const sorted = this.#latenciesMs.subarray(0, this.#timed).sort();
    return {
      perSecond: this.#count / seconds,
      p50Ms: sorted[Math.floor(sorted.length * 0.5)],
      p99Ms: sorted[Math.floor(sorted.length * 0.99)],
      messages: this.#count,
      seconds,
      clientCores: (user + system) / 1e6 / seconds,
    };
  }
}
