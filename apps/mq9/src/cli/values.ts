// Values as people type them behind a flag or as an argument: durations, numbers, lists, headers, and
// bodies that come from the line, a file or standard input. Throws sentences; prints nothing.
import { readFileSync } from "node:fs";
import { InvalidArgumentError } from "commander";
import { parseMilliseconds, parseSeconds } from "../config/units.ts";
import { CliError, misuse } from "./exit-codes.ts";

function parsed<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof RangeError) throw new InvalidArgumentError(`${error.message}.`);
      throw error;
    }
  };
}

/** Parser of a flag: `90s`, `15m`, `2h`, `1d`; a number alone counts seconds. @returns whole seconds */
export const seconds: (text: string) => number = parsed(parseSeconds);

/** As `seconds`, in milliseconds; `250ms` is allowed. */
export const milliseconds: (text: string) => number = parsed(parseMilliseconds);

/** As `seconds`, where `never` is a word too. @returns 0 for never */
export const lifetime: (text: string) => number = parsed((text) =>
  /^never$/i.test(text) ? 0 : parseSeconds(text),
);

/** Parser of a flag: a whole number within bounds. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,15}$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** Parser of a flag that may come several times, or once with commas. */
export function words(text: string, before: readonly string[] | undefined): readonly string[] {
  const more = text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
  return [...(before ?? []), ...more];
}

/** Parser of a flag that may come several times: `Name: value`, or `Name=value`. */
export function headerLines(
  text: string,
  before: readonly (readonly [string, string])[] | undefined,
): readonly (readonly [string, string])[] {
  const match = /^([!-9;<>-~]+)\s*[:=]\s*(.*)$/s.exec(text);
  const [, name, value] = match ?? [];
  if (name === undefined || value === undefined || /[\r\n]/.test(value)) {
    throw new InvalidArgumentError("A header is written 'Name: value'.");
  }
  return [...(before ?? []), [name, value]];
}

/** The number of a message as an argument. */
export function messageNumber(text: string): number {
  const value = Number(text.replace(/^#/, ""));
  if (!/^#?\d{1,15}$/.test(text)) {
    throw misuse(`${text} is no message number`, "They count from 0, as `mq9 peek` shows them.");
  }
  return value;
}

/**
 * A body: the text itself, `-` for standard input, `@file` for a file, `@@text` for a text that
 * begins with an at sign.
 * @throws {CliError} when there is none, or the file can not be read
 */
export async function readBody(text: string | undefined, usage: string): Promise<Uint8Array> {
  if (text === undefined) {
    throw misuse(
      "there is no body to send",
      `Type: ${usage} 'text'    or @file, or - to read standard input`,
    );
  }
  if (text === "-") {
    if (process.stdin.isTTY)
      process.stderr.write("Type the text; Ctrl-D on a line of its own ends it.\n");
    return await readAll(process.stdin);
  }
  if (text.startsWith("@@")) return Buffer.from(text.slice(1));
  if (text.startsWith("@")) {
    return readFileOrFail(text.slice(1), "A text that begins with @ is typed with two of them.");
  }
  return Buffer.from(text);
}

/** A file that a person named. @throws {CliError} with the exit code for what is not there */
export function readFileOrFail(path: string, hint?: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT")
      throw new CliError("notFound", `there is no file ${path}`, { hint, cause: error });
    throw new CliError("error", `${path} can not be read: ${message}`, { cause: error });
  }
}

/** No broker takes a larger message; what never ends is not read for ever. */
const bodyBytesMax = 64 * 2 ** 20;

async function readAll(stream: NodeJS.ReadStream): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += (chunk as Buffer).length;
    if (bytes > bodyBytesMax) {
      throw new CliError("error", "standard input is longer than a message can be", {
        reason: "too_large",
        hint: "A message is 1 MiB at most, unless the broker has another --max-payload.",
      });
    }
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
