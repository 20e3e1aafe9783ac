// What a configuration file means, whichever dialect it is written in: keys of nats-server and keys
// of mq9, as settings and as blocks. The one mapping there is; called by the file layer.
import type { AccountConfig, AuthConfig, OperatorConfig } from "@mq9/auth";
import type { ConfigMap, ConfigNode, Place } from "../nats-config/tree.ts";
import { type Authorization, checkAuth, readAccounts, readAuthorization } from "./authorization.ts";
import {
  Block,
  type Findings,
  fail,
  findRepeats,
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
  /** Where each stands. */
  readonly places: Readonly<Partial<Record<SettingName, Place>>>;
  readonly blocks: FileBlocks;
}

/** What was read of settings so far. */
class Told {
  readonly values: Partial<Record<SettingName, unknown>> = {};
  readonly places: Partial<Record<SettingName, Place>> = {};
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /** Several keys may say the same; they may not contradict each other in one file. */
  set(name: SettingName, value: unknown, place: Place): void {
    const before = this.places[name];
    if (before !== undefined && before.file === place.file && this.values[name] !== value) {
      this.#findings.problem(place, `${fileKey(name)} is something else in line ${before.line}`);
    }
    this.values[name] = value;
    this.places[name] = place;
  }
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
  const told = new Told(findings);
  findRepeats(map, findings);
  const blocks = readBlocks(block, findings);
  readAddresses(block, told);
  readLimits(block, told);
  for (const [key, name] of Object.entries(sameMeaning)) readSetting(block, key, name, told);
  block.read("debug", (node, name) => {
    if (readFlag(node, name)) told.set("logLevel", "debug", node.place);
  });
  for (const [reason, keys] of notHere) block.pass(keys, reason);
  block.refuse(
    ["https", "https_port"],
    "monitoring is plain HTTP here; put something that encrypts in front of it",
  );
  block.refuse(["proxies"], "mq9 knows no trusted proxies");
  const own = block.read("mq9", readBlock);
  if (own !== undefined) readOwn(new Block(own, findings), told);
  if (flat) {
    for (const name of settingNames) {
      if (!Object.hasOwn(told.values, name)) readSetting(block, fileKey(name), name, told);
    }
  }
  block.finish((key) => {
    const isOurs = settingNames.some((name) => fileKey(name) === key);
    return isOurs ? "it stands in a block of our own, mq9 { … }" : undefined;
  });
  return { values: told.values, places: told.places, blocks };
}

function readOwn(block: Block, told: Told): void {
  for (const name of settingNames) readSetting(block, fileKey(name), name, told);
  block.finish();
}

function readSetting(block: Block, key: string, name: SettingName, told: Told): void {
  block.read(key, (node) => {
    const result = settingOf(name).kind.schema.safeParse(plain(node));
    if (!result.success)
      fail(node, `${key}: ${result.error.issues[0]?.message ?? "it can not be used"}`);
    told.set(name, result.data, node.place);
  });
}

/** A value without the places in it. */
function plain({ value }: ConfigNode): unknown {
  return Array.isArray(value) ? (value as readonly ConfigNode[]).map(plain) : value;
}

/** Keys that hold an address and a port at once. */
function readAddresses(block: Block, told: Told): void {
  block.read("listen", (node, key) => {
    const { host, port } = readHostPort(node, key);
    told.set("port", port, node.place);
    if (host !== undefined) told.set("host", host, node.place);
  });
  for (const key of ["monitor_port", "http_port"]) readSetting(block, key, "httpPort", told);
  block.read("http", (node, key) => {
    const { host, port } = readHostPort(node, key);
    told.set("httpPort", port === 0 ? "off" : port, node.place);
    if (host !== undefined) told.set("httpHost", host, node.place);
  });
}

/** Limits for which nats-server has a way to say "none". */
function readLimits(block: Block, told: Told): void {
  for (const key of ["max_conn", "max_connections"]) {
    const node = block.node(key);
    if (node?.value === 0) continue; // stands for the default
    if (isNegative(node)) told.set("maxConnections", connectionsUnlimited, node.place);
    else readSetting(block, key, "maxConnections", told);
  }
  for (const key of ["max_subs", "max_subscriptions"]) {
    const node = block.node(key);
    if (isNegative(node)) told.set("maxSubscriptions", 0, node.place);
    else readSetting(block, key, "maxSubscriptions", told);
  }
}

function isNegative(node: ConfigNode | undefined): node is ConfigNode {
  return typeof node?.value === "number" && node.value < 0;
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
    operator: block.node("operator", "operators", "trusted_keys"),
  };
  const systemAccount = block.read(["system_account", "system"], readText);
  const noAuthUser = block.read("no_auth_user", readText);
  const operator = findings.try(() => readOperator(block, findings));
  const tls = block.read("tls", (node) => readTls(node, findings));
  const auth: AuthConfig = {
    token: authorization?.token,
    users: authorization?.users,
    accounts,
    systemAccount,
    noAuthUser,
    defaultPermissions: authorization?.defaultPermissions,
    operator,
    certificateNamesUser: tls?.certificateNamesUser,
  };
  checkAuth(auth, findings, at);
  return {
    authorization,
    accounts,
    systemAccount,
    noAuthUser,
    operator,
    tls,
    allowNonTls: block.read("allow_non_tls", readFlag) ?? false,
    webSocket: block.read(["websocket", "ws"], (node) => readWebSocket(node, findings)),
  };
}
