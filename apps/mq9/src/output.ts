// How the process speaks: the format of the log, and what is said once everything listens. Called by
// run-broker; decides nothing about the broker.
import { networkInterfaces } from "node:os";
import { type BrokerAddress, type BrokerOptions, isLoopback } from "@mq9/broker";
import type { Store } from "@mq9/store";
import { authority, banner } from "./banner.ts";
import type { Settings } from "./config/settings.ts";
import { approximateBytes } from "./config/units.ts";
import type { PortsFile } from "./instance-files.ts";
import type { ProcessLog } from "./log.ts";
import { version } from "./version.ts";

export interface Output {
  readonly format: "pretty" | "json" | "nats";
  readonly colors: boolean;
}

/** @param asNatsServer started in its place: whoever did reads its log */
export function describeOutput(settings: Settings, asNatsServer: boolean): Output {
  const { stderr } = process;
  const toFile = settings.logFile !== "";
  const colors = !toFile && stderr.isTTY && stderr.hasColors();
  if (settings.logFormat !== "auto") return { format: settings.logFormat, colors };
  if (asNatsServer) return { format: "nats", colors };
  return { format: stderr.isTTY && !toFile ? "pretty" : "json", colors };
}

/** Where everything listens. */
export interface Addresses {
  readonly broker: BrokerAddress;
  readonly monitoring: Address | undefined;
  readonly metrics: Address | undefined;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What is said about a broker that just became ready. */
export interface ReadyFacts {
  readonly settings: Settings;
  readonly options: BrokerOptions;
  readonly addresses: Addresses;
  readonly dataFolder: string;
  readonly configFile: string | undefined;
  readonly usersConfigured: boolean;
}

/** Says that the broker is ready, in the way of the format. */
export async function announce(
  facts: ReadyFacts,
  { format, colors }: Output,
  log: ProcessLog,
  store: Store,
): Promise<void> {
  const { settings, options, addresses, dataFolder, usersConfigured } = facts;
  const { host, port, websocket } = addresses.broker;
  if (format === "nats") {
    announceLines(facts, log);
  } else if (format === "json") {
    const { monitoring, metrics } = addresses;
    const durable = store.durable;
    const fields = { host, port, dataFolder, durable, version, tls: options.tls !== undefined };
    log.log.info("listening", {
      ...fields,
      ...(websocket === undefined ? {} : { websocket: authority(websocket.host, websocket.port) }),
      ...(monitoring === undefined ? {} : { http: authority(monitoring.host, monitoring.port) }),
      ...(metrics === undefined ? {} : { metrics: authority(metrics.host, metrics.port) }),
    });
  } else if (settings.logLevel === "info" || settings.logLevel === "debug") {
    // best effort: without the number the banner just says less.
    const space = await store.space().catch(() => undefined);
    process.stderr.write(
      banner({
        version,
        host,
        port,
        tls: options.tls !== undefined,
        others: otherAddresses(facts),
        dataFolder,
        pid: process.pid,
        freeSpace: space === undefined ? undefined : approximateBytes(space.freeBytes),
        durable: store.durable,
        usersConfigured,
        exposed: !isLoopback(options.host),
        colors,
      }),
    );
  }
}

/** Rows beside the main one: what, and where. */
function otherAddresses({
  options,
  addresses,
}: ReadyFacts): readonly (readonly [string, string])[] {
  const { broker, monitoring, metrics } = addresses;
  const { websocket } = broker;
  const scheme = options.websocket?.tls === undefined ? "ws" : "wss";
  const rows: [string, string][] = [];
  if (websocket !== undefined) {
    rows.push(["Browsers", `${scheme}://${authority(websocket.host, websocket.port)}`]);
  }
  if (monitoring !== undefined) {
    rows.push(["Monitor", `http://${authority(monitoring.host, monitoring.port)}/varz`]);
  }
  if (metrics !== undefined) {
    rows.push(["Metrics", `http://${authority(metrics.host, metrics.port)}/metrics`]);
  }
  return rows;
}

/** The lines that programs which start a nats-server wait for, in its order. */
function announceLines(
  { options, addresses, dataFolder, configFile }: ReadyFacts,
  log: ProcessLog,
): void {
  const { broker, monitoring, metrics } = addresses;
  log.line("Starting mq9 as a nats-server");
  log.line(`  Version:  ${version}`);
  log.line(`  Data:     ${dataFolder}`);
  if (configFile !== undefined) log.line(`Using configuration file: ${configFile}`);
  if (monitoring !== undefined) {
    log.line(`Starting http monitor on ${authority(monitoring.host, monitoring.port)}`);
  }
  if (metrics !== undefined) {
    log.line(`Starting metrics on ${authority(metrics.host, metrics.port)}`);
  }
  if (broker.websocket !== undefined) {
    const scheme = options.websocket?.tls === undefined ? "ws" : "wss";
    const { host, port } = broker.websocket;
    log.line(`Listening for websocket clients on ${scheme}://${authority(host, port)}`);
  }
  log.line(`Listening for client connections on ${authority(broker.host, broker.port)}`);
  if (options.tls !== undefined) log.line("TLS required for client connections");
  log.line("Server is ready");
}

/** What the ports file tells: every address that can be dialled. */
export function portsOf({
  options,
  addresses,
}: Pick<ReadyFacts, "options" | "addresses">): PortsFile {
  const { broker, monitoring } = addresses;
  const { websocket } = broker;
  const scheme = options.websocket?.tls === undefined ? "ws" : "wss";
  return {
    nats: urls(options.tls === undefined ? "nats" : "tls", broker),
    monitoring: monitoring === undefined ? [] : urls("http", monitoring),
    cluster: [],
    profile: [],
    websocket: websocket === undefined ? [] : urls(scheme, websocket),
  };
}

function urls(scheme: string, { host, port }: Address): string[] {
  return dialled(host).map((address) => `${scheme}://${authority(address, port)}`);
}

/** Who listens everywhere is reached at each of the machine's addresses. */
function dialled(host: string): string[] {
  if (host !== "0.0.0.0" && host !== "::") return [host];
  return Object.values(networkInterfaces())
    .flat()
    .filter((address) => address?.family === "IPv4")
    .map((address) => address?.address ?? "");
}
