// Answers that hold long lists: one is built at a time, few wait for that, and what waits for its
// readers is bounded. Called by the listener. Whoever finds no place hears when to come again.
import type { ServerResponse } from "node:http";
import { jsonPieces } from "./json-writer.ts";

/** Bounds of all long answers of one listener together. */
export interface LongAnswerLimits {
  /** Requests that wait until theirs is built. */
  readonly waitingMax: number;
  /** Bytes that wait for readers. */
  readonly heldBytesMax: number;
  /** A reader may take so long before another one that needs the room ends it. */
  readonly patienceMs: number;
}

const defaultLimits: LongAnswerLimits = {
  waitingMax: 32, // each is built in some ten milliseconds
  heldBytesMax: 33_554_432, // five of the longest there are
  patienceMs: 2_000, // on any usable line the longest is through by then
};

/** Seconds after which whoever was turned away may come again. */
const retryAfterSeconds = 1;

/** An answer on its way to its reader. */
interface Held {
  readonly response: ServerResponse;
  readonly sinceMs: number;
  bytes: number;
}

export class LongAnswers {
  readonly #limits: LongAnswerLimits;
  /** In order of age. */
  readonly #held = new Set<Held>();
  readonly #waiting: (() => void)[] = [];
  #heldBytes = 0;
  #building = false;

  constructor(limits: Partial<LongAnswerLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits };
  }

  /**
   * Builds an answer when its turn comes, and writes it as fast as it is read.
   * @throws what `build` throws; nothing was written then
   */
  async serve(response: ServerResponse, build: () => Promise<object>): Promise<void> {
    if (this.#building && this.#waiting.length >= this.#limits.waitingMax) {
      turnAway(response);
      return;
    }
    await this.#turn();
    let pieces: Buffer[];
    try {
      pieces = response.destroyed ? [] : await encoded(await build(), response);
    } finally {
      this.#next();
    }
    if (response.destroyed) return;
    if (response.req.method === "HEAD") response.end();
    else await this.#write(response, pieces);
  }

  async #turn(): Promise<void> {
    if (this.#building) await new Promise<void>((begin) => this.#waiting.push(begin));
    this.#building = true;
  }

  /** The turn passes on as it is, or a newcomer could take it between. */
  #next(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#building = false;
    else setImmediate(next);
  }

  async #write(response: ServerResponse, pieces: readonly Buffer[]): Promise<void> {
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (!this.#makeRoom(bytes)) {
      turnAway(response);
      return;
    }
    const held: Held = { response, sinceMs: performance.now(), bytes };
    this.#held.add(held);
    this.#heldBytes += bytes;
    response.setHeader("Content-Length", bytes);
    for (const piece of pieces) {
      if (!(await written(response, piece))) break;
      if (!this.#held.has(held)) return;
      held.bytes -= piece.length;
      this.#heldBytes -= piece.length;
    }
    this.#letGo(held);
    response.end();
  }

  /** @returns false when everybody who reads began a moment ago */
  #makeRoom(bytes: number): boolean {
    const { heldBytesMax, patienceMs } = this.#limits;
    const nowMs = performance.now();
    for (const oldest of this.#held) {
      if (this.#heldBytes + bytes <= heldBytesMax) return true;
      if (nowMs - oldest.sinceMs < patienceMs) return false;
      this.#letGo(oldest);
      oldest.response.destroy();
    }
    return true;
  }

  #letGo(held: Held): void {
    if (this.#held.delete(held)) this.#heldBytes -= held.bytes;
  }
}

function turnAway(response: ServerResponse): void {
  response.statusCode = 503;
  response.setHeader("Retry-After", retryAfterSeconds);
  response.setHeader("Content-Type", "text/plain; charset=utf-8");
  response.end("too many ask for long lists; ask again in a moment\n");
}

/** Between pieces other work goes first. @returns as much as there was when the reader left */
async function encoded(body: object, reader: ServerResponse): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  for (const piece of jsonPieces(body)) {
    pieces.push(Buffer.from(piece));
    await new Promise((resolve) => setImmediate(resolve));
    if (reader.destroyed) break;
  }
  return pieces;
}

/** @returns false when the reader is gone */
function written(response: ServerResponse, piece: Buffer): Promise<boolean> | boolean {
  if (response.destroyed) return false;
  if (response.write(piece)) return true;
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off("drain", settle);
      response.off("close", settle);
      resolve(!response.destroyed);
    };
    response.on("drain", settle);
    response.on("close", settle);
  });
}
