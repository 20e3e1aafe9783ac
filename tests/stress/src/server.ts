// A broker in a process of its own that tells what it holds, for stress in short tests and long runs.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { type RunningBroker, startBroker, tempDir } from "@mq9/testkit";

/** What the broker's process holds after two garbage collections. */
export interface Held {
  readonly rssBytes: number;
  /** On and off the heap. */
  readonly heldBytes: number;
  /** Sockets and listeners. */
  readonly sockets: number;
  readonly timers: number;
}

/** A broker under stress. Disposing fails when it did not stop cleanly or logged a defect. */
export interface Server extends AsyncDisposable {
  readonly port: number;
  readonly broker: RunningBroker;
  held(): Promise<Held>;
  /** Asks until the broker holds what is expected, at most 15 s. @returns the last answer */
  heldWhen(met: (held: Held) => boolean): Promise<Held>;
}

// Loaded into the broker. What the first collection finalizes, the second frees.
const tell = `
require("node:v8").setFlagsFromString("--expose-gc");
const gc = require("node:vm").runInNewContext("gc");
process.on("SIGWINCH", () => {
  gc();
  setTimeout(() => {
    gc();
    const { heapUsed, external, rss } = process.memoryUsage();
    const active = process.getActiveResourcesInfo();
    const count = (name) => active.filter((kind) => kind.includes(name)).length;
    const held = { rssBytes: rss, heldBytes: heapUsed + external, sockets: count("TCP"), timers: count("Timeout") };
    process.stderr.write('{"held":' + JSON.stringify(held) + '}\\n');
  }, 20);
});
`;
const patienceMs = 30_000;

/** Starts a broker; `files` lowers how many it may open. */
export async function startServer(args: readonly string[] = []): Promise<Server> {
  const folder = await tempDir("mq9-stress");
  const hook = path.join(folder.path, "tell.cjs");
  writeFileSync(hook, tell);
  const broker = await startBroker({ args, env: { NODE_OPTIONS: `--require=${hook}` } });
  const held = async (): Promise<Held> => {
    const told = (): RegExpMatchArray[] => [...broker.logs.matchAll(/^\{"held":(\{.*\})\}$/gm)];
    const before = told().length;
    broker.process.kill("SIGWINCH");
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const line = told()[before]?.[1];
      if (line !== undefined) return JSON.parse(line) as Held;
      if (Date.now() > deadline) throw new Error(`the broker does not tell\n${broker.logs}`);
      await pause(20);
    }
  };
  return {
    port: broker.port,
    broker,
    held,
    heldWhen: async (met) => {
      const deadline = Date.now() + 15_000;
      for (;;) {
        const now = await held();
        if (met(now) || Date.now() > deadline) return now;
        await pause(250);
      }
    },
    [Symbol.asyncDispose]: async () => {
      const code = await broker.stop();
      const { logs } = broker;
      await broker[Symbol.asyncDispose]();
      await folder.remove();
      if (code !== 0 || /unhandled|uncaught|a defect in mq9/i.test(logs)) {
        throw new Error(`the broker ended with ${code}\n${logs.slice(-4_000)}`);
      }
    },
  };
}

export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
