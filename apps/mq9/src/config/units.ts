// Sizes and durations as people write them. Called wherever a setting comes from text or from a
// configuration file. Knows nothing of settings; throws plain errors with a sentence for the reader.

const byteFactors: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  kb: 2 ** 10,
  mb: 2 ** 20,
  gb: 2 ** 30,
  tb: 2 ** 40,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/**
 * Reads a size: `1048576`, `512kb`, `1MiB`, `1.5g`. Case does not matter. As in nats-server, `k`,
 * `m`, `g` count in thousands and `kb`, `kib` and so on in 1024s.
 * @returns whole bytes
 * @throws {RangeError} with a sentence that says what is accepted
 */
export function parseBytes(text: string): number {
  const expected = "a size, for instance 1048576, 512kb or 1MiB";
  return whole(text, parseQuantity(text, byteFactors, expected), "bytes");
}

const millisecondFactors: Readonly<Record<string, number>> = {
  ms: 1,
  "": 1_000,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Reads a duration: `90`, `90s`, `15m`, `24h`, `7d`. A number alone counts seconds.
 * @returns whole seconds
 * @throws {RangeError} also when it is no whole number of seconds
 */
export function parseSeconds(text: string): number {
  const expected = "a duration, for instance 90, 90s, 24h or 7d";
  const seconds = sumOfParts(text, expected) / 1_000;
  return whole(text, seconds, "seconds");
}

/** As `parseSeconds`, answering whole milliseconds; `250ms` is allowed. */
export function parseMilliseconds(text: string): number {
  const expected = "a duration, for instance 10s, 250ms or 2m";
  return whole(text, sumOfParts(text, expected), "milliseconds");
}

/** `1h30m` is what `1h` and `30m` are together; each part but a lonely one needs its unit. */
function sumOfParts(text: string, expected: string): number {
  const parts = text.trim().match(/[\d.]+[a-z]+/gi) ?? [];
  if (parts.length < 2 || parts.join("") !== text.trim()) {
    return parseQuantity(text, millisecondFactors, expected);
  }
  return parts.reduce((sum, part) => sum + parseQuantity(part, millisecondFactors, expected), 0);
}

function parseQuantity(
  text: string,
  factors: Readonly<Record<string, number>>,
  expected: string,
): number {
  const match = /^(\d{1,15}(?:\.\d{1,9})?)\s?([a-z]{0,3})$/.exec(text.trim().toLowerCase());
  const factor = match === null ? undefined : factors[match[2] ?? ""];
  if (match === null || factor === undefined) {
    throw new RangeError(`${JSON.stringify(text)} is not ${expected}`);
  }
  // 1.1 * 1000 is 1100.0000000000002: noise of that kind must not look like a fraction.
  return Number((Number(match[1]) * factor).toFixed(6));
}

function whole(text: string, value: number, unit: string): number {
  if (!Number.isSafeInteger(value)) {
    throw new RangeError(`${JSON.stringify(text)} is no whole number of ${unit}, or too large`);
  }
  return value;
}

/** `1MiB`, `64MiB`, `1500B`: exact, and readable by `parseBytes`. */
export function formatBytes(bytes: number): string {
  if (bytes === 0) return "0";
  const units: [string, number][] = [
    ["TiB", 2 ** 40],
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
  ];
  for (const [name, size] of units) {
    if (bytes % size === 0) return `${bytes / size}${name}`;
  }
  return `${bytes}B`;
}

/** `41.3 GiB`, `812 MiB`: rounded, for people only. */
export function approximateBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = value < 100 && unit > 2 ? 1 : 0;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** `1d`, `5m`, `250ms`, `0`: exact, and readable by `parseMilliseconds`. */
export function formatMilliseconds(milliseconds: number): string {
  if (milliseconds === 0) return "0";
  const units: [string, number][] = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1_000],
  ];
  for (const [name, size] of units) {
    if (milliseconds % size === 0) return `${milliseconds / size}${name}`;
  }
  return `${milliseconds}ms`;
}

/** As `formatMilliseconds`, for whole seconds. */
export function formatSeconds(seconds: number): string {
  return formatMilliseconds(seconds * 1_000);
}
