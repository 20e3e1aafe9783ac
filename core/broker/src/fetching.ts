// FETCHes of all connections: how many of one may wait, what becomes of mail whose asker has left, and
// how waiting ends when the broker stops.
import { type Exchange, withIgnored } from "@mq9/dialects";
import type { AccountMailboxes } from "@mq9/mailbox";
import { type FetchRequest, type FetchResult, Mq9Error } from "@mq9/protocol";
import type { Client } from "@mq9/router";
import type { Meters } from "./meters.ts";
import { type Pressure, requestWeight } from "./pressure.ts";
import { perform } from "./requests.ts";
import type { Visitor } from "./visitor.ts";

type FetchExchange = Extract<Exchange, { op: "fetch" }>;

/** What fetches need of the space. */
export interface FetchDesk {
  readonly meters: Meters;
  readonly pressure: Pressure;
  /** FETCHes of one connection that wait for mail at one time. */
  readonly waitingMax: number;
  /** @returns how many connections got the answer */
  answer(client: Client, reply: string, body: Uint8Array): number;
  /** Answers on the client's own inbox, whatever it may subscribe to. */
  tell(client: Client, reply: string, body: Uint8Array): void;
}

/** What a principal hears whose reads and writes are stopped. */
export function quarantined(): Mq9Error {
  return new Mq9Error("forbidden", "an operator stopped all reads and writes of this user");
}

const nothing: FetchResult = { messages: [], more: false };

export class Fetches {
  readonly #desk: FetchDesk;
  /** Ends the wait of each with an empty answer. */
  readonly #waiting: Set<() => void> = new Set();
  #draining = false;

  constructor(desk: FetchDesk) {
    this.#desk = desk;
  }

  /** Performs one FETCH. Holds no PONG back: a connection that waits for mail is alive. */
  fetch(client: Client, visitor: Visitor, exchange: FetchExchange, reply: string): void {
    if (exchange.operation.asText) visitor.readsText = true;
    if (reply === "") return; // nobody would see what was taken
    const { meters, pressure, waitingMax } = this.#desk;
    if (exchange.operation.request.waitMs === 0) {
      pressure.begin(client, visitor, requestWeight);
      void this.#run(client, visitor, exchange, reply).then(() => {
        pressure.finished(visitor, requestWeight);
      });
      return;
    }
    if (visitor.waiting >= waitingMax) {
      const limit = `the limit of ${waitingMax} waiting FETCHes of one connection is reached`;
      this.#desk.answer(client, reply, exchange.fail(new Mq9Error("quota_exceeded", limit)));
      return;
    }
    visitor.waiting += 1;
    meters.waitingFetches += 1;
    void this.#run(client, visitor, exchange, reply).then(() => {
      visitor.waiting -= 1;
      meters.waitingFetches -= 1;
    });
  }

  /** The broker is about to stop: whoever waits is answered empty, and nobody waits any more. */
  drain(): void {
    this.#draining = true;
    for (const end of this.#waiting) end();
  }

  async #run(
    client: Client,
    visitor: Visitor,
    exchange: FetchExchange,
    reply: string,
  ): Promise<void> {
    const { meters } = this.#desk;
    const asked = meters.turn.mark();
    let taken: FetchResult | undefined;
    let answered = false;
    const end = (): void => {
      answered = true;
      this.#waiting.delete(end);
      if (!visitor.isPresent) return;
      this.#desk.answer(client, reply, withIgnored(exchange, exchange.succeed(nothing)));
    };
    const { operation } = exchange;
    const request = this.#draining ? { ...operation.request, waitMs: 0 } : operation.request;
    const succeed = (result: FetchResult): Uint8Array => {
      taken = result;
      return exchange.succeed(result);
    };
    this.#waiting.add(end);
    const body = await perform(
      visitor.mailboxes,
      { ...exchange, operation: { ...operation, request }, succeed },
      visitor,
    );
    this.#waiting.delete(end);
    meters.fetchMs.observe(meters.turn.msSince(asked));
    if (client.closed || client.ownerState !== visitor) {
      visitor.mailboxes.release(visitor); // it left while this began, or may not read any more
      if (operation.request.detached === true) {
        handBack(visitor.account.mailboxes, request, taken);
      }
      if (client.closed || !visitor.isPresent || answered) return;
      if (client.isQuarantined) this.#desk.tell(client, reply, exchange.fail(quarantined()));
      else this.#desk.answer(client, reply, withIgnored(exchange, exchange.succeed(nothing)));
    } else if (answered || this.#desk.answer(client, reply, body) === 0) {
      handBack(visitor.account.mailboxes, request, taken);
    }
  }
}

/** Whoever asked waits no more: what was leased to it would be with nobody. */
function handBack(
  mailboxes: AccountMailboxes,
  { group, look }: Pick<FetchRequest, "group" | "look">,
  taken: FetchResult | undefined,
): void {
  // What was only looked at may be leased to others by now.
  if (group === undefined || look === true || taken === undefined) return;
  for (const { mailbox, msgId, deliveryCount } of taken.messages) {
    mailboxes.nack({ mailbox, group, msgId, deliveryCount, unseen: true }).catch(() => {
      // best effort: its lease ends by itself
    });
  }
}
