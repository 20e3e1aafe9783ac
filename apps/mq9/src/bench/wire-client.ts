// A bare NATS connection for measuring: frames out in blocks, frames in scanned in place. Used by
// ./loads.ts alone; everything else of the command line connects with the SDK, which would be what is
// measured here. Speaks nats:// and tls://; signs in with what the connection flags say.
import { createPrivateKey, sign } from "node:crypto";
import net from "node:net";
import tls from "node:tls";
import type { ConnectionFacts } from "../cli/connection.ts";
import { CliError } from "../cli/exit-codes.ts";
import { readFileOrFail } from "../cli/values.ts";

/** Takes one message: its first line, and where its body (headers included) lies. */
export type OnMessage = (buffer: Buffer, at: number, bodyAt: number, bodyEnd: number) => void;

const receiveBytes = 1024 * 1024;
const lineFeed = 10;
const letter = { M: 77, H: 72, P: 80, O: 79, minus: 45 } as const;

/** What INFO said. */
export interface ServerInfo {
  readonly version?: string;
  readonly server_name?: string;
  readonly nonce?: string;
  readonly tls_required?: boolean;
  readonly max_payload?: number;
  readonly [name: string]: unknown;
}

/** Connects to the first address that answers. @throws {CliError} */
export async function connectWire(facts: ConnectionFacts): Promise<WireClient> {
  let last: unknown;
  for (const url of facts.url.split(",")) {
    try {
      return await open(url.trim(), facts);
    } catch (error) {
      last = error;
    }
  }
  if (last instanceof CliError) throw last;
  const message = `there is no connection to the broker: ${(last as Error).message}`;
  throw new CliError("noConnection", message, {
    reason: "unreachable",
    hint: "Is the broker running? Start it with: mq9 serve",
    cause: last,
  });
}

async function open(text: string, facts: ConnectionFacts): Promise<WireClient> {
  const url = new URL(text.includes("://") ? text : `nats://${text}`);
  if (url.protocol !== "nats:" && url.protocol !== "tls:") {
    throw new CliError("usage", `${url.protocol}// can not be measured`, {
      hint: "Use the nats:// or tls:// address of the broker.",
    });
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  let socket: net.Socket = net.connect({ host, port: Number(url.port || 4222), noDelay: true });
  socket.setTimeout(facts.timeoutMs, () => socket.destroy(new Error("no answer in time")));
  const info = await readInfo(socket);
  if (url.protocol === "tls:" || info.tls_required === true || facts.tlsCa !== undefined) {
    socket = await secured(socket, host, facts);
  }
  socket.setTimeout(0);
  const client = new WireClient(socket, info);
  client.send(`CONNECT ${JSON.stringify(identity(url, facts, info))}\r\n`);
  await client.flush();
  return client;
}

function readInfo(socket: net.Socket): Promise<ServerInfo> {
  return new Promise((resolve, reject) => {
    let text = "";
    const onData = (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (!text.includes("\r\n")) return;
      socket.off("data", onData).off("error", reject).pause();
      const match = /^INFO (\{.*\})/.exec(text);
      if (match === null) reject(new Error("it does not speak NATS there"));
      else resolve(JSON.parse(match[1] as string) as ServerInfo);
    };
    socket.on("data", onData).once("error", reject);
    socket.once("close", () => reject(new Error("the broker closed the connection")));
  });
}

function secured(socket: net.Socket, host: string, facts: ConnectionFacts): Promise<tls.TLSSocket> {
  const file = (path: string | undefined) => (path === undefined ? {} : readFileOrFail(path));
  return new Promise((resolve, reject) => {
    const secure = tls.connect({
      socket,
      ...(net.isIP(host) === 0 ? { servername: host } : {}),
      ...(facts.tlsCa === undefined ? {} : { ca: file(facts.tlsCa) as Buffer }),
      ...(facts.tlsCert === undefined ? {} : { cert: file(facts.tlsCert) as Buffer }),
      ...(facts.tlsKey === undefined ? {} : { key: file(facts.tlsKey) as Buffer }),
    });
    secure.once("secureConnect", () => resolve(secure)).once("error", reject);
  });
}

/** The fields of CONNECT. */
function identity(url: URL, facts: ConnectionFacts, { nonce }: ServerInfo): object {
  const secret = (text: string | undefined) =>
    text?.startsWith("@") === true ? readFileOrFail(text.slice(1)).toString().trimEnd() : text;
  const named = url.username === "" ? facts.user : decodeURIComponent(url.username);
  const password = url.password === "" ? secret(facts.password) : decodeURIComponent(url.password);
  const creds = facts.creds === undefined ? "" : readFileOrFail(facts.creds).toString();
  const jwt = /-----BEGIN NATS USER JWT-----\s*(\S+)/.exec(creds)?.[1];
  const seed =
    /-----BEGIN USER NKEY SEED-----\s*(\S+)/.exec(creds)?.[1] ??
    (facts.nkey === undefined ? undefined : readFileOrFail(facts.nkey).toString().trim());
  const signed = seed === undefined || nonce === undefined ? undefined : signNonce(seed, nonce);
  const token = secret(facts.token) ?? (password === undefined ? named : undefined);
  return {
    verbose: false,
    pedantic: false,
    protocol: 1,
    headers: true,
    no_responders: true,
    lang: "mq9",
    version: "1",
    name: "mq9 bench",
    ...(password === undefined ? {} : { user: named, pass: password }),
    ...(token === undefined ? {} : { auth_token: token }),
    ...(jwt === undefined ? {} : { jwt }),
    ...(signed === undefined ? {} : { sig: signed.signature }),
    ...(signed === undefined || jwt !== undefined ? {} : { nkey: signed.publicKey }),
  };
}

const base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** @param seed as `mq9 nkey` prints it */
function signNonce(seed: string, nonce: string): { signature: string; publicKey: string } {
  let [bits, value] = [0, 0];
  const bytes: number[] = [];
  for (const one of seed) {
    value = ((value << 5) | base32.indexOf(one)) & 0xffff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((value >> bits) & 0xff);
  }
  // Two bytes of kind in front, two of checksum behind.
  const raw = Buffer.from(bytes.slice(2, 34));
  const prefix = Buffer.from("302e020100300506032b657004220420", "hex");
  const key = createPrivateKey({ key: Buffer.concat([prefix, raw]), format: "der", type: "pkcs8" });
  const jwk = key.export({ format: "jwk" });
  return {
    signature: sign(null, Buffer.from(nonce), key).toString("base64url"),
    publicKey: publicNkey(Buffer.from(jwk.x ?? "", "base64url")),
  };
}

function publicNkey(key: Buffer): string {
  const body = Buffer.concat([Buffer.from([20 << 3]), key]);
  let sum = 0;
  for (const byte of body) {
    sum ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) sum = ((sum << 1) ^ (sum & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  const whole = Buffer.concat([body, Buffer.from([sum & 0xff, sum >> 8])]);
  let [text, bits, value] = ["", 0, 0];
  for (const byte of whole) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += base32[(value >> bits) & 31];
    }
    value &= 31;
  }
  return bits > 0 ? text + base32[(value << (5 - bits)) & 31] : text;
}

export class WireClient {
  /** Takes every message of the connection. */
  onMessage: OnMessage = () => {};
  /** Called when all that was read has been taken. */
  afterRead: () => void = () => {};
  /** Hears why the connection can not be used any more. */
  onFailure: (error: Error) => void = () => {};
  readonly info: ServerInfo;
  readonly #socket: net.Socket;
  #received = Buffer.allocUnsafeSlow(receiveBytes);
  #filled = 0;
  #pongs: { resolve: () => void; reject: (error: Error) => void }[] = [];
  #failure: Error | undefined;

  constructor(socket: net.Socket, info: ServerInfo) {
    this.#socket = socket;
    this.info = info;
    socket.removeAllListeners("error").removeAllListeners("close");
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the broker closed the connection")));
    socket.resume();
  }

  send(bytes: Uint8Array | string, written?: () => void): void {
    this.#socket.write(bytes, written);
  }

  /** Resolves with the PONG of a PING sent now. */
  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#pongs.push({ resolve, reject });
      this.send("PING\r\n");
    });
  }

  close(): void {
    this.#failure ??= new Error("closed");
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    for (const { reject } of this.#pongs.splice(0)) reject(error);
    this.onFailure(error);
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    let buffer = chunk;
    if (this.#filled > 0) {
      const needed = this.#filled + chunk.length;
      if (needed > this.#received.length) {
        const grown = Buffer.allocUnsafeSlow(needed * 2);
        this.#received.copy(grown, 0, 0, this.#filled);
        this.#received = grown;
      }
      chunk.copy(this.#received, this.#filled);
      buffer = this.#received.subarray(0, needed);
    }
    const used = this.#scan(buffer);
    this.#filled = buffer.length - used;
    if (this.#filled > this.#received.length) {
      this.#received = Buffer.allocUnsafeSlow(this.#filled * 2);
    }
    buffer.copy(this.#received, 0, used);
    this.afterRead();
  }

  /** @returns how many bytes were whole frames */
  #scan(buffer: Buffer): number {
    let at = 0;
    while (at < buffer.length) {
      const lineEnd = buffer.indexOf(lineFeed, at);
      if (lineEnd < 0) break;
      const first = buffer[at];
      if (first !== letter.M && first !== letter.H) {
        this.#control(buffer, at, lineEnd);
        at = lineEnd + 1;
        continue;
      }
      const bodyAt = lineEnd + 1;
      const bodyEnd = bodyAt + trailingNumber(buffer, lineEnd - 1);
      if (bodyEnd + 2 > buffer.length) break;
      this.onMessage(buffer, at, bodyAt, bodyEnd);
      at = bodyEnd + 2;
    }
    return at;
  }

  #control(buffer: Buffer, at: number, lineEnd: number): void {
    const first = buffer[at];
    if (first === letter.P && buffer[at + 1] === letter.O) this.#pongs.shift()?.resolve();
    else if (first === letter.P) this.send("PONG\r\n");
    else if (first === letter.minus) {
      const text = buffer
        .latin1Slice(at + 5, lineEnd)
        .trim()
        .replaceAll("'", "");
      this.#fail(
        /authorization|authentication/i.test(text)
          ? new CliError("noConnection", `the broker did not let you in: ${text}`, {
              reason: "unauthorized",
              hint: "Say who you are: mq9 help connection",
            })
          : new Error(`the broker said: ${text}`),
      );
    }
  }
}

/** The decimal number that ends just before `end`, the CR of a control line. */
function trailingNumber(buffer: Buffer, end: number): number {
  let [value, unit] = [0, 1];
  for (let at = end - 1; ; at -= 1) {
    const digit = (buffer[at] as number) - 48;
    if (digit < 0 || digit > 9) return value;
    value += digit * unit;
    unit *= 10;
  }
}
