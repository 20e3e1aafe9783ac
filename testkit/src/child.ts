// Child processes of tests: started with their output captured, and never left behind.
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";

/** A started process with everything it printed so far. */
export interface Child {
  readonly process: ChildProcess;
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves when the process has ended and its output is complete. */
  readonly ended: Promise<ChildEnd>;
  /** Resolves with the match once stdout or stderr holds it; rejects when the process ends before. */
  waitFor(pattern: RegExp, timeoutMs?: number): Promise<RegExpMatchArray>;
}

/** How a process ended: with a code, or by a signal, or (`error`) it could not be started. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error: Error | undefined;
}

const alive = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

/** Starts a program. It is killed if the test process ends first. */
export function startChild(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Child {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  alive.add(child);
  const output = { stdout: "", stderr: "" };
  let watchers: (() => void)[] = [];
  const notify = () => {
    for (const watcher of watchers) watcher();
  };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream]?.setEncoding("utf8").on("data", (text: string) => {
      output[stream] += text;
      notify();
    });
  }
  let end: ChildEnd | undefined;
  const ended = new Promise<ChildEnd>((resolve) => {
    const finish = (result: ChildEnd) => {
      end = result;
      alive.delete(child);
      resolve(result);
      notify();
    };
    child.once("error", (error) => finish({ code: null, signal: null, error }));
    child.once("close", (code, signal) => finish({ code, signal, error: undefined }));
  });

  return {
    process: child,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    ended,
    waitFor: (pattern, timeoutMs = 45_000) =>
      new Promise((resolve, reject) => {
        const stop = () => {
          clearTimeout(timer);
          watchers = watchers.filter((watcher) => watcher !== check);
        };
        const fail = (why: string) => {
          stop();
          reject(
            new Error(`${command} ${why} before ${pattern}\n${output.stdout}${output.stderr}`),
          );
        };
        const check = () => {
          const match = output.stdout.match(pattern) ?? output.stderr.match(pattern);
          if (match) {
            stop();
            resolve(match);
          } else if (end) {
            fail(`ended (${end.error?.message ?? end.signal ?? end.code})`);
          }
        };
        const timer = setTimeout(() => fail(`was silent for ${timeoutMs} ms`), timeoutMs);
        watchers.push(check);
        check();
      }),
  };
}

/** What a finished program left. */
export interface ProgramResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end and returns what it printed, whatever its exit code.
 * @throws when it cannot be started, or (after killing it) when it runs longer than `timeoutMs`
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: SpawnOptions & { timeoutMs?: number } = {},
): Promise<ProgramResult> {
  const { timeoutMs = 60_000, ...spawnOptions } = options;
  const child = startChild(command, args, spawnOptions);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.process.kill("SIGKILL");
  }, timeoutMs);
  const end = await child.ended;
  clearTimeout(timer);
  const title = `${command} ${args.join(" ")}`;
  if (end.error) throw new Error(`${title} could not be started`, { cause: end.error });
  if (late) {
    throw new Error(`${title} did not end in ${timeoutMs} ms\n${child.stdout}${child.stderr}`);
  }
  return { code: end.code, stdout: child.stdout, stderr: child.stderr };
}
