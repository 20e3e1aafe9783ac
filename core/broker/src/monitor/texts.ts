// How nats-server writes times and durations, which its clients and dashboards parse.

/** `1y2d3h4m5s`, without what is zero in front. @param ms a duration in milliseconds */
export function uptimeText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  const years = Math.floor(days / 365);
  if (years > 0) return `${years}y${days % 365}d${hours % 24}h${minutes % 60}m${seconds % 60}s`;
  if (days > 0) return `${days}d${hours % 24}h${minutes % 60}m${seconds % 60}s`;
  if (hours > 0) return `${hours}h${minutes % 60}m${seconds % 60}s`;
  if (minutes > 0) return `${minutes}m${seconds % 60}s`;
  return `${seconds}s`;
}

/** A short duration as Go writes it: `509µs`, `1.25ms`, `2.5s`. */
export function durationText(ms: number): string {
  if (ms <= 0) return "0s";
  if (ms < 1) return `${decimals(ms * 1_000)}µs`;
  if (ms < 1_000) return `${decimals(ms)}ms`;
  const minutes = Math.floor(ms / 60_000);
  const seconds = `${decimals((ms - minutes * 60_000) / 1_000)}s`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

function decimals(value: number): string {
  return String(Math.round(value * 1_000) / 1_000);
}

/** RFC 3339 in UTC. @param atMs Unix milliseconds */
export function timeText(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** Milliseconds as the whole nanoseconds of JSON durations. */
export function nanoseconds(ms: number): number {
  return Math.round(ms * 1_000_000);
}
