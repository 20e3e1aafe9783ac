// Reads golden wire transcripts (./wire/*.txt; the format is in ./README.md) and prints what a
// server answered in the same form. Knows no sockets.

import type { PermissionRules } from "@mq9/router";

/** One line of a transcript that does or expects something. */
export type Step =
  | { readonly do: "send"; readonly connection: string; readonly bytes: Buffer }
  | { readonly do: "expect"; readonly connection: string; readonly line: string }
  | { readonly do: "end"; readonly connection: string; readonly closed: boolean }
  /** Asks the server to let its clients go before it stops. */
  | { readonly do: "drain" }
  /** From here on the server takes no new connection. */
  | { readonly do: "refused" };

/** A user that may connect, and what it may do there. */
export interface SetupUser {
  readonly user: string;
  readonly password: string;
  readonly permissions?: PermissionRules;
}

/** Who is let in; the keys mean what those of the nats-server configuration mean. */
export interface AuthSetup {
  /** Text of a configuration file, for what the other keys can not say. */
  readonly text?: string;
  readonly token?: string;
  readonly users?: readonly SetupUser[];
  readonly accounts?: Readonly<Record<string, readonly SetupUser[]>>;
  readonly noAuthUser?: string;
  readonly timeoutMs?: number;
}

/** Limits a transcript asks the server to start with; undefined = the server's defaults. */
export interface ServerSetup {
  readonly maxConnections?: number;
  readonly maxSubscriptions?: number;
  readonly maxPayloadBytes?: number;
  readonly maxControlLineBytes?: number;
  /** Tokens of the subject of a subscription. */
  readonly maxSubscriptionTokens?: number;
  readonly pingIntervalMs?: number;
  readonly pingsOutMax?: number;
  /** The transcript changes the server for good: start one for it alone. */
  readonly alone?: boolean;
  /** Not for transcripts: only scripts ask for it. */
  readonly auth?: AuthSetup;
}

export interface Transcript {
  /** First comment line of the file. */
  readonly title: string;
  readonly setup: ServerSetup;
  readonly steps: readonly Step[];
}

const setupKeys: Readonly<Record<string, Exclude<keyof ServerSetup, "auth">>> = {
  max_connections: "maxConnections",
  max_subscriptions: "maxSubscriptions",
  max_payload: "maxPayloadBytes",
  max_control_line: "maxControlLineBytes",
  max_sub_tokens: "maxSubscriptionTokens",
  ping_interval_ms: "pingIntervalMs",
  ping_max: "pingsOutMax",
  alone: "alone",
};

/** @throws {Error} naming the line that is none of the format's */
export function parseTranscript(text: string): Transcript {
  const steps: Step[] = [];
  const setup: Record<string, number | boolean> = {};
  let title = "";
  for (const [index, line] of text.split("\n").entries()) {
    if (line.startsWith("#")) title ||= line.slice(1).trim();
    else if (line.startsWith("@server ")) readSetup(line, setup);
    else if (line.trim() !== "") steps.push(parseStep(line, index + 1));
  }
  return { title, setup, steps };
}

function parseStep(line: string, number: number): Step {
  const talk = /^([CS])(~?)(?:\.(\w+))?:(?: (.*))?$/.exec(line);
  if (talk !== null) {
    const [, side, raw, connection = "a", text = ""] = talk;
    if (side === "S") return { do: "expect", connection, line: text };
    return { do: "send", connection, bytes: unescapeBytes(raw === "~" ? text : `${text}\\r\\n`) };
  }
  const word = /^(closed|open|refused|drain)(?:\.(\w+))?$/.exec(line);
  if (word === null) throw new Error(`line ${number}: not of the format: ${line}`);
  const [, verb, connection = "a"] = word;
  if (verb === "refused" || verb === "drain") return { do: verb };
  return { do: "end", connection, closed: verb === "closed" };
}

function readSetup(line: string, setup: Record<string, number | boolean>): void {
  for (const pair of line.slice("@server ".length).trim().split(/\s+/)) {
    const [key = "", value] = pair.split("=");
    const name = setupKeys[key];
    if (name === undefined) throw new Error(`unknown server setting ${key}`);
    setup[name] = value === undefined ? true : Number(value);
  }
}

/** `\r \n \t \\ \xHH` and `{{text*count}}` for a repeated text; everything else stands for itself. */
export function unescapeBytes(text: string): Buffer {
  const long = text.replaceAll(/\{\{(.+?)\*(\d+)\}\}/g, (_, part: string, count: string) =>
    part.repeat(Number(count)),
  );
  const named: Readonly<Record<string, string>> = { r: "\r", n: "\n", t: "\t", "\\": "\\" };
  const utf8 = Buffer.from(long, "utf8").toString("latin1");
  const bytes = utf8.replaceAll(/\\(x([0-9a-f]{2})|.)/g, (_, letter: string, hex?: string) =>
    hex === undefined ? (named[letter] ?? letter) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, "latin1");
}

/** The other way for one received line; a long run of one character becomes `{{x*count}}`. */
export function escapeBytes(bytes: Buffer): string {
  const escaped = bytes
    .toString("latin1")
    .replaceAll("\\", "\\\\")
    .replaceAll("\r", "\\r")
    .replaceAll("\n", "\\n")
    .replaceAll("\t", "\\t")
    .replaceAll(/[^ -~]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
  return escaped.replaceAll(
    /([A-Za-z0-9])\1{63,}/g,
    (run, one: string) => `{{${one}*${run.length}}}`,
  );
}

/**
 * Whether a received line is the expected one; `<name>` in the expectation stands for any text
 * without blanks, `<...>` for any text at all.
 */
export function lineMatches(expected: string, received: string): boolean {
  const parts = expected.split(/(<[a-z.]+>)/);
  const pattern = parts.map((part) => {
    if (part === "<...>") return ".*";
    if (/^<[a-z.]+>$/.test(part)) return "[^ ]+";
    return part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  });
  return new RegExp(`^${pattern.join("")}$`).test(received);
}
