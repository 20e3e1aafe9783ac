// What a measurement has to be read with: the machine, and the disk under the broker's data if that is
// here. Reads only; the one file it writes to time the disk is removed at once.
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";

export interface HostFacts {
  readonly cpu: string;
  readonly cores: number;
  readonly memory_bytes: number;
  readonly os: string;
  readonly node: string;
}

export interface DiskFacts {
  readonly folder: string;
  /** `ext4 on /dev/sda1`; undefined where the system does not tell. */
  readonly mount?: string | undefined;
  /** What one write of 256 bytes with fdatasync takes there, alone. */
  readonly fdatasync_p50_ms: number;
}

export function hostFacts(): HostFacts {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() || os.arch(),
    cores: os.availableParallelism(),
    memory_bytes: os.totalmem(),
    os: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.versions.node,
  };
}

/** Whether an address means this machine. */
export function isHere(url: string): boolean {
  return /:\/\/(?:[^@/]*@)?(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::|\/|$)/.test(url);
}

/** @returns undefined when the folder is not there, or may not be written */
export function diskFacts(folder: string): DiskFacts | undefined {
  if (!existsSync(folder)) return undefined;
  try {
    return { folder, ...mountOf(folder), fdatasync_p50_ms: timeDisk(folder) };
  } catch {
    // best effort: a measurement without it says less.
    return undefined;
  }
}

function mountOf(folder: string): { mount?: string } {
  try {
    const mounts = readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .map((line) => line.split(" "))
      .filter(([, point]) => point !== undefined && isBelow(folder, point))
      .sort(([, a = ""], [, b = ""]) => b.length - a.length);
    const [device, , type] = mounts[0] ?? [];
    return device === undefined ? {} : { mount: `${type} on ${device}` };
  } catch {
    return {}; // not Linux
  }
}

function isBelow(folder: string, point: string): boolean {
  return point === "/" || `${path.resolve(folder)}/`.startsWith(`${point}/`);
}

function timeDisk(folder: string): number {
  const file = path.join(folder, `bench-${process.pid}`);
  const handle = openSync(file, "wx", 0o600);
  try {
    const bytes = Buffer.alloc(256, 1);
    const times: number[] = [];
    const endMs = performance.now() + 250;
    while (times.length < 10 || performance.now() < endMs) {
      const startedMs = performance.now();
      writeSync(handle, bytes);
      fdatasyncSync(handle);
      times.push(performance.now() - startedMs);
    }
    return times.sort((a, b) => a - b)[times.length >> 1] ?? 0;
  } finally {
    closeSync(handle);
    rmSync(file, { force: true });
  }
}
