// What the tests of the tools share: the executable, and requests to a broker as any client makes them.
import path from "node:path";
import { type ProgramResult, repositoryRoot, runProgram } from "@mq9/testkit";
import { connect, type NatsConnection } from "@nats-io/transport-node";

export const executable: string = path.join(repositoryRoot, "apps/mq9/bin/mq9.js");

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs `mq9` to its end. Environment of the caller that would change what it does is left out. */
export function mq9(args: readonly string[], options: RunOptions = {}): Promise<ProgramResult> {
  return runProgram(process.execPath, [executable, ...args], {
    cwd: options.cwd,
    env: { ...cleanEnvironment(), ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    timeoutMs: 30_000,
  });
}

export function cleanEnvironment(): Record<string, string> {
  const names = ["PATH", "HOME", "TMPDIR", "LANG"];
  return Object.fromEntries(names.flatMap((name) => [[name, process.env[name] ?? ""]]));
}

/** A connection that asks and reads JSON. */
export interface Asker extends AsyncDisposable {
  readonly connection: NatsConnection;
  /** @param subject what stands behind `$mq9.AI.` */
  ask(subject: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
}

export type Answer = Readonly<Record<string, unknown>>;

export async function connectAsker(url: string): Promise<Asker> {
  const { headers: makeHeaders } = await import("@nats-io/transport-node");
  const connection = await connect({ servers: url });
  return {
    connection,
    ask: async (subject, body, headers = {}) => {
      const made = makeHeaders();
      for (const [name, value] of Object.entries(headers)) made.set(name, value);
      const payload = typeof body === "string" ? body : JSON.stringify(body ?? {});
      const answer = await connection.request(`$mq9.AI.${subject}`, payload, {
        timeout: 10_000,
        headers: made,
      });
      return answer.json<Answer>();
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
