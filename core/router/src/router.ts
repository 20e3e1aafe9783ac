// A NATS core server: accepts connections, routes between them, hands claimed subject spaces to
// their owners. Assembled here; used by the broker. Knows nothing of mailboxes.

import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import { composeFrame, wireErrors } from "@mq9/wire";
import { Connection } from "./connection.ts";
import { Hub, principalKey, type RouterHooks, type RouterStats } from "./hub.ts";
import type { Authenticator } from "./identity.ts";
import { newServerId, type ServerInfo } from "./info.ts";
import { listenTcp } from "./listeners/tcp.ts";
import { checkTlsOptions, type TlsOptions } from "./listeners/tls-options.ts";
import { TlsServer } from "./listeners/tls-server.ts";
import type { Listener, Transport, TransportEvents } from "./listeners/transport.ts";
import { listenWebSocket } from "./listeners/websocket.ts";
import { connectionsPossible } from "./open-files.ts";
import {
  type RouterLimits,
  type RouterOptions,
  resolveRouterOptions,
  wireLimits,
} from "./options.ts";
import type { Client, RouterServices, SubjectSpace } from "./subject-space.ts";
import type { MatchResult, Sublist } from "./sublist.ts";
import type { Subscription } from "./subscription.ts";
import { TracedTransport } from "./tracing.ts";

/** How long a lame duck lives, in milliseconds. */
export interface DrainTimes {
  /** Between the notice and the first close. */
  readonly graceMs: number;
  /** Over which the closes are spread. */
  readonly spreadMs: number;
}

/** Where a router listens. */
export interface RouterAddress {
  readonly host: string;
  readonly port: number;
  /** Where WebSocket clients are served, if they are. */
  readonly websocket?: { readonly host: string; readonly port: number } | undefined;
}

/** New encryption by listener; undefined = as it is. */
export interface TlsReload {
  readonly tls?: TlsOptions | undefined;
  readonly websocketTls?: TlsOptions | undefined;
}

/** A running or startable NATS core server. */
export interface Router {
  /** Opens every listener, or none. @throws what the platform says, for instance `EADDRINUSE` */
  listen(): Promise<RouterAddress>;
  /**
   * Other certificates, keys and rules for connections that come from now on, on listeners that encrypt.
   * Connections with a client certificate end when its authority or pin is not among them any more.
   * @throws {TlsOptionsError} when one can not be used, {RangeError} when a listener does not encrypt;
   * nothing is changed then
   */
  reloadTls(changes: TlsReload): void;
  /**
   * Other limits for connections from now on; for their number and for memory, at once. Connections that are
   * there are never ended by it: they may send larger messages at once, and go on sending those they could. @throws {RangeError} when limits contradict; nothing is changed then
   */
  reloadLimits(limits: Partial<RouterLimits>): void;
  /** Makes a subject space the owner's. Before `listen`. */
  claim(space: SubjectSpace): void;
  /** What owners may ask for. */
  readonly services: RouterServices;
  /** Takes over a connection that another kind of listener accepted. @returns who hears of it */
  accept(transport: Transport): TransportEvents;
  /** Identifier in INFO. */
  readonly serverId: string;
  /** Connections it takes: `maxConnections`, or fewer when the process may not open as many files. */
  readonly maxConnections: number;
  /** What INFO says of it; its port is the one listened on. */
  readonly server: ServerInfo;
  readonly options: RouterOptions;
  /** The clock that times of connections are of, in milliseconds. */
  nowMs(): number;
  readonly stats: RouterStats;
  readonly connections: Iterable<Connection>;
  /** Subscriptions by account. */
  readonly accounts: ReadonlyMap<string, Sublist>;
  /** Other rules from now on: every connection is asked about again, those no longer let in are ended. */
  reauthenticate(authenticator: Authenticator | undefined): void;
  /**
   * Stops the reads and writes of one principal, or lets them go on: connections it has and those it will
   * make. Not remembered beyond the life of the router.
   * @returns how many open connections it has
   */
  quarantine(account: string, user: string, on: boolean): number;
  /**
   * Accepts no more, tells clients to go elsewhere, then closes them one by one.
   * @param closing called right before the first close
   */
  drain(times: DrainTimes, closing?: () => void): Promise<void>;
  /** Accepts no more and closes all connections after their pending output. Idempotent. */
  close(): Promise<void>;
}

/** Often enough for intervals of seconds, cheap enough for a hundred thousand connections. */
const checkIntervalMaxMs = 500;
/** Connections on their way out above which refused ones are not told why. */
const leavingMax = 1_024;
/** How often what nobody uses is let go. */
const tidyIntervalMs = 60_000;
/** Connections that did not end by themselves are cut after this long. */
const closeDeadlineMs = 2_000;

/**
 * Makes a router; nothing is opened before `listen`.
 * @throws {RangeError} when options contradict
 */
export function createRouter(chosen: Partial<RouterOptions>, hooks: RouterHooks = {}): Router {
  return new CoreRouter(chosen, hooks);
}

class CoreRouter implements Router {
  readonly services: RouterServices;
  readonly serverId: string = newServerId();
  maxConnections: number;
  readonly #hub: Hub;
  readonly #tls: TlsServer | undefined;
  readonly #websocketTls: TlsServer | undefined;
  /** As given: some defaults depend on other options. */
  #chosen: Partial<RouterOptions>;
  #listeners: Listener[] = [];
  #timer: NodeJS.Timeout | undefined = undefined;
  #lastClientId = 0;
  #stopping = false;
  #closed: Promise<void> | undefined = undefined;

  constructor(chosen: Partial<RouterOptions>, hooks: RouterHooks) {
    const options = resolveRouterOptions(chosen);
    this.#chosen = chosen;
    this.maxConnections = Math.min(options.maxConnections, connectionsPossible());
    const server = {
      serverId: this.serverId,
      serverName: options.serverName || this.serverId,
      version: options.version,
      productVersion: options.productVersion,
      host: options.host,
      port: options.port,
      maxPayloadBytes: options.maxPayloadBytes,
    };
    this.#hub = new Hub({
      options,
      hooks,
      limits: wireLimits(options),
      server,
      seed: randomBytes(4).readInt32LE(),
      nowMs: () => performance.now(),
    });
    this.services = servicesOf(this.#hub);
    this.#tls = options.tls && new TlsServer(options.tls);
    this.#websocketTls = options.websocket?.tls && new TlsServer(options.websocket.tls);
  }

  async listen(): Promise<RouterAddress> {
    const { options, server } = this.#hub;
    const { host, port, websocket } = options;
    const accept = (transport: Transport): TransportEvents => this.accept(transport);
    const tcp = await listenTcp({ host, port, tls: this.#tls }, accept);
    this.#listeners = [tcp];
    let web: Listener | undefined;
    try {
      web = websocket && (await listenWebSocket(websocket, this.#websocketTls, accept));
    } catch (error) {
      await tcp.stop();
      throw error;
    }
    if (web !== undefined) this.#listeners.push(web);
    this.#hub.server = { ...server, port: tcp.port };
    this.#startTimer();
    return {
      host: tcp.host,
      port: tcp.port,
      ...(web && { websocket: { host: web.host, port: web.port } }),
    };
  }

  reloadTls({ tls, websocketTls }: TlsReload): void {
    if (tls !== undefined) checkTlsOptions(tls);
    if (websocketTls !== undefined) checkTlsOptions(websocketTls);
    const isMissing =
      (tls !== undefined && this.#tls === undefined) ||
      (websocketTls !== undefined && this.#websocketTls === undefined);
    if (isMissing) throw new RangeError("a listener in clear can not be encrypted while it runs");
    if (tls !== undefined) this.#tls?.reload(tls);
    if (websocketTls !== undefined) this.#websocketTls?.reload(websocketTls);
    this.#endUntrusted();
  }

  /** Whoever came in by a certificate that nobody stands for any more. */
  #endUntrusted(): void {
    for (const connection of this.#hub.connections.values()) {
      const { kind, tls } = connection.peer;
      const server = kind === "WEBSOCKET" ? this.#websocketTls : this.#tls;
      if (tls !== undefined && server?.trusts(tls) === false) connection.revoked();
    }
  }

  reloadLimits(limits: Partial<RouterLimits>): void {
    const hub = this.#hub;
    const chosen = { ...this.#chosen, ...limits };
    hub.options = resolveRouterOptions(chosen);
    this.#chosen = chosen;
    hub.limits = wireLimits(hub.options);
    hub.server = { ...hub.server, maxPayloadBytes: hub.options.maxPayloadBytes };
    for (const connection of hub.connections.values()) connection.limitsChanged();
    this.maxConnections = Math.min(hub.options.maxConnections, connectionsPossible());
  }

  claim(space: SubjectSpace): void {
    this.#hub.subjects.claim(space);
  }

  accept(transport: Transport): TransportEvents {
    this.#startTimer();
    const hub = this.#hub;
    const id = ++this.#lastClientId;
    const trace = hub.hooks.trace?.();
    const traced = trace && new TracedTransport(transport, id, trace);
    const connection = new Connection(hub, traced ?? transport, id);
    hub.totalConnections++;
    const isFull = hub.connections.size >= this.maxConnections;
    const isWelcome = hub.addresses.entered(transport.remoteAddress, hub.nowMs());
    hub.connections.set(connection.id, connection);
    connection.start();
    if (isFull || !isWelcome || this.#stopping) {
      hub.refusedConnections++;
      const reason = "Maximum Connections Exceeded";
      // Each keeps a file until its peer has heard why: in a storm there are not enough of them.
      if (hub.leaving.size >= leavingMax) connection.abort(reason);
      else connection.close(reason, wireErrors.tooManyConnections);
    }
    return traced?.eventsFor(connection) ?? connection;
  }

  get stats(): RouterStats {
    const { inMsgs, inBytes, delivery, totalConnections, slowConsumers, staleConnections } =
      this.#hub;
    const { outMsgs, outBytes } = delivery;
    return {
      inMsgs,
      inBytes,
      outMsgs,
      outBytes,
      totalConnections,
      slowConsumers,
      staleConnections,
      outputCuts: this.#hub.outputCuts,
      inputCuts: this.#hub.input.cuts,
      refusedConnections: this.#hub.refusedConnections,
    };
  }

  get server(): ServerInfo {
    return this.#hub.server;
  }

  get options(): RouterOptions {
    return this.#hub.options;
  }

  nowMs(): number {
    return this.#hub.nowMs();
  }

  get connections(): Iterable<Connection> {
    return this.#hub.connections.values();
  }

  get accounts(): ReadonlyMap<string, Sublist> {
    return this.#hub.accounts;
  }

  reauthenticate(authenticator: Authenticator | undefined): void {
    this.#hub.authenticator = authenticator;
    // The newest first: where an account has too many now, those stay that were there before.
    for (const connection of [...this.#hub.connections.values()].reverse()) connection.renew();
  }

  quarantine(account: string, user: string, on: boolean): number {
    const { quarantined, connections } = this.#hub;
    if (on) quarantined.add(principalKey(account, user));
    else quarantined.delete(principalKey(account, user));
    let count = 0;
    for (const connection of connections.values()) {
      const { identity } = connection;
      if (identity?.account !== account || identity.user !== user) continue;
      connection.quarantine(on);
      count++;
    }
    return count;
  }

  async drain(times: DrainTimes, closing?: () => void): Promise<void> {
    const hub = this.#hub;
    await this.#stopListening();
    hub.lameDuck = true;
    for (const connection of hub.connections.values()) connection.announceLameDuck();
    await hub.whenEmpty(times.graceMs);
    closing?.();
    const left = [...hub.connections.values()];
    const pauseMs = times.spreadMs / Math.max(1, left.length);
    for (const connection of left) {
      if (connection.closed) continue;
      connection.close("Server Shutdown");
      await hub.whenEmpty(Math.min(1_000, pauseMs * (0.5 + Math.random())));
    }
    await this.close();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const hub = this.#hub;
    await this.#stopListening();
    for (const connection of hub.connections.values()) connection.close("Server Shutdown");
    await hub.whenEmpty(closeDeadlineMs);
    for (const connection of hub.leaving) connection.cut();
    await hub.whenEmpty(closeDeadlineMs);
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #stopListening(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#listeners.map((listener) => listener.stop()));
  }

  /** One timer looks after all deadlines of all connections. */
  #startTimer(): void {
    const { pingIntervalMs, writeDeadlineMs, authTimeoutMs, partialTimeoutMs } = this.#hub.options;
    const partialMs = partialTimeoutMs === 0 ? pingIntervalMs : partialTimeoutMs;
    const shortest = Math.min(pingIntervalMs, writeDeadlineMs, authTimeoutMs, partialMs);
    const intervalMs = Math.min(checkIntervalMaxMs, Math.max(5, Math.floor(shortest / 8)));
    let tidyAtMs = this.#hub.nowMs() + tidyIntervalMs;
    this.#timer ??= setInterval(() => {
      const nowMs = this.#hub.nowMs();
      const unixMs = Date.now();
      this.#hub.setOutputAlarm();
      if (nowMs >= tidyAtMs) {
        tidyAtMs = nowMs + tidyIntervalMs;
        this.#hub.tidy();
      }
      for (const connection of this.#hub.connections.values()) {
        connection.keepAlive.check(nowMs, unixMs);
      }
      for (const connection of this.#hub.leaving) connection.keepAlive.checkWrite(nowMs);
    }, intervalMs);
  }
}

/** Nearly every publish of the server's own answers a request: one inbox, which needs no frame. */
function onlyReceiver({ plain, groups }: MatchResult): Subscription | undefined {
  return plain.length === 1 && groups.length === 0 ? plain[0] : undefined;
}

function servicesOf(hub: Hub): RouterServices {
  return {
    publish: (account, subject, reply, headers, payload) => {
      const result = hub.sublistOf(account).match(subject);
      const only = reply === "" ? onlyReceiver(result) : undefined;
      if (only !== undefined) {
        const { filter, connection } = only;
        if (!only.active || (filter !== undefined && !filter(subject))) return 0;
        connection.deliver(only, subject, reply, headers, payload);
        return 1;
      }
      const frame = composeFrame(subject, reply, headers, payload);
      return hub.delivery.send(result, undefined, hub.subjects.entryFor(subject), frame);
    },
    fanOut: (sublist, from, subject, reply, headers, payload) => {
      const frame = composeFrame(subject, reply, headers, payload);
      const entry = hub.subjects.entryFor(subject);
      return hub.deliver(sublist.match(subject), connectionOf(from), entry, frame);
    },
    tell: (client, inbox, payload) => {
      const to = connectionOf(client);
      return to !== undefined && !to.closed && hub.tell(to, inbox, undefined, payload);
    },
    hasInterest: (account, subject) => {
      const result = hub.accounts.get(account)?.match(subject);
      return result !== undefined && (result.plain.length !== 0 || result.groups.length !== 0);
    },
    serve: (account, subject, handler) => hub.subjects.serve(account, subject, handler),
    noResponders: (client, subject, reply) => {
      const to = connectionOf(client);
      if (to !== undefined) hub.noResponders(to, subject, reply);
    },
  };
}

/** Every client that owners get to see is a connection of this router. */
function connectionOf(client: Client | undefined): Connection | undefined {
  return client instanceof Connection ? client : undefined;
}
