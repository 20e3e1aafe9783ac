// Boots the real executable on a free port with a folder of its own, and can stop, kill and
// restart it. Needs the build (`tsc -b`). Disk marks are off unless a test sets them: a machine with
// little free space would refuse every mailbox. Prints nothing: the caller shows `logs` when a test fails.
import type { ChildProcess } from "node:child_process";
import path from "node:path";
import { type Child, type ChildEnd, startChild } from "./child.ts";
import { repositoryRoot } from "./paths.ts";
import { tempDir } from "./temp-dir.ts";

export interface StartBrokerOptions {
  /** Further flags of `mq9 serve`. */
  readonly args?: readonly string[];
  /** Keep the data here and leave it there at the end; default: a temporary folder, removed at the end. */
  readonly dataDir?: string;
  /** Default: any free port. */
  readonly port?: number;
  /** Environment on top of this process's own. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A broker in a process of its own. Disposing stops it and removes a temporary data folder. */
export interface RunningBroker extends AsyncDisposable {
  /** `nats://127.0.0.1:<port>`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  /** The current process; another one after `restart`. */
  readonly process: ChildProcess;
  /** Everything the broker logged, over all its lives. */
  readonly logs: string;
  /** Asks it to stop (SIGTERM) and resolves with its exit code. Idempotent. */
  stop(): Promise<number | null>;
  /** Ends it at once (SIGKILL), as a crash would. */
  kill(): Promise<void>;
  /**
   * Starts it again with the same folder and port, after stopping it if it still runs. Waits up to ten
   * seconds for the port when someone else has it; the log does not show these attempts.
   */
  restart(): Promise<void>;
}

const executable = path.join(repositoryRoot, "apps/mq9/bin/mq9.js");
const anyDisk = ["--disk-soft-mark", "0", "--disk-hard-mark", "0", "--disk-reserve", "0"];
/** Between two lives the system may lend the port to someone's outgoing connection for a moment. */
const portPatienceMs = 10_000;
const couldNotStart = 75;
const portInUse = /port \d+ on \S+ is in use/;
const listening = /^\{.*"msg":"listening".*\}$/m;

/**
 * Starts `mq9 serve` and waits until it accepts connections.
 * @throws with the log when it ends or stays silent instead
 */
export async function startBroker(options: StartBrokerOptions = {}): Promise<RunningBroker> {
  const folder = options.dataDir === undefined ? await tempDir("mq9-data") : undefined;
  const dataDir = options.dataDir ?? folder?.path ?? "";
  const env = { ...process.env, ...options.env };
  let earlierLogs = "";

  const spawnBroker = (port: number): Child => {
    const fixed = ["serve", "--port", String(port), "--data", dataDir, "--log-format", "json"];
    const args = [executable, ...fixed, ...anyDisk, ...(options.args ?? [])];
    return startChild(process.execPath, args, { env });
  };
  const readAddress = async (broker: Child): Promise<{ host: string; port: number }> => {
    const [line] = await broker.waitFor(listening);
    const { host, port } = JSON.parse(line) as { host: string; port: number };
    return { host, port };
  };
  const end = async (signal: NodeJS.Signals): Promise<ChildEnd> => {
    if (child.process.exitCode === null) child.process.kill(signal);
    return await child.ended;
  };

  let child = spawnBroker(options.port ?? -1);
  let address: { host: string; port: number };
  try {
    address = await readAddress(child);
  } catch (error) {
    await end("SIGKILL");
    await folder?.remove();
    throw error;
  }

  return {
    url: `nats://${address.host}:${address.port}`,
    host: address.host,
    port: address.port,
    dataDir,
    get process() {
      return child.process;
    },
    get logs() {
      return earlierLogs + child.stdout + child.stderr;
    },
    stop: async () => (await end("SIGTERM")).code,
    kill: async () => {
      await end("SIGKILL");
    },
    restart: async () => {
      await end("SIGTERM");
      earlierLogs += child.stdout + child.stderr;
      const deadline = Date.now() + portPatienceMs;
      for (;;) {
        child = spawnBroker(address.port);
        try {
          await readAddress(child);
          return;
        } catch (error) {
          const { code } = await end("SIGKILL");
          const isBorrowed = code === couldNotStart && portInUse.test(child.stderr);
          if (!isBorrowed || Date.now() > deadline) throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    [Symbol.asyncDispose]: async () => {
      await end("SIGTERM");
      await folder?.remove();
    },
  };
}
