// Meaning: one vector per agent from a model outside, kept in memory and made anew when the agent
// changes. Never waits for more than one request, and never fails a search: what the model can not
// give is left out, and the answer says so.
import { Mq9Error } from "@mq9/protocol";
import { type Entry, skillText } from "./record.ts";

/**
 * Texts to vectors, all of one length, in the same order. Rejects when the model can not be asked:
 * soon when a search waits (`now`), or after a while (`later`).
 */
export type Embed = (
  texts: readonly string[],
  when: "now" | "later",
) => Promise<readonly Float32Array[]>;

export interface VectorHit {
  readonly name: string;
  /** Cosine of the angle between the two, -1 to 1. */
  readonly similarity: number;
}

/** What could be found by meaning, and why not more. */
export interface VectorAnswer {
  /** Undefined = the model could not be asked. */
  readonly hits: readonly VectorHit[] | undefined;
  readonly note: string | undefined;
}

interface Known {
  readonly version: number;
  /** Of length one. */
  readonly vector: Float32Array;
}

/** Texts of one request to the model. */
const batchMax = 64;
/** Agents without a vector that a search asks for together with its own. */
const nowMax = 16;
/** Agents nearest in meaning that count. */
const nearestMax = 200;
const textLengthMax = 8_000;
/** Numbers compared in one turn of the event loop: a few milliseconds. */
const turnNumbersMax = 4_000_000;
/** After a failure the model is left alone for so long. */
const pauseMs = 10_000;

export class Vectors {
  readonly #embed: Embed;
  readonly #nowMs: () => number;
  readonly #defer: (run: () => void) => void;
  readonly #known = new Map<string, Known>();
  /** Agents without a vector of their present text. */
  readonly #missing = new Map<string, Entry>();
  #filling: Promise<void> | undefined;
  #pausedUntilMs = 0;

  /** @param defer runs something after the current turn of the event loop */
  constructor(embed: Embed, nowMs: () => number, defer: (run: () => void) => void) {
    this.#embed = embed;
    this.#nowMs = nowMs;
    this.#defer = defer;
  }

  /** The agent is new or changed: it gets a vector in the background. */
  put(entry: Entry): void {
    this.#missing.set(entry.name, entry);
  }

  remove(name: string): void {
    this.#missing.delete(name);
    this.#known.delete(name);
  }

  /** Asks the model for the vectors that are missing. Never rejects. */
  fill(): Promise<void> {
    this.#filling ??= this.#fill().finally(() => {
      this.#filling = undefined;
    });
    return this.#filling;
  }

  /** The agents nearest to a text among those that `takes` lets through, nearest first. */
  async search(text: string, takes: (name: string) => boolean): Promise<VectorAnswer> {
    if (this.#nowMs() < this.#pausedUntilMs) return { hits: undefined, note: noModel };
    const fresh = this.#missing.size <= nowMax ? [...this.#missing.values()] : [];
    const versions = fresh.map((entry) => entry.version);
    const texts = [text.slice(0, textLengthMax), ...fresh.map(textOf)];
    try {
      const vectors = await this.#embed(texts, "now");
      const query = unit(vectors[0]);
      if (query === undefined) throw new Mq9Error("invalid", "the model gave no vector");
      fresh.forEach((entry, i) => this.#learn(entry, versions[i] as number, vectors[i + 1]));
      void this.fill();
      const left = this.#missing.size;
      return {
        hits: await this.#nearest(query, takes),
        note: left === 0 ? undefined : `${left} agents are not indexed by meaning yet`,
      };
    } catch {
      // best effort: the answer says that it is by words alone, and the model is asked again later.
      this.#pausedUntilMs = this.#nowMs() + pauseMs;
      return { hits: undefined, note: noModel };
    }
  }

  async #fill(): Promise<void> {
    while (this.#missing.size > 0 && this.#nowMs() >= this.#pausedUntilMs) {
      const batch = [...firstOf(this.#missing.values(), batchMax)];
      const versions = batch.map((entry) => entry.version);
      try {
        const vectors = await this.#embed(batch.map(textOf), "later");
        if (vectors.length !== batch.length) throw new Mq9Error("invalid", "vectors are missing");
        batch.forEach((entry, i) => this.#learn(entry, versions[i] as number, vectors[i]));
      } catch {
        // best effort: they are still missing, and asked for again after the pause.
        this.#pausedUntilMs = this.#nowMs() + pauseMs;
      }
    }
  }

  #learn(entry: Entry, version: number, vector: Float32Array | undefined): void {
    if (this.#missing.get(entry.name) !== entry || entry.version !== version) return; // it changed
    this.#missing.delete(entry.name);
    const of = unit(vector);
    if (of !== undefined) this.#known.set(entry.name, { version, vector: of });
  }

  /** Compares with every agent, in turns: with long vectors ten thousand take a while. */
  async #nearest(query: Float32Array, takes: (name: string) => boolean): Promise<VectorHit[]> {
    const hits: VectorHit[] = [];
    let numbers = 0;
    for (const [name, { vector }] of this.#known) {
      numbers += vector.length;
      if (numbers > turnNumbersMax) {
        numbers = 0;
        await new Promise<void>((resolve) => this.#defer(resolve));
      }
      // Another length is another model's: the two can not be compared.
      if (vector.length !== query.length || !takes(name)) continue;
      let similarity = 0;
      for (let i = 0; i < query.length; i += 1) {
        similarity += (query[i] as number) * (vector[i] as number);
      }
      hits.push({ name, similarity });
    }
    hits.sort((a, b) => b.similarity - a.similarity || (a.name < b.name ? -1 : 1));
    return hits.slice(0, nearestMax);
  }
}

const noModel = "the embedding model could not be asked: found by words alone";

function textOf({ name, facts }: Entry): string {
  const text = [name, facts.description, ...facts.skills.map(skillText), facts.tags.join(", ")];
  return text.join("\n").slice(0, textLengthMax);
}

/** The vector with length one; undefined when it has none. */
function unit(vector: Float32Array | undefined): Float32Array | undefined {
  if (vector === undefined) return undefined;
  let squares = 0;
  for (const x of vector) squares += x * x;
  if (!(squares > 0) || !Number.isFinite(squares)) return undefined;
  const length = Math.sqrt(squares);
  return vector.map((x) => x / length);
}

function* firstOf<T>(all: Iterable<T>, count: number): Iterable<T> {
  let left = count;
  for (const one of all) {
    if (left === 0) return;
    left -= 1;
    yield one;
  }
}
