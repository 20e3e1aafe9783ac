// What a platform gives to the client: a way to dial, and what its environment says. `node.ts` and
// `browser.ts` each export these; the package's `#transport` import chooses.
import type { ConnectionOptions, NatsConnection, TlsOptions } from "@nats-io/nats-core";

/** Options of the NATS library, with the TLS settings that only some platforms can follow. */
export interface DialOptions extends ConnectionOptions {
  tls?: TlsOptions;
}

/** Opens one connection. `webSocket` is a class like the browser's, for platforms without one. */
export type Dial = (
  options: DialOptions,
  webSocket: WebSocketClass | undefined,
) => Promise<NatsConnection>;

/** A class as browsers have it; the one of the package `ws` fits. */
export type WebSocketClass = new (url: string) => unknown;

/** What the surroundings say where the caller said nothing. */
export interface Surroundings {
  readonly url: string | undefined;
  readonly agent: string | undefined;
  readonly inboxPrefix?: string | undefined;
  /** Text of a creds file. */
  readonly creds: string | undefined;
}
