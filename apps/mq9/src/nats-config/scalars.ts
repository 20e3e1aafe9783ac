// Values of the NATS configuration dialect that are no blocks and no lists: strings in all their
// forms, numbers with size suffixes, dates, booleans, and references to variables.
import { type Cursor, endOfText } from "./cursor.ts";

/** A value, or the name of the variable whose value it is. */
export type ReadScalar =
  | { readonly value: string | number | boolean | Date }
  | { readonly variable: string };

const factors: Readonly<Record<string, number>> = { k: 1, m: 2, g: 3, t: 4, p: 5, e: 6 };
const int64Max = 2n ** 63n - 1n;

const dateTime = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/y;
const yearBegun = /\d{4}-/y;
const ipAddress = /\d+\.\d+\.[\d.:-]*/y;
const float = /-?\d+\.\d+/y;
const integer = /(-?\d+)([kmgtpe][bi]*)?/iy;
/** What ends unquoted text. Anything else behind a number makes it the beginning of such text. */
const plainEnd = /[ \t\r\n;,\]}]/;

/** Reads the value that begins here. A list or a block does not. */
export function readScalar(cursor: Cursor): ReadScalar {
  switch (cursor.peek()) {
    case '"':
      return { value: doubleQuoted(cursor) };
    case "'":
      return { value: singleQuoted(cursor) };
    case "(":
      return { value: block(cursor) };
    case ".":
      return cursor.fail("a number begins with a digit; put text in quotes");
    case "\n":
    case "\r":
      return cursor.fail("a value is missing before the end of the line");
    default:
      return /[-\d]/.test(cursor.peek()) ? numeric(cursor) : unquoted(cursor, cursor.at);
  }
}

function numeric(cursor: Cursor): ReadScalar {
  const start = cursor.at;
  if (cursor.peek() === "-" && !/\d/.test(cursor.text[start + 1] ?? "")) {
    return cursor.fail("a digit has to follow the minus sign; put text in quotes");
  }
  if (cursor.match(yearBegun) !== undefined) {
    cursor.at = start;
    return { value: date(cursor) };
  }
  const address = cursor.match(ipAddress);
  if (address !== undefined) return { value: address };
  const fraction = cursor.match(float);
  if (fraction !== undefined) return { value: Number(fraction) };
  const number = cursor.match(integer) ?? "";
  const following = cursor.peek();
  if (following === endOfText || plainEnd.test(following)) {
    return { value: toInteger(cursor, number, start) };
  }
  if (following === "-" || following === "." || number.startsWith("-")) {
    // What it is is not shown, here and below: it may be a password that somebody left without quotes.
    const wanted = "this is neither a number nor a date (2006-01-02T15:04:05Z); put text in quotes";
    return cursor.fail(wanted, start);
  }
  return unquoted(cursor, start);
}

function toInteger(cursor: Cursor, text: string, start: number): number {
  const [, digits = "", suffix = ""] = /^(-?\d+)(.*)$/.exec(text) ?? [];
  const letters = suffix.toLowerCase();
  const power = factors[letters.slice(0, 1)] ?? 0;
  if (!["", "b", "i", "ib"].includes(letters.slice(1))) {
    const wanted = "this is no size: its unit is one of k, kb, kib, m, mb, … e, eb, eib";
    return cursor.fail(wanted, start);
  }
  const unit = BigInt(letters.length > 1 ? 1024 : 1000) ** BigInt(power);
  const value = BigInt(digits) * unit;
  if (value > int64Max || value < -int64Max - 1n)
    return cursor.fail("this number is too large", start);
  return Number(value);
}

function date(cursor: Cursor): Date {
  const start = cursor.at;
  const text = cursor.match(dateTime);
  const value = text === undefined ? undefined : new Date(text);
  if (value === undefined || Number.isNaN(value.getTime())) {
    return cursor.fail("dates are written 2006-01-02T15:04:05Z", start);
  }
  return value;
}

/** No escapes in it. */
function singleQuoted(cursor: Cursor): string {
  const start = cursor.at;
  cursor.next();
  const text = cursor.match(/[^']*/y) ?? "";
  if (!cursor.take("'")) cursor.fail("this quoted text never ends", start);
  return text;
}

function doubleQuoted(cursor: Cursor): string {
  const start = cursor.at;
  cursor.next();
  let text = "";
  for (;;) {
    const character = cursor.next();
    if (character === '"') return text;
    if (character === endOfText) return cursor.fail("this quoted text never ends", start);
    text += character === "\\" ? escaped(cursor) : character;
  }
}

const escapes: Readonly<Record<string, string>> = {
  t: "\t",
  n: "\n",
  r: "\r",
  '"': '"',
  "\\": "\\",
};

/** What a backslash, already passed, and the next characters stand for. */
function escaped(cursor: Cursor): string {
  const start = cursor.at - 1;
  const hex = cursor.match(/x[\da-f]{2}/iy);
  if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex.slice(1), 16));
  const meaning = escapes[cursor.next()];
  return (
    meaning ?? cursor.fail('only \\xXX, \\t, \\n, \\r, \\" and \\\\ may follow a backslash', start)
  );
}

/** Text between `(` and a line that holds nothing but `)`. */
function block(cursor: Cursor): string {
  const start = cursor.at;
  cursor.next();
  const text = cursor.match(/(?:(?!\n\)(?:\n|$))[^])*\n(?=\)(?:\n|$))/y);
  if (text === undefined)
    return cursor.fail("this ( … ) never ends: ) stands on a line of its own", start);
  cursor.next();
  return text;
}

/** Text up to blank, comma, semicolon or closing bracket; a word for true or false; or `$NAME`. */
function unquoted(cursor: Cursor, start: number): ReadScalar {
  cursor.at = start;
  let text = "";
  let hasEscapes = false;
  for (;;) {
    const character = cursor.peek();
    if (character === endOfText || plainEnd.test(character)) break;
    cursor.next();
    if (character === "'") break;
    hasEscapes ||= character === "\\";
    text += character === "\\" ? escaped(cursor) : character;
  }
  if (hasEscapes) return { value: text };
  if (/^(?:true|yes|on)$/i.test(text)) return { value: true };
  if (/^(?:false|no|off)$/i.test(text)) return { value: false };
  return text.startsWith("$") ? { variable: text.slice(1) } : { value: text };
}
