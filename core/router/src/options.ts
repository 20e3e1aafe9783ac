// Options of the router, with every default in one table. Every queue, wait and count in the router
// is bounded by one of these.

import { totalmem } from "node:os";
import { defaultWireLimits, type WireLimits } from "@mq9/wire";
import { checkTlsOptions, type TlsOptions } from "./listeners/tls-options.ts";
import { checkWebSocketOptions, type WebSocketOptions } from "./listeners/websocket.ts";

/** What can be chosen. All sizes in bytes, all times in milliseconds. */
export interface RouterOptions {
  /** Address to listen on. */
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  /** Encryption of that port; undefined = in clear. */
  readonly tls?: TlsOptions | undefined;
  /** A listener for WebSocket clients; undefined = none. */
  readonly websocket?: WebSocketOptions | undefined;
  /** "" = the server id. */
  readonly serverName: string;
  /** NATS version that INFO reports; clients derive features from it. */
  readonly version: string;
  /** Our own version, in the INFO field `mq9`; "" leaves it out. */
  readonly productVersion: string;
  readonly maxConnections: number;
  /** Per connection; 0 = no limit. */
  readonly maxSubscriptions: number;
  readonly maxPayloadBytes: number;
  readonly maxControlLineBytes: number;
  /** Output that waits for one connection. Beyond it the connection is a slow consumer and closed. */
  readonly maxPendingBytes: number;
  /**
   * Memory that the output of all connections together may hold. At it those with the most pending
   * are closed. 0 = a quarter of the memory there is, at most 1 GiB.
   */
  readonly maxPendingTotalBytes: number;
  /** Output of a connection above which owners of spaces are told to wait, */
  readonly highWaterBytes: number;
  /** and below which they may go on. */
  readonly lowWaterBytes: number;
  /** A write that takes longer ends the connection. */
  readonly writeDeadlineMs: number;
  readonly pingIntervalMs: number;
  /** Unanswered pings before a connection is stale. */
  readonly pingMax: number;
  /** First ping after CONNECT; at most `pingIntervalMs`. */
  readonly firstPingMs: number;
  /** CONNECT has to come within this time when authentication is required. */
  readonly authTimeoutMs: number;
  /** A line or payload begun must end within this time; 0 = no limit. */
  readonly partialTimeoutMs: number;
  /** CONNECT has to come within this time even when nobody has to say who they are; 0 = no limit. */
  readonly connectTimeoutMs: number;
  /**
   * Memory that operations not whole yet may hold, of all connections together. Beyond it those that
   * are unfinished for longest are closed, before CONNECT first. 0 = an eighth of the memory there
   * is, at most 512 MiB.
   */
  readonly maxPartialTotalBytes: number;
  /** Connections of one address, an IPv6 network of 64 bits counting as one; 0 = no limit. */
  readonly maxConnectionsPerAddress: number;
  /** New connections per second of one address that do not get past CONNECT; 0 = no limit. */
  readonly connectRatePerAddress: number;
  /** Tokens of the subject of a subscription; 0 = no limit. */
  readonly maxSubscriptionTokens: number;
  /** Malformed header blocks end the publisher's connection; false passes them on unread. */
  readonly strictHeaders: boolean;
  /** Longest a producer is held for a crowded reader, per read. */
  readonly stallMs: number;
}

/** The options that can change while a router runs. */
export type RouterLimits = Pick<
  RouterOptions,
  | "maxConnections"
  | "maxConnectionsPerAddress"
  | "connectRatePerAddress"
  | "connectTimeoutMs"
  | "maxSubscriptions"
  | "maxSubscriptionTokens"
  | "maxPayloadBytes"
  | "maxPendingTotalBytes"
  | "maxPartialTotalBytes"
  | "maxControlLineBytes"
  | "maxPendingBytes"
  | "writeDeadlineMs"
  | "pingIntervalMs"
  | "pingMax"
  | "authTimeoutMs"
>;

/** The defaults; those a stock server has too are the same there. */
export const defaultRouterOptions: RouterOptions = Object.freeze({
  host: "0.0.0.0",
  port: 4_222,
  serverName: "",
  version: "2.10.27",
  productVersion: "",
  maxConnections: 65_536,
  maxSubscriptions: 0,
  maxPayloadBytes: defaultWireLimits.payloadBytesMax,
  maxControlLineBytes: defaultWireLimits.controlLineBytesMax,
  maxPendingBytes: 67_108_864,
  maxPendingTotalBytes: 0,
  highWaterBytes: 1_048_576, // enough to keep a fast reader busy, little enough for thousands of slow ones
  lowWaterBytes: 262_144,
  writeDeadlineMs: 10_000,
  pingIntervalMs: 120_000,
  pingMax: 2,
  firstPingMs: 120_000, // a stock server measures the round trip after 2 s; nothing here needs it
  authTimeoutMs: 2_000,
  partialTimeoutMs: 10_000, // a peer that drips bytes holds a connection, never more
  connectTimeoutMs: 0, // as a stock server: a person with a terminal needs no CONNECT
  maxPartialTotalBytes: 0,
  maxConnectionsPerAddress: 0, // many agents may share an address
  connectRatePerAddress: 0,
  maxSubscriptionTokens: 0,
  strictHeaders: true,
  stallMs: 10,
});

/**
 * Fills in the defaults.
 * @throws {RangeError} when a number is not whole or not in its range, or limits contradict
 */
export function resolveRouterOptions(chosen: Partial<RouterOptions>): RouterOptions {
  const pendingBytesMax = chosen.maxPendingBytes ?? defaultRouterOptions.maxPendingBytes;
  // Owners have to be told to wait well before the connection counts as a slow consumer.
  const highWaterBytes = Math.min(defaultRouterOptions.highWaterBytes, pendingBytesMax >> 2);
  const lowWaterBytes = Math.min(defaultRouterOptions.lowWaterBytes, highWaterBytes);
  const marks = { highWaterBytes, lowWaterBytes };
  const options: RouterOptions = {
    ...defaultRouterOptions,
    ...marks,
    ...chosen,
    maxPendingTotalBytes: chosen.maxPendingTotalBytes || partOfMemory(4, 1_073_741_824),
    maxPartialTotalBytes: chosen.maxPartialTotalBytes || partOfMemory(8, 536_870_912),
  };
  for (const [name, value] of Object.entries(options)) {
    if (typeof value === "number" && !(Number.isSafeInteger(value) && value >= 0)) {
      throw new RangeError(`${name} must be a whole number of at least 0, not ${value}`);
    }
  }
  if (options.port > 65_535) throw new RangeError(`port must be at most 65535`);
  checkListeners(options);
  if (options.maxPayloadBytes > options.maxPendingBytes) {
    throw new RangeError("maxPayloadBytes must not exceed maxPendingBytes");
  }
  if (options.lowWaterBytes > options.highWaterBytes) {
    throw new RangeError("lowWaterBytes must not exceed highWaterBytes");
  }
  if (options.pingIntervalMs === 0) throw new RangeError("pingIntervalMs must be at least 1");
  return Object.freeze(options);
}

/** A part of what this process may have, up to a maximum. */
function partOfMemory(part: number, bytesMax: number): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  const total = totalmem();
  const available = constrained > 0 && constrained < total ? constrained : total;
  return Math.min(bytesMax, Math.floor(available / part));
}

function checkListeners({ host, port, tls, websocket }: RouterOptions): void {
  if (tls !== undefined) checkTlsOptions(tls);
  if (websocket === undefined) return;
  checkWebSocketOptions(websocket);
  if (websocket.tls !== undefined) checkTlsOptions(websocket.tls);
  if (port !== 0 && port === websocket.port && host === websocket.host) {
    throw new RangeError(`port ${port} can not serve both NATS and WebSocket clients`);
  }
}

/** The part of the options that a parser enforces. */
export function wireLimits(options: RouterOptions): WireLimits {
  return {
    controlLineBytesMax: options.maxControlLineBytes,
    payloadBytesMax: options.maxPayloadBytes,
  };
}
