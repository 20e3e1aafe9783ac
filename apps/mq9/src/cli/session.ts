// The one place where a client command connects. The SDK is loaded here, late: help, mistakes and
// versions need neither it nor a socket.
// @ts-ignore -- until the package exports them
import type { ConnectOptions, Mq9 } from "@mq9/sdk";
import type { ConnectionFacts } from "./connection.ts";
import { CliError } from "./exit-codes.ts";
import { readFileOrFail } from "./values.ts";

/** A connection for the length of one command. */
export interface Session {
  readonly mq9: Mq9;
  readonly facts: ConnectionFacts;
  /** Ends it; what was published has been sent. Idempotent, never throws. */
  close(): Promise<void>;
}

export interface SessionOptions {
  /** Go on when the connection breaks, for commands that run for long. Default: the command fails. */
  readonly reconnect?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Connects. @throws {CliError} with the exit code for no connection, saying where it tried */
export async function openSession(
  facts: ConnectionFacts,
  options: SessionOptions = {},
): Promise<Session> {
  // @ts-ignore -- until the package exports it
  const { connect } = await import("@mq9/sdk");
  let mq9: Mq9;
  try {
    mq9 = await connect(connectOptions(facts, options));
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw connectionError(error, facts);
  }
  return {
    mq9,
    facts,
    close: async () => {
      // best effort: the command has what it wanted, or has said what went wrong.
      await mq9.close().catch(() => {});
    },
  };
}

function connectOptions(facts: ConnectionFacts, options: SessionOptions): ConnectOptions {
  const { url, user, agent, timeoutMs, tlsCa, tlsCert, tlsKey } = facts;
  const file = (path: string | undefined) =>
    path === undefined ? undefined : readFileOrFail(path).toString("utf8");
  const tls =
    tlsCa === undefined && tlsCert === undefined && tlsKey === undefined
      ? undefined
      : dropUndefined({ ca: file(tlsCa), cert: file(tlsCert), key: file(tlsKey) });
  return dropUndefined({
    url,
    user,
    password: secret(facts.password),
    token: secret(facts.token),
    creds: file(facts.creds),
    nkey: file(facts.nkey)?.trim(),
    tls,
    agent,
    name: "mq9 command line",
    timeoutMs,
    reconnect: options.reconnect ?? false,
    signal: options.signal,
  }) as ConnectOptions;
}

/** A secret may lie in a file, so that it shows in no list of processes. */
function secret(text: string | undefined): string | undefined {
  if (text?.startsWith("@") !== true) return text;
  return readFileOrFail(text.slice(1)).toString("utf8").trimEnd();
}

function dropUndefined<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

function connectionError(error: unknown, { url, source }: ConnectionFacts): CliError {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const refused = code === "unauthorized" || /authorization|authentication/i.test(String(message));
  const from = source === "--url" || source === "default" ? "" : ` (from ${source})`;
  return refused
    ? new CliError(
        "noConnection",
        `the broker at ${withoutSecrets(url)}${from} did not let you in`,
        {
          reason: "unauthorized",
          hint: "Say who you are with --user and --password, --creds or --token: mq9 help connection",
          cause: error,
        },
      )
    : new CliError(
        "noConnection",
        `there is no connection to ${withoutSecrets(url)}${from}: ${reasonOf(message)}`,
        {
          reason: "unreachable",
          hint: "Is the broker running? Start it with: mq9 serve    or name another: --url",
          cause: error,
        },
      );
}

function reasonOf(message: unknown): string {
  const text = String(message);
  return /refused/i.test(text) ? "nobody listens there" : text;
}

/** A URL as it may be shown. */
export function withoutSecrets(url: string): string {
  return url.replace(/\/\/([^@/,]*)@/g, (_, user: string) => `//${user.split(":")[0] ?? ""}@`);
}
