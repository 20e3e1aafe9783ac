// The one place where a client command connects. The SDK is loaded here, late: help, mistakes and
// versions need neither it nor a socket.
import type { ConnectOptions, Mq9 } from "@mq9/sdk";
import type { ConnectionFacts } from "./connection.ts";
import { CliError, misuse } from "./exit-codes.ts";
import { readFileOrFail } from "./values.ts";

/** A connection for the length of one command. */
export interface Session {
  readonly mq9: Mq9;
  readonly facts: ConnectionFacts;
  /** Ends it; what was published has been sent. Idempotent, never throws. */
  close(): Promise<void>;
}

export interface SessionOptions {
  readonly signal?: AbortSignal | undefined;
  /** Shown with every request about that mailbox; the text may be `@file`. */
  readonly token?: { readonly mailbox: string; readonly text: string } | undefined;
}

/** Connects. @throws {CliError} with the exit code for no connection, saying where it tried */
export async function openSession(
  facts: ConnectionFacts,
  options: SessionOptions = {},
): Promise<Session> {
  const { connect } = await import("@mq9/sdk");
  let mq9: Mq9;
  try {
    mq9 = await connect(connectOptions(facts, options));
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw connectionError(error, facts);
  }
  const { token } = options;
  if (token !== undefined) mq9.api.showToken(token.mailbox, secret(token.text) ?? "");
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
  const { url, user, agent, inboxPrefix, timeoutMs, tlsCa, tlsCert, tlsKey } = facts;
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
    nkey: facts.nkey === undefined ? undefined : seedOf(facts.nkey),
    tls,
    agent,
    inboxPrefix,
    name: "mq9 command line",
    timeoutMs,
    connectTimeoutMs: timeoutMs,
    signal: options.signal,
  }) as ConnectOptions;
}

/** The seed in a file; `mq9 nkey` writes the public key beside it. @throws {CliError} without one */
function seedOf(path: string): string {
  const seed = /^\s*(S[A-Z2-7]{40,})\s*$/m.exec(readFileOrFail(path).toString("utf8"))?.[1];
  if (seed !== undefined) return seed;
  throw misuse(
    `${path} holds no seed of a key pair`,
    "A seed is a line that begins with SU. Make one with: mq9 nkey",
  );
}

/** A secret may lie in a file, so that it shows in no list of processes. */
function secret(text: string | undefined): string | undefined {
  if (text?.startsWith("@") !== true) return text;
  return readFileOrFail(text.slice(1)).toString("utf8").trimEnd();
}

function dropUndefined<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** The SDK's sentence names the address; where it came from is what a person needs beside it. */
function connectionError(error: unknown, { source, context }: ConnectionFacts): unknown {
  if (!(error instanceof Error)) return error;
  const { code } = error as { code?: unknown };
  const isRefused = code === "forbidden";
  if (!isRefused && code !== "unreachable") return error;
  const { text, next } = inFlags(error.message);
  const from =
    source === "--url" || source === "default" ? undefined : `The address comes from ${source}.`;
  const who = isRefused
    ? `Say who you are${context === undefined ? "" : " there"}: mq9 help connection`
    : undefined;
  const hint = [from, next ?? who].filter((part) => part !== undefined).join(" ");
  return new CliError("noConnection", text, {
    reason: isRefused ? "unauthorized" : "unreachable",
    hint: hint === "" ? undefined : hint,
    cause: error,
  });
}

/** What the SDK says to give as an option is a flag here. */
function inFlags(message: string): { text: string; next?: string } {
  const [, text, option] = /^(.*): give (?:the .* as )?(tls\..*)$/s.exec(message) ?? [];
  if (text === undefined) return { text: message };
  const next =
    option === "tls.caFile"
      ? "Name the certificate of its authority: --tls-ca <file>"
      : "Show one: --tls-cert <file> --tls-key <file>";
  return { text, next };
}

/** A URL as it may be shown: with the user, without password or token. */
export function withoutSecrets(url: string): string {
  return url.replace(/\/\/([^,]*)@/g, (_, identity: string) => {
    const [user, password] = identity.split(":");
    return password === undefined ? "//" : `//${user}@`;
  });
}
