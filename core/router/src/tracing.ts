// Writes down what goes over one connection, for a person who looks for a mistake. Put between a
// transport and its connection while somebody traces, and not there otherwise. Reads the bytes by
// itself: it must not change what the connection makes of them.
import type { PeerKind, PeerTls } from "./identity.ts";
import type {
  CookieCredentials,
  Entrance,
  Transport,
  TransportEvents,
} from "./listeners/transport.ts";

/** Where traced lines go. */
export interface Trace {
  /** One line: `127.0.0.1:41234 - cid:7 - <<- [SUB foo 1]`. It may hold any character. */
  readonly write: (line: string) => void;
  /** So much of a payload is shown; 0 = all, up to a limit of its own. */
  readonly payloadBytesMax: number;
}

/** Payloads are for people, who do not read megabytes. */
const shownBytesMax = 65_536;
/** Longest line that is kept to be shown. */
const lineBytesMax = 1_048_576;

/** A transport of which both directions are written down. */
export class TracedTransport implements Transport {
  readonly #inner: Transport;
  readonly #sent: Reader;
  readonly #received: Reader;

  /** @param id of its connection */
  constructor(inner: Transport, id: number, trace: Trace) {
    this.#inner = inner;
    const who = `${inner.remoteAddress}:${inner.remotePort} - cid:${id} -`;
    const bytesMax = Math.min(trace.payloadBytesMax || shownBytesMax, shownBytesMax);
    this.#received = new Reader((text) => trace.write(`${who} <<- ${text}`), bytesMax);
    this.#sent = new Reader((text) => trace.write(`${who} ->> ${text}`), bytesMax);
  }

  /** What the listener has to tell instead of telling the connection. */
  eventsFor(connection: TransportEvents): TransportEvents {
    return {
      data: (chunk) => {
        this.#received.read(Buffer.from(chunk)); // it keeps parts of payloads
        connection.data(chunk);
      },
      drained: () => connection.drained(),
      ended: () => connection.ended(),
    };
  }

  get kind(): PeerKind {
    return this.#inner.kind;
  }

  get tls(): PeerTls | undefined {
    return this.#inner.tls;
  }

  get entrance(): Entrance | undefined {
    return this.#inner.entrance;
  }

  get credentials(): CookieCredentials | undefined {
    return this.#inner.credentials;
  }

  get remoteAddress(): string {
    return this.#inner.remoteAddress;
  }

  get remotePort(): number {
    return this.#inner.remotePort;
  }

  write(bytes: Buffer): boolean {
    this.#sent.read(bytes);
    return this.#inner.write(bytes);
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  end(reason: string): void {
    this.#inner.end(reason);
  }

  destroy(): void {
    this.#inner.destroy();
  }
}

const newline = 10;

/** One direction: lines, and behind some of them a payload. */
class Reader {
  readonly #show: (text: string) => void;
  readonly #payloadBytesMax: number;
  #line = "";
  /** Of the payload at hand and its end, still to come; 0 = a line is being read. */
  #left = 0;
  #payload: Buffer[] = [];
  #payloadBytes = 0;
  #wanted = 0;

  constructor(show: (text: string) => void, payloadBytesMax: number) {
    this.#show = show;
    this.#payloadBytesMax = payloadBytesMax;
  }

  read(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at = this.#left > 0 ? this.#skip(chunk, at) : this.#take(chunk, at);
  }

  #take(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(newline, at);
    const stop = end < 0 ? chunk.length : end;
    if (this.#line.length < lineBytesMax) this.#line += chunk.toString("utf8", at, stop);
    if (end < 0) return stop;
    const line = this.#line.trim();
    this.#line = "";
    if (line !== "") this.#show(`[${withoutSecrets(line)}]`);
    const bytes = payloadBytes(line);
    if (bytes !== undefined) {
      this.#left = bytes + 2;
      this.#wanted = Math.min(bytes, this.#payloadBytesMax);
    }
    return end + 1;
  }

  #skip(chunk: Buffer, at: number): number {
    const stop = Math.min(chunk.length, at + this.#left);
    const missing = this.#wanted - this.#payloadBytes;
    if (missing > 0) {
      // A copy: whoever owns the chunk may write to it again.
      const part = Buffer.from(chunk.subarray(at, Math.min(stop, at + missing)));
      this.#payload.push(part);
      this.#payloadBytes += part.length;
    }
    this.#left -= stop - at;
    if (this.#left === 0) this.#showPayload();
    return stop;
  }

  #showPayload(): void {
    const text = Buffer.concat(this.#payload).toString("utf8");
    this.#payload = [];
    this.#payloadBytes = 0;
    this.#show(`MSG_PAYLOAD: [${JSON.stringify(text)}]`);
  }
}

/** @returns undefined for a line that no payload follows */
function payloadBytes(line: string): number | undefined {
  if (!/^(?:H?PUB|H?MSG)\s/i.test(line)) return undefined;
  const bytes = Number(line.split(/\s+/).at(-1));
  return Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : undefined;
}

const secretKeys = ["pass", "auth_token", "jwt", "sig"];

function withoutSecrets(line: string): string {
  const match = /^CONNECT\s+(.*)$/i.exec(line);
  if (match === null) return line;
  try {
    const options = JSON.parse(match[1] ?? "") as Record<string, unknown>;
    for (const key of Object.keys(options)) {
      if (secretKeys.includes(key.toLowerCase())) options[key] = "[REDACTED]";
    }
    return `CONNECT ${JSON.stringify(options)}`;
  } catch {
    return "CONNECT [unreadable, so perhaps with secrets in it]";
  }
}
