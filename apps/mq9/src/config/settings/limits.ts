// What one client, and all together, may ask for. Rows of the one table of settings.
import { defaultOptions } from "@mq9/broker";
import { bytes, count, milliseconds } from "../kinds.ts";
import type { SettingTable } from "./setting.ts";

const { limits, mailbox } = defaultOptions;

export interface LimitSettings {
  readonly maxPayload: number;
  readonly maxControlLine: number;
  readonly maxPending: number;
  readonly maxPendingTotal: number;
  readonly maxPartialTotal: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly connectRate: number;
  readonly connectTimeout: number;
  readonly authTimeout: number;
  readonly maxSubscriptionTokens: number;
  readonly maxSubscriptions: number;
  readonly maxWaitingFetches: number;
  readonly maxMisses: number;
  readonly maxMissesPerAddress: number;
  readonly maxHops: number;
  readonly maxClosedClients: number;
  readonly pingInterval: number;
  readonly pingMax: number;
  readonly writeDeadline: number;
}

export const limitSettings: SettingTable<LimitSettings> = {
  maxPayload: {
    kind: bytes,
    fallback: limits.maxPayloadBytes,
    group: "Limits:",
    help: "largest message, headers included",
    option: "limits.maxPayloadBytes",
  },
  maxControlLine: {
    kind: bytes,
    fallback: limits.maxControlLineBytes,
    group: "Limits:",
    help: "longest protocol line",
    option: "limits.maxControlLineBytes",
  },
  maxPending: {
    kind: bytes,
    fallback: limits.maxPendingBytes,
    group: "Limits:",
    help: "unread output that ends a connection",
    option: "limits.maxPendingBytes",
  },
  maxPendingTotal: {
    kind: bytes,
    fallback: limits.maxPendingTotalBytes,
    group: "Limits:",
    help: "memory for unread output of all clients; 0 = a quarter of what there is, at most 1GiB",
    option: "limits.maxPendingTotalBytes",
  },
  maxPartialTotal: {
    kind: bytes,
    fallback: limits.maxPartialTotalBytes,
    group: "Limits:",
    help: "memory for messages not yet whole; 0 = an eighth of what there is, at most 512MiB",
    option: "limits.maxPartialTotalBytes",
  },
  maxConnections: {
    kind: count,
    fallback: limits.maxConnections,
    group: "Limits:",
    help: "client connections",
    option: "limits.maxConnections",
  },
  maxConnectionsPerAddress: {
    kind: count,
    fallback: limits.maxConnectionsPerAddress,
    group: "Limits:",
    help: "client connections of one address; 0 = no limit",
    option: "limits.maxConnectionsPerAddress",
  },
  connectRate: {
    kind: count,
    fallback: limits.connectRatePerAddress,
    group: "Limits:",
    help: "connections a second of one address that never get past CONNECT; 0 = no limit",
    option: "limits.connectRatePerAddress",
  },
  connectTimeout: {
    kind: milliseconds,
    fallback: limits.connectTimeoutMs,
    group: "Limits:",
    help: "time for CONNECT even without authentication; 0 = no limit",
    option: "limits.connectTimeoutMs",
  },
  authTimeout: {
    kind: milliseconds,
    fallback: limits.authTimeoutMs,
    group: "Limits:",
    help: "time for CONNECT when users are configured",
    option: "limits.authTimeoutMs",
  },
  maxSubscriptionTokens: {
    kind: count,
    fallback: limits.maxSubscriptionTokens,
    group: "Limits:",
    help: "tokens in the subject of a subscription; 0 = no limit",
    option: "limits.maxSubscriptionTokens",
  },
  maxSubscriptions: {
    kind: count,
    fallback: limits.maxSubscriptionsPerConnection,
    group: "Limits:",
    help: "subscriptions of one client; 0 = no limit",
    option: "limits.maxSubscriptionsPerConnection",
  },
  maxWaitingFetches: {
    kind: count,
    fallback: limits.maxWaitingFetchesPerConnection,
    group: "Limits:",
    help: "FETCHes of one client that wait for mail",
    option: "limits.maxWaitingFetchesPerConnection",
  },
  maxMisses: {
    kind: count,
    fallback: limits.maxMissesPerUser,
    group: "Limits:",
    help: "mailboxes a user may name in vain, then one a second; 0 = no limit",
    option: "limits.maxMissesPerUser",
  },
  maxMissesPerAddress: {
    kind: count,
    fallback: limits.maxMissesPerAddress,
    group: "Limits:",
    help: "the same a minute for all users of one address; 0 = no limit",
    option: "limits.maxMissesPerAddress",
  },
  maxHops: {
    kind: count,
    fallback: mailbox.hopsMax,
    group: "Limits:",
    help: "messages that cause each other before the next is refused; 0 = no limit",
    option: "mailbox.hopsMax",
  },
  maxClosedClients: {
    kind: count,
    fallback: limits.maxClosedConnections,
    group: "Limits:",
    help: "ended connections that monitoring still knows; 0 = none",
    option: "limits.maxClosedConnections",
  },
  pingInterval: {
    kind: milliseconds,
    fallback: limits.pingIntervalMs,
    group: "Limits:",
    help: "silence before a client is pinged",
    option: "limits.pingIntervalMs",
  },
  pingMax: {
    kind: count,
    fallback: limits.pingMax,
    group: "Limits:",
    help: "unanswered pings before it counts as gone",
    option: "limits.pingMax",
  },
  writeDeadline: {
    kind: milliseconds,
    fallback: limits.writeDeadlineMs,
    group: "Limits:",
    help: "time one write to a client may take",
    option: "limits.writeDeadlineMs",
  },
};
