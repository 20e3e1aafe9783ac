// The port of NATS clients: in clear, encrypted, or both, with INFO before or after the handshake.

import { createServer, type Server, type Socket } from "node:net";
import { readShared } from "./shared-reads.ts";
import { SocketTransport } from "./socket-transport.ts";
import type { TlsServer } from "./tls-server.ts";
import type { Accept, Entrance, Listener, TransportEvents } from "./transport.ts";

/** Where and how to listen. */
export interface TcpListenerOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Undefined = in clear. */
  readonly tls: TlsServer | undefined;
  /** Sockets that wait for their handshake before INFO; the newest beyond is turned away. Default 4096. */
  readonly silentMax?: number | undefined;
}

/** First byte of a TLS handshake; no NATS operation begins with it. */
const handshakeByte = 0x16;
const defaultSilentMax = 4_096;

/**
 * Listens on a host and port.
 * @throws whatever the platform says when it cannot, for instance `EADDRINUSE`
 */
export async function listenTcp(options: TcpListenerOptions, accept: Accept): Promise<Listener> {
  const { host, port, tls, silentMax = defaultSilentMax } = options;
  const arrivals = tls === undefined ? undefined : new EncryptedArrivals(tls, accept, silentMax);
  // Not a byte may be read before it is known by whom: here, or by the encryption.
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
    if (arrivals !== undefined) {
      arrivals.take(socket);
      return;
    }
    let events: TransportEvents | undefined;
    const plain = readShared(socket, (chunk) => events?.data(chunk));
    const transport = new SocketTransport(plain, undefined);
    events = accept(transport);
    transport.attach(events);
    transport.readBySelf();
  });
  const address = await listen(server, host, port);
  arrivals?.listensOn({ host, port: address.port });
  return {
    ...address,
    stop: () => {
      // The callback of `close` would wait for the open connections, which live on.
      server.close();
      arrivals?.cutOff();
      return Promise.resolve();
    },
  };
}

/** Makes a server listen. @returns where it does */
export async function listen(
  server: Server,
  host: string,
  port: number,
): Promise<{ host: string; port: number }> {
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
  return { host: address.address, port: address.port };
}

/** What becomes of sockets on a port that can encrypt. */
class EncryptedArrivals {
  readonly #tls: TlsServer;
  readonly #accept: Accept;
  /** Those that are no connections yet: they have not been told INFO. */
  readonly #silent = new Set<Socket>();
  readonly #silentMax: number;
  #address = { host: "", port: 0 };

  constructor(tls: TlsServer, accept: Accept, silentMax: number) {
    this.#tls = tls;
    this.#silentMax = silentMax;
    this.#accept = accept;
  }

  listensOn(address: { host: string; port: number }): void {
    this.#address = address;
  }

  cutOff(): void {
    for (const socket of this.#silent) socket.destroy();
    this.#tls.close();
  }

  take(socket: Socket): void {
    socket.on("error", () => {}); // "close" follows
    const { handshakeFirst } = this.#tls.options;
    if (handshakeFirst === false) {
      this.#speakFirst(socket);
      return;
    }
    if (this.#silent.size >= this.#silentMax) {
      socket.destroy(); // they are not among the connections that are counted
      return;
    }
    this.#silent.add(socket);
    socket.once("close", () => this.#silent.delete(socket));
    if (handshakeFirst === true) this.#shakeFirst(socket);
    else this.#shakeFirstIfAsked(socket, handshakeFirst);
  }

  /** INFO after the handshake. */
  #shakeFirst(socket: Socket): void {
    const entrance = this.#entrance("required");
    this.#tls.handshake(socket, (encrypted, tls) => {
      this.#silent.delete(socket);
      const transport = new SocketTransport(encrypted, entrance, tls);
      transport.attach(this.#accept(transport));
      transport.read();
    });
  }

  /** A peer that says anything within a moment knows what to do; others wait for INFO. */
  #shakeFirstIfAsked(socket: Socket, momentMs: number): void {
    const timer = setTimeout(() => {
      socket.off("readable", asked);
      this.#silent.delete(socket);
      this.#speakFirst(socket);
    }, momentMs);
    const asked = (): void => {
      clearTimeout(timer);
      this.#shakeFirst(socket);
    };
    socket.once("readable", asked);
    socket.once("close", () => clearTimeout(timer));
  }

  /** INFO in clear, and nothing else in clear unless that is allowed. */
  #speakFirst(socket: Socket): void {
    const { allowNonTls } = this.#tls.options;
    const transport = new SocketTransport(
      socket,
      this.#entrance(allowNonTls ? "available" : "required"),
    );
    transport.attach(this.#accept(transport));
    if (transport.isOver) return;
    if (!allowNonTls) {
      this.#encrypt(transport, socket);
      return;
    }
    socket.once("readable", () => {
      const first = socket.read() as Buffer | null;
      if (first === null || transport.isOver) return; // "close" follows
      socket.unshift(first);
      if (first[0] === handshakeByte) this.#encrypt(transport, socket);
      else transport.read();
    });
  }

  #encrypt(transport: SocketTransport, socket: Socket): void {
    transport.secure();
    this.#tls.handshake(socket, (encrypted, tls) => transport.secured(encrypted, tls));
  }

  #entrance(tls: Entrance["tls"]): Entrance {
    return { ...this.#address, tls, tlsVerify: this.#tls.options.verify };
  }
}
