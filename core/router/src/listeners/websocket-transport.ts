// A WebSocket as a transport: frames in, one byte stream to the connection; every write of the outbox
// out as one binary frame. Made by the WebSocket listener once the handshake is done.

import type { Socket } from "node:net";
import { FairTurns } from "../fair-turns.ts";
import type { PeerTls } from "../identity.ts";
import { lingerMs } from "./socket-transport.ts";
import type { CookieCredentials, Entrance, Transport, TransportEvents } from "./transport.ts";
import { binaryHeader, closeFrame, FrameReader, pongFrame } from "./websocket-frames.ts";

/** What the handshake found out. */
export interface WebSocketPeer {
  readonly remoteAddress: string;
  readonly tls: PeerTls | undefined;
  readonly entrance: Entrance;
  readonly credentials: CookieCredentials | undefined;
}

/** Why a connection ends, as RFC 6455 numbers it; anything else is 1011. */
const closeCodes: ReadonlyMap<string, number> = new Map([
  ["Client Closed", 1000],
  ["Stale Connection", 1001],
  ["Server Shutdown", 1001],
  ["Read Timeout", 1001],
  ["Parse Error", 1002],
  ["Protocol Violation", 1002],
  ["Bad Client Protocol Version", 1002],
  ["Authentication Timeout", 1008],
  ["Authentication Failure", 1008],
  ["Authentication Expired", 1008],
  ["Credentials Revoked", 1008],
  ["Missing Account", 1008],
  ["Maximum Connections Exceeded", 1008],
  ["Maximum Account Connections Exceeded", 1008],
  ["Maximum Control Line Exceeded", 1008],
  ["Maximum Subscriptions Exceeded", 1008],
  ["Maximum Message Payload Exceeded", 1009],
]);
const internalError = 1011;
/** Frames after which others go first: empty ones cost the connection behind nothing. */
const turnFramesMax = 4_096;
/** Those that sent so many. */
const turns = new FairTurns();
const protocolError = 1002;

export class WebSocketTransport implements Transport {
  readonly kind = "WEBSOCKET";
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly tls: PeerTls | undefined;
  readonly entrance: Entrance;
  readonly credentials: CookieCredentials | undefined;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  #events: TransportEvents | undefined = undefined;
  #inFlight = false;
  /** A close frame was sent: nothing may follow it. */
  #closing = false;
  /** Whoever reads wants no more for now. */
  #isPaused = false;
  /** Others have their turn. */
  #isResting = false;
  /** Answer to the latest ping, until it can be written: only that one is owed. */
  #pong: Buffer | undefined = undefined;
  #linger: NodeJS.Timeout | undefined = undefined;

  constructor(socket: Socket, peer: WebSocketPeer) {
    this.#socket = socket;
    this.remoteAddress = peer.remoteAddress;
    this.remotePort = socket.remotePort ?? 0;
    this.tls = peer.tls;
    this.entrance = peer.entrance;
    this.credentials = peer.credentials;
    this.#reader = new FrameReader({
      payload: (bytes) => this.#events?.data(bytes),
      ping: (payload) => {
        this.#pong = pongFrame(payload);
      },
      closed: (code, reason) => this.#close(code, reason),
      violation: (text) => this.#close(protocolError, text),
    });
  }

  /** Reads from now on. */
  attach(events: TransportEvents): void {
    const socket = this.#socket;
    this.#events = events;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("close", () => {
      clearTimeout(this.#linger);
      events.ended();
    });
  }

  write(bytes: Buffer): boolean {
    if (this.#closing) return true; // the peer takes no more
    const socket = this.#socket;
    socket.cork();
    socket.write(binaryHeader(bytes.length));
    socket.write(bytes, this.#written);
    socket.uncork();
    this.#inFlight = socket.writableLength !== 0;
    return !this.#inFlight;
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isResting) this.#socket.resume();
  }

  /** Others had their turn. */
  goOn(): void {
    this.#isResting = false;
    if (!this.#isPaused || this.#closing) this.#socket.resume();
  }

  end(reason: string): void {
    this.#close(closeCodes.get(reason) ?? internalError, reason);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const reader = this.#reader;
    reader.read(chunk);
    this.#sendPong();
    if (reader.frames < turnFramesMax || this.#closing) return;
    reader.frames = 0;
    this.#isResting = true;
    this.#socket.pause();
    turns.add(this);
  }

  /** At once, or when what is in flight is written. */
  #sendPong(): void {
    const pong = this.#pong;
    if (pong === undefined || this.#closing || this.#socket.writableLength !== 0) return;
    this.#pong = undefined;
    this.#socket.write(pong, this.#written);
  }

  #close(code: number | undefined, reason: string): void {
    if (this.#closing) return;
    this.#sendPong();
    this.#closing = true;
    this.#pong = undefined;
    const socket = this.#socket;
    socket.end(closeFrame(code, reason));
    // A socket closed with unread input resets the peer, which may then miss our last words.
    socket.resume();
    this.#linger = setTimeout(() => socket.destroy(), lingerMs);
  }

  /** Also called, a tick late, for writes that were taken at once. */
  readonly #written = (error?: Error | null): void => {
    if (error || this.#socket.writableLength !== 0) return;
    this.#sendPong();
    if (!this.#inFlight) return;
    this.#inFlight = false;
    this.#events?.drained();
  };
}
