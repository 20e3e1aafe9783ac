// Seeded randomness for the fuzz tests here. SEED=… repeats a run, RUNS=… changes its length (a
// factor: RUNS=10 is ten times as long).

/** The seed of this run; failure messages name it. */
export const seed: number = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));

/** How often to do what is done `count` times in an ordinary run. */
export function runs(count: number): number {
  return Math.ceil(count * Number(process.env["RUNS"] ?? 1));
}

export interface Random {
  /** A whole number from 0 up to but not including `limit`. */
  below(limit: number): number;
  /** True once in `times` calls. */
  once(times: number): boolean;
  pick<T>(choices: readonly T[]): T;
  /** Bytes without any sense, as a byte string. */
  bytes(count: number): string;
}

/** Mulberry32; `stream` keeps the numbers of different tests apart. */
export function createRandom(stream: number): Random {
  let state = (seed ^ Math.imul(stream, 0x9e3779b1)) >>> 0;
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((((mixed ^ (mixed >>> 14)) >>> 0) * limit) / 2 ** 32) | 0;
  };
  return {
    below,
    once: (times) => below(times) === 0,
    pick: (choices) => choices[below(choices.length)] as (typeof choices)[number],
    bytes: (count) => {
      let text = "";
      for (let i = 0; i < count; i += 1) text += String.fromCharCode(below(256));
      return text;
    },
  };
}
