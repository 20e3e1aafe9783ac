// A broker in this process with monitoring in front of it, and small ways to ask. Used by the tests of
// this folder.
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import {
  type Broker,
  type BrokerOptionsInput,
  createBroker,
  resolveOptions,
  silentLog,
} from "@mq9/broker";
import { createMonitoringEdge, type MonitoringEdge, type MonitoringOptions } from "@mq9/monitoring";
import { MemoryStore, type Store } from "@mq9/store";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { until } from "../support/until.ts";

export interface Rig extends AsyncDisposable {
  readonly broker: Broker;
  readonly port: number;
  readonly edge: MonitoringEdge;
  /** Port of the JSON endpoints. */
  readonly httpPort: number;
  client(name?: string): Promise<NatsConnection>;
  get(path: string, init?: RequestInit): Promise<Response>;
  json(path: string): Promise<Json>;
  /** The text of `/metrics`. */
  metrics(): Promise<string>;
}

// biome-ignore lint/suspicious/noExplicitAny: what came over HTTP may be anything
export type Json = any;

export async function startRig(
  options: BrokerOptionsInput = {},
  monitoring: Partial<MonitoringOptions> = {},
  store: Store = new MemoryStore(),
): Promise<Rig> {
  const broker = createBroker(resolveOptions({ port: 0, ...options }), {
    store,
    log: silentLog,
    version: "0.0.0-test",
  });
  const { port } = await broker.start();
  const edge = await createMonitoringEdge({
    broker,
    host: "127.0.0.1",
    port: 0,
    metrics: { host: "127.0.0.1", port: 0 },
    ...monitoring,
  });
  const clients: NatsConnection[] = [];
  const get = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${edge.address?.port}${path}`, init);
  return {
    broker,
    port,
    edge,
    httpPort: edge.address?.port ?? 0,
    get,
    client: async (name = "a test") => {
      const client = await connect({ servers: `127.0.0.1:${port}`, name });
      clients.push(client);
      return client;
    },
    json: async (path) => (await get(path)).json() as Promise<Json>,
    metrics: async () =>
      (await fetch(`http://127.0.0.1:${edge.metricsAddress?.port}/metrics`)).text(),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(clients.map((client) => client.close()));
      await edge.close();
      await broker.stop();
    },
  };
}

/** Sends bytes to a port and gives back everything that comes until the far end closes. */
export async function raw(port: number, text: string): Promise<string> {
  const socket = connectSocket({ host: "127.0.0.1", port });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => {}); // a reset ends it as well
  socket.write(text);
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

/** One sample of an exposition. @param name with its labels as they stand there */
export function sample(exposition: string, name: string): number | undefined {
  for (const line of exposition.split("\n")) {
    if (line.startsWith(`${name} `)) return Number(line.slice(name.length + 1));
  }
  return undefined;
}

/** Waits until it is so. */
export function eventually(isSo: () => Promise<boolean>): Promise<true> {
  return until(async () => (await isSo()) || undefined);
}
