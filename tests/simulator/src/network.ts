// Simulated TCP: one listening server at a time, and connections whose bytes take time, come in
// pieces, wait for slow readers, stop coming (half open) or end at any instant.
import { EventEmitter } from "node:events";
import type { Process, World } from "./world.ts";

/** How bad the network is at the moment. */
export interface Weather {
  /** Longest way of one piece, in milliseconds. */
  latencyMs: number;
  /** Share of writes that are cut into pieces at arbitrary bytes. */
  split: number;
}

/** What a client's end of a connection is told. */
export interface ClientEvents {
  connected(): void;
  /** `handedAt`: when the broker wrote the bytes; undefined when they may have waited in the broker. */
  data(bytes: Buffer, handedAt: number | undefined): void;
  closed(): void;
}

/** Bytes that the kernel takes before the program has to wait. */
const kernelBytes = 65_536;
/** What a slow reader takes at a time, and how often. */
const sipBytes = 2_048;
const sipMs = 20;

/** A listening socket, as far as the router uses one. */
class ServerSide extends EventEmitter {
  readonly process: Process;
  readonly accept: (socket: ServerSocket) => void;
  readonly #network: Network;
  listening = false;

  constructor(network: Network, process: Process, accept: (socket: ServerSocket) => void) {
    super();
    this.#network = network;
    this.process = process;
    this.accept = accept;
  }

  listen(_where: object, listening: () => void): this {
    this.listening = true;
    this.#network.listener = this;
    this.#network.world.after(0, listening);
    return this;
  }

  address(): { address: string; port: number } {
    return { address: "127.0.0.1", port: 4222 };
  }

  close(): this {
    this.listening = false;
    return this;
  }
}

interface Piece {
  bytes: Buffer;
  readonly handedAt: number;
}

/** The broker's end of a connection, as far as the router uses one. */
export class ServerSocket extends EventEmitter {
  readonly remoteAddress = "127.0.0.1";
  readonly remotePort = 50_000;
  readonly #link: Link;
  readonly #written: ((error?: Error | null) => void)[] = [];
  #unread: Buffer[] = [];
  #paused = false;
  #closed = false;

  constructor(link: Link) {
    super();
    this.#link = link;
  }

  get writableLength(): number {
    return Math.max(0, this.#link.outBytes - kernelBytes);
  }

  write(bytes: Buffer, written?: (error?: Error | null) => void): boolean {
    if (written !== undefined) this.#written.push(written);
    this.#link.fromServer(Buffer.from(bytes));
    this.taken();
    return this.writableLength === 0;
  }

  /** The kernel took what was written, or some of it. */
  taken(): void {
    if (this.writableLength > 0 || this.#written.length === 0) return;
    const { world, process } = this.#link;
    const callbacks = this.#written.splice(0);
    world.after(0, () => callbacks.forEach((each) => each()), process);
  }

  pause(): this {
    this.#paused = true;
    return this;
  }

  resume(): this {
    this.#paused = false;
    if (this.#unread.length > 0)
      this.#link.world.after(0, () => this.receive(), this.#link.process);
    return this;
  }

  /** Bytes of the client arrived, or wait to be read. */
  receive(bytes?: Buffer): void {
    if (this.#closed) return;
    if (bytes !== undefined) this.#unread.push(bytes);
    while (!this.#paused && !this.#closed) {
      const next = this.#unread.shift();
      if (next === undefined) return;
      this.emit("data", next);
    }
  }

  end(): this {
    this.#link.endFromServer();
    return this;
  }

  destroy(): this {
    this.#link.cut();
    return this;
  }

  /** The connection is over. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unread = [];
    this.emit("close");
  }
}

/** One connection, both directions. */
export class Link {
  readonly world: World;
  /** The life of the broker that accepted it. */
  readonly process: Process;
  /** Bytes on their way to the client. */
  outBytes = 0;
  /** It reads a sip at a time. */
  slow = false;
  #clogged = false;
  readonly #weather: Weather;
  readonly #client: ClientEvents;
  readonly #server: ServerSocket = new ServerSocket(this);
  readonly #out: Piece[] = [];
  #ending = false;
  #over = false;
  #silent = false;
  #upAt = 0;
  #downAt = 0;

  constructor(world: World, process: Process, weather: Weather, client: ClientEvents) {
    this.world = world;
    this.process = process;
    this.#weather = weather;
    this.#client = client;
  }

  open(accept: (socket: ServerSocket) => void): void {
    this.#downAt = this.#upAt = this.world.now + this.#latency();
    this.world.after(this.#upAt - this.world.now, () => accept(this.#server), this.process);
  }

  get over(): boolean {
    return this.#over;
  }

  /** From now on nothing arrives anywhere and nobody is told. */
  fallSilent(): void {
    this.#silent = true;
  }

  /** Ends both directions at once; what was on its way is lost. */
  cut(): void {
    if (this.#over) return;
    this.#over = true;
    const { world } = this;
    world.after(this.#latency(), () => this.#server.close(), this.process);
    if (!this.#silent) world.after(this.#latency(), () => this.#client.closed(), world.clients);
  }

  fromClient(bytes: Buffer): void {
    if (this.#over || this.#silent) return;
    for (const piece of this.#pieces(bytes)) {
      this.#upAt = Math.max(this.#upAt, this.world.now + this.#latency());
      const arrive = (): void => {
        if (!this.#over && !this.#silent) this.#server.receive(piece);
      };
      this.world.after(this.#upAt - this.world.now, arrive, this.process);
    }
  }

  fromServer(bytes: Buffer): void {
    if (this.#over) return;
    this.outBytes += bytes.length;
    this.#clogged ||= this.#server.writableLength > 0;
    const idle = this.#out.length === 0;
    for (const piece of this.#pieces(bytes)) {
      this.#out.push({ bytes: piece, handedAt: this.world.now });
    }
    if (idle) this.#carry();
  }

  endFromServer(): void {
    this.#ending = true;
    if (this.#out.length === 0) this.cut();
  }

  /** Brings the next piece to the client, then the one after. */
  #carry(): void {
    const delay = this.slow ? sipMs : Math.max(0, this.#downAt - this.world.now) + this.#latency();
    this.world.after(delay, () => this.#arrive(), this.world.clients);
  }

  #arrive(): void {
    if (this.#over || this.#silent) return;
    const piece = this.#out[0];
    if (piece === undefined) return;
    const { handedAt } = piece;
    const bytes = this.slow ? piece.bytes.subarray(0, sipBytes) : piece.bytes;
    piece.bytes = piece.bytes.subarray(bytes.length);
    if (piece.bytes.length === 0) this.#out.shift();
    this.outBytes -= bytes.length;
    this.world.after(0, () => this.#server.taken(), this.process);
    this.#client.data(bytes, this.#clogged ? undefined : handedAt);
    if (this.#out.length > 0) this.#carry();
    else if (this.#ending) this.cut();
  }

  #latency(): number {
    const { latencyMs } = this.#weather;
    return latencyMs === 0 ? 0.05 : 0.05 + this.world.random.next() * latencyMs;
  }

  #pieces(bytes: Buffer): Buffer[] {
    const { random } = this.world;
    if (bytes.length < 2 || !random.chance(this.#weather.split)) return [bytes];
    const pieces: Buffer[] = [];
    let rest = bytes;
    while (rest.length > 0 && pieces.length < 12) {
      const length = Math.min(rest.length, random.between(1, random.chance(0.5) ? 9 : 400));
      pieces.push(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
    if (rest.length > 0) pieces.push(rest);
    return pieces;
  }
}

export class Network {
  readonly world: World;
  readonly weather: Weather = { latencyMs: 0, split: 0 };
  listener: ServerSide | undefined;
  #links: Link[] = [];

  constructor(world: World) {
    this.world = world;
  }

  /** What `createServer` of the platform answers. */
  server(accept: (socket: unknown) => void): ServerSide {
    return new ServerSide(this, this.world.current, accept);
  }

  /** @returns undefined when nobody listens */
  connect(events: ClientEvents): Link | undefined {
    const { listener, world } = this;
    if (listener === undefined || !listener.listening || !listener.process.alive) return undefined;
    const link = new Link(world, listener.process, this.weather, events);
    this.#links.push(link);
    link.open(listener.accept);
    return link;
  }

  /** The machine of that life is gone: its connections are reset. */
  processEnded(process: Process): void {
    for (const link of this.#links) if (link.process === process) link.cut();
    this.#links = this.#links.filter((link) => !link.over);
  }
}
