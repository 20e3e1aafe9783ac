// Where a command connects and as whom: flags, environment and contexts become one set of facts.
// Opens nothing; ./session.ts does.
import { type Command, Option } from "commander";
import { type Context, readContext, selectedContext } from "./contexts.ts";
import { misuse } from "./exit-codes.ts";
import { milliseconds } from "./values.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where to, and as whom. Paths are not read yet. */
export interface ConnectionFacts extends Omit<Context, "description"> {
  readonly url: string;
  /** Where the URL comes from, for people: `--url`, `MQ9_URL`, `context prod`, `default`. */
  readonly source: string;
  /** The context that counts; undefined = none. */
  readonly context: string | undefined;
  /** How long to wait for the connection and for each answer. */
  readonly timeoutMs: number;
}

/** The flags as commander hands them over. */
export interface ConnectionFlags {
  readonly url?: string;
  readonly server?: string;
  readonly context?: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  readonly creds?: string;
  readonly nkey?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly inboxPrefix?: string;
  readonly mailboxToken?: string;
  readonly requestTimeout?: number;
}

export const defaultUrl = "nats://127.0.0.1:4222";
/** How long a connection or an answer may take. */
export const defaultTimeoutMs = 5_000;

const group = "Connection (all of it: mq9 help connection):";

/** Adds the flags that every client command has. The rarer ones are only in `mq9 help connection`. */
export function addConnectionFlags(command: Command): void {
  const shown = (flags: string, text: string) => new Option(flags, text).helpGroup(group);
  command
    .addOption(shown("-s, --url <url>", `broker [MQ9_URL, NATS_URL, ${defaultUrl}]`))
    .addOption(shown("--context <name>", "kept connection [MQ9_CONTEXT]"));
  for (const [flags, text] of hiddenFlags) {
    const option = new Option(flags, text).hideHelp();
    command.addOption(
      flags.startsWith("--request-timeout") ? option.argParser(milliseconds) : option,
    );
  }
}

const hiddenFlags: readonly (readonly [flags: string, text: string])[] = [
  ["--server <url>", "the same as --url"],
  ["--user <name>", "user [MQ9_USER]"],
  ["--password <text>", "its password, or @file [MQ9_PASSWORD]"],
  ["--token <token>", "token, or @file [MQ9_TOKEN]"],
  ["--creds <file>", "credentials of a user [MQ9_CREDS, NATS_CREDS]"],
  ["--nkey <file>", "file with the seed of a key pair [MQ9_NKEY]"],
  ["--tls-ca <file>", "who signed the broker's certificate [MQ9_TLS_CA]"],
  ["--tls-cert <file>", "certificate to show the broker [MQ9_TLS_CERT]"],
  ["--tls-key <file>", "its key [MQ9_TLS_KEY]"],
  ["--inbox-prefix <text>", "where your answers arrive [MQ9_INBOX_PREFIX]"],
  ["--mailbox-token <token>", "of `mq9 mailbox grant`, or @file"],
  ["--request-timeout <time>", "for the connection and for each answer [5s]"],
];

/** The text of `mq9 help connection`. */
export const connectionHelp: string = `How a command finds the broker, and as whom it connects.

  -s, --url <url>           nats://, tls://, ws:// or wss://; commas between
  --context <name>          a connection kept by: mq9 context create
${hiddenFlags.map(([flags, text]) => `  ${flags.padEnd(25)} ${text}`).join("\n")}

Where to: the first of --url, --context, MQ9_CONTEXT, MQ9_URL, NATS_URL,
NATS_CONTEXT, the context chosen by \`mq9 context select\`, ${defaultUrl}.
As whom: flags, else the context that gave the address, else MQ9_USER,
MQ9_PASSWORD, MQ9_TOKEN, MQ9_CREDS, MQ9_NKEY, NATS_CREDS. Credentials of a
context go nowhere but to its own address, unless --context and --url stand
in one line. Contexts of the nats command line are found by their names too.
MQ9_AGENT is the name you work under: the group of fetch, and who you are.

Examples:
  mq9 mailbox ls --url nats://alice:secret@broker.example:4222
  mq9 send inbox 'hello' --creds ~/alice.creds --url tls://broker.example
  mq9 context create work --url tls://broker.example --creds ~/alice.creds
  mq9 send inbox 'hello' --context work
`;

/** Decides where to connect. @throws {CliError} when a context is not there or flags contradict */
export function connectionFacts(flags: ConnectionFlags, env: Environment): ConnectionFacts {
  const url = flags.url ?? flags.server;
  const fromEnv = (name: string) => env[name] || undefined;
  const address = firstOf<{ source: string; url?: string; context?: string }>([
    url && { source: "--url", url },
    flags.context && { source: `context ${flags.context}`, context: flags.context },
    contextRow(fromEnv("MQ9_CONTEXT")),
    urlRow("MQ9_URL", fromEnv("MQ9_URL")),
    urlRow("NATS_URL", fromEnv("NATS_URL")),
    contextRow(fromEnv("NATS_CONTEXT")),
    contextRow(selectedContext(env)),
  ]) ?? { source: "default", url: defaultUrl };
  const name = address.context ?? flags.context;
  const kept: Context = name === undefined ? {} : readContext(name, env);
  const identity = firstOf<Context>([
    identityOf(flags),
    identityOf(kept),
    identityOf(environmentOf(env)),
  ]);
  if (flags.requestTimeout === 0) {
    throw misuse("--request-timeout must be longer than nothing", "Write it as 500ms, 5s or 1m.");
  }
  if (identity?.password !== undefined && identity.user === undefined) {
    throw misuse("a password needs a user", "Add --user <name>.");
  }
  return {
    ...identity,
    url: address.url ?? kept.url ?? defaultUrl,
    source: address.source,
    context: name,
    tlsCa: flags.tlsCa ?? kept.tlsCa ?? fromEnv("MQ9_TLS_CA"),
    tlsCert: flags.tlsCert ?? kept.tlsCert ?? fromEnv("MQ9_TLS_CERT"),
    tlsKey: flags.tlsKey ?? kept.tlsKey ?? fromEnv("MQ9_TLS_KEY"),
    inboxPrefix: flags.inboxPrefix ?? kept.inboxPrefix ?? fromEnv("MQ9_INBOX_PREFIX"),
    agent: fromEnv("MQ9_AGENT") ?? kept.agent,
    timeoutMs: flags.requestTimeout ?? defaultTimeoutMs,
  };
}

function firstOf<T>(rows: readonly (T | "" | undefined)[]): T | undefined {
  return rows.find((row): row is T => row !== undefined && row !== "");
}

function contextRow(context: string | undefined) {
  return context === undefined ? undefined : { source: `context ${context}`, context };
}

function urlRow(source: string, url: string | undefined) {
  return url === undefined ? undefined : { source, url };
}

function environmentOf(env: Environment): Context {
  const of = (...names: string[]) => names.map((name) => env[name]).find((text) => text);
  return {
    user: of("MQ9_USER"),
    password: of("MQ9_PASSWORD"),
    token: of("MQ9_TOKEN"),
    creds: of("MQ9_CREDS", "NATS_CREDS"),
    nkey: of("MQ9_NKEY"),
  };
}

/** Who one is comes from one place as a whole: a password of here never joins a user of there. */
function identityOf({ user, password, token, creds, nkey }: Context): Context | undefined {
  const given = [user, password, token, creds, nkey].some((value) => value !== undefined);
  return given ? { user, password, token, creds, nkey } : undefined;
}
