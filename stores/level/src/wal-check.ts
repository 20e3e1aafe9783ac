// Reads LevelDB's write-ahead logs before LevelDB does, because LevelDB drops what is damaged, goes
// on, and removes the file. Every write of the store is synced before the next one begins, so after
// a crash only the last record of the last log may be damaged; anything else is a loss of what was
// acknowledged, and the store is left as it is.
import { join } from "node:path";
import { StoreError } from "@mq9/store";
import { numberedFiles, readIfThere } from "./level-files.ts";
import { scanLog } from "./level-log.ts";
import type { LiveFiles } from "./manifest.ts";

/**
 * Checks the logs that LevelDB will recover.
 * @returns whether they are whole; false when the last one has an unfinished end.
 * @throws {StoreError} `corrupt` naming the file and the place
 */
export async function checkLogs(folder: string, live: LiveFiles): Promise<boolean> {
  let damaged: { path: string; at: number; bytes: number } | undefined;
  for (const { path, number } of await numberedFiles(folder, "log")) {
    if (!live.isLiveLog(number)) continue;
    const bytes = await readIfThere(path);
    if (bytes === undefined) continue;
    const found = scanLog(bytes);
    if (damaged !== undefined && found.records > 0) throw lossIn(damaged);
    if (found.damagedAt !== undefined) damaged = { path, at: found.damagedAt, bytes: bytes.length };
    if (damaged !== undefined && found.goesOn) throw lossIn(damaged);
  }
  return damaged === undefined;
}

/**
 * Checks, after LevelDB recovered logs that were whole, that it dropped nothing; it says so only in
 * its text file LOG.
 * @throws {StoreError} `corrupt` with what LevelDB wrote
 */
export async function checkNothingDropped(folder: string): Promise<void> {
  const log = await readIfThere(join(folder, "LOG"));
  const lines = log?.toString().split("\n") ?? [];
  const dropped = lines.find((line) => /ignoring error|dropping \d+ bytes/i.test(line));
  if (dropped === undefined) return;
  throw new StoreError(
    "corrupt",
    `${folder} lost data while it was opened: LevelDB says '${dropped}'. The disk or the memory of this machine is not reliable. Restore the data folder from a backup, or move it away to start with an empty one`,
  );
}

/** Whether a folder holds a table, or a log with anything in it that was ever whole. */
export async function holdsRecords(folder: string): Promise<boolean> {
  if ((await numberedFiles(folder, "ldb")).length > 0) return true;
  for (const { path } of await numberedFiles(folder, "log")) {
    const bytes = await readIfThere(path);
    if (bytes !== undefined && scanLog(bytes).records > 0) return true;
  }
  return false;
}

function lossIn({ path, at, bytes }: { path: string; at: number; bytes: number }): StoreError {
  return new StoreError(
    "corrupt",
    `${path} is damaged at byte ${at} of ${bytes}, before commits that were acknowledged. Nothing was changed. Restore the data folder from a backup, or move it away to start with an empty one`,
  );
}
