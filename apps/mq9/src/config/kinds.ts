// The kinds of value a setting can have: how each is read from text and from a configuration file,
// and how it is written back. Used by the table of settings only.
import { isIPv6 } from "node:net";
import { z } from "zod";
import {
  formatBytes,
  formatMilliseconds,
  formatSeconds,
  parseBytes,
  parseMilliseconds,
  parseSeconds,
} from "./units.ts";

export interface Kind<T> {
  /** What help shows behind the flag; undefined = the flag stands alone. */
  readonly placeholder: string | undefined;
  /** Reads a flag's argument or an environment variable. @throws {RangeError} with a sentence */
  readonly parse: (text: string) => T;
  /** Writes a value so that `parse` reads it back. */
  readonly format: (value: T) => string;
  /** Checks and converts what a configuration file holds. */
  readonly schema: z.ZodType<T>;
}

/** Any text that is not empty. */
export const text: Kind<string> = makeKind("<text>", notEmpty, String, z.string("must be text"));

/** Several texts with commas between them; "" = none. A file may hold a list of them. */
export const texts: Kind<string> = makeKind(
  "<text,…>",
  parseTexts,
  String,
  z.union(
    [z.string(), z.array(z.string()).transform((list) => list.join(","))],
    "must be text or a list of texts",
  ),
);

/** A path, as text. */
export const path: Kind<string> = makeKind("<path>", notEmpty, String, z.string("must be text"));

/** As text, and never shown. */
export const secret: Kind<string> = makeKind(
  "<text>",
  notEmpty,
  (value) => (value === "" ? "" : "(set)"),
  z.string("must be text"),
);

/** An address or host name; the brackets of `[::1]` are taken off. */
export const host: Kind<string> = makeKind(
  "<address>",
  parseHost,
  String,
  z.string("must be text"),
);

/** A TCP port as written: -1 and 0 both mean any free one. */
export const port: Kind<number> = makeKind("<port>", parsePort, String, numeric());

export const count: Kind<number> = makeKind("<n>", parseCount, String, numeric());
export const bytes: Kind<number> = makeKind("<size>", parseBytes, formatBytes, numeric());
export const seconds: Kind<number> = makeKind("<time>", parseSeconds, formatSeconds, numeric());
export const milliseconds: Kind<number> = makeKind(
  "<time>",
  parseMilliseconds,
  formatMilliseconds,
  numeric(),
);

/** On or off; its flag takes no argument. */
export const flag: Kind<boolean> = makeKind(
  undefined,
  parseFlag,
  String,
  z.union([z.boolean(), z.string()], "must be true or false"),
);

/** One of a few words. */
export function choice<const W extends string>(...words: readonly W[]): Kind<W> {
  const parse = (given: string): W => {
    const word = words.find((candidate) => candidate === given.toLowerCase());
    if (word === undefined) {
      throw new RangeError(`${JSON.stringify(given)} is not one of ${words.join(", ")}`);
    }
    return word;
  };
  return makeKind("<word>", parse, String, z.string("must be text"));
}

/** A kind that also knows the word `auto`. */
export function orAuto<T>(kind: Kind<T>): Kind<T | "auto"> {
  return makeKind<T | "auto">(
    kind.placeholder,
    (given) => (given === "auto" ? "auto" : kind.parse(given)),
    (value) => (value === "auto" ? "auto" : kind.format(value)),
    z.union([z.string(), z.number(), z.boolean()], "must be one value"),
  );
}

/** A kind that also knows the word `off`, which 0 means too. */
export function offOr(kind: Kind<number>): Kind<number | "off"> {
  return makeKind<number | "off">(
    kind.placeholder,
    (given) => (given === "off" || given === "0" || given === "false" ? "off" : kind.parse(given)),
    (value) => (value === "off" ? "off" : kind.format(value)),
    z.union([z.string(), z.number(), z.boolean()], "must be a port, or off"),
  );
}

function makeKind<T>(
  placeholder: string | undefined,
  parse: (text: string) => T,
  format: (value: T) => string,
  raw: z.ZodType<string | number | boolean>,
): Kind<T> {
  const schema = raw.transform((value, context) => {
    try {
      return parse(String(value));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      context.addIssue(error.message);
      return z.NEVER;
    }
  });
  return { placeholder, parse, format, schema };
}

function numeric(): z.ZodType<string | number> {
  return z.union([z.number(), z.string()], "must be a number, or text with a unit");
}

function notEmpty(given: string): string {
  if (given.trim() === "") throw new RangeError("it is empty");
  return given;
}

function parseTexts(given: string): string {
  const parts = given.split(",").map((part) => part.trim());
  if (parts.includes("")) throw new RangeError("one of its texts is empty");
  return parts.join(",");
}

function parseHost(given: string): string {
  const bare = /^\[(.+)\]$/.exec(given)?.[1] ?? given;
  if (bare.includes(":") && !isIPv6(bare)) {
    throw new RangeError(`${JSON.stringify(given)} is no address; the port has its own option`);
  }
  return notEmpty(bare);
}

function parsePort(given: string): number {
  const number = /^-?\d{1,5}$/.test(given) ? Number(given) : Number.NaN;
  if (Number.isNaN(number) || number < -1 || number > 65_535) {
    throw new RangeError(
      `${JSON.stringify(given)} is no port: 1 to 65535, or 0 or -1 for any free one`,
    );
  }
  return number;
}

function parseCount(given: string): number {
  if (!/^\d{1,15}$/.test(given)) {
    throw new RangeError(`${JSON.stringify(given)} is no whole number`);
  }
  return Number(given);
}

function parseFlag(given: string): boolean {
  if (/^(?:true|yes|on|1)$/i.test(given)) return true;
  if (/^(?:false|no|off|0)$/i.test(given)) return false;
  throw new RangeError(`${JSON.stringify(given)} is neither true nor false`);
}
