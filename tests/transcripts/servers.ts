// Starts the two servers that transcripts are replayed against, with the limits a transcript asks
// for, and keeps one of each running for all transcripts that ask for none.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startBroker, startNatsServer, type TempDir, tempDir } from "@mq9/testkit";
import { authConfig } from "./auth-setup.ts";
import type { Target } from "./replay.ts";
import type { ServerSetup } from "./transcript.ts";

/** A server that can be asked for a target and ends everything it started. */
export interface Servers {
  /** A running server with this setup. */
  target(setup: ServerSetup): Promise<Target>;
  stop(): Promise<void>;
}

type Started = { target: Target; stop(): Promise<void> };

function createServers(start: (setup: ServerSetup) => Promise<Started>): Servers {
  const started = new Map<string, Promise<Started>>();
  let alone = 0;
  return {
    target: async (setup) => {
      const key = setup.alone === true ? `alone ${(alone += 1)}` : JSON.stringify(setup);
      const running = started.get(key) ?? start(setup);
      started.set(key, running);
      return (await running).target;
    },
    stop: async () => {
      await Promise.all([...started.values()].map(async (running) => await (await running).stop()));
    },
  };
}

/** The real nats-server. */
export function natsServers(): Servers {
  return createServers(async (setup) => {
    const folder = await tempDir("transcripts");
    const config = join(folder.path, "server.conf");
    const pidFile = join(folder.path, "pid");
    await writeFile(config, natsConfig(setup));
    const server = await startNatsServer(["-c", config, "-P", pidFile]);
    const pid = Number(await readFile(pidFile, "utf8"));
    const target: Target = {
      host: "127.0.0.1",
      port: server.port,
      drain: () => process.kill(pid, "SIGUSR2"),
    };
    return { target, stop: async () => await stopBoth(server, folder, pid) };
  });
}

/** This repository's broker, as built, told the same by the same file. */
export function brokers(): Servers {
  return createServers(async (setup) => {
    const folder = await tempDir("transcripts");
    const config = join(folder.path, "server.conf");
    const text = natsConfig(setup);
    await writeFile(config, text);
    const broker = await startBroker({ args: text === "" ? [] : ["-c", config] });
    const target: Target = {
      host: broker.host,
      port: broker.port,
      // Every stop that is asked for is a drain.
      drain: () => broker.process.kill("SIGTERM"),
    };
    const stop = async () => {
      await broker[Symbol.asyncDispose]();
      await folder.remove();
    };
    return { target, stop };
  });
}

function natsConfig(setup: ServerSetup): string {
  const settings = [
    ["max_connections", setup.maxConnections],
    ["max_subscriptions", setup.maxSubscriptions],
    ["max_payload", setup.maxPayloadBytes],
    ["max_control_line", setup.maxControlLineBytes],
    ["max_sub_tokens", setup.maxSubscriptionTokens],
    [
      "ping_interval",
      setup.pingIntervalMs === undefined ? undefined : `"${setup.pingIntervalMs}ms"`,
    ],
    ["ping_max", setup.pingsOutMax],
  ];
  const given = settings.filter(([, value]) => value !== undefined);
  return given.map(([key, value]) => `${key}: ${value}\n`).join("") + authConfig(setup.auth);
}

async function stopBoth(
  server: { stop(): Promise<void> },
  folder: TempDir,
  pid: number,
): Promise<void> {
  try {
    // In lame duck mode it ignores SIGTERM and takes its time.
    process.kill(pid, "SIGKILL");
  } catch {
    // best effort: without clients it has stopped by itself.
  }
  await server.stop();
  await folder.remove();
}
