// SIGHUP: reads the configuration again and applies what can change while the broker runs. All or
// nothing: what can not be used leaves everything as it was. Called by run-broker; drops nobody who is
// still allowed.
import { isDeepStrictEqual } from "node:util";
import {
  type Broker,
  type BrokerOptions,
  type BrokerReload,
  type LiveLimits,
  OptionsError,
} from "@mq9/broker";
import type { ServeRequest } from "./commands/serve.ts";
import { authOf } from "./config/access.ts";
import { brokerOptionsOf, type Resolved } from "./config/layers.ts";
import type { FileBlocks } from "./config/server-file.ts";
import {
  fileKey,
  type SettingName,
  type Settings,
  settingNames,
  settingOf,
} from "./config/settings.ts";
import { ExitError } from "./exit-codes.ts";
import type { ProcessLog } from "./log.ts";

/** Settings that are limits of the broker and can change while it runs. */
const liveLimits = {
  maxPayload: "maxPayloadBytes",
  maxPendingTotal: "maxPendingTotalBytes",
  maxPartialTotal: "maxPartialTotalBytes",
  maxConnectionsPerAddress: "maxConnectionsPerAddress",
  connectRate: "connectRatePerAddress",
  connectTimeout: "connectTimeoutMs",
  maxSubscriptionTokens: "maxSubscriptionTokens",
  maxControlLine: "maxControlLineBytes",
  maxPending: "maxPendingBytes",
  maxConnections: "maxConnections",
  maxSubscriptions: "maxSubscriptionsPerConnection",
  pingInterval: "pingIntervalMs",
  pingMax: "pingMax",
  writeDeadline: "writeDeadlineMs",
  authTimeout: "authTimeoutMs",
} as const satisfies Partial<Record<SettingName, keyof LiveLimits>>;

/** Settings of the executable itself that are looked at again. */
const live: readonly SettingName[] = [
  "logLevel",
  "logFile",
  "trace",
  "maxTracedMsgLen",
  "lameDuckDuration",
  "lameDuckGracePeriod",
  "user",
  "pass",
  "auth",
  "tlsCert",
  "tlsKey",
  "tlsCaCert",
  "tlsVerify",
];

/** What of a running process can be replaced. */
export interface Running {
  /** What holds now. */
  readonly resolved: Resolved;
  readonly options: BrokerOptions;
}

/**
 * Reads everything again and applies it.
 * @returns what holds from now on
 * @throws {ExitError} when it can not be used; that is in the log, and what held before still holds
 */
export function reload(
  running: Running,
  request: ServeRequest,
  broker: Broker,
  log: ProcessLog,
): Running {
  try {
    const { resolved, remarks } = request.reread();
    const options = brokerOptionsOf(resolved);
    const changes = compare(running, { resolved, options });
    // What is applied now has to fit what stays until the restart, too.
    const next = kept(running, resolved, changes);
    const applied = brokerOptionsOf(next);
    log.change({ level: resolved.settings.logLevel, file: resolved.settings.logFile });
    broker.reload(reloadOf(running.options, applied, changes));
    for (const remark of remarks) log.log.warn(remark);
    report(changes, log);
    return { options: withLive(running.options, applied), resolved: next };
  } catch (error) {
    const known = error instanceof ExitError || error instanceof OptionsError;
    const fields = known ? { reason: onOneLine(error.message) } : { error: error as Error };
    log.log.error("the configuration can not be used; what held before still holds", fields);
    throw error;
  }
}

function reloadOf(
  before: BrokerOptions,
  after: BrokerOptions,
  { authChanged }: Changes,
): BrokerReload {
  const encrypts = before.tls !== undefined;
  const webEncrypts = before.websocket?.tls !== undefined;
  return {
    auth: authChanged ? (after.auth ?? {}) : undefined,
    limits: limitsOf(after),
    mailbox: after.mailbox,
    ...(encrypts && after.tls !== undefined ? { tls: after.tls } : {}),
    ...(webEncrypts && after.websocket?.tls !== undefined
      ? { websocketTls: after.websocket.tls }
      : {}),
  };
}

function limitsOf({ limits }: BrokerOptions): LiveLimits {
  return Object.fromEntries(Object.values(liveLimits).map((name) => [name, limits[name]]));
}

/** The options that hold once what can change has changed. */
function withLive(before: BrokerOptions, after: BrokerOptions): BrokerOptions {
  return {
    ...before,
    auth: after.auth,
    limits: after.limits,
    mailbox: after.mailbox,
    tls: before.tls && (after.tls ?? before.tls),
    websocket: before.websocket && {
      ...before.websocket,
      tls: before.websocket.tls && (after.websocket?.tls ?? before.websocket.tls),
    },
  };
}

/** What is wrong with a file is a list, one line each. */
function onOneLine(message: string): string {
  return message.replace(/:\n\s*/, ": ").replaceAll(/\n\s*/g, "; ");
}

interface Changes {
  readonly applied: readonly string[];
  /** In effect only after a restart. */
  readonly waiting: readonly string[];
  /** The settings among them. */
  readonly waitingSettings: readonly SettingName[];
  readonly authChanged: boolean;
}

function compare(before: Running, after: Running): Changes {
  const changed = settingNames.filter(
    (name) => before.resolved.settings[name] !== after.resolved.settings[name],
  );
  const waitingSettings = changed.filter((name) => !isLive(name));
  const applied = changed.filter(isLive).map((name) => shown(name, after.resolved.settings));
  const waiting = waitingSettings.map(fileKey);
  // As written: what the broker made of it shows no secrets.
  const authChanged = !isDeepStrictEqual(authOf(before.resolved), authOf(after.resolved));
  if (authChanged) applied.push("users");
  compareTls("tls", before.options.tls, after.options.tls, { applied, waiting });
  const [oldWeb, newWeb] = [before.options.websocket, after.options.websocket];
  compareTls("websocket.tls", oldWeb?.tls, newWeb?.tls, { applied, waiting });
  const bare = (web: typeof oldWeb) => (web === undefined ? undefined : { ...web, tls: undefined });
  if (!isDeepStrictEqual(bare(oldWeb), bare(newWeb))) waiting.push("websocket");
  return { applied, waiting, waitingSettings, authChanged };
}

function compareTls(
  name: string,
  before: object | undefined,
  after: object | undefined,
  { applied, waiting }: { readonly applied: string[]; readonly waiting: string[] },
): void {
  if (isDeepStrictEqual(before, after)) return;
  (before === undefined || after === undefined ? waiting : applied).push(name);
}

function isLive(name: SettingName): boolean {
  if (live.includes(name) || Object.hasOwn(liveLimits, name)) return true;
  return settingOf(name).option?.startsWith("mailbox.") === true;
}

function shown(name: SettingName, settings: Settings): string {
  const { kind, secret } = settingOf(name);
  return secret === true ? fileKey(name) : `${fileKey(name)} = ${kind.format(settings[name])}`;
}

function report({ applied, waiting }: Changes, { log }: ProcessLog): void {
  log.info("configuration reloaded", {
    changed: applied.length === 0 ? "nothing" : applied.join(", "),
  });
  if (waiting.length > 0) {
    log.warn("changed in the configuration, but in effect only after a restart", {
      settings: waiting.join(", "),
    });
  }
}

/** Settings that wait for a restart keep what holds, so that the next reload says it again. */
function kept(before: Running, after: Resolved, { waitingSettings }: Changes): Resolved {
  const settings: Record<string, unknown> = { ...after.settings };
  for (const name of waitingSettings) settings[name] = before.resolved.settings[name];
  const blocks: FileBlocks | undefined = after.blocks;
  return { settings: settings as unknown as Settings, sources: after.sources, blocks };
}
