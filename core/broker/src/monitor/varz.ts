// General figures of the server, in the words of nats-server, and a block of our own about mail.
import { availableParallelism, networkInterfaces } from "node:os";
import { performance } from "node:perf_hooks";
import { subscriptionCount } from "./subsz.ts";
import { nanoseconds, timeText, uptimeText } from "./texts.ts";
import type { MonitorView } from "./view.ts";

/** What only we have. */
export interface MailJson {
  readonly version: string;
  readonly state: string;
  readonly ready: boolean;
  readonly mailboxes: number;
  readonly messages: number;
  readonly bytes: number;
  /** FETCHes that wait for mail. */
  readonly waiting_fetches: number;
  /** Messages that are out with a consumer of a pull group. */
  readonly leases: number;
  readonly disk: {
    readonly state: string;
    readonly free_bytes?: number;
    readonly total_bytes?: number;
    readonly soft_mark_bytes?: number;
  };
  readonly clock: { readonly suspect: boolean; readonly ahead_ms: number };
}

/** The reply to VARZ. Durations are nanoseconds unless their name says otherwise. */
export type Varz = Readonly<Record<string, unknown>> & {
  readonly server_id: string;
  readonly mq9: MailJson;
};

export function varz(view: MonitorView): Varz {
  const { router, http } = view;
  const { stats, server, options } = router;
  const nowMs = Date.now();
  const cores = availableParallelism();
  return {
    server_id: server.serverId,
    server_name: server.serverName,
    version: server.version,
    proto: 1,
    go: `node${process.versions.node}`,
    host: server.host,
    port: server.port,
    auth_required: view.authRequired,
    tls_required: view.tlsRequired,
    connect_urls: addressesOf(server.host, server.port),
    max_connections: router.maxConnections,
    max_subscriptions: options.maxSubscriptions,
    ping_interval: nanoseconds(options.pingIntervalMs),
    ping_max: options.pingMax,
    http_host: http?.host ?? "",
    http_port: http?.port ?? 0,
    http_base_path: http?.basePath ?? "",
    https_port: 0,
    auth_timeout: options.authTimeoutMs / 1_000,
    max_control_line: options.maxControlLineBytes,
    max_payload: options.maxPayloadBytes,
    max_pending: options.maxPendingBytes,
    cluster: {},
    gateway: {},
    leaf: {},
    mqtt: {},
    websocket: {},
    jetstream: {},
    tls_timeout: options.authTimeoutMs / 1_000,
    write_deadline: nanoseconds(options.writeDeadlineMs),
    start: timeText(view.startedAtMs),
    now: timeText(nowMs),
    uptime: uptimeText(nowMs - view.startedAtMs),
    mem: process.memoryUsage.rss(),
    cores,
    gomaxprocs: cores,
    cpu: cpuPercent(),
    connections: connectionCount(view),
    total_connections: stats.totalConnections,
    routes: 0,
    remotes: 0,
    leafnodes: 0,
    in_msgs: stats.inMsgs,
    in_bytes: stats.inBytes,
    in_client_msgs: stats.inMsgs,
    in_client_bytes: stats.inBytes,
    out_msgs: stats.outMsgs,
    out_bytes: stats.outBytes,
    out_client_msgs: stats.outMsgs,
    out_client_bytes: stats.outBytes,
    slow_consumers: stats.slowConsumers,
    stale_connections: stats.staleConnections,
    subscriptions: subscriptionCount(view),
    http_req_stats: Object.fromEntries(http?.requests ?? []),
    config_load_time: timeText(view.configuredAtMs),
    ...(view.systemAccount === undefined ? {} : { system_account: view.systemAccount }),
    slow_consumer_stats: ofClients(stats.slowConsumers),
    stale_connection_stats: ofClients(stats.staleConnections),
    mq9: mailJson(view),
  };
}

function mailJson(view: MonitorView): MailJson {
  const { stored, disk, clock, meters } = view;
  return {
    version: view.productVersion,
    state: view.state,
    ready: view.readiness.ready,
    mailboxes: stored.mailboxes,
    messages: stored.messages,
    bytes: stored.bytes,
    waiting_fetches: meters.waitingFetches,
    leases: meters.mail.leases,
    disk: {
      state: disk.state,
      ...(disk.freeBytes === undefined ? {} : { free_bytes: disk.freeBytes }),
      ...(disk.totalBytes === undefined ? {} : { total_bytes: disk.totalBytes }),
      ...(disk.softMarkBytes === undefined ? {} : { soft_mark_bytes: disk.softMarkBytes }),
    },
    clock: { suspect: clock.suspect, ahead_ms: clock.aheadMs },
  };
}

function ofClients(clients: number): object {
  return { clients, routes: 0, gateways: 0, leafs: 0 };
}

/** Open connections. */
export function connectionCount({ router }: MonitorView): number {
  let count = 0;
  for (const { closed } of router.connections) if (!closed) count += 1;
  return count;
}

/** Where clients on other machines can reach a server that listens everywhere. */
function addressesOf(host: string, port: number): readonly string[] {
  const shown = (address: string): string =>
    address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  if (host !== "0.0.0.0" && host !== "::") return [shown(host)];
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const reachable = own.filter(({ internal, scopeid }) => !internal && (scopeid ?? 0) === 0);
  return reachable.map(({ address }) => shown(address));
}

/** Asked more often than this, the load of the last whole span is told again. */
const cpuSpanMs = 500;
let cpuSinceMs = 0;
let cpuBefore = { user: 0, system: 0 };
let cpuLatest = 0;

/** Load of this process since it was last asked, in percent of one core. */
function cpuPercent(): number {
  const nowMs = performance.now();
  const elapsedMs = nowMs - cpuSinceMs;
  if (elapsedMs < cpuSpanMs) return cpuLatest;
  const now = process.cpuUsage();
  const usedMs = (now.user + now.system - cpuBefore.user - cpuBefore.system) / 1_000;
  cpuSinceMs = nowMs;
  cpuBefore = now;
  cpuLatest = Math.round((usedMs / elapsedMs) * 1_000) / 10;
  return cpuLatest;
}
