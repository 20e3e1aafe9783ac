// Statistics over the random part of addresses: what a fair coin does, and how far from it a set of
// bits is. The tests are those of NIST SP 800-22 that need no tables, as distances in standard deviations.

/** One address as bits, 0 or 1 each. */
export type Bits = Uint8Array;

/** 26 letters of five bits, of which the last holds three; or the 122 free bits of a UUID, version 4. */
export function bitsOf(address: string): Bits {
  return address.startsWith("m-") ? uuidBits(address.slice(-36)) : base32Bits(address);
}

const letters = "abcdefghijklmnopqrstuvwxyz234567";

function base32Bits(text: string): Bits {
  const bits = new Uint8Array(130);
  for (let at = 0; at < text.length; at++) {
    const value = letters.indexOf(text[at] ?? "");
    for (let bit = 0; bit < 5; bit++) bits[at * 5 + bit] = (value >> (4 - bit)) & 1;
  }
  return bits.subarray(0, 128);
}

function uuidBits(text: string): Bits {
  const bits: number[] = [];
  for (const digit of text.replaceAll("-", "")) {
    const value = Number.parseInt(digit, 16);
    for (let bit = 3; bit >= 0; bit--) bits.push((value >> bit) & 1);
  }
  const isFixed = (at: number): boolean => (at >= 48 && at < 52) || at === 64 || at === 65;
  return Uint8Array.from(bits.filter((_, at) => !isFixed(at)));
}

/** How far a set of addresses is from chance, each in standard deviations unless it says otherwise. */
export interface Findings {
  /** Ones among all bits (frequency). */
  readonly frequency: number;
  /** Of the worst position. */
  readonly position: number;
  /** Changes from one bit to the next within an address (runs). */
  readonly runs: number;
  /** Groups of four bits: chi squared of 15 degrees, as a normal distance. */
  readonly poker: number;
  /** Bits that are as in the address before (serial); the worst position. */
  readonly serial: number;
  /** Longest beginning in bits that two addresses of the set share. */
  readonly sharedPrefix: number;
  /** Addresses that are there twice. */
  readonly repeated: number;
}

/** @param addresses in the order in which they were made */
export function examine(addresses: readonly string[]): Findings {
  const width = bitsOf(addresses[0] ?? "").length;
  const ones = new Float64Array(width);
  const same = new Float64Array(width);
  const nibbles = new Float64Array(16);
  let changes = 0;
  let before: Bits | undefined;
  for (const address of addresses) {
    const bits = bitsOf(address);
    for (let at = 0; at < width; at++) {
      const bit = bits[at] as number;
      (ones[at] as number) += bit;
      if (at > 0 && bit !== bits[at - 1]) changes++;
      if (before !== undefined && before[at] === bit) (same[at] as number) += 1;
    }
    for (let at = 0; at + 4 <= width; at += 4) {
      const value =
        ((bits[at] as number) << 3) |
        ((bits[at + 1] as number) << 2) |
        ((bits[at + 2] as number) << 1) |
        (bits[at + 3] as number);
      (nibbles[value] as number) += 1;
    }
    before = bits;
  }
  const count = addresses.length;
  const sorted = [...addresses].sort();
  return {
    frequency: distance(sum(ones), count * width),
    position: Math.max(...[...ones].map((value) => Math.abs(distance(value, count)))),
    runs: distance(changes, count * (width - 1)),
    poker: (chiSquared(nibbles) - 15) / Math.sqrt(30),
    serial: Math.max(...[...same].map((value) => Math.abs(distance(value, count - 1)))),
    sharedPrefix: sorted.reduce(
      (most, text, at) => Math.max(most, shared(sorted[at - 1], text)),
      0,
    ),
    repeated: sorted.filter((text, at) => text === sorted[at - 1]).length,
  };
}

/** Of so many of `tosses` from the half of them. */
function distance(hits: number, tosses: number): number {
  return (hits - tosses / 2) / Math.sqrt(tosses / 4);
}

function chiSquared(counts: Float64Array): number {
  const expected = sum(counts) / counts.length;
  return counts.reduce((total, value) => total + (value - expected) ** 2 / expected, 0);
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

function shared(a: string | undefined, b: string): number {
  if (a === undefined) return 0;
  const [x, y] = [bitsOf(a), bitsOf(b)];
  const at = x.findIndex((bit, index) => bit !== y[index]);
  return at < 0 ? x.length : at;
}
