// Whether two kinds of input take the same time: Welch's t over many interleaved measurements, as the
// leakage tests of cryptographic code do it. For tests; measures, decides nothing.

/** One thing to do, prepared before the clock starts. */
export type Prepared = () => unknown;

/** Mean and variance, one value at a time. */
class Moments {
  count = 0;
  mean = 0;
  #squares = 0;

  add(value: number): void {
    this.count += 1;
    const before = value - this.mean;
    this.mean += before / this.count;
    this.#squares += before * (value - this.mean);
  }

  get variance(): number {
    return this.#squares / (this.count - 1);
  }
}

/** Parts of all measurements, the quickest first, that are kept: a machine does other things too. */
const keptParts = [1, 0.95, 0.9, 0.75, 0.5];

/**
 * The largest |t| over several cuts of the slow tail. Above 4.5 the two are told apart with a chance of
 * error below one in a hundred thousand.
 * @param prepare an input of the first or second kind, anew for each measurement
 */
export async function largestT(
  samples: number,
  prepare: (second: boolean) => Prepared,
): Promise<number> {
  const times = new Float64Array(samples);
  const kinds = new Uint8Array(samples);
  for (let warm = 0; warm < samples / 10; warm++) await prepare(warm % 2 === 1)();
  for (let at = 0; at < samples; at++) {
    const second = Math.random() < 0.5;
    const act = prepare(second);
    const began = process.hrtime.bigint();
    const acting = act();
    if (acting instanceof Promise) await acting;
    times[at] = Number(process.hrtime.bigint() - began);
    kinds[at] = second ? 1 : 0;
  }
  const sorted = Float64Array.from(times).sort();
  return Math.max(
    ...keptParts.map((part) => {
      const most = sorted[Math.min(samples - 1, Math.floor(samples * part))] as number;
      return Math.abs(welchT(times, kinds, most)) || 0; // no number: all took the same time
    }),
  );
}

function welchT(times: Float64Array, kinds: Uint8Array, most: number): number {
  const [first, second] = [new Moments(), new Moments()];
  for (let at = 0; at < times.length; at++) {
    const time = times[at] as number;
    if (time <= most) (kinds[at] === 0 ? first : second).add(time);
  }
  const spread = first.variance / first.count + second.variance / second.count;
  return (first.mean - second.mean) / Math.sqrt(spread);
}
