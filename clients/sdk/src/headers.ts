// Header lines of a message: read in any case of their names, and between the forms they have here, as a
// block of bytes and in the NATS library.

import { Mq9Error } from "@mq9/protocol";
import { headers as emptyHeaders, type MsgHdrs } from "@nats-io/nats-core";

/** What may be given where headers are asked for. */
export type HeadersInit =
  | Readonly<Record<string, string | readonly string[]>>
  | Iterable<readonly [string, string]>;

/** The headers of one message. Names count in any case. */
export class MessageHeaders implements Iterable<readonly [string, string]> {
  readonly #lines: readonly (readonly [string, string])[];

  constructor(lines: readonly (readonly [string, string])[]) {
    this.#lines = lines;
  }

  /** The first value, or undefined. */
  get(name: string): string | undefined {
    const wanted = name.toLowerCase();
    for (const [key, value] of this.#lines) if (key.toLowerCase() === wanted) return value;
    return undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Every value of that name, in order. */
  values(name: string): string[] {
    const wanted = name.toLowerCase();
    return this.#lines.filter(([key]) => key.toLowerCase() === wanted).map(([, value]) => value);
  }

  /** Names as they were written, each once. */
  keys(): string[] {
    return [...new Map(this.#lines.map(([key]) => [key.toLowerCase(), key])).values()];
  }

  get size(): number {
    return this.#lines.length;
  }

  [Symbol.iterator](): Iterator<readonly [string, string]> {
    return this.#lines[Symbol.iterator]();
  }
}

const utf8 = new TextDecoder();
const toUtf8 = new TextEncoder();

/** The lines of `NATS/1.0 … CRLF CRLF`. */
export function linesOfBlock(block: Uint8Array | undefined): [string, string][] {
  if (block === undefined || block.length === 0) return [];
  const lines: [string, string][] = [];
  for (const line of utf8.decode(block).split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    if (colon > 0) lines.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
  }
  return lines;
}

/** The block of these lines; undefined when there are none. */
export function blockOfLines(lines: Iterable<readonly [string, string]>): Uint8Array | undefined {
  let text = "";
  for (const [name, value] of lines) text += `${name}: ${value}\r\n`;
  return text === "" ? undefined : toUtf8.encode(`NATS/1.0\r\n${text}\r\n`);
}

export function linesOfHdrs(headers: MsgHdrs | undefined): [string, string][] {
  if (headers === undefined) return [];
  const lines: [string, string][] = [];
  for (const [name, values] of headers) for (const value of values) lines.push([name, value]);
  return lines;
}

export function linesOfInit(init: HeadersInit | undefined): [string, string][] {
  if (init === undefined) return [];
  if (Symbol.iterator in init) {
    return [...(init as Iterable<readonly [string, string]>)].map(([name, value]) => [name, value]);
  }
  return Object.entries(init as Record<string, string | readonly string[]>).flatMap(
    ([name, value]) => [value].flat().map((each): [string, string] => [name, each]),
  );
}

/** @throws {Mq9Error} `invalid` naming the line that cannot be sent */
export function hdrsOfLines(lines: Iterable<readonly [string, string]>): MsgHdrs | undefined {
  let headers: MsgHdrs | undefined;
  for (const [name, value] of lines) {
    headers ??= emptyHeaders();
    if (!/^[!-9;-~]+$/.test(name) || typeof value !== "string" || /[\r\n\0]/.test(value)) {
      const text = `invalid header ${JSON.stringify(name)}: a name is visible ASCII without ':', a value is a text without line ends`;
      throw new Mq9Error("invalid", text);
    }
    headers.append(name, value);
  }
  return headers;
}

/** Lines that the broker writes on a delivery; all others are the sender's. */
const ofDelivery: ReadonlySet<string> = new Set([
  "mq9-msg-id",
  "mq9-priority",
  "mq9-mail-id",
  "mq9-ts",
  "mq9-key",
  "mq9-tags",
  "mq9-from",
  "mq9-delivery-count",
  "mq9-replay",
]);

/** Whether the broker wrote that line of a delivery, and not the sender. */
export function isOfDelivery(name: string): boolean {
  const lower = name.toLowerCase();
  return ofDelivery.has(lower) || lower.startsWith("mq9-dead-");
}
