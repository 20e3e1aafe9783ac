// From the size of a disk to the free space at which work is refused.
import type { DiskOptions } from "./options.ts";
import { gibibyte } from "./units.ts";

/** The marks that hold on one disk. */
export interface DiskMarks {
  /** Below it SEND and CREATE are refused. */
  readonly softMarkBytes: number;
  /** At or above it they are accepted again: the soft mark and 2 % of it, so the state does not flap. */
  readonly resumeMarkBytes: number;
  readonly hardMarkBytes: number;
  readonly reserveBytes: number;
}

/**
 * Works out the marks for a disk of a given size.
 * @param totalBytes size of the disk that holds the data folder
 */
export function diskMarks(disk: DiskOptions, totalBytes: number): DiskMarks {
  const tenth = Math.floor(totalBytes / 10);
  const byDefault = Math.min(10 * gibibyte, Math.max(gibibyte, tenth));
  const softMarkBytes = Math.max(disk.softMarkBytes ?? byDefault, disk.hardMarkBytes);
  return {
    softMarkBytes,
    resumeMarkBytes: Math.ceil(softMarkBytes * 1.02),
    hardMarkBytes: disk.hardMarkBytes,
    reserveBytes: disk.reserveBytes,
  };
}
