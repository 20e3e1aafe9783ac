// What a configuration file means, whichever dialect it is written in: keys of nats-server and keys
// of mq9, as settings and as blocks. The one mapping there is; called by the file layer.
import type { AccountConfig, OperatorConfig } from "@mq9/auth";
import type { ConfigMap, ConfigNode } from "../nats-config/tree.ts";
import { type Authorization, checkAuth, readAccounts, readAuthorization } from "./authorization.ts";
import {
  Block,
  type Findings,
  fail,
  readBlock,
  readFlag,
  readHostPort,
  readText,
} from "./blocks.ts";
import { readTls, readWebSocket, type TlsSettings, type WebSocketSettings } from "./listeners.ts";
import { readOperator } from "./operator.ts";
import { fileKey, type SettingName, settingNames, settingOf } from "./settings.ts";

/** What only a file can say, because it is no single value. */
export interface FileBlocks {
  readonly authorization: Authorization | undefined;
  readonly accounts: readonly AccountConfig[] | undefined;
  readonly systemAccount: string | undefined;
  readonly noAuthUser: string | undefined;
  readonly operator: OperatorConfig | undefined;
  readonly tls: TlsSettings | undefined;
  readonly allowNonTls: boolean;
  readonly webSocket: WebSocketSettings | undefined;
}

/** Settings by name, and blocks. */
export interface FileContent {
  readonly values: Readonly<Partial<Record<SettingName, unknown>>>;
  readonly blocks: FileBlocks;
}

/** Keys of nats-server that say the same as one of our settings. */
const sameMeaning: Readonly<Record<string, SettingName>> = {
  port: "port",
  host: "host",
  net: "host",
  server_name: "name",
  http_base_path: "httpBasePath",
  trace: "trace",
  logtime: "logTime",
  logfile: "logFile",
  log_file: "logFile",
  pidfile: "pidFile",
  pid_file: "pidFile",
  ports_file_dir: "portsFileDir",
  max_control_line: "maxControlLine",
  max_payload: "maxPayload",
  max_sub_tokens: "maxSubscriptionTokens",
  max_subscription_tokens: "maxSubscriptionTokens",
  max_pending: "maxPending",
  max_traced_msg_len: "maxTracedMsgLen",
  ping_interval: "pingInterval",
  ping_max: "pingMax",
  write_deadline: "writeDeadline",
  lame_duck_duration: "lameDuckDuration",
  lame_duck_grace_period: "lameDuckGracePeriod",
};

const notHere: readonly (readonly [string, readonly string[]])[] = [
  [
    "mailboxes are always stored",
    [
      "jetstream",
      "jetstream_max_catchup",
      "jetstream_meta_compact",
      "jetstream_meta_compact_size",
      "jetstream_meta_compact_sync",
      "store_dir",
      "storedir",
      "default_js_domain",
    ],
  ],
  [
    "mq9 runs alone",
    [
      "cluster",
      "gateway",
      "leaf",
      "leafnodes",
      "client_advertise",
      "no_fast_producer_stall",
      "reconnect_error_reports",
      "connect_error_reports",
    ],
  ],
  ["mq9 does not speak MQTT", ["mqtt"]],
  ["subjects are not mapped", ["mappings", "maps"]],
  [
    "mq9 has no such thing",
    [
      "server_tags",
      "server_metadata",
      "feature_flags",
      "prof_port",
      "prof_block_rate",
      "disable_sublist_cache",
      "no_header_support",
      "logtime_utc",
      "logfile_size_limit",
      "log_size_limit",
      "logfile_max_num",
      "log_max_num",
      "syslog",
      "remote_syslog",
      "max_closed_clients",
      "ocsp",
      "ocsp_cache",
      "no_system_account",
      "no_system",
      "no_sys_acc",
      "default_sentinel",
      "resolver_tls",
      "resolver_pinned_accounts",
    ],
  ],
];

/** What "no limit" comes to. */
const connectionsUnlimited = 1_000_000;

/**
 * Maps a whole file.
 * @param flat our own settings may stand at the top, as in YAML; otherwise in a block `mq9` alone
 * @returns what could be read; whether that is all, the findings say
 */
export function mapServerFile(map: ConfigMap, flat: boolean, findings: Findings): FileContent {
  const block = new Block(map, findings);
  const values: Partial<Record<SettingName, unknown>> = {};
  const blocks = readBlocks(block, findings);
  readAddresses(block, values);
  readLimits(block, values);
  for (const [key, name] of Object.entries(sameMeaning)) readSetting(block, key, name, values);
  const debug = block.read("debug", readFlag);
  if (debug === true) values.logLevel = "debug";
  for (const [reason, keys] of notHere) block.pass(keys, reason);
  block.refuse(
    ["https", "https_port"],
    "monitoring is plain HTTP here; put something that encrypts in front of it",
  );
  block.refuse(["proxies"], "mq9 knows no trusted proxies");
  const own = block.read("mq9", readBlock);
  if (own !== undefined) readOwn(new Block(own, findings), values);
  if (flat) {
    for (const name of settingNames) {
      if (!Object.hasOwn(values, name)) readSetting(block, fileKey(name), name, values);
    }
  }
  block.finish((key) => {
    const isOurs = settingNames.some((name) => fileKey(name) === key);
    return isOurs ? "it stands in a block of our own, mq9 { … }" : undefined;
  });
  return { values, blocks };
}

function readOwn(block: Block, values: Partial<Record<SettingName, unknown>>): void {
  for (const name of settingNames) readSetting(block, fileKey(name), name, values);
  block.finish();
}

function readSetting(
  block: Block,
  key: string,
  name: SettingName,
  values: Partial<Record<SettingName, unknown>>,
): void {
  const value = block.read(key, (node) => {
    const result = settingOf(name).kind.schema.safeParse(plain(node));
    if (!result.success)
      fail(node, `${key}: ${result.error.issues[0]?.message ?? "it can not be used"}`);
    return result.data;
  });
  if (value !== undefined) values[name] = value;
}

/** A value without the places in it. */
function plain({ value }: ConfigNode): unknown {
  return Array.isArray(value) ? (value as readonly ConfigNode[]).map(plain) : value;
}

/** Keys that hold an address and a port at once. */
function readAddresses(block: Block, values: Partial<Record<SettingName, unknown>>): void {
  const listen = block.read("listen", readHostPort);
  if (listen !== undefined) {
    values.port = listen.port;
    if (listen.host !== undefined) values.host = listen.host;
  }
  for (const key of ["monitor_port", "http_port"]) readSetting(block, key, "httpPort", values);
  const http = block.read("http", readHostPort);
  if (http === undefined) return;
  values.httpPort = http.port === 0 ? "off" : http.port;
  if (http.host !== undefined) values.httpHost = http.host;
}

/** Limits for which nats-server has a way to say "none". */
function readLimits(block: Block, values: Partial<Record<SettingName, unknown>>): void {
  for (const key of ["max_conn", "max_connections"]) {
    const number = block.node(key)?.value;
    if (number === 0) continue; // stands for the default
    if (typeof number === "number" && number < 0) values.maxConnections = connectionsUnlimited;
    else readSetting(block, key, "maxConnections", values);
  }
  for (const key of ["max_subs", "max_subscriptions"]) {
    const number = block.node(key)?.value;
    if (typeof number === "number" && number < 0) values.maxSubscriptions = 0;
    else readSetting(block, key, "maxSubscriptions", values);
  }
}

function readBlocks(block: Block, findings: Findings): FileBlocks {
  const users = block.node("authorization");
  const authorization =
    users === undefined ? undefined : findings.try(() => readAuthorization(users, findings));
  const accounts = block.read("accounts", (node) => readAccounts(node, findings));
  const at = {
    users: users ?? block.node("accounts"),
    systemAccount: block.node("system_account", "system"),
    noAuthUser: block.node("no_auth_user"),
  };
  const systemAccount = block.read(["system_account", "system"], readText);
  const noAuthUser = block.read("no_auth_user", readText);
  const operator = findings.try(() => readOperator(block, findings));
  const auth = { users: authorization?.users, accounts, systemAccount, noAuthUser, operator };
  if (findings.problems.length === 0) checkAuth(auth, findings, at);
  return {
    authorization,
    accounts,
    systemAccount,
    noAuthUser,
    operator,
    tls: block.read("tls", (node) => readTls(node, findings)),
    allowNonTls: block.read("allow_non_tls", readFlag) ?? false,
    webSocket: block.read(["websocket", "ws"], (node) => readWebSocket(node, findings)),
  };
}
