// Plain TCP. The only file of the router that opens sockets.

import { createServer, type Socket } from "node:net";
import type { Accept, Listener, Transport, TransportEvents } from "./transport.ts";

/** A peer that was told the connection is over has this long to close its side. */
const lingerMs = 1_000;

/**
 * Listens on a host and port; port 0 is any free one.
 * @throws whatever the platform says when it cannot, for instance `EADDRINUSE`
 */
export async function listenTcp(host: string, port: number, accept: Accept): Promise<Listener> {
  const server = createServer({ noDelay: true }, (socket) => {
    const transport = new TcpTransport(socket);
    transport.attach(accept(transport));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog: 1_024 }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  // A failed accept (too many open files) ends nothing: the peer tries again.
  server.on("error", () => {});
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return {
    host: address.address,
    port: address.port,
    stop: () => {
      // The callback of `close` would wait for the open connections, which live on.
      server.close();
      return Promise.resolve();
    },
  };
}

class TcpTransport implements Transport {
  readonly kind = "STANDARD";
  readonly tls = undefined;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #socket: Socket;
  #events: TransportEvents | undefined = undefined;
  #inFlight = false;
  #linger: NodeJS.Timeout | undefined = undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    // An IPv4 peer of a socket that listens on both is still an IPv4 peer.
    this.remoteAddress = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
    this.remotePort = socket.remotePort ?? 0;
  }

  attach(events: TransportEvents): void {
    const socket = this.#socket;
    this.#events = events;
    socket.on("data", (chunk: Buffer) => events.data(chunk));
    // Resets and timeouts of the peer; "close" follows and says all that matters.
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(this.#linger);
      events.ended();
    });
  }

  write(bytes: Buffer): boolean {
    const socket = this.#socket;
    socket.write(bytes, this.#written);
    this.#inFlight = socket.writableLength !== 0;
    return !this.#inFlight;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    const socket = this.#socket;
    socket.end();
    // A socket closed with unread input resets the peer, which may then miss our last words.
    socket.resume();
    this.#linger = setTimeout(() => socket.destroy(), lingerMs);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Also called, a tick late, for writes that were taken at once. */
  readonly #written = (error?: Error | null): void => {
    if (error || !this.#inFlight || this.#socket.writableLength !== 0) return;
    this.#inFlight = false;
    this.#events?.drained();
  };
}
