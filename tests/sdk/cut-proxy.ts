// A TCP proxy in front of a broker whose connections can be broken at chosen moments: before a request
// arrives, after it arrived and before its answer does, or silently.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export class CutProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();
  readonly #upstreamPort: number;
  #armed: "request" | "answer" | "broker" | undefined;
  #cut: (() => void) | undefined;
  #refusing = false;
  #silent = false;

  private constructor(upstreamPort: number) {
    this.#upstreamPort = upstreamPort;
    this.#server = createServer((client) => this.#accept(client));
  }

  static async start(upstreamPort: number): Promise<CutProxy> {
    const proxy = new CutProxy(upstreamPort);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url(): string {
    return `nats://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Loses the next bytes of a client with its connection. @returns when that has happened */
  loseRequest(): Promise<void> {
    return this.#arm("request");
  }

  /** Lets requests through and loses the next bytes of the broker, with the connection. */
  loseAnswer(): Promise<void> {
    return this.#arm("answer");
  }

  /** Lets the next request through and resolves at once, for whoever kills the broker then. */
  nextRequest(): Promise<void> {
    return this.#arm("broker");
  }

  /** Breaks every connection now. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Breaks every connection and takes no new ones until `restore`. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  /** Connections stay and carry nothing any more; new ones do. */
  silence(): void {
    this.#silent = true;
    for (const socket of this.#sockets) socket.pause();
  }

  restore(): void {
    this.#refusing = false;
    this.#silent = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #arm(what: "request" | "answer" | "broker"): Promise<void> {
    this.#armed = what;
    return new Promise((resolve) => {
      this.#cut = resolve;
    });
  }

  #accept(client: Socket): void {
    if (this.#refusing) {
      client.destroy();
      return;
    }
    this.#silent = false;
    const broker = connect(this.#upstreamPort, "127.0.0.1");
    for (const [socket, other, lost] of [
      [client, broker, "request"],
      [broker, client, "answer"],
    ] as const) {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.on("data", (bytes) => {
        if (this.#silent) return;
        if (this.#armed !== lost) {
          other.write(bytes);
          if (this.#armed === "broker" && lost === "request") {
            this.#armed = undefined;
            this.#cut?.();
          }
          return;
        }
        this.#armed = undefined;
        client.destroy();
        broker.destroy();
        this.#cut?.();
      });
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
