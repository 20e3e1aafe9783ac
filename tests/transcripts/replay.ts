// Plays a transcript against a server and writes down what came back, in the transcript's own form
// so that two servers can be compared line by line. Decides nothing about right and wrong.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { escapeBytes, lineMatches, type Step, type Transcript } from "./transcript.ts";

/** A server to play against. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** Asks it to let its clients go before it stops. */
  drain(): void;
}

/** Longest wait for an answer that the transcript expects; a wrong server costs this once. */
const patienceMs = 20_000;

/**
 * What the server answered: the file's lines, with expectations replaced by what came, ends by what
 * was seen, and lines that nobody expected added.
 * @param pieceBytes cuts what is sent into writes of this many bytes
 */
export async function replay(
  transcript: Transcript,
  target: Target,
  pieceBytes: number = Number.POSITIVE_INFINITY,
): Promise<string[]> {
  const session = new Session(target, pieceBytes);
  try {
    for (const block of blocksOf(transcript.steps)) await session.play(block);
    await session.finish();
    return session.record;
  } finally {
    session.close();
  }
}

/** Sends, then everything expected before the next send. */
function blocksOf(steps: readonly Step[]): Step[][] {
  const blocks: Step[][] = [];
  let previous: Step["do"] = "expect";
  for (const step of steps) {
    const starts = step.do !== previous && (step.do === "send" || step.do === "drain");
    if (starts || blocks.length === 0) blocks.push([]);
    (blocks.at(-1) as Step[]).push(step);
    previous = step.do;
  }
  return blocks;
}

class Session {
  readonly record: string[] = [];
  readonly #target: Target;
  readonly #pieceBytes: number;
  readonly #connections = new Map<string, Line>();

  constructor(target: Target, pieceBytes: number) {
    this.#target = target;
    this.#pieceBytes = pieceBytes;
  }

  async play(block: readonly Step[]): Promise<void> {
    await this.#open(block);
    for (const name of new Set(
      block.map((step) => ("connection" in step ? step.connection : "")),
    )) {
      const sends = block.filter((step) => step.do === "send" && step.connection === name);
      const bytes = sends.flatMap((step) => (step.do === "send" ? [step.bytes] : []));
      if (bytes.length > 0) await this.#line(name).write(Buffer.concat(bytes), this.#pieceBytes);
    }
    for (const step of block) await this.#step(step);
  }

  /** Whatever is still to come on connections left open; a PONG is the last word. */
  async finish(): Promise<void> {
    for (const [name, line] of this.#connections) {
      const state = await line.stillOpen();
      this.#drain(name, line);
      if (line.declared !== state) this.#note(state, name);
    }
  }

  close(): void {
    for (const line of this.#connections.values()) line.socket.destroy();
  }

  async #open(block: readonly Step[]): Promise<void> {
    for (const step of block) {
      if (!("connection" in step) || this.#connections.has(step.connection)) continue;
      const line = await Line.open(this.#target);
      this.#connections.set(step.connection, line);
      if (step.do === "expect" && step.line.startsWith("INFO ")) line.wantsInfo = true;
      else await line.next();
    }
  }

  async #step(step: Step): Promise<void> {
    switch (step.do) {
      case "send":
        return;
      case "drain":
        this.#target.drain();
        return;
      case "refused":
        this.record.push((await isRefused(this.#target)) ? "refused" : "accepted");
        return;
      case "expect": {
        const received = await this.#line(step.connection).next();
        const same = received !== undefined && lineMatches(step.line, received);
        this.#say(step.connection, same ? step.line : received);
        return;
      }
      case "end": {
        const line = this.#line(step.connection);
        const state = step.closed ? await line.whenClosed() : await line.stillOpen();
        this.#drain(step.connection, line);
        this.#note(state, step.connection);
        line.declared = state;
      }
    }
  }

  #line(name: string): Line {
    return this.#connections.get(name) as Line;
  }

  #drain(name: string, line: Line): void {
    for (const extra of line.takeAll()) this.#say(name, extra);
  }

  #say(connection: string, received: string | undefined): void {
    const name = connection === "a" ? "" : `.${connection}`;
    this.record.push(received === undefined ? `nothing${name}` : `S${name}: ${received}`.trimEnd());
  }

  #note(state: "open" | "closed", connection: string): void {
    this.record.push(connection === "a" ? state : `${state}.${connection}`);
  }
}

/** One connection, read as lines. */
class Line {
  readonly socket: Socket;
  /** The end that the record already shows; connections are open until something says otherwise. */
  declared: "open" | "closed" = "open";
  /** The transcript itself reads the first INFO. */
  wantsInfo = false;
  #lines: string[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    // best effort: a reset by the server is its way of closing; "close" follows.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#ended = true;
      this.#wake();
    });
  }

  static async open(target: Target): Promise<Line> {
    const socket = connect({ host: target.host, port: target.port, noDelay: true });
    await once(socket, "connect");
    return new Line(socket);
  }

  async write(bytes: Buffer, pieceBytes: number): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#ended; at += pieceBytes) {
      const piece = bytes.subarray(at, Math.min(bytes.length, at + pieceBytes));
      // best effort: the server may close in the middle; "close" tells.
      await new Promise<void>((resolve) => this.socket.write(piece, () => setImmediate(resolve)));
    }
  }

  /** The next line, or undefined when the connection ended or nothing came in time. */
  async next(): Promise<string | undefined> {
    await this.#until(() => this.#lines.length > 0 || this.#ended);
    return this.#lines.shift();
  }

  takeAll(): string[] {
    const rest = this.#rest.length > 0 && this.#ended ? [escapeBytes(this.#rest)] : [];
    return [...this.#lines.splice(0), ...rest];
  }

  async whenClosed(): Promise<"open" | "closed"> {
    await this.#until(() => this.#ended);
    return this.#ended ? "closed" : "open";
  }

  /** Sends PING and waits for its PONG; lines before it stay to be taken. */
  async stillOpen(): Promise<"open" | "closed"> {
    if (this.#ended) return "closed";
    const pongs = (): number => this.#lines.filter((line) => line === "PONG").length;
    const wanted = pongs() + 1;
    this.socket.write("PING\r\n");
    await this.#until(() => this.#ended || pongs() === wanted);
    if (this.#ended) return "closed";
    const last = this.#lines.lastIndexOf("PONG");
    if (last >= 0) this.#lines.splice(last, 1);
    return "open";
  }

  #take(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let end = bytes.indexOf("\r\n"); end >= 0; end = bytes.indexOf("\r\n")) {
      const line = escapeBytes(bytes.subarray(0, end));
      bytes = bytes.subarray(end + 2);
      // An INFO that only repeats itself for the client's use may come at any time after the first
      // PONG (nats-server 2.12 and later); see ./exceptions.ts.
      if (!line.includes('"connect_info":true')) this.#lines.push(line);
    }
    this.#rest = bytes;
    this.#wake();
  }

  async #until(done: () => boolean): Promise<void> {
    const deadline = AbortSignal.timeout(patienceMs);
    while (!done() && !deadline.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        deadline.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }
}

async function isRefused(target: Target): Promise<boolean> {
  const socket = connect({ host: target.host, port: target.port });
  try {
    await once(socket, "connect");
    return false;
  } catch {
    return true;
  } finally {
    socket.destroy();
  }
}
