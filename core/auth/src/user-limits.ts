// What the claims of a user, or the template of a scoped signing key, allow: subjects, times,
// addresses, kinds of connections, amounts.
import { BlockList, isIP } from "node:net";
import type { PermissionRules, SubjectRules } from "@mq9/router";
import { type JsonObject, numberOf, objectOf, textOf, textsOf, valueOf } from "./json.ts";

/** A span of the day. Times are `HH:MM:SS`. */
export interface DayTime {
  readonly start: string;
  readonly end: string;
}

/** Limits of one user. */
export interface UserLimits {
  /** Undefined: nothing is said of subjects. */
  readonly rules: PermissionRules | undefined;
  /** Undefined = no limit. */
  readonly subscriptions: number | undefined;
  readonly payloadBytes: number | undefined;
  /** Networks in CIDR form; none = from everywhere. */
  readonly sources: readonly string[];
  /** None = all day. */
  readonly times: readonly DayTime[];
  /** Name of a time zone; "" = UTC. */
  readonly timeZone: string;
  /** None = all. */
  readonly connectionTypes: readonly string[];
  /** Needs no signature. */
  readonly isBearer: boolean;
  /** Only a trusted proxy may bring it, of which there are none. */
  readonly needsProxy: boolean;
}

/** @param isFirstForm in which 0 meant no limit */
export function readLimits(claims: JsonObject | undefined, isFirstForm: boolean): UserLimits {
  const amount = (key: string): number | undefined => {
    const value = numberOf(claims, key);
    if (value === undefined || value < 0 || (isFirstForm && value === 0)) return undefined;
    return value;
  };
  return {
    rules: readRules(claims),
    subscriptions: amount("subs"),
    payloadBytes: amount("payload"),
    sources: textsOf(claims, "src")
      .flatMap((text) => text.split(","))
      .map((text) => text.trim())
      .filter((text) => text !== ""),
    times: readTimes(claims),
    timeZone: textOf(claims, "times_location"),
    connectionTypes: textsOf(claims, "allowed_connection_types").map((type) => type.toUpperCase()),
    isBearer: valueOf(claims, "bearer_token") === true,
    needsProxy: valueOf(claims, "proxy_required") === true,
  };
}

/** Whether claims say nothing at all of what a user may: those under a scoped key have to. */
export function saysNothing(claims: JsonObject): boolean {
  const limits = readLimits(claims, false);
  const amounts = ["subs", "data", "payload"];
  return (
    limits.rules === undefined &&
    !limits.isBearer &&
    limits.timeZone === "" &&
    limits.sources.length + limits.times.length + limits.connectionTypes.length === 0 &&
    amounts.every((key) => (numberOf(claims, key) ?? 0) === 0)
  );
}

/** Rules in the form of claims; undefined when there are none. */
export function readRules(claims: JsonObject | undefined): PermissionRules | undefined {
  const publish = readSubjects(objectOf(valueOf(claims, "pub")));
  const subscribe = readSubjects(objectOf(valueOf(claims, "sub")));
  const answers = objectOf(valueOf(claims, "resp"));
  if (publish === undefined && subscribe === undefined && answers === undefined) return undefined;
  return {
    ...(publish === undefined ? {} : { publish }),
    ...(subscribe === undefined ? {} : { subscribe }),
    ...(answers === undefined ? {} : { allowResponses: readAnswers(answers) }),
  };
}

/** In claims an empty list is none. */
function readSubjects(claims: JsonObject | undefined): SubjectRules | undefined {
  const allow = textsOf(claims, "allow");
  const deny = textsOf(claims, "deny");
  if (allow.length + deny.length === 0) return undefined;
  return { ...(allow.length > 0 ? { allow } : {}), ...(deny.length > 0 ? { deny } : {}) };
}

/** Nanoseconds become milliseconds; less than none is without end. */
function readAnswers(claims: JsonObject): { messagesMax: number; ttlMs: number } {
  const messagesMax = numberOf(claims, "max") ?? 0;
  const nanoseconds = numberOf(claims, "ttl") ?? 0;
  const ttlMs = nanoseconds === 0 ? 120_000 : Math.max(0, Math.ceil(nanoseconds / 1e6));
  return { messagesMax: messagesMax === 0 ? 1 : messagesMax, ttlMs };
}

/** What can not be read becomes a span in which nobody comes in. */
function readTimes(claims: JsonObject | undefined): readonly DayTime[] {
  const value = valueOf(claims, "times");
  if (!Array.isArray(value)) return [];
  return value.map((item) => ({
    start: textOf(objectOf(item), "start"),
    end: textOf(objectOf(item), "end"),
  }));
}

/** Whether an address is of one of the networks. @returns false for what is no network */
export function isFrom(sources: readonly string[], address: string): boolean {
  const plain = address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
  const family = isIP(plain) === 6 ? "ipv6" : "ipv4";
  return sources.some((source) => {
    const [network = "", bits = ""] = source.split("/");
    const kind = isIP(network);
    const most = kind === 6 ? 128 : 32;
    if (kind === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > most) return false;
    const list = new BlockList();
    list.addSubnet(network, Number(bits), kind === 6 ? "ipv6" : "ipv4");
    return list.check(plain, family);
  });
}

const daySeconds = 86_400;

/**
 * How long the time of day allows a connection that begins now.
 * @returns milliseconds; 0 = not now, Infinity = without end
 */
export function allowedForMs(times: readonly DayTime[], timeZone: string, nowMs: number): number {
  if (times.length === 0) return Number.POSITIVE_INFINITY;
  const now = secondOfDay(nowMs, timeZone);
  if (now === undefined) return 0;
  let longest = 0;
  for (const { start, end } of times) {
    const from = parseTime(start);
    const to = parseTime(end);
    if (from === undefined || to === undefined || from === to) continue;
    const left = (to - now + daySeconds) % daySeconds;
    const length = (to - from + daySeconds) % daySeconds;
    if (left > 0 && left <= length) longest = Math.max(longest, left);
  }
  return longest * 1000 - (longest > 0 ? nowMs % 1000 : 0);
}

function parseTime(text: string): number | undefined {
  const parts = /^(\d\d):(\d\d):(\d\d)$/.exec(text);
  if (parts === null) return undefined;
  const [hours, minutes, seconds] = parts.slice(1).map(Number) as [number, number, number];
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  return hours * 3600 + minutes * 60 + seconds;
}

function secondOfDay(nowMs: number, timeZone: string): number | undefined {
  try {
    const text = new Intl.DateTimeFormat("en-GB", {
      timeZone: timeZone === "" ? "UTC" : timeZone,
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    }).format(nowMs);
    return parseTime(text);
  } catch {
    return undefined; // no such zone
  }
}
