// The same users on two servers: this broker, and the real nats-server with a configuration file of
// the same meaning. For tests that compare what both answer.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { AuthConfig, UserConfig } from "@mq9/auth";
import { connectRaw, type RawClient, startNatsServer, tempDir } from "@mq9/testkit";
import { brokerInProcess } from "../support/in-process.ts";
import { until } from "../support/until.ts";

/** One server with users. */
export interface Door extends AsyncDisposable {
  readonly port: number;
  /** Other users from now on. */
  reload(auth: AuthConfig): Promise<void>;
}

/** This broker. */
export async function ourDoor(auth: AuthConfig): Promise<Door> {
  const { broker, address, [Symbol.asyncDispose]: stop } = await brokerInProcess({ auth });
  return {
    port: address.port,
    reload: async (next) => broker.reload({ auth: next }),
    [Symbol.asyncDispose]: stop,
  };
}

/** The real server. */
export async function theirDoor(auth: AuthConfig): Promise<Door> {
  const folder = await tempDir("nats-users");
  const file = path.join(folder.path, "server.conf");
  const write = (config: AuthConfig) => writeFile(file, natsConfig(config));
  await write(auth);
  const server = await startNatsServer(["-c", file]);
  let reloads = 0;
  return {
    port: server.port,
    reload: async (next) => {
      await write(next);
      const pid = /^\[(\d+)\]/m.exec(server.logs)?.[1];
      process.kill(Number(pid), "SIGHUP");
      reloads++;
      await until(async () =>
        server.logs.split("Reloaded server configuration").length > reloads ? true : undefined,
      );
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await folder.remove();
    },
  };
}

/** Everything a connection is told, in order; the last word is `closed` when the server hung up. */
export async function linesOf(client: RawClient, ...sent: string[]): Promise<string[]> {
  if (sent.length > 0) client.send(...sent);
  client.send("PING");
  const lines: string[] = [];
  for (;;) {
    const line = await lineOf(client);
    if (line === "closed") return [...lines, line];
    // Newer servers tell more after the first answer.
    if (line.startsWith("INFO ")) continue;
    if (line === "PONG") return lines;
    lines.push(line);
  }
}

/**
 * Connects with `verbose`, waits for the first answer, says something, and tells what came back. Who
 * is refused says nothing more: bytes that nobody reads any more could overtake the refusal.
 */
export async function talk(
  port: number,
  options: Readonly<Record<string, unknown>>,
  ...sent: string[]
): Promise<string[]> {
  await using client = await connectRaw(port, null);
  const all = { verbose: true, pedantic: false, ...options };
  client.send(`CONNECT ${JSON.stringify(all)}`);
  const first = await lineOf(client);
  if (first !== "+OK") return first === "closed" ? [first] : [first, await lineOf(client)];
  return [first, ...(await linesOf(client, ...sent))];
}

/** One line, or `closed`. */
export async function lineOf(client: RawClient): Promise<string> {
  try {
    return await client.readLine();
  } catch {
    return "closed";
  }
}

/** The description in the words of the real server, which reads JSON too. */
function natsConfig(auth: AuthConfig): string {
  const { token, users, accounts, noAuthUser, defaultPermissions, operator } = auth;
  if (operator !== undefined) {
    const preload = Object.fromEntries(operator.accounts);
    return JSON.stringify({
      operator: operator.operators,
      resolver: "MEMORY",
      resolver_preload: preload,
    });
  }
  const authorization = {
    ...(token === undefined ? {} : { token }),
    ...(users === undefined ? {} : { users: users.map(natsUser) }),
    ...(defaultPermissions === undefined
      ? {}
      : { default_permissions: natsRules(defaultPermissions) }),
  };
  const worlds = (accounts ?? []).map(({ name, users: members }) => [
    name,
    { users: members.map(natsUser) },
  ]);
  return JSON.stringify({
    ...(Object.keys(authorization).length === 0 ? {} : { authorization }),
    ...(accounts === undefined ? {} : { accounts: Object.fromEntries(worlds) }),
    ...(noAuthUser === undefined ? {} : { no_auth_user: noAuthUser }),
  });
}

function natsUser({ user, password, nkey, permissions, connectionTypes }: UserConfig): unknown {
  return {
    ...(nkey === undefined ? { user, password } : { nkey }),
    ...(permissions === undefined ? {} : { permissions: natsRules(permissions) }),
    ...(connectionTypes === undefined ? {} : { allowed_connection_types: connectionTypes }),
  };
}

function natsRules(rules: NonNullable<UserConfig["permissions"]>): unknown {
  const { publish, subscribe, allowResponses } = rules;
  const answers =
    typeof allowResponses === "object"
      ? { max: allowResponses.messagesMax, expires: `${allowResponses.ttlMs}ms` }
      : allowResponses;
  return {
    ...(publish === undefined ? {} : { publish }),
    ...(subscribe === undefined ? {} : { subscribe }),
    ...(answers === undefined ? {} : { allow_responses: answers }),
  };
}
