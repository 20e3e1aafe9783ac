// Measures one step inside a generator process: a warm-up, then a window of wall time with counts,
// latencies and processor time of the generator and of the server it loads.
import { readFileSync } from "node:fs";

/** Clock ticks per second of /proc/<pid>/stat; 100 on every Linux that Node supports. */
const ticksPerSecond = 100;
/** How many times its length a window lasts at most. */
const windowsMax = 5;

/** Counts and latencies of one step; only what falls into the measured window is kept. */
export class Meter {
  measuring = false;
  #count = 0;
  #latenciesMs = new Float64Array(1 << 16);
  #latencyCount = 0;

  count(messages) {
    if (this.measuring) this.#count += messages;
  }

  latency(ms) {
    if (!this.measuring) return;
    if (this.#latencyCount === this.#latenciesMs.length) {
      const grown = new Float64Array(this.#latencyCount * 2);
      grown.set(this.#latenciesMs);
      this.#latenciesMs = grown;
    }
    this.#latenciesMs[this.#latencyCount++] = ms;
  }

  /**
   * Runs the window. The load must already be going. A window with fewer than `countMin` messages
   * goes on for a while: a server that answers in bursts would be measured by luck.
   * @param {{ warmMs: number, measureMs: number, countMin?: number, serverPid?: number }} window
   */
  async run(window) {
    await sleep(window.warmMs);
    const machineBefore = machineSeconds();
    const serverBefore = processorSeconds(window.serverPid);
    const ownBefore = process.cpuUsage();
    const startedUs = nowUs();
    this.measuring = true;
    for (let turns = 0; turns < windowsMax; turns++) {
      await sleep(window.measureMs);
      if (this.#count >= (window.countMin ?? 1)) break;
    }
    this.measuring = false;
    const endedUs = nowUs();
    const seconds = (endedUs - startedUs) / 1e6;
    const own = process.cpuUsage(ownBefore);
    const machine = machineSeconds() - machineBefore;
    const generatorCores = (own.user + own.system) / 1e6 / seconds;
    const serverCores = (processorSeconds(window.serverPid) - serverBefore) / seconds;
    return {
      perSecond: this.#count / seconds,
      generatorCores,
      serverCores,
      otherCores: Math.max(0, machine / seconds - generatorCores - (serverCores || 0)),
      windowUs: [startedUs, endedUs],
      ...this.percentiles(),
    };
  }

  /** p50 and p99 of what was recorded, in milliseconds; nothing when there are no latencies. */
  percentiles() {
    if (this.#latencyCount === 0) return {};
    const sorted = this.#latenciesMs.subarray(0, this.#latencyCount).sort();
    return {
      p50Ms: sorted[Math.floor(sorted.length * 0.5)],
      p99Ms: sorted[Math.floor(sorted.length * 0.99)],
    };
  }
}

/** Busy and stolen time of all cores together; NaN where /proc is not there. */
function machineSeconds() {
  try {
    const [user, nice, system, , , irq, softIrq, steal] = readFileSync("/proc/stat", "latin1")
      .split("\n", 1)[0]
      .split(/\s+/)
      .slice(1)
      .map(Number);
    return (user + nice + system + irq + softIrq + steal) / ticksPerSecond;
  } catch {
    return Number.NaN; // best effort: not Linux
  }
}

/** User and system time a process has used; NaN where there is no process or no /proc. */
function processorSeconds(pid) {
  if (pid === undefined) return Number.NaN;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return Number.NaN; // best effort: not Linux
  }
}

/** Resident memory of a process in bytes; NaN where /proc is not there. */
export function residentBytes(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)[1]) * 1024;
  } catch {
    return Number.NaN; // best effort: not Linux
  }
}

/**
 * The part of it that is the process's own; the rest are pages of files that are mapped into memory,
 * which the system takes back when it needs them.
 */
export function ownBytes(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return Number(/RssAnon:\s+(\d+) kB/.exec(status)[1]) * 1024;
  } catch {
    return Number.NaN; // best effort: not Linux
  }
}

/** The monotonic clock of the machine, the same in every process. */
export function nowUs() {
  return Number(process.hrtime.bigint() / 1000n);
}

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves once `done()` is true; rejects with `what()` after `timeoutMs`. */
export async function until(done, what, timeoutMs = 20_000) {
  const endsMs = performance.now() + timeoutMs;
  while (!done()) {
    if (performance.now() > endsMs) throw new Error(what());
    await sleep(1);
  }
}
