// The handshakes of one listener: how many at a time, for how long, with which certificate. Whoever
// gets through is handed on; whoever does not is cut off, and nobody else hears of it.

import { constants } from "node:crypto";
import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { PeerTls } from "../identity.ts";
import { describeCertificate } from "./certificate.ts";
import { checkTlsOptions, type TlsOptions } from "./tls-options.ts";
import { Trust } from "./trust.ts";

/** A connection whose handshake is done. */
export type Secured = (socket: TLSSocket, tls: PeerTls) => void;

/** Handshakes at one time; each holds some 50 KiB. Who comes later waits its turn. */
const defaultHandshakesMax = 1_024;

/**
 * A deadline passes in parts. While a crowd comes in, one round of the event loop may take seconds, and
 * its timers fire before what has arrived is read: no peer is to blame for that.
 */
const deadlineParts = 8;
/** Who waits for a turn may do so for that many times the time of a handshake. */
const patience = 4;

/** Forward secrecy and authenticated encryption only. */
const ciphers = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

interface Handshake {
  readonly socket: Socket;
  readonly secured: Secured;
  /** How the encrypted side is recognised: address and port of the peer. */
  readonly key: string;
  timer: NodeJS.Timeout | undefined;
  begun: boolean;
}

/** Turns sockets into encrypted ones. */
export class TlsServer {
  #options: TlsOptions;
  #server: Server;
  #trust: Trust;
  /** Begun and waiting ones by peer, in order of arrival. */
  readonly #handshakes = new Map<string, Handshake>();
  #begun = 0;
  readonly #handshakesMax: number;

  /** @throws {TlsOptionsError} when certificate and key can not be used */
  constructor(options: TlsOptions, handshakesMax: number = defaultHandshakesMax) {
    checkTlsOptions(options);
    this.#handshakesMax = handshakesMax;
    this.#options = options;
    this.#trust = new Trust(options);
    this.#server = this.#serverOf(options, this.#trust);
  }

  /** What holds for the next connection. */
  get options(): TlsOptions {
    return this.#options;
  }

  /** Whether somebody who came in here may stay by the rules of now. Who showed no certificate may. */
  trusts({ certificate }: PeerTls): boolean {
    return certificate === undefined || this.#trust.holds(certificate);
  }

  /** Handshakes that are not done, the waiting ones among them. */
  get pending(): number {
    return this.#handshakes.size;
  }

  /**
   * Other certificates and rules for connections that come from now on.
   * @throws {TlsOptionsError} and changes nothing when they can not be used
   */
  reload(options: TlsOptions): void {
    checkTlsOptions(options);
    this.#trust = new Trust(options);
    this.#server = this.#serverOf(options, this.#trust);
    this.#options = options;
  }

  /**
   * Shakes hands over a socket; what it has read already is part of it. The socket is destroyed when
   * that fails or takes too long, and `secured` then never called.
   */
  handshake(socket: Socket, secured: Secured): void {
    const { remoteAddress, remotePort, destroyed } = socket;
    const key = `${remoteAddress} ${remotePort}`;
    if (destroyed || remoteAddress === undefined || this.#handshakes.has(key)) {
      socket.destroy();
      return;
    }
    const handshake: Handshake = { socket, secured, key, timer: undefined, begun: false };
    this.#handshakes.set(key, handshake);
    this.#setDeadline(handshake, deadlineParts * patience);
    socket.once("close", () => this.#forget(handshake));
    if (this.#begun < this.#handshakesMax) this.#begin(handshake);
  }

  /** Cuts off everybody whose handshake is not done. */
  close(): void {
    for (const { socket } of this.#handshakes.values()) socket.destroy();
  }

  #begin(handshake: Handshake): void {
    handshake.begun = true;
    this.#begun++;
    this.#setDeadline(handshake, deadlineParts);
    this.#server.emit("connection", handshake.socket);
  }

  #setDeadline(handshake: Handshake, parts: number): void {
    let left = parts;
    const partMs = Math.ceil(this.#options.timeoutMs / deadlineParts);
    const pass = (): void => {
      left--;
      if (left === 0) handshake.socket.destroy();
      else handshake.timer = setTimeout(pass, partMs);
    };
    clearTimeout(handshake.timer);
    handshake.timer = setTimeout(pass, partMs);
  }

  /** Done one way or the other: the next one has its turn. */
  #forget(handshake: Handshake): void {
    if (this.#handshakes.get(handshake.key) !== handshake) return;
    this.#handshakes.delete(handshake.key);
    clearTimeout(handshake.timer);
    if (!handshake.begun) return;
    this.#begun--;
    if (this.#handshakes.size === this.#begun) return;
    for (const waiting of this.#handshakes.values()) {
      if (waiting.begun || waiting.socket.destroyed) continue;
      this.#begin(waiting);
      return;
    }
  }

  #secured(socket: TLSSocket, options: TlsOptions, trust: Trust): void {
    const handshake = this.#handshakes.get(`${socket.remoteAddress} ${socket.remotePort}`);
    if (handshake === undefined) {
      socket.destroy();
      return;
    }
    this.#forget(handshake);
    let tls: PeerTls;
    try {
      tls = describe(socket, options, trust);
    } catch {
      socket.destroy(); // a certificate that can not be described names nobody
      return;
    }
    // It may have begun under other rules.
    if (this.trusts(tls)) handshake.secured(socket, tls);
    else socket.destroy();
  }

  /** A server that never listens: connections are given to it. */
  #serverOf(options: TlsOptions, trust: Trust): Server {
    const server = createServer({
      cert: options.cert,
      key: options.key,
      ca: options.ca,
      requestCert: options.verify,
      rejectUnauthorized: options.verify,
      minVersion: options.minVersion ?? "TLSv1.2",
      ciphers,
      honorCipherOrder: true,
      // A session taken up again would skip the look at the client's certificate.
      secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
      handshakeTimeout: options.timeoutMs * 2, // ours comes first; this one only counts silence
    });
    server.on("secureConnection", (socket) => {
      socket.on("error", () => {}); // "close" follows
      this.#secured(socket, options, trust);
    });
    server.on("tlsClientError", (_, socket) => socket.destroy());
    server.on("error", () => {});
    return server;
  }
}

/**
 * @param trust of the same options, by which its certificate was verified
 * @throws when there is no certificate where there must be one, or it is not readable
 */
function describe(socket: TLSSocket, { verify }: TlsOptions, trust: Trust): PeerTls {
  const certificate = verify ? socket.getPeerX509Certificate() : undefined;
  if (verify && certificate === undefined) throw new Error("no certificate");
  return {
    version: socket.getProtocol() ?? "",
    cipher: socket.getCipher().standardName ?? socket.getCipher().name,
    certificate: certificate && describeCertificate(certificate, trust.authoritiesOf(certificate)),
  };
}
