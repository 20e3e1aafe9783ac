// The port of browsers: HTTP until a request becomes a WebSocket, then the byte stream of a NATS
// client. Everything before that is bounded in size, number and time.

import { createServer as createHttpServer, type IncomingMessage, type Server } from "node:http";
import { type BlockList, createServer, type Socket } from "node:net";
import type { PeerTls } from "../identity.ts";
import { addressOf } from "./socket-transport.ts";
import { listen } from "./tcp.ts";
import type { TlsOptions } from "./tls-options.ts";
import type { TlsServer } from "./tls-server.ts";
import type { Accept, Entrance, Listener } from "./transport.ts";
import {
  type CookieNames,
  clientAddress,
  cookieCredentials,
  judgeUpgrade,
  type OriginRules,
  originOf,
  trustedProxies,
} from "./websocket-handshake.ts";
import { WebSocketTransport } from "./websocket-transport.ts";

/** A listener for WebSocket clients. */
export interface WebSocketOptions extends OriginRules {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Undefined = `ws://` only. `handshakeFirst` and `allowNonTls` mean nothing here. */
  readonly tls?: TlsOptions | undefined;
  /** From the first byte to the end of the upgrade, TLS included, in milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** Addresses and networks whose `X-Forwarded-For` is believed; none by default. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Cookies that stand in for credentials; only with a rule about origins. */
  readonly cookies?: CookieNames | undefined;
}

/** What may be left out has these values. */
export const defaultWebSocketOptions: Omit<WebSocketOptions, "host" | "port"> = Object.freeze({
  sameOrigin: false,
  allowedOrigins: [],
  handshakeTimeoutMs: 2_000, // same as nats-server
});

/** Bytes of a request's line and headers; browsers send half of it at most. */
const headBytesMax = 8_192;
/** Connections that are no WebSockets yet. The newest is turned away. */
const arrivalsMax = 4_096;

/**
 * Checks what does not need a socket.
 * @throws {RangeError} in words that name the option
 */
export function checkWebSocketOptions(options: WebSocketOptions): void {
  const { allowedOrigins, sameOrigin, cookies, handshakeTimeoutMs, port } = options;
  if (!Number.isSafeInteger(port) || port < 0 || port > 65_535) {
    throw new RangeError(`websocket.port ${port} is not between 0 and 65535`);
  }
  if (!Number.isSafeInteger(handshakeTimeoutMs) || handshakeTimeoutMs < 1) {
    throw new RangeError(`websocket.handshakeTimeoutMs ${handshakeTimeoutMs} is not possible`);
  }
  const wrong = allowedOrigins.find((entry) => entry !== "*" && originOf(entry) === undefined);
  if (wrong !== undefined) {
    throw new RangeError(
      `websocket.allowedOrigins: ${wrong} is no origin; one looks like https://example.org`,
    );
  }
  const isOpen = !sameOrigin && (allowedOrigins.length === 0 || allowedOrigins.includes("*"));
  const readsCookies = Object.values(cookies ?? {}).some((name) => name !== undefined);
  if (readsCookies && isOpen) {
    throw new RangeError(
      "websocket.cookies need sameOrigin or allowedOrigins: a browser shows its cookies whatever page asks",
    );
  }
  trustedProxies(options.trustedProxies ?? []);
}

/**
 * Listens for WebSocket clients.
 * @param tls made of `options.tls`
 * @throws whatever the platform says when it cannot, for instance `EADDRINUSE`
 */
export async function listenWebSocket(
  options: WebSocketOptions,
  tls: TlsServer | undefined,
  accept: Accept,
): Promise<Listener> {
  const arrivals = new WebSocketArrivals(options, tls, accept);
  const server = createServer({ noDelay: true, pauseOnConnect: tls !== undefined }, (socket) =>
    arrivals.take(socket),
  );
  const { host, port } = await listen(server, options.host, options.port);
  arrivals.listensOn({ host: options.host, port });
  return {
    host,
    port,
    stop: () => {
      server.close();
      arrivals.cutOff();
      return Promise.resolve();
    },
  };
}

/** Sockets on their way to become WebSockets. */
class WebSocketArrivals {
  readonly #options: WebSocketOptions;
  readonly #tls: TlsServer | undefined;
  readonly #accept: Accept;
  readonly #http: Server;
  readonly #proxies: BlockList;
  /** Those that are no WebSockets yet, with the end of their patience. */
  readonly #arriving = new Map<Socket, NodeJS.Timeout>();
  /** What is known of the encryption of a socket that speaks HTTP, and the socket it came as. */
  readonly #origins = new WeakMap<object, { raw: Socket; tls: PeerTls | undefined }>();
  #address = { host: "", port: 0 };

  constructor(options: WebSocketOptions, tls: TlsServer | undefined, accept: Accept) {
    this.#options = options;
    this.#tls = tls;
    this.#accept = accept;
    this.#proxies = trustedProxies(options.trustedProxies ?? []);
    this.#http = this.#httpServer();
  }

  listensOn(address: { host: string; port: number }): void {
    this.#address = address;
  }

  cutOff(): void {
    for (const socket of this.#arriving.keys()) socket.destroy();
    this.#tls?.close();
  }

  take(socket: Socket): void {
    socket.on("error", () => {}); // "close" follows
    if (this.#arriving.size >= arrivalsMax) {
      socket.destroy();
      return;
    }
    const timer = setTimeout(() => socket.destroy(), this.#options.handshakeTimeoutMs);
    this.#arriving.set(socket, timer);
    socket.once("close", () => this.#forget(socket));
    if (this.#tls === undefined) this.#speakHttp(socket, socket, undefined);
    else this.#tls.handshake(socket, (encrypted, tls) => this.#speakHttp(encrypted, socket, tls));
  }

  #speakHttp(socket: Socket, raw: Socket, tls: PeerTls | undefined): void {
    this.#origins.set(socket, { raw, tls });
    this.#http.emit("connection", socket);
  }

  /** It arrived, or is gone. */
  #forget(socket: Socket): void {
    clearTimeout(this.#arriving.get(socket));
    this.#arriving.delete(socket);
  }

  /** A server that never listens: connections are given to it. */
  #httpServer(): Server {
    const server = createHttpServer({
      maxHeaderSize: headBytesMax,
      requireHostHeader: false, // it is looked at in its turn
      insecureHTTPParser: false,
      keepAlive: false,
    });
    server.maxHeadersCount = 64;
    server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket as Socket, head));
    const refuse = (request: IncomingMessage): void => {
      const verdict = this.#judge(request);
      answer(request.socket, verdict.accept === undefined ? verdict : refusedBody);
    };
    server.on("request", refuse);
    server.on("checkContinue", refuse);
    server.on("checkExpectation", refuse);
    server.on("connect", refuse);
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      const isTooLong = error.code === "HPE_HEADER_OVERFLOW";
      const status = isTooLong ? 431 : 400;
      if (socket.writable && error.code !== "ECONNRESET") {
        answer(socket as Socket, { status, words: isTooLong ? "too long" : "this is not HTTP" });
      } else socket.destroy();
    });
    return server;
  }

  #judge(request: IncomingMessage): ReturnType<typeof judgeUpgrade> {
    const { method = "", url = "", headers, headersDistinct: distinct } = request;
    const encrypted = this.#tls !== undefined;
    return judgeUpgrade({ method, url, headers, distinct, encrypted }, this.#options);
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const origin = this.#origins.get(socket);
    socket.on("error", () => {}); // HTTP took its listeners away
    const verdict = this.#judge(request);
    if (verdict.accept === undefined || origin === undefined) {
      answer(socket, verdict.accept === undefined ? verdict : refusedBody);
      return;
    }
    if (head.length !== 0) {
      answer(socket, { status: 400, words: "nothing may be sent before the answer" });
      return;
    }
    this.#forget(origin.raw);
    const { headers } = request;
    const transport = new WebSocketTransport(socket, {
      remoteAddress: clientAddress(addressOf(socket), headers["x-forwarded-for"], this.#proxies),
      tls: origin.tls,
      entrance: this.#entrance(),
      credentials: cookieCredentials(headers.cookie, this.#options.cookies),
    });
    socket.setTimeout(0);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${verdict.accept}\r\n\r\n`,
    );
    transport.attach(this.#accept(transport));
  }

  #entrance(): Entrance {
    const tls = this.#tls;
    return {
      ...this.#address,
      tls: tls === undefined ? "none" : "required",
      tlsVerify: tls?.options.verify === true,
    };
  }
}

interface Refusal {
  readonly status: number;
  readonly words: string;
}

const refusedBody: Refusal = { status: 400, words: "a WebSocket handshake has no body" };

const statusTexts: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  431: "Request Header Fields Too Large",
};

/** Says why not, and is done: one request per connection. */
function answer(socket: Socket, { status, words }: Refusal): void {
  const body = `${words}\n`;
  const head = [
    `HTTP/1.1 ${status} ${statusTexts[status]}`,
    "Sec-WebSocket-Version: 13",
    ...(status === 405 ? ["Allow: GET"] : []),
    "Content-Type: text/plain; charset=utf-8",
    "X-Content-Type-Options: nosniff",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
  socket.resume();
}
