// A NATS client over a simulated connection: nothing between what was sent and what was answered
// hides a reconnect or a retry. One object is one connection, for ever.
import type { Link, Network } from "./network.ts";
import type { World } from "./world.ts";

/** One MSG or HMSG. */
export interface Delivered {
  readonly subject: string;
  readonly sid: string;
  /** Header names in lower case; `status` is the number of a status line. */
  readonly headers: ReadonlyMap<string, string>;
  readonly payload: Buffer;
  /** When the broker wrote it; undefined when it may have waited there. */
  readonly handedAt: number | undefined;
}

export interface Outgoing {
  readonly subject: string;
  readonly payload: Buffer;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export class SimulatedClient {
  readonly name: string;
  readonly link: Link;
  readonly errors: string[] = [];
  closed = false;
  readonly #world: World;
  readonly #inbox: string;
  readonly #requests = new Map<string, (reply: Delivered | undefined) => void>();
  readonly #handlers = new Map<string, (message: Delivered) => void>();
  #pongs: ((came: boolean) => void)[] = [];
  #onClosed: (() => void)[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #next = 1;

  private constructor(world: World, name: string, open: (client: SimulatedClient) => Link) {
    this.#world = world;
    this.name = name;
    this.#inbox = `_INBOX.${name.replaceAll(".", "-")}`;
    this.link = open(this);
  }

  /** @returns undefined when nobody listens or the connection ends before it is agreed */
  static async open(network: Network, name: string): Promise<SimulatedClient | undefined> {
    const { listener } = network;
    if (listener === undefined || !listener.listening || !listener.process.alive) return undefined;
    const client = new SimulatedClient(network.world, name, (self) => {
      const link = network.connect({
        connected: () => undefined,
        data: (bytes, handedAt) => self.#take(bytes, handedAt),
        closed: () => self.#end(),
      });
      return link as Link;
    });
    const options = { verbose: false, pedantic: false, headers: true, no_responders: true, name };
    client.#write(`CONNECT ${JSON.stringify(options)}\r\nSUB ${client.#inbox}.* inbox\r\n`);
    return (await client.flush(5_000)) ? client : undefined;
  }

  subscribe(subject: string, queue: string, handle: (message: Delivered) => void): string {
    const sid = String(this.#next++);
    this.#handlers.set(sid, handle);
    this.#write(`SUB ${subject} ${queue === "" ? "" : `${queue} `}${sid}\r\n`);
    return sid;
  }

  unsubscribe(sid: string): void {
    this.#handlers.delete(sid);
    this.#write(`UNSUB ${sid}\r\n`);
  }

  publish(message: Outgoing, reply = ""): void {
    const { subject, payload, headers } = message;
    const to = `${subject} ${reply === "" ? "" : `${reply} `}`;
    if (headers === undefined) {
      this.#write(`PUB ${to}${payload.length}\r\n`, payload, "\r\n");
      return;
    }
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const block = Buffer.from(`NATS/1.0\r\n${lines.join("")}\r\n`);
    this.#write(
      `HPUB ${to}${block.length} ${block.length + payload.length}\r\n`,
      block,
      payload,
      "\r\n",
    );
  }

  /** @returns undefined when no answer came: too late, or the connection ended */
  request(message: Outgoing, timeoutMs: number): Promise<Delivered | undefined> {
    if (this.closed) return Promise.resolve(undefined);
    const reply = `${this.#inbox}.${this.#next++}`;
    return new Promise((resolve) => {
      const late = this.#world.after(timeoutMs, () => settle(undefined), this.#world.clients);
      const settle = (answer: Delivered | undefined): void => {
        late.cancelled = true;
        this.#requests.delete(reply);
        resolve(answer);
      };
      this.#requests.set(reply, settle);
      this.publish(message, reply);
    });
  }

  /** PING and its PONG. @returns whether it came in time */
  flush(timeoutMs: number): Promise<boolean> {
    if (this.closed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const late = this.#world.after(timeoutMs, () => resolve(false), this.#world.clients);
      this.#pongs.push((came) => {
        late.cancelled = true;
        resolve(came);
      });
      this.#write("PING\r\n");
    });
  }

  onceClosed(run: () => void): void {
    if (this.closed) run();
    else this.#onClosed.push(run);
  }

  close(): void {
    this.link.cut();
    this.#end();
  }

  #write(...parts: (string | Buffer)[]): void {
    if (this.closed) return;
    this.link.fromClient(
      Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part))),
    );
  }

  #end(): void {
    if (this.closed) return;
    this.closed = true;
    this.#world.trace(`${this.name} closed`);
    for (const settle of this.#requests.values()) settle(undefined);
    for (const settle of this.#pongs.splice(0)) settle(false);
    for (const run of this.#onClosed.splice(0)) run();
  }

  #take(chunk: Buffer, handedAt: number | undefined): void {
    if (this.closed) return;
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const used = this.#takeOne(bytes, handedAt);
      if (used === 0) break;
      bytes = bytes.subarray(used);
    }
    this.#rest = bytes;
  }

  /** Handles the first operation of `bytes`; returns its length, or 0 when it is not complete. */
  #takeOne(bytes: Buffer, handedAt: number | undefined): number {
    const end = bytes.indexOf("\r\n");
    if (end < 0) return 0;
    const words = bytes.toString("latin1", 0, end).split(" ");
    switch (words[0]) {
      case "MSG":
      case "HMSG":
        return this.#takeMessage(words, bytes, end + 2, handedAt);
      case "PONG":
        this.#pongs.shift()?.(true);
        break;
      case "PING":
        this.#write("PONG\r\n");
        break;
      case "-ERR":
        this.errors.push(words.slice(1).join(" "));
        this.#world.trace(`${this.name} ${words.join(" ")}`);
        break;
      case "INFO":
      case "+OK":
        break;
      default:
        this.#world.defect(
          `${this.name} was told ${JSON.stringify(words.join(" ").slice(0, 200))}`,
        );
    }
    return end + 2;
  }

  #takeMessage(
    words: readonly string[],
    bytes: Buffer,
    start: number,
    handedAt: number | undefined,
  ): number {
    const total = Number(words.at(-1));
    if (bytes.length < start + total + 2) return 0;
    const headerBytes = words[0] === "HMSG" ? Number(words.at(-2)) : 0;
    const message = {
      subject: words[1] as string,
      sid: words[2] as string,
      headers: parseHeaders(bytes.toString("latin1", start, start + headerBytes)),
      payload: bytes.subarray(start + headerBytes, start + total),
      handedAt,
    };
    if (message.sid === "inbox") this.#requests.get(message.subject)?.(message);
    else this.#handlers.get(message.sid)?.(message);
    return start + total + 2;
  }
}

function parseHeaders(block: string): Map<string, string> {
  const headers = new Map<string, string>();
  const [status, ...lines] = block.split("\r\n");
  const code = status?.split(" ")[1];
  if (code !== undefined) headers.set("status", code);
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}
