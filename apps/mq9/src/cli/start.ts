// Where a new group, or a reader without one, begins: as people type it.
import type { StartPosition } from "@mq9/protocol";
import { parseMilliseconds } from "../config/units.ts";
import { misuse } from "./exit-codes.ts";

/**
 * `earliest`, `latest`, a message number, an ISO time, or a duration that is ago: `2h`.
 * @throws {CliError} for anything else
 */
export function startOf(text: string): StartPosition {
  if (text === "earliest" || text === "latest") return { at: text };
  if (/^#?\d{1,15}$/.test(text)) return { at: "id", msgId: Number(text.replace("#", "")) };
  return { at: "time", ms: instantOf(text, "--from") };
}

/** An ISO time, or a duration that is ago: `2h`. @throws {CliError} naming the flag */
export function instantOf(text: string, what: string): number {
  if (/^\d+(\.\d+)?(ms|s|m|h|d)$/i.test(text)) return Date.now() - parseMilliseconds(text);
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw misuse(
    `${what}: ${text} is no time`,
    "Write a time as 2026-11-21T07:00:00Z, or how long ago: 2h",
  );
}
