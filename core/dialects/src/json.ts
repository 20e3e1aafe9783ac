// JSON in both directions: request bodies that anyone may have written, and compact replies.
// Fields are read as own properties only, so no key of a body can reach a prototype.
import { Mq9Error } from "@mq9/protocol";
import { decodeText, encodeText } from "./utf8.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

const nothing: JsonObject = {};
const space = /^[\s\ufeff]*$/;

/**
 * Decodes a request body. Empty, blank, `null` and `""` all mean `{}`: published clients send each.
 * @param request names the request in the error, for instance `MAILBOX.CREATE`
 * @throws {Mq9Error} `invalid` when the body is not UTF-8, not JSON, or not an object
 */
export function decodeBody(body: Uint8Array, request: string): JsonObject {
  if (body.length === 0) return nothing;
  const text = decodeText(body);
  if (text === undefined) throw invalidBody(request, "the body is not UTF-8 text");
  if (space.test(text)) return nothing;
  const value = parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text, request);
  if (value === null || value === "") return nothing;
  if (typeof value !== "object" || Array.isArray(value)) {
    throw invalidBody(request, "the body must be a JSON object");
  }
  latest = value as JsonObject;
  asked.set(latest, new Set());
  return latest;
}

/** Per object of a body the names that were asked for. */
const asked = new WeakMap<JsonObject, Set<string>>();
/** The body decoded last. */
let latest: JsonObject | undefined;
const unreadMax = 8;
const unreadLengthMax = 64;

/** An object within a body: what nobody asks it for is told too. */
export function watched(inner: JsonObject): JsonObject {
  if (inner !== nothing) asked.set(inner, new Set());
  return inner;
}

/**
 * The names in the body decoded last that nobody asked for: misspelt, most likely. Once per body;
 * to be called in the turn that decoded it.
 */
export function takeUnread(): readonly string[] {
  const body = latest;
  latest = undefined;
  return body === undefined ? [] : unreadOf(body, "").slice(0, unreadMax);
}

/** The token that the body decoded last shows, if it does. To be called before `takeUnread`. */
export function shownToken(): string | undefined {
  const token = latest === undefined ? undefined : field(latest, "token");
  return typeof token === "string" && token !== "" ? token : undefined;
}

function unreadOf(object: JsonObject, prefix: string): string[] {
  const names = asked.get(object);
  if (names === undefined) return [];
  return Object.keys(object).flatMap((name) => {
    if (!names.has(name)) return [`${prefix}${name}`.slice(0, unreadLengthMax)];
    const inner = object[name];
    return typeof inner === "object" && inner !== null
      ? unreadOf(inner as JsonObject, `${name}.`)
      : [];
  });
}

/** `invalid <request> payload: <what is wrong>`, the sentence clients of this protocol know. */
export function invalidBody(request: string, what: string): Mq9Error {
  return new Mq9Error("invalid", `invalid ${request} payload: ${what}`);
}

/** The field's value; undefined when it is absent or null, which mean the same everywhere. */
export function field(body: JsonObject, name: string): unknown {
  asked.get(body)?.add(name);
  return Object.hasOwn(body, name) ? (body[name] ?? undefined) : undefined;
}

/** The field is there and says `null`, as encoders do that write every field they know. */
export function isExplicitNull(body: JsonObject, name: string): boolean {
  return Object.hasOwn(body, name) && body[name] === null;
}

/** @throws {Mq9Error} `invalid` when the field is given and is not text */
export function textField(body: JsonObject, name: string, request: string): string | undefined {
  const value = field(body, name);
  if (value === undefined || typeof value === "string") return value;
  throw invalidBody(request, `${name} must be a text`);
}

/** False when absent. @throws {Mq9Error} `invalid` when the field is given and is not a boolean */
export function flagField(body: JsonObject, name: string, request: string): boolean {
  const value = field(body, name);
  if (value === undefined) return false;
  if (typeof value === "boolean") return value;
  throw invalidBody(request, `${name} must be true or false`);
}

/**
 * How many rows a reply may hold. Absent and 0 mean the default; more than `most` is cut down to it.
 * @throws {Mq9Error} `invalid` unless it is a whole number from 0
 */
export function limitField(
  body: JsonObject,
  most: number,
  request: string,
  byDefault: number = most,
): number {
  const value = field(body, "limit");
  if (value === undefined) return byDefault;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0) {
    throw invalidBody(request, "limit must be a whole number from 0");
  }
  return value === 0 ? byDefault : Math.min(value, most);
}

/**
 * A whole number; undefined when absent.
 * @throws {Mq9Error} `invalid` when it is none or below `least`, or above `most`
 */
export function wholeField(
  body: JsonObject,
  name: string,
  request: string,
  least = 0,
  most: number = Number.MAX_SAFE_INTEGER,
): number | undefined {
  const value = field(body, name);
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) {
    return value + 0; // -0 becomes 0
  }
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
  throw invalidBody(request, `${name} must be a whole number ${range}`);
}

/**
 * An instant in milliseconds from a time in seconds, or in milliseconds where it would be far in the
 * future as seconds; undefined when absent or 0, which published clients send for "not set".
 * @throws {Mq9Error} `invalid` when it is no such number
 */
export function instantField(body: JsonObject, name: string, request: string): number | undefined {
  const value = field(body, name);
  if (value === undefined || value === 0) return undefined;
  if (typeof value !== "number" || value < 0 || value > Number.MAX_SAFE_INTEGER) {
    throw invalidBody(request, `${name} must be a time in seconds since 1970`);
  }
  return Math.floor(value > secondsMax ? value : value * 1000);
}

/** Above it a time is meant in milliseconds: as seconds it would be after the year 5000. */
const secondsMax = 1e11;

/** Compact JSON as UTF-8. */
export function encodeJson(value: object): Uint8Array {
  return encodeText(JSON.stringify(value));
}

function parse(text: string, request: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    // The engine's own sentence quotes the input and differs between versions: it stays inside.
    throw new Mq9Error("invalid", invalidBody(request, "the body is not JSON").message, { cause });
  }
}
