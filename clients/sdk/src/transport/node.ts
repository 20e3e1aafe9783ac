// Node: TCP and TLS by the NATS library for Node, WebSocket by its browser part, and the environment.

import { Mq9Error } from "@mq9/protocol";
import {
  connect,
  type NatsConnection,
  type WsSocketFactory,
  wsconnect,
} from "@nats-io/transport-node";
import { dialBy } from "./either.ts";
import type { DialOptions, Surroundings, WebSocketClass } from "./transport.ts";

export async function dial(
  options: DialOptions,
  webSocket: WebSocketClass | undefined,
): Promise<NatsConnection> {
  const servers = [options.servers ?? []].flat();
  const overWeb = servers.filter((server) => /^wss?:/i.test(server));
  if (overWeb.length === 0) {
    return await dialBy("tcp", () => connect(withHost(options, servers)));
  }
  if (overWeb.length < servers.length) {
    throw new Mq9Error(
      "invalid",
      "the servers of one connection are all ws:// and wss://, or none is",
    );
  }
  const { tls: _, ...rest } = options;
  const factory = factoryOf(webSocket);
  return await dialBy("web", () => wsconnect({ ...rest, ...factory }));
}

/** The library compares certificates with names alone: an address in numbers has to be said here. */
function withHost(options: DialOptions, servers: readonly string[]): DialOptions {
  const [, host] = /^\w+:\/\/(?:\[([0-9a-f:]+)\]|[^/:]*)/i.exec(servers[0] ?? "") ?? [];
  const [, numbers = host] = /^\w+:\/\/([0-9.]+)(?::|$)/.exec(servers[0] ?? "") ?? [];
  if (!options.tls || numbers === undefined) return options;
  return { ...options, tls: { ...options.tls, host: numbers } as DialOptions["tls"] & object };
}

/** Node has a WebSocket of its own from version 22 on. */
function factoryOf(webSocket: WebSocketClass | undefined): { wsFactory?: WsSocketFactory } {
  const Socket = webSocket;
  if (Socket !== undefined) {
    return {
      wsFactory: async (url) => ({
        socket: new Socket(url) as Awaited<ReturnType<WsSocketFactory>>["socket"],
        encrypted: url.startsWith("wss:"),
      }),
    };
  }
  if ("WebSocket" in globalThis) return {};
  throw new Mq9Error(
    "unsupported",
    "this version of Node has no WebSocket: connect to nats:// instead, or give the class of the package ws as `webSocket`",
  );
}

/** `MQ9_URL`, then `NATS_URL`; `MQ9_AGENT`; `MQ9_INBOX_PREFIX`; `MQ9_CREDS`, then `NATS_CREDS`: the path of a creds file. */
export async function surroundings(): Promise<Surroundings> {
  const { process } = globalThis as unknown as { process: NodeProcess };
  const { env } = process;
  const file = given(env["MQ9_CREDS"]) ?? given(env["NATS_CREDS"]);
  return {
    url: given(env["MQ9_URL"]) ?? given(env["NATS_URL"]),
    agent: given(env["MQ9_AGENT"]),
    inboxPrefix: given(env["MQ9_INBOX_PREFIX"]),
    creds: file === undefined ? undefined : await readCreds(file, process),
  };
}

async function readCreds(file: string, process: NodeProcess): Promise<string> {
  try {
    return await process.getBuiltinModule("node:fs/promises").readFile(file, "utf8");
  } catch (error) {
    throw new Mq9Error("invalid", `the creds file ${file} (MQ9_CREDS) can not be read`, {
      cause: error,
    });
  }
}

function given(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === "" ? undefined : text.trim();
}

/** The few things of Node that are used here, so that no other file may lean on its types. */
interface NodeProcess {
  readonly env: Readonly<Record<string, string | undefined>>;
  getBuiltinModule(name: "node:fs/promises"): {
    readFile(file: string, encoding: "utf8"): Promise<string>;
  };
}
