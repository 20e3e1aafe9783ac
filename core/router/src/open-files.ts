// How many connections this process can hold: what the operating system lets it open, less what it
// needs for itself. Asked once by the router.

import { readFileSync } from "node:fs";

/** Files of the store and of the runtime, other listeners, connections that are being refused. */
const reserveMax = 2_560;

/**
 * Connections that leave enough open files for everything else.
 * @returns infinity where the limit can not be known
 */
export function connectionsPossible(): number {
  return connectionsWithin(openFilesMax());
}

/** Of few files half go to connections. */
export function connectionsWithin(files: number): number {
  return Math.max(Math.floor(files / 2), files - reserveMax);
}

function openFilesMax(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "latin1");
    const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY; // not Linux: accept says when there are too many
  }
}
