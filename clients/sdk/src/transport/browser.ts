// Browsers: WebSocket alone, and no environment. Nothing of Node is imported here.

import { Mq9Error } from "@mq9/protocol";
import { type NatsConnection, wsconnect } from "@nats-io/nats-core";
import type { DialOptions, Surroundings } from "./transport.ts";

export async function dial(options: DialOptions): Promise<NatsConnection> {
  const servers = [options.servers ?? []].flat();
  const other = servers.find((server) => !/^wss?:/i.test(server));
  if (other !== undefined) {
    throw new Mq9Error("invalid", `a browser connects to ws:// or wss:// alone, not to ${other}`);
  }
  const { tls: _, ...rest } = options;
  return await wsconnect(rest);
}

export async function surroundings(): Promise<Surroundings> {
  return { url: undefined, agent: undefined, creds: undefined };
}
