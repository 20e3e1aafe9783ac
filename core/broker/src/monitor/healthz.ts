// Whether the broker lives, and whether it takes sends. Neither touches the disk: what is known of it
// was found out elsewhere.
import { timeText } from "./texts.ts";
import type { MonitorView } from "./view.ts";

/** The reply to HEALTHZ. Over HTTP `status_code` is the status of the answer and not in the body. */
export interface Healthz {
  readonly status: "ok" | "error";
  readonly status_code: number;
  readonly error?: string;
}

/** Alive, unless it has to be started anew. */
export function healthz(view: MonitorView): Healthz {
  if (view.state !== "failed") return { status: "ok", status_code: 200 };
  return {
    status: "error",
    status_code: 503,
    error: "the store failed: the broker has to be started again",
  };
}

/** Whether sends are accepted now. */
export interface Readyz {
  readonly status: "ok" | "unavailable";
  readonly status_code: number;
  readonly error?: string;
}

export function readyz(view: MonitorView): Readyz {
  const readiness = view.readiness;
  if (readiness.ready) return { status: "ok", status_code: 200 };
  return { status: "unavailable", status_code: 503, error: readiness.reason };
}

/** The start of every reply. */
interface Head {
  readonly server_id: string;
  readonly now: string;
}

function headOf(view: MonitorView): Head {
  return { server_id: view.router.serverId, now: timeText(Date.now()) };
}

/** Replies about what this server does not do, in the shape that dashboards expect. */
export function routez(view: MonitorView): object {
  const { server_id, now } = headOf(view);
  const server_name = view.router.server.serverName;
  return { server_id, server_name, now, num_routes: 0, routes: [] };
}

export function gatewayz(view: MonitorView): object {
  return { ...headOf(view), outbound_gateways: {}, inbound_gateways: {} };
}

export function leafz(view: MonitorView): object {
  return { ...headOf(view), leafnodes: 0, leafs: [] };
}

export function jsz(view: MonitorView): object {
  return {
    memory: 0,
    storage: 0,
    reserved_memory: 0,
    reserved_storage: 0,
    accounts: 0,
    ha_assets: 0,
    api: { level: 0, total: 0, errors: 0 },
    ...headOf(view),
    disabled: true,
    config: { max_memory: 0, max_storage: 0 },
    streams: 0,
    consumers: 0,
    messages: 0,
    bytes: 0,
    total: 0,
  };
}
