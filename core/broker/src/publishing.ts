// What is published into the space to be kept or heard: mail, broadcasts, and subjects that mean nothing.
// Called by the owner of `$mq9.AI.`; also says to publishers what became of it.
import {
  errorReply,
  type PublishTarget,
  readSendHeaders,
  type SendHeaders,
  unrecognizedReply,
} from "@mq9/dialects";
import { Mq9Error, type SendRequest } from "@mq9/protocol";
import type { Client, RouterServices } from "@mq9/router";
import { answerTo } from "./answer-to.ts";
import { type AuditFact, actorOf } from "./audit.ts";
import type { Meters } from "./meters.ts";
import type { Pressure } from "./pressure.ts";
import { endlessLoop, headersToPass, showToken, withHeaders } from "./publish-headers.ts";
import { type Asker, ChannelReceipt, type Desk, Receipt, type Tally } from "./receipts.ts";
import type { Visitor } from "./visitor.ts";

/** One publish as it came. */
export interface Sent {
  readonly subject: string;
  readonly reply: string;
  readonly headers: Buffer | undefined;
  readonly payload: Buffer;
}

/** What publishing needs of the space. */
export interface PublishingParts {
  readonly router: RouterServices;
  readonly pressure: Pressure;
  readonly meters: Meters;
  readonly audit: ((fact: AuditFact) => void) | undefined;
  /** How often a message may be passed on, today; 0 = without end. */
  readonly hopsMax: () => number;
}

export class Publishing implements Desk {
  readonly meters: Meters;
  readonly #parts: PublishingParts;

  constructor(parts: PublishingParts) {
    this.meters = parts.meters;
    this.#parts = parts;
  }

  /** Mail for a mailbox. */
  send(visitor: Visitor, target: Extract<PublishTarget, { kind: "send" }>, sent: Sent): void {
    const { subject, reply, headers, payload } = sent;
    let request: SendRequest = {
      mailbox: target.mailbox,
      label: target.label,
      payload,
      headers: undefined,
      ttlSeconds: target.ttlSeconds,
      key: undefined,
      from: visitor.user,
    };
    let told: SendHeaders | undefined;
    if (headers !== undefined) {
      told = this.#readHeaders(visitor, subject, reply, headers);
      if (told === undefined) return;
      request = withHeaders(request, told, target.bare);
      showToken(visitor, target.mailbox, told.token);
      if (target.otherwise !== undefined) {
        showToken(visitor, target.otherwise.mailbox, told.token);
      }
    }
    this.#parts.pressure.begin(visitor.client, visitor, 1);
    const receipt = new Receipt(this, visitor, {
      subject,
      reply,
      generation: target.generation,
    });
    const other = target.otherwise;
    if (other === undefined) {
      visitor.mailboxes.post(request, receipt);
    } else {
      // The last token may belong to the name: that reading counts when the first has no mailbox.
      visitor.mailboxes.post(request, {
        settled: (error, msgId, detail) => {
          if (error?.code !== "not_found" && error?.code !== "expired") {
            receipt.settled(error, msgId, detail);
            return;
          }
          const label = told?.label ?? other.label;
          visitor.mailboxes.post(
            { ...request, mailbox: other.mailbox, label },
            {
              settled: (again, otherId, otherDetail) =>
                receipt.settled(again?.code === "not_found" ? error : again, otherId, otherDetail),
            },
          );
        },
      });
    }
  }

  /** Something for all who listen to a channel, kept where the channel is a mailbox too. */
  broadcast(visitor: Visitor, channel: string, sent: Sent): void {
    const { subject, reply, headers, payload } = sent;
    let request: SendRequest = { mailbox: channel, label: "normal", payload, from: visitor.user };
    let hops: number | undefined;
    if (headers !== undefined) {
      const told = this.#readHeaders(visitor, subject, reply, headers);
      if (told === undefined) return;
      request = withHeaders(request, told, true);
      hops = told.hops;
    }
    const heard = this.#toListeners(visitor, sent, hops);
    this.#parts.pressure.begin(visitor.client, visitor, 1);
    // Whoever may publish to a channel may say something there that is kept.
    visitor.account.mailboxes.post(
      request,
      new ChannelReceipt(this, visitor, { subject, reply, heard: heard > 0 }),
    );
  }

  /** Hands a publish to the ordinary subscriptions of the space. @returns how many got it */
  #toListeners(visitor: Visitor, sent: Sent, hops?: number): number {
    const { subject, reply, payload } = sent;
    const { plain } = visitor.account;
    if (plain.size === 0) return 0;
    const headers = headersToPass(sent.headers, visitor.user, hops);
    return this.#parts.router.fanOut(plain, visitor.client, subject, reply, headers, payload);
  }

  /** What is no mail, for whoever subscribed to it. @param known a subject that means something */
  passOn(visitor: Visitor, known: boolean, sent: Sent): void {
    const { subject, reply } = sent;
    const heard = this.#toListeners(visitor, sent);
    if (heard > 0 || reply === "") return;
    if (known) this.noResponders(visitor, subject, reply);
    else this.reply(visitor, reply, unrecognizedReply(subject));
  }

  /** What the headers of a publish ask for; undefined = they make no sense, and the publisher was told. */
  #readHeaders(
    visitor: Visitor,
    subject: string,
    reply: string,
    headers: Buffer,
  ): SendHeaders | undefined {
    try {
      const told = readSendHeaders(headers);
      this.#assertNoLoop(visitor.client, subject, told);
      return told;
    } catch (error) {
      if (!(error instanceof Mq9Error)) throw error;
      this.meters.refused(error.code);
      if (reply === "") visitor.client.refusePublish(subject);
      else this.reply(visitor, reply, errorReply(error));
      return undefined;
    }
  }

  #assertNoLoop(client: Client, subject: string, told: SendHeaders): void {
    const { audit } = this.#parts;
    const hopsMax = this.#parts.hopsMax();
    if (told.hops === undefined || hopsMax === 0 || told.hops <= hopsMax) return;
    audit?.({ kind: "loop.stopped", by: actorOf(client), subject });
    throw endlessLoop(hopsMax);
  }

  finished(tally: Tally, weight: number): void {
    this.#parts.pressure.finished(tally, weight);
  }

  reply(asker: Asker, reply: string, body: Uint8Array): void {
    if (reply !== "" && asker.isPresent) answerTo(this.#parts.router, asker.client, reply, body);
  }

  noResponders(asker: Asker, subject: string, reply: string): void {
    if (reply !== "" && asker.isPresent)
      this.#parts.router.noResponders(asker.client, subject, reply);
  }
}
