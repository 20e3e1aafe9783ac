// A NATS client by hand, in clear and encrypted: says bytes, compares bytes.
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";

const patienceMs = 15_000;

/** What has come over a socket, and whether it is over. */
export class Wire implements AsyncDisposable {
  readonly socket: Socket;
  received = "";
  ended = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("close", () => {
      this.ended = true;
    });
    socket.on("data", this.#data);
  }

  send(text: string): void {
    this.socket.write(Buffer.from(text, "latin1"));
  }

  /** Takes everything up to and with a text. */
  async through(text: string): Promise<string> {
    await this.#until(() => this.received.includes(text), JSON.stringify(text));
    const end = this.received.indexOf(text) + text.length;
    const taken = this.received.slice(0, end);
    this.received = this.received.slice(end);
    return taken;
  }

  /** INFO as an object. */
  async info(): Promise<Record<string, unknown>> {
    const line = await this.through("\r\n");
    return JSON.parse(line.slice("INFO ".length)) as Record<string, unknown>;
  }

  async toEnd(): Promise<string> {
    await this.#until(() => this.ended, "the end");
    return this.received;
  }

  /** Encrypts it. @throws when the handshake fails, or the server turns away what came with it */
  async encrypt(options: ConnectionOptions): Promise<Wire> {
    this.socket.off("data", this.#data);
    return await encrypted({ ...options, socket: this.socket });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.ended || this.socket.destroyed) return;
    this.socket.destroy();
    await once(this.socket, "close");
  }

  readonly #data = (chunk: Buffer): void => {
    this.received += chunk.toString("latin1");
  };

  async #until(met: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (!met()) {
      if (performance.now() > deadline || this.ended) {
        throw new Error(`expected ${what}, got ${JSON.stringify(this.received)}`);
      }
      const change = new AbortController();
      const waits = ["data", "close"].map((name) =>
        once(this.socket, name, { signal: change.signal }).catch(() => {}),
      );
      const timer = setTimeout(() => change.abort(), 200);
      await Promise.race(waits);
      clearTimeout(timer);
      change.abort();
    }
  }
}

/** Connects in clear. */
export async function plain(port: number): Promise<Wire> {
  const socket = connectTcp({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  return new Wire(socket);
}

/** Shakes hands at once. @throws when that fails */
export async function encrypted(options: ConnectionOptions): Promise<Wire> {
  const socket: TLSSocket = connectTls({ host: "127.0.0.1", servername: "localhost", ...options });
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed during the handshake")));
  });
  return new Wire(socket);
}
