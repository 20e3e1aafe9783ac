// The connections that ended lately, and what all that ended add up to. Told by the router's hook of
// every end; bounded, so a storm of connections leaves no more behind than the ring holds.
import type { Connection } from "@mq9/router";
import { type ConnectionFacts, factsOf } from "./connection-facts.ts";

/** What the ended connections of one account add up to. */
export interface EndedTotals {
  connections: number;
  inMsgs: number;
  inBytes: number;
  outMsgs: number;
  outBytes: number;
  slowConsumers: number;
}

/** Reasons counted by name; they are phrases of ours, and few. Any further one counts as `other`. */
const reasonsMax = 64;
/** Longest name, language or version of a client that is kept. */
const textMax = 256;

export class ClosedConnections {
  readonly #max: number;
  readonly #ring: ConnectionFacts[] = [];
  /** Where the next one goes once the ring is full: the oldest. */
  #next = 0;
  readonly #reasons = new Map<string, number>();
  readonly #accounts = new Map<string, EndedTotals>();

  /** @param max connections remembered; 0 = none */
  constructor(max: number) {
    this.#max = max;
  }

  /** Connections remembered. */
  get size(): number {
    return this.#ring.length;
  }

  /** How many ended, by the reason. */
  get reasons(): ReadonlyMap<string, number> {
    return this.#reasons;
  }

  /** What ended, by account. */
  get accounts(): ReadonlyMap<string, EndedTotals> {
    return this.#accounts;
  }

  /** Those remembered, the oldest first. */
  *[Symbol.iterator](): IterableIterator<ConnectionFacts> {
    const { length } = this.#ring;
    for (let i = 0; i < length; i += 1) {
      yield this.#ring[(this.#next + i) % length] as ConnectionFacts;
    }
  }

  /** @param nowMs of the router's clock */
  add(connection: Connection, reason: string, nowMs: number): void {
    const known = this.#reasons.has(reason) || this.#reasons.size < reasonsMax;
    const counted = known ? reason : "other";
    this.#reasons.set(counted, (this.#reasons.get(counted) ?? 0) + 1);
    this.#count(connection, reason);
    if (this.#max === 0) return;
    const facts = factsOf(connection, nowMs);
    const kept: ConnectionFacts = {
      ...facts,
      connection: undefined, // nothing of it may stay in memory
      name: facts.name.slice(0, textMax),
      lang: facts.lang.slice(0, textMax),
      version: facts.version.slice(0, textMax),
      stoppedMs: nowMs,
      reason,
    };
    if (this.#ring.length < this.#max) {
      this.#ring.push(kept);
      return;
    }
    this.#ring[this.#next] = kept;
    this.#next = (this.#next + 1) % this.#max;
  }

  #count(connection: Connection, reason: string): void {
    let totals = this.#accounts.get(connection.account);
    if (totals === undefined) {
      totals = {
        connections: 0,
        inMsgs: 0,
        inBytes: 0,
        outMsgs: 0,
        outBytes: 0,
        slowConsumers: 0,
      };
      this.#accounts.set(connection.account, totals);
    }
    totals.connections += 1;
    totals.inMsgs += connection.inMsgs;
    totals.inBytes += connection.inBytes;
    totals.outMsgs += connection.outMsgs;
    totals.outBytes += connection.outBytes;
    if (reason.startsWith("Slow Consumer")) totals.slowConsumers += 1;
  }
}
