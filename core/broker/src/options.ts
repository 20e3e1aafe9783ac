// Every option of a broker: what it means, and its default with unit and reason. What a person chose is
// completed in resolve-options.ts; nothing here knows flags, files or environment.
import type { AuthConfig } from "@mq9/auth";
import type { TlsOptions, WebSocketOptions } from "@mq9/router";
import { gibibyte, kibibyte, mebibyte } from "./units.ts";

/** Bounds of what one client may ask for. Every queue in the router is bounded by one of these. */
export interface LimitOptions {
  /** Bytes of headers and payload in one PUB or HPUB; announced as `max_payload`. 1 to 64 MiB. */
  readonly maxPayloadBytes: number;
  /** Bytes of one control line. 512 to 1 MiB. */
  readonly maxControlLineBytes: number;
  /** Bytes waiting for a reader that does not read; above it the connection is closed. */
  readonly maxPendingBytes: number;
  /**
   * Memory that output waiting for all readers together may take; at it those with the most waiting
   * are closed. 0 = a quarter of the memory there is, at most 1 GiB.
   */
  readonly maxPendingTotalBytes: number;
  /**
   * Memory that operations of all connections may take that are not whole yet; above it those begun
   * first are closed. 0 = an eighth of the memory there is, at most 512 MiB.
   */
  readonly maxPartialTotalBytes: number;
  /** Client connections at one time. */
  readonly maxConnections: number;
  /** Of one IPv4 address or IPv6 network of 64 bits; 0 = no limit. */
  readonly maxConnectionsPerAddress: number;
  /** New connections per second of one address that do not get past CONNECT; 0 = no limit. */
  readonly connectRatePerAddress: number;
  /** Milliseconds until CONNECT has to come even when nobody has to say who they are; 0 = no limit. */
  readonly connectTimeoutMs: number;
  /** The same, once somebody has to. */
  readonly authTimeoutMs: number;
  /** Tokens in the subject of a subscription; 0 = no limit. */
  readonly maxSubscriptionTokens: number;
  /** Subscriptions of one connection; 0 = no limit. */
  readonly maxSubscriptionsPerConnection: number;
  /** FETCHes of one connection that wait for mail at one time. */
  readonly maxWaitingFetchesPerConnection: number;
  /**
   * Mailboxes that a configured user may name at once although they do not exist, or not for it; then
   * one a second, and others that it did not use before are not looked for. 0 = no limit.
   */
  readonly maxMissesPerUser: number;
  /** The same for all users of one IPv4 address or IPv6 network of 64 bits, in a minute. 0 = no limit. */
  readonly maxMissesPerAddress: number;
  /** Ended connections that monitoring still knows; 0 = none. */
  readonly maxClosedConnections: number;
  /** Silence on a connection, in milliseconds, before the broker sends PING. 100 or more. */
  readonly pingIntervalMs: number;
  /** PINGs without an answer before the connection counts as dead. */
  readonly pingMax: number;
  /** Milliseconds that one write to a socket may take before the reader counts as too slow. */
  readonly writeDeadlineMs: number;
}

/** Life times that requests leave out, and how many mailboxes stay in memory. */
export interface MailboxOptions {
  /** Seconds a mailbox lives when CREATE names neither a ttl nor (generation 2) a name; 0 = never ends. */
  readonly defaultTtlSeconds: number;
  /** Seconds a generation 2 mailbox with a name lives when CREATE names no ttl; 0 = never ends. */
  readonly namedTtlSeconds: number;
  /** Seconds a message of priority `notify` lives; 0 = as long as its mailbox. */
  readonly notifyTtlSeconds: number;
  /** CREATE of a taken name succeeds in generation 2 too, as if it said `idempotent:true`. */
  readonly idempotentCreate: boolean;
  /** How FETCH and QUERY show payloads: `auto` = as the asking client reads them. */
  readonly payloads: "auto" | "base64" | "utf8";
  /** A FETCH in the shape of one published library's tests starts `latest` at the newest message. */
  readonly latestShowsNewest: boolean;
  /** Mailboxes whose state stays in memory between uses; one beyond it is read from disk again. */
  readonly activeMailboxesMax: number;
  /** Messages of one mailbox, delayed ones included; SEND is refused beyond it. 0 = no limit, as below. */
  readonly messagesPerMailboxMax: number;
  /** Bytes of headers and payload in one mailbox. */
  readonly bytesPerMailboxMax: number;
  /** Mailboxes of one account; CREATE is refused beyond it. */
  readonly mailboxesPerAccountMax: number;
  /** Messages of one account. */
  readonly messagesPerAccountMax: number;
  /** Bytes of headers and payload of one account. */
  readonly bytesPerAccountMax: number;
  /** How often one message may cause another, as long as clients tell so; SEND is refused beyond it. */
  readonly hopsMax: number;
  /** Milliseconds for which a repeat of a send under the same dedup id stores nothing. At most a day. */
  readonly dedupWindowMs: number;
}

/** Registered agents, and how they are found by meaning. */
export interface RegistryOptions {
  /** Registered agents of one account. */
  readonly agentsMax: number;
  /** Silence after which an agent that reported once is stale. */
  readonly staleAfterMs: number;
  /** Silence after which it is gone, and hidden unless asked for. Not below `staleAfterMs`. */
  readonly goneAfterMs: number;
  /** Base of an OpenAI-compatible API, for instance `http://127.0.0.1:11434/v1`; "" = words alone. */
  readonly embeddingsUrl: string;
  /** Model that the endpoint is asked for. */
  readonly embeddingsModel: string;
  /** Milliseconds a search waits for the endpoint before it goes by words alone. */
  readonly embeddingsTimeoutMs: number;
}

/** What happens as the disk fills. Work is refused, nothing accepted is ever evicted. */
export interface DiskOptions {
  /**
   * Free bytes below which SEND and CREATE are refused; reading, removing and expiry go on.
   * Undefined = 10 % of the disk, at least 1 GiB, at most 10 GiB. Not below the hard mark.
   */
  readonly softMarkBytes: number | undefined;
  /** Free bytes below which only removal and expiry still write, and the reserve is given up. */
  readonly hardMarkBytes: number;
  /** Bytes of a file kept only to be given up at the hard mark; 0 = none. */
  readonly reserveBytes: number;
}

/** How `stop()` takes leave of its clients. Without clients it does not wait at all. */
export interface ShutdownOptions {
  /** Milliseconds clients get to leave by themselves once they were told; new work is `draining`. */
  readonly graceMs: number;
  /** Milliseconds over which the connections that are left are closed, in random order. */
  readonly spreadMs: number;
  /** Milliseconds after which a stop that hangs is abandoned; equal to a crash, so nothing accepted is lost. */
  readonly deadlineMs: number;
}

/** All options of a broker, complete and checked. Made by `resolveOptions`, frozen throughout. */
export interface BrokerOptions {
  /** Address or host name to listen on. Other than loopback only with `insecure`, or users to let in. */
  readonly host: string;
  /** TCP port; 0 = any free one. */
  readonly port: number;
  /** Encryption of that port; undefined = in clear. */
  readonly tls: TlsOptions | undefined;
  /** A second port, for browsers; undefined = none. In clear beyond loopback only with `insecure`. */
  readonly websocket: WebSocketOptions | undefined;
  /** `server_name` in INFO, without spaces; "" = the server's own id. */
  readonly serverName: string;
  /** Who is let in; undefined = everybody, into one account. Its secrets are not shown when printed. */
  readonly auth: AuthConfig | undefined;
  /** Listen beyond this machine although everybody is let in. */
  readonly insecure: boolean;
  /** Subscriptions to `$mq9.AI.#` and `$mq9.AI.>` see every mailbox message as it passes. */
  readonly tap: boolean;
  readonly limits: LimitOptions;
  readonly mailbox: MailboxOptions;
  readonly registry: RegistryOptions;
  readonly disk: DiskOptions;
  readonly shutdown: ShutdownOptions;
}

/** Encryption with what may be left out. */
export type TlsOptionsInput = Pick<TlsOptions, "cert" | "key"> & {
  readonly [K in keyof TlsOptions]?: TlsOptions[K] | undefined;
};

/** A WebSocket listener with what may be left out; its default host is that of the NATS port. */
export type WebSocketOptionsInput = {
  readonly [K in Exclude<keyof WebSocketOptions, "tls">]?: WebSocketOptions[K] | undefined;
} & { readonly port: number; readonly tls?: TlsOptionsInput | undefined };

/** What a caller may leave out: everything. `undefined` means the default. */
export interface BrokerOptionsInput {
  readonly host?: string | undefined;
  /** -1 is taken as 0. */
  readonly port?: number | undefined;
  readonly tls?: TlsOptionsInput | undefined;
  readonly websocket?: WebSocketOptionsInput | undefined;
  readonly serverName?: string | undefined;
  readonly auth?: AuthConfig | undefined;
  readonly insecure?: boolean | undefined;
  /** Default: true while the broker listens on loopback only and knows no users. */
  readonly tap?: boolean | undefined;
  readonly limits?:
    | { readonly [K in keyof LimitOptions]?: LimitOptions[K] | undefined }
    | undefined;
  readonly mailbox?:
    | { readonly [K in keyof MailboxOptions]?: MailboxOptions[K] | undefined }
    | undefined;
  readonly registry?:
    | { readonly [K in keyof RegistryOptions]?: RegistryOptions[K] | undefined }
    | undefined;
  readonly disk?: { readonly [K in keyof DiskOptions]?: DiskOptions[K] | undefined } | undefined;
  readonly shutdown?:
    | { readonly [K in keyof ShutdownOptions]?: ShutdownOptions[K] | undefined }
    | undefined;
}

/** The one table of defaults. `tap` and the soft mark depend on where the broker runs. */
export const defaultOptions: Omit<BrokerOptions, "tap" | "tls" | "websocket" | "auth"> = {
  host: "127.0.0.1", // without authentication the address of a mailbox is its only credential
  port: 4222, // the port every NATS client tries first
  serverName: "",
  insecure: false,
  limits: {
    maxPayloadBytes: mebibyte, // same as nats-server, so stock clients need no change
    maxControlLineBytes: 4 * kibibyte, // same; the longest SUB or PUB line accepted
    maxPendingBytes: 64 * mebibyte, // same; a slower reader is disconnected, never waited for
    maxPendingTotalBytes: 0, // the router knows the memory there is
    maxPartialTotalBytes: 0,
    maxConnectionsPerAddress: 0, // many agents may share an address
    connectRatePerAddress: 0,
    connectTimeoutMs: 0, // same as nats-server: a person with a terminal needs no CONNECT
    authTimeoutMs: 2_000, // same as nats-server
    maxSubscriptionTokens: 64, // each costs memory and time in every match; real subjects have ten
    maxConnections: 65_536, // same; the operating system's file limit usually comes first
    maxSubscriptionsPerConnection: 10_000, // an agent needs a handful; stops a leaking client
    maxWaitingFetchesPerConnection: 64, // one per mailbox an agent reads; each is a timer
    maxMissesPerUser: 20, // an agent knows what it wants; whoever tries names does not
    maxMissesPerAddress: 200, // ten such users behind one address
    maxClosedConnections: 10_000, // same as nats-server; about 4 MB
    pingIntervalMs: 120_000, // same as nats-server: idle agents cost next to nothing
    pingMax: 2, // a dead peer is found after at most three intervals
    writeDeadlineMs: 10_000, // same as nats-server
  },
  mailbox: {
    defaultTtlSeconds: 86_400, // one day, what the published brokers and documents use
    namedTtlSeconds: 0, // documented: a named mailbox stays until it is removed
    idempotentCreate: false, // published: a taken name is an error
    payloads: "auto", // libraries read base64, people and documents text
    latestShowsNewest: false, // documents: latest is what comes after now
    notifyTtlSeconds: 300, // documents say "short-lived"; long enough to survive a reconnect
    activeMailboxesMax: 16_384, // about 1 KB each; reading one back takes well under a millisecond
    messagesPerMailboxMax: 100_000, // a mailbox nobody reads must not fill the disk
    bytesPerMailboxMax: 256 * mebibyte,
    mailboxesPerAccountMax: 100_000,
    messagesPerAccountMax: 5_000_000,
    bytesPerAccountMax: 10 * gibibyte,
    hopsMax: 16, // agents that answer each other without end stop here
    dedupWindowMs: 600_000, // ten minutes: longer than clients go on repeating
  },
  registry: {
    agentsMax: 10_000, // about 15 KB each in memory, its search index included
    staleAfterMs: 90_000, // published agents report every 30 s: three were missed
    goneAfterMs: 86_400_000, // a day: a laptop that slept over night is stale, not gone
    embeddingsUrl: "", // nothing leaves this machine unless somebody says so
    embeddingsModel: "text-embedding-3-small",
    embeddingsTimeoutMs: 2_000, // published clients wait 5 s for an answer
  },
  disk: {
    softMarkBytes: undefined, // see `diskMarks`
    hardMarkBytes: 256 * mebibyte, // compaction needs room to free room
    reserveBytes: 64 * mebibyte, // enough to write the removals that make space again
  },
  shutdown: {
    graceMs: 500, // on one machine there is nowhere to move to, so leave quickly
    spreadMs: 1_000, // enough that thousands of clients do not come back in the same instant
    deadlineMs: 60_000, // service managers kill after 90 s
  },
};
