// A plain or encrypted byte stream as a transport. Made by the TCP listener for each connection; the
// socket underneath may be replaced once, when a connection that began in clear is encrypted.

import type { Socket } from "node:net";
import type { PeerTls } from "../identity.ts";
import type { Entrance, Transport, TransportEvents } from "./transport.ts";

/** A peer that was told the connection is over has this long to close its side. */
export const lingerMs = 1_000;

/** An IPv4 peer of a socket that listens on both is still an IPv4 peer. */
export function addressOf(socket: Socket): string {
  return (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
}

export class SocketTransport implements Transport {
  readonly kind = "STANDARD";
  readonly entrance: Entrance | undefined;
  readonly remoteAddress: string;
  readonly remotePort: number;
  tls: PeerTls | undefined;
  #socket: Socket;
  /** Between clear and encrypted: nothing may be written or read. */
  #changing = false;
  /** What was to be written meanwhile; there is never more than one. */
  #waiting: Buffer | undefined = undefined;
  #events: TransportEvents | undefined = undefined;
  #inFlight = false;
  #paused = false;
  #ending = false;
  #ended = false;
  #linger: NodeJS.Timeout | undefined = undefined;

  constructor(socket: Socket, entrance: Entrance | undefined, tls?: PeerTls) {
    this.#socket = socket;
    this.entrance = entrance;
    this.tls = tls;
    this.remoteAddress = addressOf(socket);
    this.remotePort = socket.remotePort ?? 0;
    socket.on("error", () => {}); // resets and timeouts of the peer; "close" follows
    socket.on("close", this.#closed);
  }

  /** It was told to end, or is over. */
  get isOver(): boolean {
    return this.#ending || this.#ended;
  }

  /** Whom to tell, without reading yet. */
  attach(events: TransportEvents): void {
    this.#events = events;
    if (this.#ended) events.ended();
  }

  /** Reads from now on. */
  read(): void {
    this.#socket.on("data", this.#data);
    if (!this.#paused) this.#socket.resume();
  }

  /** The socket hands over what it reads by itself; only pausing is ours. */
  readBySelf(): void {
    if (!this.#paused) this.#socket.resume();
  }

  /** The socket is being encrypted: holds everything back until `secured`. */
  secure(): void {
    this.#changing = true;
  }

  /** Goes on over the encrypted socket. */
  secured(socket: Socket, tls: PeerTls): void {
    this.tls = tls;
    this.#changing = false;
    this.#socket = socket;
    socket.on("error", () => {});
    socket.on("close", this.#closed);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined && this.write(waiting)) this.#events?.drained();
    this.read();
  }

  write(bytes: Buffer): boolean {
    if (this.#changing) {
      this.#waiting = bytes;
      return false;
    }
    const socket = this.#socket;
    socket.write(bytes, this.#written);
    this.#inFlight = socket.writableLength !== 0;
    return !this.#inFlight;
  }

  pause(): void {
    this.#paused = true;
    if (!this.#changing) this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (!this.#changing) this.#socket.resume();
  }

  end(_reason: string): void {
    const socket = this.#socket;
    this.#ending = true;
    if (this.#changing) {
      socket.destroy(); // there is no way to say anything
      return;
    }
    socket.end();
    // A socket closed with unread input resets the peer, which may then miss our last words.
    socket.resume();
    this.#linger = setTimeout(() => socket.destroy(), lingerMs);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  readonly #data = (chunk: Buffer): void => this.#events?.data(chunk);

  /** Also called, a tick late, for writes that were taken at once. */
  readonly #written = (error?: Error | null): void => {
    if (error || !this.#inFlight || this.#socket.writableLength !== 0) return;
    this.#inFlight = false;
    this.#events?.drained();
  };

  /** Told by the encrypted socket and by the one below it. */
  readonly #closed = (): void => {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#linger);
    this.#socket.destroy();
    this.#events?.ended();
  };
}
