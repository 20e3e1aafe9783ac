// A script: what one or more clients send, under a name. Made from tables (./scripts/*.ts), played
// against two servers by ./conversation.ts. Holds no expectation: the real server is the expectation.
import type { ServerSetup } from "./transcript.ts";

/** One thing that one client does. Clients are named by a letter and connect when first named. */
export interface Act {
  readonly client: string;
  /** Byte string to send; "" only connects. */
  readonly send: string;
  /** Bytes per write; default all at once. */
  readonly pieceBytes?: number;
  /**
   * What tells that the server has dealt with it: its PONG to a PING of ours (default), or nothing,
   * where the bytes end in the middle of an operation that the PING would become a part of.
   */
  readonly settle?: "pong" | "silence";
  /** The client hangs up instead of sending. */
  readonly leaves?: boolean;
}

/** Members of a queue group, as `client:sid`; who of them got a delivery is left to chance. */
export type Pool = readonly string[];

export interface Script {
  /** Unique; `npx vitest run tests/transcripts/scripts.test.ts -t '<name>'` plays it alone. */
  readonly name: string;
  readonly acts: readonly Act[];
  /** Undefined = a server with defaults. */
  readonly setup?: ServerSetup;
  readonly pools?: readonly Pool[];
}

/** Options that client libraries send, in JSON. */
export const libraryOptions = {
  verbose: false,
  pedantic: false,
  protocol: 1,
  headers: true,
  no_responders: true,
} as const;

/** A CONNECT as client libraries send it, with changes. */
export function connectLine(changes: Readonly<Record<string, unknown>> = {}): string {
  return `CONNECT ${JSON.stringify({ ...libraryOptions, ...changes })}\r\n`;
}

/** The usual CONNECT. */
export const hello: string = connectLine();

/** A script of one client that connects as libraries do and sends the text. */
export function afterHello(name: string, text: string, more: Partial<Act> = {}): Script {
  return { name, acts: [{ client: "a", send: hello + text, ...more }] };
}

/** A script of several clients, as `[client, text]`; each says hello when first named. */
export function between(
  name: string,
  talk: readonly (readonly [client: string, text: string])[],
  pools: readonly Pool[] = [],
): Script {
  const greeted = new Set<string>();
  const acts = talk.map(([client, text]): Act => {
    const send = greeted.has(client) ? text : hello + text;
    greeted.add(client);
    return { client, send };
  });
  return { name, acts, pools };
}

/** A PUB with its right size. */
export function pub(subject: string, payload = "", reply = ""): string {
  const target = reply === "" ? subject : `${subject} ${reply}`;
  return `PUB ${target} ${payload.length}\r\n${payload}\r\n`;
}

/** An HPUB with its right sizes. */
export function hpub(subject: string, headers: string, payload = "", reply = ""): string {
  const target = reply === "" ? subject : `${subject} ${reply}`;
  const sizes = `${headers.length} ${headers.length + payload.length}`;
  return `HPUB ${target} ${sizes}\r\n${headers}${payload}\r\n`;
}

/** UTF-8 of a text as a byte string. */
export function utf8(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** A readable piece of bytes for a name. */
export function shown(bytes: string): string {
  const short = bytes.length > 40 ? `${bytes.slice(0, 30)}… (${bytes.length} bytes)` : bytes;
  return JSON.stringify(short).slice(1, -1);
}
