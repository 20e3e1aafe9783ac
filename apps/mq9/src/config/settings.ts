// The one table of what can be set. Flags, environment names, keys of the configuration file, help
// and --print-config all come from it: `maxPayload` is --max-payload, MQ9_MAX_PAYLOAD, max_payload.
import { type BrokerOptionsInput, defaultOptions } from "@mq9/broker";
import {
  bytes,
  choice,
  count,
  flag,
  host,
  type Kind,
  milliseconds,
  offOr,
  orAuto,
  path,
  port,
  seconds,
  secret,
  text,
} from "./kinds.ts";

/** The value of every setting of `mq9 serve`. */
export interface Settings {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly insecure: boolean;
  readonly tap: boolean | "auto";
  readonly user: string;
  readonly pass: string;
  readonly auth: string;
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly tlsCaCert: string;
  readonly tlsVerify: boolean;
  readonly sharedInboxes: boolean;
  readonly httpPort: number | "off";
  readonly httpHost: string;
  readonly httpBasePath: string;
  readonly metricsPort: number | "off";
  readonly data: string;
  readonly diskSoftMark: number | "auto";
  readonly diskHardMark: number;
  readonly diskReserve: number;
  readonly ttl: number;
  readonly namedTtl: number;
  readonly notifyTtl: number;
  readonly idempotentCreate: boolean;
  readonly payloads: "auto" | "base64" | "utf8";
  readonly latestShowsNewest: boolean;
  readonly activeMailboxes: number;
  readonly maxMessagesPerMailbox: number;
  readonly maxBytesPerMailbox: number;
  readonly maxMailboxes: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly dedupWindow: number;
  readonly maxAgents: number;
  readonly staleAfter: number;
  readonly goneAfter: number;
  readonly embeddingsUrl: string;
  readonly embeddingsModel: string;
  readonly embeddingsKeyFile: string;
  readonly embeddingsTimeout: number;
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
  readonly stopGrace: number;
  readonly stopSpread: number;
  readonly stopDeadline: number;
  readonly lameDuckDuration: number;
  readonly lameDuckGracePeriod: number;
  readonly pidFile: string;
  readonly portsFileDir: string;
  readonly audit: string;
  readonly logFormat: "pretty" | "json" | "nats" | "auto";
  readonly logLevel: LogLevel;
  readonly logFile: string;
  readonly logTime: boolean;
  readonly trace: boolean;
  readonly maxTracedMsgLen: number;
}

export type SettingName = keyof Settings;
export type LogLevel = "debug" | "info" | "warn" | "error";

export interface Setting<T> {
  readonly kind: Kind<T>;
  readonly fallback: T;
  /** Heading it stands under in help. */
  readonly group: string;
  readonly help: string;
  /** One-letter flag. */
  readonly short?: string;
  /** Further spellings of its flag, without being shown: those of nats-server. */
  readonly aliases?: readonly string[];
  /** Never printed and never logged. */
  readonly secret?: boolean;
  /** Where its value goes in the broker's options; undefined = it is the executable's own. */
  readonly option?: string;
}

const { limits, mailbox, registry, disk, shutdown } = defaultOptions;

const network = {
  host: {
    kind: host,
    fallback: defaultOptions.host,
    group: "Network:",
    help: "address to listen on",
    short: "-a",
    aliases: ["--addr", "--net"],
    option: "host",
  },
  port: {
    kind: port,
    fallback: defaultOptions.port,
    group: "Network:",
    help: "TCP port; 0 or -1 takes any free one",
    short: "-p",
    option: "port",
  },
  name: {
    kind: text,
    fallback: defaultOptions.serverName,
    group: "Network:",
    help: "name that clients are told [the server's id]",
    short: "-n",
    aliases: ["--server_name"],
    option: "serverName",
  },
  insecure: {
    kind: flag,
    fallback: defaultOptions.insecure,
    group: "Network:",
    help: "allow an address that other machines reach, although nobody has to say who they are",
    option: "insecure",
  },
  tap: {
    kind: orAuto(flag),
    fallback: "auto",
    group: "Network:",
    help: "let clients watch all mail pass ($mq9.AI.#); --no-tap forbids it [only while --host is this machine]",
    option: "tap",
  },
} satisfies Partial<SettingTable>;

const access = {
  user: {
    kind: text,
    fallback: "",
    group: "Access:",
    help: "user that clients have to be; needs --pass [none]",
  },
  pass: {
    kind: secret,
    fallback: "",
    group: "Access:",
    help: "that user's password, plain or as mq9 passwd prints it [none]",
    secret: true,
  },
  auth: {
    kind: secret,
    fallback: "",
    group: "Access:",
    help: "token that clients have to show [none]",
    secret: true,
  },
  tlsCert: {
    kind: path,
    fallback: "",
    group: "Access:",
    help: "certificate of this broker (PEM); turns TLS on [none]",
    aliases: ["--tlscert"],
  },
  tlsKey: {
    kind: path,
    fallback: "",
    group: "Access:",
    help: "its private key (PEM) [none]",
    aliases: ["--tlskey"],
  },
  tlsCaCert: {
    kind: path,
    fallback: "",
    group: "Access:",
    help: "certificates that clients' certificates are checked against [none]",
    aliases: ["--tlscacert"],
  },
  tlsVerify: {
    kind: flag,
    fallback: false,
    group: "Access:",
    help: "clients have to show a certificate",
    aliases: ["--tlsverify"],
  },
  sharedInboxes: {
    kind: flag,
    fallback: false,
    group: "Access:",
    help: "users may subscribe to _INBOX.> and hear what others are answered",
  },
} satisfies Partial<SettingTable>;

const monitoring = {
  httpPort: {
    kind: offOr(port),
    fallback: "off",
    group: "Monitoring:",
    help: "port of /varz, /connz, /healthz and so on; 8222 is usual",
    short: "-m",
    aliases: ["--http_port"],
  },
  httpHost: {
    kind: host,
    fallback: "",
    group: "Monitoring:",
    help: "address that monitoring and metrics listen on [as --host]",
  },
  httpBasePath: {
    kind: text,
    fallback: "",
    group: "Monitoring:",
    help: "path in front of them [none]",
  },
  metricsPort: {
    kind: offOr(port),
    fallback: "off",
    group: "Monitoring:",
    help: "port of /metrics for Prometheus; 9090 is usual",
  },
  audit: {
    kind: path,
    fallback: "",
    group: "Monitoring:",
    help: "file to which who did what is appended, as JSON lines [none]",
  },
} satisfies Partial<SettingTable>;

const files = {
  pidFile: {
    kind: path,
    fallback: "",
    group: "Files for whoever starts it:",
    help: "file that holds the process id while it runs [none]",
    short: "-P",
    aliases: ["--pid"],
  },
  portsFileDir: {
    kind: path,
    fallback: "",
    group: "Files for whoever starts it:",
    help: "folder for a file that tells the ports in use [none]",
    aliases: ["--ports_file_dir"],
  },
} satisfies Partial<SettingTable>;

const storage = {
  data: {
    kind: path,
    fallback: "./mq9-data",
    group: "Storage:",
    help: "data folder, made when missing",
    aliases: ["-sd", "--store_dir"],
  },
  diskSoftMark: {
    kind: orAuto(bytes),
    fallback: "auto",
    group: "Storage:",
    help: "refuse new mail below this free space; auto = a tenth of the disk, 1GiB to 10GiB",
    option: "disk.softMarkBytes",
  },
  diskHardMark: {
    kind: bytes,
    fallback: disk.hardMarkBytes,
    group: "Storage:",
    help: "below this only removal and expiry write",
    option: "disk.hardMarkBytes",
  },
  diskReserve: {
    kind: bytes,
    fallback: disk.reserveBytes,
    group: "Storage:",
    help: "space set aside, given up at the hard mark",
    option: "disk.reserveBytes",
  },
} satisfies Partial<SettingTable>;

const mailboxes = {
  ttl: {
    kind: seconds,
    fallback: mailbox.defaultTtlSeconds,
    group: "Mailboxes:",
    help: "life of mailboxes created without ttl; 0 = no end",
    option: "mailbox.defaultTtlSeconds",
  },
  namedTtl: {
    kind: seconds,
    fallback: mailbox.namedTtlSeconds,
    group: "Mailboxes:",
    help: "the same if it has a name and is not public",
    option: "mailbox.namedTtlSeconds",
  },
  notifyTtl: {
    kind: seconds,
    fallback: mailbox.notifyTtlSeconds,
    group: "Mailboxes:",
    help: "life of a notify message; 0 = as its mailbox",
    option: "mailbox.notifyTtlSeconds",
  },
  idempotentCreate: {
    kind: flag,
    fallback: mailbox.idempotentCreate,
    group: "Mailboxes:",
    help: "creating a taken name hands out the mailbox there is, for every client",
    option: "mailbox.idempotentCreate",
  },
  payloads: {
    kind: choice("auto", "base64", "utf8"),
    fallback: mailbox.payloads,
    group: "Mailboxes:",
    help: "how FETCH and QUERY show payloads; auto = as the client reads them",
    option: "mailbox.payloads",
  },
  latestShowsNewest: {
    kind: flag,
    fallback: mailbox.latestShowsNewest,
    group: "Mailboxes:",
    help: "a FETCH that writes every field starts latest at the newest message",
    option: "mailbox.latestShowsNewest",
  },
  activeMailboxes: {
    kind: count,
    fallback: mailbox.activeMailboxesMax,
    group: "Mailboxes:",
    help: "mailboxes kept in memory between uses",
    option: "mailbox.activeMailboxesMax",
  },
  maxMessagesPerMailbox: {
    kind: count,
    fallback: mailbox.messagesPerMailboxMax,
    group: "Mailboxes:",
    help: "messages of one mailbox; 0 = no limit",
    option: "mailbox.messagesPerMailboxMax",
  },
  maxBytesPerMailbox: {
    kind: bytes,
    fallback: mailbox.bytesPerMailboxMax,
    group: "Mailboxes:",
    help: "their bytes; 0 = no limit",
    option: "mailbox.bytesPerMailboxMax",
  },
  maxMailboxes: {
    kind: count,
    fallback: mailbox.mailboxesPerAccountMax,
    group: "Mailboxes:",
    help: "mailboxes of one account; 0 = no limit",
    option: "mailbox.mailboxesPerAccountMax",
  },
  maxMessages: {
    kind: count,
    fallback: mailbox.messagesPerAccountMax,
    group: "Mailboxes:",
    help: "messages of one account; 0 = no limit",
    option: "mailbox.messagesPerAccountMax",
  },
  maxBytes: {
    kind: bytes,
    fallback: mailbox.bytesPerAccountMax,
    group: "Mailboxes:",
    help: "their bytes; 0 = no limit",
    option: "mailbox.bytesPerAccountMax",
  },
  dedupWindow: {
    kind: milliseconds,
    fallback: mailbox.dedupWindowMs,
    group: "Mailboxes:",
    help: "time in which a repeat of a send stores nothing",
    option: "mailbox.dedupWindowMs",
  },
} satisfies Partial<SettingTable>;

const agents = {
  maxAgents: {
    kind: count,
    fallback: registry.agentsMax,
    group: "Registered agents:",
    help: "agents of one account",
    option: "registry.agentsMax",
  },
  staleAfter: {
    kind: milliseconds,
    fallback: registry.staleAfterMs,
    group: "Registered agents:",
    help: "silence after which an agent that reported once is stale",
    option: "registry.staleAfterMs",
  },
  goneAfter: {
    kind: milliseconds,
    fallback: registry.goneAfterMs,
    group: "Registered agents:",
    help: "silence after which it is gone and no longer found",
    option: "registry.goneAfterMs",
  },
  embeddingsUrl: {
    kind: text,
    fallback: registry.embeddingsUrl,
    group: "Registered agents:",
    help: "base of an OpenAI-compatible API, to find agents by meaning [words alone]",
    option: "registry.embeddingsUrl",
  },
  embeddingsModel: {
    kind: text,
    fallback: registry.embeddingsModel,
    group: "Registered agents:",
    help: "model asked for there",
    option: "registry.embeddingsModel",
  },
  embeddingsKeyFile: {
    kind: path,
    fallback: "",
    group: "Registered agents:",
    help: "file with its key; MQ9_EMBEDDINGS_KEY holds the key itself [none]",
  },
  embeddingsTimeout: {
    kind: milliseconds,
    fallback: registry.embeddingsTimeoutMs,
    group: "Registered agents:",
    help: "time a search waits for it",
    option: "registry.embeddingsTimeoutMs",
  },
} satisfies Partial<SettingTable>;

const clientLimits = {
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
} satisfies Partial<SettingTable>;

const stopping = {
  stopGrace: {
    kind: milliseconds,
    fallback: shutdown.graceMs,
    group: "Stopping:",
    help: "time clients get to leave by themselves",
    option: "shutdown.graceMs",
  },
  stopSpread: {
    kind: milliseconds,
    fallback: shutdown.spreadMs,
    group: "Stopping:",
    help: "time over which the others are disconnected",
    option: "shutdown.spreadMs",
  },
  stopDeadline: {
    kind: milliseconds,
    fallback: shutdown.deadlineMs,
    group: "Stopping:",
    help: "time after which a stop is given up, exit code 75",
    option: "shutdown.deadlineMs",
  },
  lameDuckGracePeriod: {
    kind: milliseconds,
    fallback: 10_000,
    group: "Stopping:",
    help: "as --stop-grace, when stopped by SIGUSR2",
  },
  lameDuckDuration: {
    kind: milliseconds,
    fallback: 120_000,
    group: "Stopping:",
    help: "time that such a stop takes as long as clients stay",
  },
} satisfies Partial<SettingTable>;

const logging = {
  logFormat: {
    kind: choice("pretty", "json", "nats", "auto"),
    fallback: "auto",
    group: "Log, on standard error:",
    help: "pretty, json, nats (as nats-server writes it), or auto = pretty on a terminal",
  },
  logLevel: {
    kind: choice("debug", "info", "warn", "error"),
    fallback: "info",
    group: "Log, on standard error:",
    help: "debug, info, warn or error",
  },
  logFile: {
    kind: path,
    fallback: "",
    group: "Log, on standard error:",
    help: "file to append it to instead [none]",
    short: "-l",
    aliases: ["--log"],
  },
  logTime: {
    kind: flag,
    fallback: true,
    group: "Log, on standard error:",
    help: "with nats: begin each line with the time",
    short: "-T",
    aliases: ["--logtime"],
  },
  trace: {
    kind: flag,
    fallback: false,
    group: "Log, on standard error:",
    help: "write every protocol line; passwords are left out, payloads are not",
  },
  maxTracedMsgLen: {
    kind: bytes,
    fallback: 0,
    group: "Log, on standard error:",
    help: "so much of a traced payload is shown; 0 = all",
    aliases: ["--max_traced_msg_len"],
  },
} satisfies Partial<SettingTable>;

type SettingTable = { readonly [K in SettingName]: Setting<Settings[K]> };

/** Every setting, in the order of help. */
export const settingTable: SettingTable = {
  ...network,
  ...access,
  ...monitoring,
  ...storage,
  ...mailboxes,
  ...agents,
  ...clientLimits,
  ...stopping,
  ...files,
  ...logging,
};

/** The names of all settings, in the order of help. */
export const settingNames: readonly SettingName[] = Object.keys(settingTable) as SettingName[];

/** A setting without its type, for code that treats all alike. */
export function settingOf(name: SettingName): Setting<unknown> {
  return settingTable[name] as unknown as Setting<unknown>;
}

/** `--max-payload` */
export function flagName(name: SettingName): string {
  return `--${dashed(name)}`;
}

/** `MQ9_MAX_PAYLOAD` */
export function environmentName(name: SettingName): string {
  return `MQ9_${dashed(name).replaceAll("-", "_").toUpperCase()}`;
}

/** `max_payload` */
export function fileKey(name: SettingName): string {
  return dashed(name).replaceAll("-", "_");
}

/** The broker's options as the settings have them, not yet checked. */
export function toBrokerOptions(settings: Settings): BrokerOptionsInput {
  const input: Record<string, unknown> = {};
  for (const name of settingNames) {
    const path = settingOf(name).option;
    const value = settings[name];
    if (path === undefined || value === "auto") continue;
    const [group = "", option] = path.split(".");
    if (option === undefined) {
      input[group] = value;
    } else {
      input[group] = { ...(input[group] as object | undefined), [option]: value };
    }
  }
  return input;
}

function dashed(name: SettingName): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
