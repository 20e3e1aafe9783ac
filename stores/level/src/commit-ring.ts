// The commit ring: every commit writes its number into slot `number mod 4096`, in the same batch.
// A commit that LevelDB dropped while it recovered leaves a hole, which `checkRing` finds at open.
import { StoreError } from "@mq9/store";
import { spaces } from "./keys.ts";
import type { Level } from "./level-batch.ts";
import { readNumbers } from "./records.ts";

export const ringSlots = 4096;

export function ringSlot(commit: number): number {
  return commit % ringSlots;
}

/** The commits a ring holds, by slot. */
export type Ring = ReadonlyMap<number, number>;

export async function readRing(db: Level): Promise<Ring> {
  const ring = new Map<number, number>();
  const iterator = db.iterator({
    gte: Buffer.from([spaces.meta, 0x72]),
    lt: Buffer.from([spaces.meta, 0x73]),
    highWaterMarkBytes: 1024 * 1024,
  });
  try {
    for (;;) {
      const entries = await iterator.nextv(ringSlots);
      if (entries.length === 0) return ring;
      for (const [key, value] of entries) {
        const [commit] = readNumbers(key, value, "a slot of the commit ring");
        ring.set(key.readUInt16BE(2), commit ?? 0);
      }
    }
  } finally {
    await iterator.close();
  }
}

/**
 * Checks that the ring holds the last 4096 commits without a hole and reaches the anchor.
 * @returns the number of the last commit; 0 = none.
 * @throws {StoreError} `corrupt` saying which commits are missing
 */
export function checkRing(ring: Ring, anchorCommit: number, where: string): number {
  const last = Math.max(0, ...ring.values());
  if (last < anchorCommit) {
    throw missing(where, last + 1, anchorCommit, `the newest one found is ${last}`);
  }
  for (let commit = Math.max(1, last - ringSlots + 1); commit <= last; commit += 1) {
    if (ring.get(ringSlot(commit)) !== commit) {
      throw missing(where, commit, commit, `commits up to ${last} follow it`);
    }
  }
  return last;
}

function missing(where: string, first: number, last: number, detail: string): StoreError {
  const which = first === last ? `commit ${first} is` : `commits ${first} to ${last} are`;
  return new StoreError(
    "corrupt",
    `${where} is damaged: ${which} missing although acknowledged; ${detail}. The store was not started. Restore the folder from a backup, or move it away to start with an empty one`,
  );
}
