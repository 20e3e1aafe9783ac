// Puts the two listeners of monitoring in front of a broker: JSON for people and dashboards, and
// metrics for Prometheus. Reads what the broker shows of itself; changes nothing in it.
import type { MonitorView } from "@mq9/broker";
import { answerMonitoring } from "./endpoints.ts";
import { type HttpAddress, type HttpListener, listenHttp } from "./http-listener.ts";
import { createMetrics } from "./metrics/registry.ts";

/** Where monitoring listens, and of what. */
export interface MonitoringOptions {
  /** The broker, of which only the view is used. */
  readonly broker: { readonly monitor: MonitorView };
  readonly host: string;
  /** Of the JSON endpoints; 0 = any free port, undefined = they are not served. Conventionally 8222. */
  readonly port?: number | undefined;
  /** Path before all endpoints, for instance `/nats`; default none. */
  readonly basePath?: string | undefined;
  /** Prometheus metrics at `/metrics`, conventionally on port 9090; undefined = none. */
  readonly metrics?: { readonly host: string; readonly port: number } | undefined;
  /** Names that a request from this machine may give as its host, beside those of the machine itself. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Origins whose pages may read the answers; `*` = all. Default none. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** Hears of a request that a defect kept from being answered; whoever asked got a status 500. */
  readonly failed?: ((error: unknown) => void) | undefined;
}

/** Monitoring that is being served. */
export interface MonitoringEdge extends AsyncDisposable {
  /** Undefined when no JSON is served. */
  readonly address: HttpAddress | undefined;
  /** Undefined when no metrics are served. */
  readonly metricsAddress: HttpAddress | undefined;
  /** Stops listening and ends all connections. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts to serve monitoring.
 * @throws what the platform says when a port can not be listened on, for instance `EADDRINUSE`
 */
export async function createMonitoringEdge(options: MonitoringOptions): Promise<MonitoringEdge> {
  const view = options.broker.monitor;
  const basePath = normalPath(options.basePath ?? "");
  const requests = new Map<string, number>();
  const access = {
    allowedHosts: options.allowedHosts ?? [],
    allowedOrigins: options.allowedOrigins ?? [],
    failed: options.failed ?? (() => {}),
  };
  const { host, port } = options;
  const json =
    port === undefined
      ? undefined
      : await listenHttp({ host, port, ...access }, (request) =>
          answerMonitoring({ view, basePath, requests }, request),
        );
  let metrics: HttpListener | undefined;
  if (options.metrics !== undefined) {
    try {
      const registry = createMetrics(view);
      const scrape = shared(() => registry.metrics());
      metrics = await listenHttp({ ...options.metrics, ...access }, async ({ path }) => {
        if (path !== "/metrics") return { kind: "missing" };
        return { kind: "text", type: registry.contentType, text: await scrape() };
      });
    } catch (error) {
      await json?.close();
      throw error;
    }
  }
  if (json !== undefined) view.http = { ...json.address, basePath, requests };
  const close = async (): Promise<void> => {
    view.http = undefined;
    await Promise.all([json?.close(), metrics?.close()]);
  };
  return {
    address: json?.address,
    metricsAddress: metrics?.address,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Whoever asks while one answer is being made gets that one. */
function shared<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().finally(() => {
      made = undefined;
    });
    return made;
  };
}

/** "" or a path with a leading slash and none at its end. */
function normalPath(text: string): string {
  const trimmed = text.replace(/^\/+|\/+$/g, "");
  return trimmed === "" ? "" : `/${trimmed}`;
}
