// Starts the HTTP listeners of monitoring and metrics beside the broker, when settings ask for them.
// Called by run-broker; their content is the monitoring edge's.
import type { Broker, Log } from "@mq9/broker";
import { createMonitoringEdge, type MonitoringOptions } from "@mq9/monitoring";
import type { Settings } from "./config/settings.ts";
import type { Address } from "./output.ts";

/** Where they listen; undefined = they do not. */
export interface MonitoringAddresses {
  readonly monitoring: Address | undefined;
  readonly metrics: Address | undefined;
}

/** @throws what the platform says when a port can not be opened */
export async function startMonitoring(
  broker: Broker,
  settings: Settings,
  log: Log,
): Promise<MonitoringAddresses> {
  const options = monitoringOptions(broker, settings, log);
  if (options === undefined) return { monitoring: undefined, metrics: undefined };
  const edge = await createMonitoringEdge(options);
  return { monitoring: edge.address, metrics: edge.metricsAddress };
}

/** What settings ask for; undefined = nothing. */
export function monitoringOptions(
  broker: Broker,
  settings: Settings,
  log: Log,
): MonitoringOptions | undefined {
  const { httpPort, httpBasePath, metricsPort } = settings;
  if (httpPort === "off" && metricsPort === "off") return undefined;
  const host = settings.httpHost === "" ? settings.host : settings.httpHost;
  return {
    broker,
    host,
    port: httpPort === "off" ? undefined : anyFree(httpPort),
    basePath: httpBasePath,
    metrics: metricsPort === "off" ? undefined : { host, port: anyFree(metricsPort) },
    allowedHosts: listOf(settings.httpAllowedHosts),
    allowedOrigins: listOf(settings.httpAllowedOrigins),
    failed: (error) =>
      log.error("a defect in mq9 kept a monitoring request from being answered", {
        error: error instanceof Error ? error : new Error(String(error)),
      }),
  };
}

function listOf(text: string): string[] {
  return text === "" ? [] : text.split(",");
}

/** As written, -1 means any free port too. */
function anyFree(port: number): number {
  return Math.max(0, port);
}
