// Times as people say them, from a second to years.
const steps = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000],
] as const;

/** `2 hours`, `1 day 3 hours`; the two largest units, rounded down. Below a second `a moment`. */
export function span(ms: number): string {
  const parts: string[] = [];
  let left = Math.max(0, ms);
  for (const [unit, size] of steps) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count} ${unit}${count === 1 ? "" : "s"}`);
    if (parts.length === 2 || (parts.length === 1 && count === 0)) break;
  }
  return parts.length === 0 ? "a moment" : parts.join(" ");
}

/** `14:03:22` of the clock on the wall. */
export function clockTime(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}
