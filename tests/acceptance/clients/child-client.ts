// A client of generation 2 in a program of its own, in another language and over that language's NATS
// library: one JSON line for each call, and one for each message a consume loop hands over.
import { findPeer, startChild } from "@mq9/testkit";
import type { Launcher } from "../../support/programs.ts";
import type { Handler, Json, PublishedClient, Received } from "./published.ts";

interface Row {
  readonly msgId: number;
  readonly payload: string;
  readonly priority: string;
  readonly createTime: number;
}

/** A line of the program: the answer to a call, or a message for a consumer. */
interface Line {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: string;
  readonly consumer?: number;
  readonly handle?: number;
  readonly message?: Row;
}

/** Starts the program against the broker and resolves when it is connected. */
export async function childClient(url: string, launcher: Launcher): Promise<PublishedClient> {
  const child = startChild(launcher.command, [...launcher.args, url], {
    env: { ...process.env, ...launcher.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  const handlers = new Map<number, Handler>();
  let lastCall = 0;
  const write = (line: object) => child.process.stdin?.write(`${JSON.stringify(line)}\n`);
  child.process.stdin?.on("error", () => {}); // the program may be killed while it is written to

  const take = (line: Line) => {
    if (line.message !== undefined) {
      const handler = handlers.get(line.consumer ?? 0);
      const verdict = handler?.(received(line.message)) ?? Promise.resolve();
      verdict.then(
        () => write({ handled: line.handle, ok: true }),
        () => write({ handled: line.handle, ok: false }),
      );
      return;
    }
    const call = calls.get(line.id ?? 0);
    calls.delete(line.id ?? 0);
    if (line.error === undefined) call?.resolve(line.result);
    else call?.reject(new Error(line.error));
  };
  let rest = "";
  child.process.stdout?.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("{")) take(JSON.parse(line) as Line);
  });
  void child.ended.then(() => {
    for (const call of calls.values()) call.reject(new Error(`the client ended\n${child.stderr}`));
    calls.clear();
  });
  const ask = (call: string, args: object): Promise<unknown> =>
    new Promise((resolve, reject) => {
      lastCall += 1;
      calls.set(lastCall, { resolve, reject });
      write({ id: lastCall, call, args });
    });

  await child.waitFor(/^ready$/m);
  return {
    create: async (options = {}) => (await ask("create", options)) as string,
    send: async (address, payload, options = {}) =>
      (await ask("send", {
        address,
        payload: Buffer.from(payload).toString("base64"),
        ...options,
      })) as number,
    fetch: async (address, options = {}) => rows(await ask("fetch", { address, ...options })),
    ack: async (address, groupName, msgId) => {
      await ask("ack", { address, groupName, msgId });
    },
    consume: async (address, handler, options = {}) => {
      const consumer = lastCall + 1;
      handlers.set(consumer, handler);
      await ask("consume", { address, ...options });
      return {
        stop: async () => {
          await ask("stop", { consumer });
        },
      };
    },
    query: async (address, options = {}) => rows(await ask("query", { address, ...options })),
    remove: async (address, msgId) => {
      await ask("remove", { address, msgId });
    },
    register: async (card) => {
      await ask("register", { body: card });
    },
    unregister: async (mailbox) => {
      await ask("unregister", { mailbox });
    },
    report: async (report) => {
      await ask("report", { body: report });
    },
    discover: async (options = {}) => (await ask("discover", options)) as Json[],
    vanish: async () => {
      child.process.kill("SIGKILL");
      await child.ended;
    },
    [Symbol.asyncDispose]: async () => {
      child.process.stdin?.end();
      const late = setTimeout(() => child.process.kill("SIGKILL"), 5_000);
      await child.ended;
      clearTimeout(late);
    },
  };
}

function rows(result: unknown): Received[] {
  return (result as Row[]).map(received);
}

function received(row: Row): Received {
  return { ...row, payload: Uint8Array.from(Buffer.from(row.payload, "base64")) };
}

/** Why programs of this language can not run; "" when they can. */
export function missing(language: "python" | "go"): string {
  return findPeer(language).reason;
}
