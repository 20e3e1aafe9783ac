// Builds ../shim.c and runs the program ./record.ts under it. Linux with a C compiler only: callers
// ask `shimProblem` first and skip by name.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const home = join(import.meta.dirname, "..");
const built = join(home, "dist", "shim.so");

/** Why nothing can be recorded on this machine; undefined when it can. */
export function shimProblem(): string | undefined {
  if (process.platform !== "linux") return "needs Linux";
  const compiler = spawnSync("cc", ["--version"]);
  return compiler.status === 0 ? undefined : "needs a C compiler named cc";
}

/** Compiles the shim when its source is newer. @returns its path */
export function buildShim(): string {
  const source = join(home, "shim.c");
  if (existsSync(built) && statSync(built).mtimeMs > statSync(source).mtimeMs) return built;
  mkdirSync(join(home, "dist"), { recursive: true });
  const words = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", built, source, "-ldl"];
  const made = spawnSync("cc", [...words, "-lpthread"], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`cc could not build the shim:\n${made.stderr}`);
  return built;
}

export interface RecordedRun {
  readonly folder: string;
  readonly tracePath: string;
  readonly marksPath: string;
  /** What the program printed on its way; empty when all is well. */
  readonly said: string;
}

export interface RunOptions {
  /** Made and left there; the data folder is `data` in it. */
  readonly home: string;
  readonly seed: number;
  readonly steps: number;
  readonly how: "honest" | "early";
  readonly sync: "real" | "skip" | "off";
  readonly traced: boolean;
  /** The folder is there already, as a crash left it: go on with what follows. */
  readonly recovers?: boolean | undefined;
  /** As MQ9_SHIM_FAULT of ../shim.c, counted from `armedAt` on. */
  readonly fault?: string | undefined;
  /** The step before which calls begin to be counted; 0 = from the first opening. */
  readonly armedAt?: number | undefined;
}

const runMsMax = 120_000;

/** Lets the program run to its end, which is a SIGKILL of its own. */
export async function runProgram(options: RunOptions): Promise<RecordedRun> {
  const folder = join(options.home, "data");
  const tracePath = join(options.home, "trace");
  const marksPath = join(options.home, "marks");
  const armPath = join(options.home, "armed");
  const program = join(home, "dist", "record.js");
  const first = options.recovers === true ? 0 : 1;
  const words = [folder, marksPath, options.seed, options.steps, options.how, first].map(String);
  const arming = options.fault === undefined ? [] : [armPath, String(options.armedAt ?? 0)];
  const child = spawn(process.execPath, [program, ...words, ...arming], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      LD_PRELOAD: buildShim(),
      MQ9_SHIM_ROOT: folder,
      MQ9_SHIM_MARKS: marksPath,
      MQ9_SHIM_SYNC: options.sync,
      ...(options.traced ? { MQ9_SHIM_TRACE: tracePath } : {}),
      ...(options.fault === undefined
        ? {}
        : { MQ9_SHIM_FAULT: options.fault, MQ9_SHIM_ARM: armPath }),
    },
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const deadline = setTimeout(() => child.kill("SIGABRT"), runMsMax);
  await once(child, "close");
  clearTimeout(deadline);
  if (child.signalCode !== "SIGKILL") {
    throw new Error(`the program ended by itself (${child.exitCode ?? child.signalCode}): ${said}`);
  }
  return { folder, tracePath, marksPath, said };
}

/** A folder for images, in memory where there is one: they are written by the hundreds. */
export function imageHome(): string {
  return mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "mq9-images-"));
}
