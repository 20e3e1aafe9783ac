// FETCH of one connection: how many may wait, and what becomes of mail whose asker has left.
import type { Exchange } from "@mq9/dialects";
import type { AccountMailboxes } from "@mq9/mailbox";
import { type FetchResult, Mq9Error } from "@mq9/protocol";
import type { Client } from "@mq9/router";
import { type Pressure, requestWeight } from "./pressure.ts";
import { perform } from "./requests.ts";
import type { Visitor } from "./visitor.ts";

/** What a fetch needs of the space. */
export interface FetchDesk {
  readonly pressure: Pressure;
  /** FETCHes of one connection that wait for mail at one time. */
  readonly waitingMax: number;
  /** @returns how many connections got the answer */
  answer(client: Client, reply: string, body: Uint8Array): number;
}

/** Performs one FETCH. Holds no PONG back: a connection that waits for mail is alive. */
export function fetchMail(
  desk: FetchDesk,
  client: Client,
  visitor: Visitor,
  exchange: Extract<Exchange, { op: "fetch" }>,
  reply: string,
): void {
  if (exchange.operation.asText) visitor.readsText = true;
  if (reply === "") return; // nobody would see what was taken
  const { pressure, waitingMax } = desk;
  const waits = exchange.operation.request.waitMs > 0;
  if (waits && visitor.waiting >= waitingMax) {
    const limit = `the limit of ${waitingMax} waiting FETCHes of one connection is reached`;
    desk.answer(client, reply, exchange.fail(new Mq9Error("quota_exceeded", limit)));
    return;
  }
  if (waits) visitor.waiting += 1;
  else pressure.begin(client, visitor, requestWeight);
  let taken: FetchResult | undefined;
  const succeed = (result: FetchResult): Uint8Array => {
    taken = result;
    return exchange.succeed(result);
  };
  void perform(visitor.mailboxes, { ...exchange, succeed }, visitor).then((body) => {
    if (client.closed || client.ownerState !== visitor) {
      visitor.mailboxes.release(visitor); // it left while this began
    } else if (desk.answer(client, reply, body) === 0) {
      handBack(visitor.mailboxes, exchange.operation.request.group, taken);
    }
    if (waits) visitor.waiting -= 1;
    else pressure.finished(visitor, requestWeight);
  });
}

/** Whoever asked waits no more: what was leased to it would be with nobody. */
function handBack(
  mailboxes: AccountMailboxes,
  group: string | undefined,
  taken: FetchResult | undefined,
): void {
  if (group === undefined || taken === undefined) return;
  for (const { mailbox, msgId, deliveryCount } of taken.messages) {
    mailboxes.nack({ mailbox, group, msgId, deliveryCount, delayMs: 0 }).catch(() => {
      // best effort: its lease ends by itself
    });
  }
}
