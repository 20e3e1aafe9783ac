// The NATS library keeps one way to dial per process, and a connection that comes back takes the way that
// was used last. Once both TCP and WebSocket are in use, this makes each connection come back over its own.
import type { NatsConnection } from "@nats-io/nats-core";
import {
  type ConnectionOptions,
  type Server,
  setTransportFactory,
  type Transport,
} from "@nats-io/nats-core/internal";

type Kind = "tcp" | "web";
type TransportClass = new () => Transport;

const classes: Partial<Record<Kind, TransportClass>> = {};
const dialing: Record<Kind, Set<Promise<unknown>>> = { tcp: new Set(), web: new Set() };

/** Dials one way at a time, and remembers how that is done. */
export async function dialBy(
  kind: Kind,
  dial: () => Promise<NatsConnection>,
): Promise<NatsConnection> {
  const other = dialing[kind === "tcp" ? "web" : "tcp"];
  while (other.size > 0) await Promise.allSettled(other);
  const connecting = dial();
  dialing[kind].add(connecting);
  try {
    const nc = await connecting;
    const { transport } = (nc as unknown as { protocol: { transport: Transport } }).protocol;
    classes[kind] ??= transport.constructor as TransportClass;
    return nc;
  } finally {
    dialing[kind].delete(connecting);
    if (classes.tcp !== undefined && classes.web !== undefined) {
      setTransportFactory({ factory: () => new EitherTransport() as Transport });
    }
  }
}

/** Becomes the one that the addresses of its connection ask for. */
class EitherTransport {
  #chosen: Transport | undefined;
  #end: (error: void | Error) => void = () => {};
  readonly #ended: Promise<void | Error> = new Promise((resolve) => {
    this.#end = resolve;
  });

  get #inner(): Transport {
    if (this.#chosen === undefined) throw new Error("not connected yet");
    return this.#chosen;
  }

  get isClosed(): boolean {
    return this.#chosen?.isClosed ?? false;
  }

  get lang(): string {
    return this.#inner.lang;
  }

  get version(): string {
    return this.#inner.version;
  }

  get closeError(): Error | undefined {
    return this.#chosen?.closeError;
  }

  async connect(server: Server, options: ConnectionOptions): Promise<void> {
    const addresses = [options.servers ?? []].flat();
    const Chosen = classes[addresses.some((each) => /^wss?:/i.test(each)) ? "web" : "tcp"];
    this.#chosen = new (Chosen as TransportClass)();
    void this.#chosen.closed().then((error) => this.#end(error));
    // The library hands over more of the server than this type says.
    await this.#chosen.connect(server as never, options);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    return this.#inner[Symbol.asyncIterator]();
  }

  isEncrypted(): boolean {
    return this.#chosen?.isEncrypted() ?? false;
  }

  send(frame: Uint8Array): void {
    this.#inner.send(frame);
  }

  async close(error?: Error): Promise<void> {
    if (this.#chosen === undefined) this.#end(error);
    else await this.#chosen.close(error);
  }

  disconnect(): void {
    this.#chosen?.disconnect();
  }

  async closed(): Promise<void | Error> {
    return await this.#ended;
  }

  discard(): void {
    this.#chosen?.discard();
  }
}
