// The far end of a connection in the router's own tests: a raw socket that says bytes and compares
// bytes. Answers nothing by itself, so tests see exactly what the server sends.

import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Longest wait for what a test expects, in milliseconds. */
const patienceMs = 20_000;

/** CONNECT of a test that does not care: quiet, with headers. */
export const quiet: Readonly<Record<string, unknown>> = {
  verbose: false,
  pedantic: false,
  protocol: 1,
  headers: true,
  no_responders: true,
};

/** A raw client. All text is a byte string. */
export class Peer implements AsyncDisposable {
  readonly socket: Socket;
  /** What has come and was not yet asked for. */
  received = "";
  ended = false;
  /** The line the server opened with. */
  infoLine = "";
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.received += chunk.toString("latin1");
      this.#wake();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.ended = true;
      this.#wake();
    });
  }

  /** Sends bytes as they are. */
  send(text: string): void {
    this.socket.write(Buffer.from(text, "latin1"));
  }

  /** Takes exactly this text, which must be what comes next. */
  async read(expected: string): Promise<void> {
    await this.#until(() => this.received.length >= expected.length, JSON.stringify(expected));
    const got = this.received.slice(0, expected.length);
    if (got !== expected) {
      throw new Error(`expected ${JSON.stringify(expected)}, got ${JSON.stringify(this.received)}`);
    }
    this.received = this.received.slice(expected.length);
  }

  /** Takes everything up to and with the text. */
  async readThrough(text: string): Promise<string> {
    await this.#until(() => this.received.includes(text), JSON.stringify(text));
    const end = this.received.indexOf(text) + text.length;
    const taken = this.received.slice(0, end);
    this.received = this.received.slice(end);
    return taken;
  }

  /** Sends PING and takes everything before its PONG. */
  async flush(): Promise<string> {
    this.send("PING\r\n");
    return (await this.readThrough("PONG\r\n")).slice(0, -"PONG\r\n".length);
  }

  /** Waits for the server to close and takes what it said last. */
  async readToEnd(): Promise<string> {
    await this.#until(() => this.ended, "the end of the connection");
    return this.received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.ended) return;
    this.socket.destroy();
    await once(this.socket, "close");
  }

  async #until(met: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (!met()) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0 || (this.ended && !met())) {
        throw new Error(`expected ${what}, got ${JSON.stringify(this.received)}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

/**
 * Connects and takes INFO.
 * @param options what CONNECT carries; null sends no CONNECT
 * @returns the peer, after its first PONG if it sent CONNECT
 */
export async function connectPeer(
  port: number,
  options: Readonly<Record<string, unknown>> | null = quiet,
): Promise<Peer> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  const peer = new Peer(socket);
  peer.infoLine = await peer.readThrough("\r\n");
  if (options !== null) {
    peer.send(`CONNECT ${JSON.stringify(options)}\r\n`);
    await peer.flush();
  }
  return peer;
}
