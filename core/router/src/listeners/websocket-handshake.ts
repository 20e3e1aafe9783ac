// Whether an HTTP request becomes a WebSocket, in the order of RFC 6455 4.2.1, and who sent it.
// Called by the WebSocket listener; pure.

import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { BlockList, isIP } from "node:net";
import type { CookieCredentials } from "./transport.ts";

/** A request, as far as it matters. */
export interface UpgradeRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Values of the headers that may come once, by name in lower case. */
  readonly distinct: Readonly<Record<string, readonly string[] | undefined>>;
  readonly encrypted: boolean;
}

/** Pages that may connect. Programs, which send no Origin, always may. */
export interface OriginRules {
  /** Pages of the very host and port they connect to. */
  readonly sameOrigin: boolean;
  /** Pages of these origins, for instance `https://example.org`; none = any. With `sameOrigin` both must hold. */
  readonly allowedOrigins: readonly string[];
  /** Pages that this machine served, while no rule above is given. A function is asked every time. */
  readonly localOrigins?: boolean | (() => boolean) | undefined;
}

/** Names of cookies that stand in for what CONNECT leaves out. */
export interface CookieNames {
  readonly jwt?: string | undefined;
  readonly user?: string | undefined;
  readonly pass?: string | undefined;
  readonly token?: string | undefined;
}

/** `accept` answers the key of the request; otherwise it is refused with a status and a few words. */
export type UpgradeVerdict =
  | { readonly accept: string }
  | { readonly accept?: undefined; readonly status: number; readonly words: string };

const keySuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Decides about a request. */
export function judgeUpgrade(request: UpgradeRequest, origins: OriginRules): UpgradeVerdict {
  const { method, headers, distinct, url } = request;
  if (/\/(mqtt|leafnode)(\?|$)/.test(url)) return refusal(404, "nothing answers at this path");
  if (method !== "GET") return refusal(405, "the method must be GET");
  const hosts = distinct["host"] ?? [];
  if (hosts.length !== 1 || hosts[0] === "") return refusal(400, "one Host is needed");
  if (!hasToken(headers["upgrade"], "websocket")) {
    return refusal(400, "this port speaks NATS over WebSocket: Upgrade is missing");
  }
  if (!hasToken(headers["connection"], "upgrade"))
    return refusal(400, "Connection must be Upgrade");
  const key = headers["sec-websocket-key"] ?? "";
  if (!/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(key)) return refusal(400, "no valid Sec-WebSocket-Key");
  if (!hasToken(headers["sec-websocket-version"], "13")) {
    return refusal(400, "Sec-WebSocket-Version must be 13");
  }
  if (!isAllowed(request, origins)) return refusal(403, "pages of this origin may not connect");
  return { accept: createHash("sha1").update(key).update(keySuffix).digest("base64") };
}

function refusal(status: number, words: string): UpgradeVerdict {
  return { status, words };
}

function hasToken(value: string | undefined, token: string): boolean {
  return (value ?? "").split(",").some((part) => part.trim().toLowerCase() === token);
}

function isAllowed(request: UpgradeRequest, rules: OriginRules): boolean {
  const { sameOrigin, allowedOrigins, localOrigins } = rules;
  const isLocal = typeof localOrigins === "function" ? localOrigins() : localOrigins === true;
  if (!sameOrigin && allowedOrigins.length === 0 && !isLocal) return true;
  const given = request.distinct["origin"] ?? request.distinct["sec-websocket-origin"] ?? [];
  if (given.length === 0) return true;
  const origin = given.length === 1 ? originOf(given[0] as string) : undefined;
  if (origin === undefined) return false;
  if (sameOrigin) {
    const scheme = request.encrypted ? "https" : "http";
    if (origin !== originOf(`${scheme}://${request.distinct["host"]?.[0]}`)) return false;
  }
  if (allowedOrigins.length !== 0) {
    return allowedOrigins.some((allowed) => allowed === "*" || originOf(allowed) === origin);
  }
  return sameOrigin || isLocalHost(new URL(origin).hostname);
}

/**
 * Scheme, host and port of an origin in one way to write them.
 * @returns undefined for what is no web origin
 */
export function originOf(text: string): string | undefined {
  try {
    const { protocol, origin } = new URL(text);
    return protocol === "http:" || protocol === "https:" ? origin : undefined;
  } catch {
    return undefined;
  }
}

function isLocalHost(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}

/**
 * Addresses that may say who is behind them.
 * @param addresses IP addresses and networks like `10.0.0.0/8`
 * @throws {RangeError} naming the one that is neither
 */
export function trustedProxies(addresses: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of addresses) {
    const [address = "", bits] = entry.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    try {
      if (isIP(address) === 0 || (bits !== undefined && !/^\d+$/.test(bits))) throw new Error();
      if (bits === undefined) list.addAddress(address, family);
      else list.addSubnet(address, Number(bits), family);
    } catch {
      throw new RangeError(`${entry} is no IP address or network`);
    }
  }
  return list;
}

/**
 * Who is at the far end: of a chain of trusted proxies, the last address that none of them has.
 * Anything further left was written by who can not be trusted.
 */
export function clientAddress(
  address: string,
  forwardedFor: string | readonly string[] | undefined,
  proxies: BlockList,
): string {
  const chain = [forwardedFor ?? []].flat().join(",").split(",");
  let client = address;
  while (isIn(proxies, client)) {
    const next = chain.pop()?.trim() ?? "";
    if (isIP(next) === 0) break;
    client = next;
  }
  return client;
}

function isIn(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 6 ? "ipv6" : "ipv4");
}

/** What the cookies of a request say in place of CONNECT. */
export function cookieCredentials(
  header: string | undefined,
  names: CookieNames | undefined,
): CookieCredentials | undefined {
  if (names === undefined || header === undefined) return undefined;
  const cookies = new Map<string, string>();
  for (const part of header.split(";")) {
    const equals = part.indexOf("=");
    const name = part.slice(0, equals).trim();
    if (equals > 0 && !cookies.has(name)) cookies.set(name, part.slice(equals + 1).trim());
  }
  const valueOf = (name: string | undefined): string | undefined =>
    name === undefined ? undefined : cookies.get(name)?.replace(/^"(.*)"$/, "$1");
  const { jwt, user, pass, token } = names;
  return { jwt: valueOf(jwt), user: valueOf(user), pass: valueOf(pass), token: valueOf(token) };
}
