// What a person sees once the broker is ready: where it is, what it promises, what to try. Written
// only with the pretty log format; machines read the `listening` event instead.
import { homedir } from "node:os";
import { sep } from "node:path";

export interface BannerFacts {
  readonly version: string;
  /** What the broker listens on. */
  readonly host: string;
  readonly port: number;
  /** Clients have to encrypt. */
  readonly tls: boolean;
  /** Further rows: what, and where. */
  readonly others: readonly (readonly [string, string])[];
  readonly dataFolder: string;
  /** Process to send signals to; what started it may be another. */
  readonly pid: number;
  /** Free bytes below the data folder as people read them; undefined = not known. */
  readonly freeSpace: string | undefined;
  /** An accepted message survives the machine. */
  readonly durable: boolean;
  /** Clients have to say who they are. */
  readonly usersConfigured: boolean;
  /** Other machines can connect. */
  readonly exposed: boolean;
  readonly colors: boolean;
}

/** The banner, ending with an empty line. */
export function banner(facts: BannerFacts): string {
  // The caller decides on colours by standard error; util.styleText would look at standard output.
  const styled = (code: string, text: string) =>
    facts.colors ? `\u001b[${code}m${text}\u001b[0m` : text;
  const bold = (text: string) => styled("1", text);
  const dim = (text: string) => styled("2", text);
  const red = (text: string) => styled("1;31", text);
  const row = (label: string, value: string) => `  ${dim(label.padEnd(9))} ${value}`;
  const free = facts.freeSpace === undefined ? "" : dim(` (${facts.freeSpace} free)`);
  return [
    "",
    `  ${bold(`mq9 ${facts.version}`)} is ready`,
    "",
    row("Address", bold(`${facts.tls ? "tls" : "nats"}://${authority(facts.host, facts.port)}`)),
    ...facts.others.map(([label, value]) => row(label, value)),
    row("Data", `${shortPath(facts.dataFolder)}${free}`),
    row(
      "Durable",
      facts.durable
        ? "a message is acknowledged only once it is on disk (fsync)"
        : red("no: messages are kept in memory and end with this process"),
    ),
    row("Access", facts.usersConfigured ? "the users that are configured" : openAccess(facts, red)),
    "",
    `  ${dim(`Try it, in another terminal${facts.usersConfigured ? " (add --user and --password)" : " (in a clone: npx mq9)"}:`)}`,
    `    ${somethingToTry(facts)}`,
    `  ${dim(`Stop with Ctrl-C or kill ${facts.pid}. All settings: mq9 serve --help`)}`,
    "",
    "",
  ].join("\n");
}

/** A first line for the client of this program; in a clone it is `npx mq9`. */
function somethingToTry({ host, port, tls }: BannerFacts): string {
  const url = `${tls ? "tls" : "nats"}://${authority(reachable(host), port)}`;
  const isDefault = url === "nats://127.0.0.1:4222";
  if (isDefault) return "mq9 mailbox create inbox && mq9 send inbox hello";
  return `mq9 mailbox create inbox --url ${url}`;
}

function openAccess({ exposed }: BannerFacts, red: (text: string) => string): string {
  return exposed
    ? red("everyone who can reach this address (--insecure)")
    : "this machine only; a mailbox's name is its credential";
}

/** `127.0.0.1:4222`, `[::1]:4222` */
export function authority(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Where a client on this machine finds a broker that listens everywhere. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

function shortPath(path: string): string {
  const home = homedir();
  return home.length > 1 && path.startsWith(home + sep) ? `~${path.slice(home.length)}` : path;
}
