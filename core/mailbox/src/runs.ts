// Message numbers that a group handed out or got back, kept as runs per rank: a burst costs one run.
// Called by the group alone. Runs may come to cover numbers nobody put in, and never lose one.
import type { Rank } from "@mq9/protocol";

/** Consecutive numbers of one rank, both ends included. */
export interface Run {
  readonly rank: Rank;
  from: number;
  to: number;
  /** When the first of them was put in. */
  sinceMs: number;
  /** When the latest of them was put in. */
  atMs: number;
}

/** A run holds what was put in within this time, so that its latest does not keep old ones young. */
const runSpanMs = 1000;

export class Runs {
  /** Per rank: by number, no two with a number in common. */
  #lists: Run[][] = [[], [], [], []];
  #count = 0;

  /** How many runs there are. */
  get count(): number {
    return this.#count;
  }

  /** Every run, by rank and number. */
  all(): Run[] {
    return this.#lists.flat();
  }

  clear(): void {
    this.#lists = [[], [], [], []];
    this.#count = 0;
  }

  /** The run of this rank with the lowest numbers. */
  first(rank: Rank): Readonly<Run> | undefined {
    return this.#list(rank)[0];
  }

  has(rank: Rank, seq: number): boolean {
    const run = this.#list(rank)[this.#indexOf(rank, seq)];
    return run !== undefined && run.from <= seq;
  }

  /** Puts in one number. Instants do not go backwards. */
  add(rank: Rank, seq: number, nowMs: number): void {
    const list = this.#list(rank);
    const index = this.#indexOf(rank, seq);
    const next = list[index];
    const before = list[index - 1];
    if (next !== undefined && next.from <= seq) {
      next.atMs = nowMs;
    } else if (before?.to === seq - 1 && nowMs - before.sinceMs < runSpanMs) {
      before.to = seq;
      before.atMs = nowMs;
    } else {
      list.splice(index, 0, { rank, from: seq, to: seq, sinceMs: nowMs, atMs: nowMs });
      this.#count += 1;
    }
  }

  /** Puts in whole runs, overlapping or not, and joins what touches, whatever its age. */
  absorb(runs: readonly Run[]): void {
    const sorted = [...this.all(), ...runs].sort((a, b) => a.rank - b.rank || a.from - b.from);
    this.clear();
    for (const run of sorted) {
      const last = this.#list(run.rank).at(-1);
      if (last !== undefined && run.from <= last.to + 1) join(last, run);
      else this.#push({ ...run });
    }
  }

  /** Takes out numbers of one rank, both ends included. @returns whether any was there */
  cut(rank: Rank, from: number, to: number): boolean {
    const list = this.#list(rank);
    const index = this.#indexOf(rank, from);
    const rest: Run[] = [];
    let end = index;
    for (let run = list[end]; run !== undefined && run.from <= to; run = list[end]) {
      if (run.from < from) rest.push({ ...run, to: from - 1 });
      if (run.to > to) rest.push({ ...run, from: to + 1 });
      end += 1;
    }
    if (end === index) return false;
    list.splice(index, end - index, ...rest);
    this.#count += rest.length - (end - index);
    return true;
  }

  /** Takes out the runs whose latest number was put in at or before this instant. @returns whether there were any */
  cutAged(atMs: number): boolean {
    const young = this.all().filter((run) => run.atMs > atMs);
    if (young.length === this.#count) return false;
    this.clear();
    for (const run of young) this.#push(run);
    return true;
  }

  /**
   * Joins the closest runs, each time with what lies between them, until no more than `most` are
   * left, or one per rank.
   */
  shrink(most: number): void {
    const surplus = this.#count - most;
    if (surplus <= 0) return;
    const gaps = this.#lists.flatMap((list) => list.slice(1).map((run, i) => gap(list[i], run)));
    gaps.sort((a, b) => a - b);
    const widest = gaps[Math.min(surplus, gaps.length) - 1] ?? -1;
    let widestLeft = surplus - gaps.filter((each) => each < widest).length;
    const runs = this.all();
    this.clear();
    for (const run of runs) {
      const last = this.#list(run.rank).at(-1);
      const width = gap(last, run);
      if (last === undefined || width > widest || (width === widest && widestLeft-- <= 0)) {
        this.#push(run);
      } else {
        join(last, run);
      }
    }
  }

  #list(rank: Rank): Run[] {
    return this.#lists[rank] as Run[];
  }

  #push(run: Run): void {
    this.#list(run.rank).push(run);
    this.#count += 1;
  }

  /** Where the first run lies that reaches this number or beyond. */
  #indexOf(rank: Rank, seq: number): number {
    const list = this.#list(rank);
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((list[middle] as Run).to < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function gap(before: Run | undefined, after: Run): number {
  return before === undefined ? Number.POSITIVE_INFINITY : after.from - before.to;
}

function join(run: Run, after: Run): void {
  run.to = Math.max(run.to, after.to);
  run.sinceMs = Math.min(run.sinceMs, after.sinceMs);
  run.atMs = Math.max(run.atMs, after.atMs);
}

const formatVersion = 1;
const headBytes = 1 + 4 * 8;
const runBytes = 1 + 2 * 8;

/** Cursors and runs as the store keeps them: a version, four numbers, then rank, first and last of each run. */
export function encodePosition(cursors: Float64Array, runs: Runs): Uint8Array {
  const view = new DataView(new ArrayBuffer(headBytes + runs.count * runBytes));
  view.setUint8(0, formatVersion);
  cursors.forEach((seq, rank) => view.setFloat64(1 + rank * 8, seq));
  runs.all().forEach((run, i) => {
    const at = headBytes + i * runBytes;
    view.setUint8(at, run.rank);
    view.setFloat64(at + 1, run.from);
    view.setFloat64(at + 9, run.to);
  });
  return new Uint8Array(view.buffer);
}

/**
 * What `encodePosition` wrote, its runs as if put in now.
 * @returns undefined for a format of another release: to start over repeats deliveries, and skips none
 */
export function decodePosition(
  bytes: Uint8Array,
  nowMs: number,
): { readonly cursors: Float64Array; readonly runs: Run[] } | undefined {
  if (bytes.length < headBytes || bytes[0] !== formatVersion) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cursors = new Float64Array(4).map((_, rank) => view.getFloat64(1 + rank * 8));
  const runs: Run[] = [];
  for (let at = headBytes; at + runBytes <= bytes.length; at += runBytes) {
    const rank = view.getUint8(at) as Rank;
    const [from, to] = [view.getFloat64(at + 1), view.getFloat64(at + 9)];
    runs.push({ rank, from, to, sinceMs: nowMs, atMs: nowMs });
  }
  return { cursors, runs };
}
