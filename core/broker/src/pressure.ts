// Stops reading connections that have too much under way, and reads them again when that is done.
// Called by the owner of `$mq9.AI.` for every publish that is not answered at once.
import type { Client } from "@mq9/router";
import type { Tally } from "./receipts.ts";

/** Accepted and not yet durable bytes above which a publisher is no longer read. */
const pendingBytesHigh = 8 * 1024 * 1024;
const pendingBytesLow = pendingBytesHigh / 2;
/** Things under way above which a connection is no longer read. */
const openHigh = 32_768;
const openLow = openHigh / 2;
/** A request weighs as much as many sends. */
export const requestWeight = 256;
/** Stopped connections are looked at again after this long, if nothing ends before. */
const reliefMs = 10;

export class Pressure {
  readonly #mailboxes: { readonly pendingBytes: number };
  /** Connections that are not read until less is under way. */
  readonly #paused = new Map<Client, Tally>();
  #relief: NodeJS.Timeout | undefined;

  /** @param mailboxes says how much was accepted and is not durable yet */
  constructor(mailboxes: { readonly pendingBytes: number }) {
    this.#mailboxes = mailboxes;
  }

  /** Counts something under way, and stops reading a connection that has too much of it. */
  begin(client: Client, tally: Tally, weight: number): void {
    tally.open += weight;
    const much = tally.open > openHigh || this.#mailboxes.pendingBytes > pendingBytesHigh;
    if (!much || this.#paused.has(client)) return;
    this.#paused.set(client, tally);
    client.pauseReading();
  }

  /** One thing is under way no more. */
  finished(tally: Tally, weight: number): void {
    tally.open -= weight;
    if (this.#paused.size > 0) this.#relieve();
  }

  /** Reads connections again; what else is pending has no receipt, so it is looked at again soon. */
  #relieve(): void {
    if (this.#mailboxes.pendingBytes <= pendingBytesLow) {
      for (const [client, { open }] of this.#paused) {
        if (open > openLow) continue;
        this.#paused.delete(client);
        client.resumeReading();
      }
    }
    if (this.#paused.size === 0 || this.#relief !== undefined) return;
    this.#relief = setTimeout(() => {
      this.#relief = undefined;
      this.#relieve();
    }, reliefMs).unref();
  }

  /** The connection ended. Its socket may live on: a second CONNECT ends what was before it. */
  left(client: Client): void {
    if (this.#paused.delete(client)) client.resumeReading();
  }
}
