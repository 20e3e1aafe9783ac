// Plays a script against one server and writes down what every client got, in a form in which two
// servers can be compared: without INFO, and without what is left to chance. Judges nothing.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Target } from "./replay.ts";
import type { Act, Pool, Script } from "./script.ts";

/** How long to wait where nothing tells that an answer is complete. */
export interface Patience {
  /** Between what a script sends and our own PING: bytes behind a close would reset the answer. */
  readonly lullMs: number;
  /** For an answer that may never come, since its last byte. */
  readonly silenceMs: number;
}

/** For an idle machine; whoever sees a difference asks again with more. */
export const quick: Patience = { lullMs: 2, silenceMs: 150 };
export const patient: Patience = { lullMs: 60, silenceMs: 1_500 };

/** What each client got, by its name, in lines of the protocol; the last one is `open` or `closed`. */
export type Outcome = Readonly<Record<string, readonly string[]>>;

/** @returns the outcome, with deliveries to members of a pool counted under the key `pools` */
export async function converse(
  script: Pick<Script, "acts" | "pools">,
  target: Target,
  patience: Patience = quick,
): Promise<Outcome> {
  const clients = new Map<string, Client>();
  try {
    for (const act of script.acts) {
      const client = clients.get(act.client) ?? (await Client.open(target, patience));
      clients.set(act.client, client);
      await client.perform(act);
    }
    // Deliveries of one connection to another are there when the other one's PING is answered.
    for (const client of clients.values()) await client.settle();
    return outcomeOf(clients, script.pools ?? []);
  } finally {
    await Promise.all([...clients.values()].map(async (client) => await client.leave()));
  }
}

class Client {
  received = "";
  readonly #socket: Socket;
  readonly #patience: Patience;
  #pongsDue = 0;
  #silent = false;
  #ended = false;
  #left = false;
  #lastAt = 0;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket, patience: Patience) {
    this.#socket = socket;
    this.#patience = patience;
    socket.on("data", (chunk: Buffer) => {
      this.received += chunk.toString("latin1");
      this.#lastAt = performance.now();
      this.#wake();
    });
    // best effort: a reset is a way of closing; "close" follows.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#ended = true;
      this.#wake();
    });
  }

  static async open(target: Target, patience: Patience): Promise<Client> {
    const socket = connect({ host: target.host, port: target.port, noDelay: true });
    const client = new Client(socket, patience);
    await once(socket, "connect");
    await client.#until(() => client.received.includes("\r\n"), patient.silenceMs);
    return client;
  }

  get end(): string {
    if (this.#left) return "left";
    return this.#ended ? "closed" : "open";
  }

  async perform(act: Act): Promise<void> {
    if (act.leaves === true) {
      this.#left = true;
      await this.leave();
      await sleep(this.#patience.lullMs);
      return;
    }
    const bytes = Buffer.from(act.send, "latin1");
    const pieceBytes = act.pieceBytes ?? bytes.length;
    for (let at = 0; at < bytes.length && !this.#ended; at += pieceBytes) {
      const piece = bytes.subarray(at, at + pieceBytes);
      // best effort: the server may close in the middle; "close" tells.
      await new Promise<void>((resolve) => this.#socket.write(piece, () => setImmediate(resolve)));
    }
    this.#pongsDue += (act.send.match(/(?:^|\n)ping/gi) ?? []).length;
    this.#silent ||= act.settle === "silence";
    if (bytes.length > 0) await this.settle();
  }

  /** Waits until the server has dealt with all that was sent, as far as it will. */
  async settle(): Promise<void> {
    if (this.#ended) return;
    if (this.#silent) {
      this.#lastAt = performance.now();
      await this.#until(() => false, this.#patience.silenceMs);
      return;
    }
    await this.#until(() => false, this.#patience.lullMs);
    if (this.#ended) return;
    this.#socket.write("PING\r\n");
    this.#pongsDue += 1;
    this.#lastAt = performance.now();
    await this.#until(() => this.#pongs >= this.#pongsDue, this.#patience.silenceMs);
  }

  /** Hangs up, and waits for the server to do so too: it has no subscriptions of ours any more then. */
  async leave(): Promise<void> {
    if (!this.#ended) this.#socket.end();
    this.#lastAt = performance.now();
    await this.#until(() => false, this.#patience.silenceMs);
    this.#socket.destroy();
  }

  get #pongs(): number {
    return (this.received.match(/^PONG\r$/gm) ?? []).length;
  }

  /** Until it is so, the connection is closed, or nothing has come for so long. */
  async #until(done: () => boolean, silenceMs: number): Promise<void> {
    const begunAt = performance.now();
    for (;;) {
      if (this.#ended || done()) return;
      const left = silenceMs - (performance.now() - Math.max(begunAt, this.#lastAt));
      if (left <= 0) return;
      const timer = setTimeout(() => this.#wake(), Math.ceil(left));
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      clearTimeout(timer);
    }
  }
}

interface Frame {
  readonly line: string;
  /** What makes two deliveries copies of one message; "" for everything else. */
  readonly message: string;
  readonly sid: string;
}

function outcomeOf(clients: ReadonlyMap<string, Client>, pools: readonly Pool[]): Outcome {
  const outcome: Record<string, readonly string[]> = {};
  const counts = new Map<string, number>();
  const takesPart = pools.map(() => new Set<string>());
  for (const [name, client] of clients) {
    const kept: Frame[] = [];
    for (const frame of framesOf(client.received)) {
      const pool = pools.findIndex((members) => members.includes(`${name}:${frame.sid}`));
      if (frame.sid === "" || pool < 0) {
        kept.push(frame);
        continue;
      }
      takesPart[pool]?.add(`${name}:${frame.sid}`);
      const key = `pool ${pool}: ${frame.message}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    outcome[name] = [...inAnyOrder(kept), client.end];
  }
  if (pools.length === 0) return outcome;
  const counted = [...counts].map(([key, count]) => `${key} ×${count}`).toSorted();
  // With many deliveries every living member gets some; with few it is left to chance.
  const shares = [...takesPart].map((members, pool) => {
    const total = [...counts].filter(([key]) => key.startsWith(`pool ${pool}:`));
    const many = total.reduce((sum, [, count]) => sum + count, 0) >= 20 * pools.length;
    return many ? `pool ${pool} has ${members.size} members that got some` : `pool ${pool}`;
  });
  return { ...outcome, pools: [...counted, ...shares] };
}

/** Copies of one message on one connection may come in any order: they are put in the order of sids. */
function inAnyOrder(frames: readonly Frame[]): string[] {
  const lines: string[] = [];
  for (let at = 0; at < frames.length; ) {
    const { message } = frames[at] as Frame;
    let end = at + 1;
    while (message !== "" && end < frames.length && frames[end]?.message === message) end += 1;
    lines.push(
      ...frames
        .slice(at, end)
        .map((frame) => frame.line)
        .toSorted(),
    );
    at = end;
  }
  return lines;
}

function framesOf(received: string): Frame[] {
  const frames: Frame[] = [];
  let at = 0;
  while (at < received.length) {
    const lineEnd = received.indexOf("\r\n", at);
    if (lineEnd < 0) {
      frames.push({ line: `unfinished: ${received.slice(at)}`, message: "", sid: "" });
      break;
    }
    const line = received.slice(at, lineEnd);
    at = lineEnd + 2;
    const delivery = /^(H?MSG) (\S+) (\S+)(?: (\S+))?(?: (\d+))? (\d+)$/.exec(line);
    if (delivery === null) {
      if (!line.startsWith("INFO ")) frames.push({ line, message: "", sid: "" });
      continue;
    }
    const [, , subject = "", sid = ""] = delivery;
    const bytes = Number(line.slice(line.lastIndexOf(" ") + 1));
    const body = received.slice(at, at + bytes);
    const rest = line.slice(line.indexOf(sid, line.indexOf(subject) + subject.length) + sid.length);
    // Which one of several subscriptions on an inbox is told that nobody listens is left to chance.
    if (body.startsWith("NATS/1.0 503\r\nNats-Subject: ")) {
      frames.push({ line: `HMSG ${subject} _${rest}\n${body}`, message: "", sid: "" });
      at += bytes + 2;
      continue;
    }
    const short =
      body.length > 400 ? `${body.slice(0, 200)}…${body.length}…${body.slice(-50)}` : body;
    frames.push({ line: `${line}\n${short}`, message: `${subject}${rest}\n${short}`, sid });
    at += bytes + 2;
  }
  return frames;
}
