// The drivers' own NATS client, on a bare socket: nothing between what was sent and what was
// answered hides a reconnect or a retry. One object is one connection, for ever.
import { connect, type Socket } from "node:net";

/** One MSG or HMSG. */
export interface Delivered {
  readonly subject: string;
  readonly sid: string;
  /** Header names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly payload: Buffer;
}

/** The connection ended before an answer came. */
export class ConnectionLost extends Error {
  constructor() {
    super("the connection ended");
    this.name = "ConnectionLost";
  }
}

/** A healthy broker owes every answer within this time. */
const answerMsMax = 20_000;

interface Waiting {
  readonly resolve: (message: Delivered) => void;
  readonly reject: (error: Error) => void;
}

export class NatsClient {
  /** `-ERR` texts so far. */
  readonly errors: string[] = [];
  readonly #socket: Socket;
  readonly #inbox: string;
  readonly #requests = new Map<string, Waiting>();
  readonly #handlers = new Map<string, (message: Delivered) => void>();
  #pongs: { resolve: () => void; reject: (error: Error) => void }[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #closed = false;
  #next = 1;

  private constructor(socket: Socket, name: string) {
    this.#socket = socket;
    this.#inbox = `_INBOX.${name.replaceAll(".", "-")}`;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    // best effort: "close" follows every error and ends what waits.
    socket.on("error", () => undefined);
    socket.on("close", () => this.#end());
  }

  /** @throws {ConnectionLost} when nobody listens or the connection ends before it is agreed */
  static async open(port: number, name: string): Promise<NatsClient> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    const client = new NatsClient(socket, name);
    const options = { verbose: false, pedantic: false, headers: true, protocol: 1, name };
    client.#write(`CONNECT ${JSON.stringify(options)}\r\n`);
    client.#write(`SUB ${client.#inbox}.* inbox\r\n`);
    await client.flush();
    return client;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Subscribes; `handle` is called for each message, in order, before anything else happens. */
  subscribe(subject: string, handle: (message: Delivered) => void): string {
    const sid = String(this.#next++);
    this.#handlers.set(sid, handle);
    this.#write(`SUB ${subject} ${sid}\r\n`);
    return sid;
  }

  unsubscribe(sid: string): void {
    this.#handlers.delete(sid);
    this.#write(`UNSUB ${sid}\r\n`);
  }

  publish(subject: string, payload: Buffer): void {
    this.#publish(subject, "", payload);
  }

  /** @throws {ConnectionLost}, or {Error} when no answer came in time */
  async request(
    subject: string,
    payload: Buffer,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Delivered> {
    const reply = `${this.#inbox}.${this.#next++}`;
    const answer = new Promise<Delivered>((resolve, reject) => {
      if (this.#closed) reject(new ConnectionLost());
      else this.#requests.set(reply, { resolve, reject });
    });
    this.#publish(subject, reply, payload, headers);
    return await inTime(answer, `answer to ${subject}`);
  }

  /** PING and its PONG. @throws {ConnectionLost}, or {Error} when it did not come in time */
  async flush(): Promise<void> {
    const pong = new Promise<void>((resolve, reject) => {
      if (this.#closed) reject(new ConnectionLost());
      else this.#pongs.push({ resolve, reject });
    });
    this.#write("PING\r\n");
    await inTime(pong, "PONG");
  }

  /** Everything written until `uncork` leaves in one piece. */
  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  close(): void {
    this.#socket.destroy();
  }

  #publish(
    subject: string,
    reply: string,
    payload: Buffer,
    headers?: Readonly<Record<string, string>>,
  ): void {
    const to = `${subject} ${reply}${reply === "" ? "" : " "}`;
    if (headers === undefined) {
      this.#write(`PUB ${to}${payload.length}\r\n`);
    } else {
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const block = Buffer.from(`NATS/1.0\r\n${lines.join("")}\r\n`);
      this.#write(`HPUB ${to}${block.length} ${block.length + payload.length}\r\n`);
      this.#write(block);
    }
    this.#write(payload);
    this.#write("\r\n");
  }

  #write(bytes: string | Buffer): void {
    if (!this.#closed) this.#socket.write(bytes);
  }

  #end(): void {
    this.#closed = true;
    const waiting = [...this.#requests.values(), ...this.#pongs];
    this.#requests.clear();
    this.#pongs = [];
    for (const { reject } of waiting) reject(new ConnectionLost());
  }

  #take(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const used = this.#takeOne(bytes);
      if (used === 0) break;
      bytes = bytes.subarray(used);
    }
    this.#rest = bytes;
  }

  /** Handles the first operation of `bytes`; returns its length, or 0 when it is not complete. */
  #takeOne(bytes: Buffer): number {
    const end = bytes.indexOf("\r\n");
    if (end < 0) return 0;
    const words = bytes.toString("latin1", 0, end).split(" ");
    if (words[0] === "MSG" || words[0] === "HMSG") return this.#takeMessage(words, bytes, end + 2);
    if (words[0] === "PONG") this.#pongs.shift()?.resolve();
    else if (words[0] === "PING") this.#write("PONG\r\n");
    else if (words[0] === "-ERR") this.errors.push(words.slice(1).join(" "));
    return end + 2;
  }

  #takeMessage(words: string[], bytes: Buffer, start: number): number {
    const total = Number(words.at(-1));
    if (bytes.length < start + total + 2) return 0;
    const headerBytes = words[0] === "HMSG" ? Number(words.at(-2)) : 0;
    const message = {
      subject: words[1] as string,
      sid: words[2] as string,
      headers: parseHeaders(bytes.toString("latin1", start, start + headerBytes)),
      payload: bytes.subarray(start + headerBytes, start + total),
    };
    this.#handlers.get(message.sid)?.(message);
    const waiting = this.#requests.get(message.subject);
    if (message.sid === "inbox" && waiting !== undefined) {
      this.#requests.delete(message.subject);
      waiting.resolve(message);
    }
    return start + total + 2;
  }
}

function parseHeaders(block: string): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of block.split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}

async function inTime<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} in ${answerMsMax} ms`)), answerMsMax);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
