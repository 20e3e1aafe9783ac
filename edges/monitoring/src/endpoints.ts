// Which path answers what. The bodies are built by the broker, where the `$SYS` service uses the
// same builders.
import {
  accountz,
  accountzQuery,
  accstatz,
  accstatzQuery,
  connz,
  connzQuery,
  gatewayz,
  healthz,
  jsz,
  leafz,
  MonitorError,
  type MonitorView,
  type Parameters,
  queryParameters,
  readyz,
  routez,
  subsz,
  subszQuery,
  varz,
} from "@mq9/broker";
import type { Answer, MonitorRequest } from "./answer.ts";
import { indexPage, indexPolicy } from "./page.ts";

/** What endpoints answer about. */
export interface Monitored {
  readonly view: MonitorView;
  /** "" or a path with a leading slash. */
  readonly basePath: string;
  /** Counted here, by endpoint. */
  readonly requests: Map<string, number>;
}

type Endpoint = (view: MonitorView, parameters: Parameters) => Answer;

const endpoints: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  ["/varz", (view) => found(varz(view))],
  ["/connz", connections],
  ["/subsz", subscriptions],
  ["/subscriptionsz", subscriptions],
  ["/accountz", (view, parameters) => found(accountz(view, accountzQuery(parameters)))],
  ["/accstatz", (view, parameters) => found(accstatz(view, accstatzQuery(parameters)))],
  ["/healthz", health],
  ["/readyz", (view) => withStatus(readyz(view))],
  ["/routez", (view) => found(routez(view))],
  ["/gatewayz", (view) => found(gatewayz(view))],
  ["/leafz", (view) => found(leafz(view))],
  ["/jsz", (view) => found(jsz(view))],
]);

/** Answers one request. */
export function answerMonitoring(
  { view, basePath, requests }: Monitored,
  { path, query }: MonitorRequest,
): Answer {
  const isBelow = path === basePath || path.startsWith(`${basePath}/`);
  const name = isBelow ? path.slice(basePath.length) || "/" : undefined;
  const endpoint = name === undefined ? undefined : endpoints.get(name);
  if (name === undefined || (endpoint === undefined && name !== "/")) return { kind: "missing" };
  requests.set(name, (requests.get(name) ?? 0) + 1);
  if (endpoint === undefined) {
    const { productVersion, router } = view;
    const html = indexPage({ productVersion, serverName: router.server.serverName, basePath });
    return { kind: "page", html, policy: indexPolicy };
  }
  try {
    return endpoint(view, queryParameters(query));
  } catch (error) {
    if (error instanceof MonitorError) return { kind: "refused", message: error.message };
    throw error;
  }
}

function found(body: object): Answer {
  return { kind: "json", body };
}

function connections(view: MonitorView, parameters: Parameters): Answer {
  const query = connzQuery(parameters);
  return { kind: "list", build: () => connz(view, query) };
}

function subscriptions(view: MonitorView, parameters: Parameters): Answer {
  const query = subszQuery(parameters);
  return { kind: "list", build: () => subsz(view, query) };
}

/** Asked for in ways that only concern streams, which there are none of. */
const streamFlags = ["js-enabled", "js-enabled-only", "js-server-only", "details"];

function health(view: MonitorView, parameters: Parameters): Answer {
  for (const name of streamFlags) parameters.flag(name);
  return withStatus(healthz(view));
}

/** The status is that of the answer, and not in its body. */
function withStatus({
  status_code,
  ...body
}: {
  readonly status_code: number;
  readonly status: string;
}): Answer {
  return { kind: "status", status: status_code, body };
}
