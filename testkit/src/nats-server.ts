// Boots the real nats-server, the yardstick for everything that is plain NATS.
import { startChild } from "./child.ts";
import { findPeer } from "./peers.ts";

/** A nats-server in a process of its own. Disposing ends it. */
export interface RunningNatsServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly logs: string;
  stop(): Promise<void>;
}

/**
 * Starts nats-server on a free port of the loopback interface.
 * @param args further flags, for instance `["-c", file]`
 * @throws when the executable is missing (see `findPeer`) or does not come up
 */
export async function startNatsServer(args: readonly string[] = []): Promise<RunningNatsServer> {
  const peer = findPeer("nats-server");
  if (peer.path === undefined) throw new Error(peer.reason);
  const child = startChild(peer.path, ["-a", "127.0.0.1", "-p", "-1", ...args]);
  const [, port] = await child.waitFor(
    /Listening for client connections on 127\.0\.0\.1:(\d+)[\s\S]*Server is ready/,
  );
  const stop = async () => {
    child.process.kill("SIGTERM");
    await child.ended;
  };
  return {
    url: `nats://127.0.0.1:${port}`,
    port: Number(port),
    get logs() {
      return child.stderr;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
