// What a connection needs from the thing that carries its bytes. Implemented once per kind of
// listener, so that connection and outbox do not know which kind they are on.

import type { PeerKind, PeerTls } from "../identity.ts";

/** What INFO tells of the way in. */
export interface Entrance {
  /** Where the listener is. */
  readonly host: string;
  readonly port: number;
  /** `required`: nothing goes on in clear; `available`: the client decides. */
  readonly tls: "none" | "available" | "required";
  /** Clients have to show a certificate. */
  readonly tlsVerify: boolean;
}

/** What a WebSocket handshake brought along instead of CONNECT; undefined = nothing. */
export interface CookieCredentials {
  readonly jwt?: string | undefined;
  readonly user?: string | undefined;
  readonly pass?: string | undefined;
  readonly token?: string | undefined;
}

/** The bytes of one peer, in both directions. */
export interface Transport {
  readonly kind: PeerKind;
  /** Undefined on a plain connection; of an encrypted one known from the end of its handshake on. */
  readonly tls: PeerTls | undefined;
  /** Undefined: what the router says of itself holds. */
  readonly entrance?: Entrance | undefined;
  /** Used where CONNECT carries none. */
  readonly credentials?: CookieCredentials | undefined;
  /** Address of the peer, for INFO and logs. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /**
   * Sends bytes. Only the outbox calls it, and only while nothing is in flight.
   * @returns true when they were taken at once, so that the buffer may be used again; otherwise
   * `drained` follows
   */
  write(bytes: Buffer): boolean;
  /** Stops and restarts reading. */
  pause(): void;
  resume(): void;
  /**
   * Ends the connection after what was written; what still arrives is dropped.
   * @param reason a short phrase; some transports can pass it on
   */
  end(reason: string): void;
  /** Ends the connection now. */
  destroy(): void;
}

/** What a transport tells its connection. */
export interface TransportEvents {
  /** The next bytes; they may be written to again once this returns. */
  data(chunk: Buffer): void;
  /** What was in flight has been taken. */
  drained(): void;
  /** The connection is over. Told once. */
  ended(): void;
}

/** Decides about a new transport; @returns who hears its events */
export type Accept = (transport: Transport) => TransportEvents;

/** Something that accepts connections. */
export interface Listener {
  /** Where it listens. */
  readonly host: string;
  readonly port: number;
  /** Accepts no more and cuts off who is still shaking hands. Connections that are open stay open. */
  stop(): Promise<void>;
}
