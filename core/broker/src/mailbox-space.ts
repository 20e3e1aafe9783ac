// The owner of `$mq9.AI.`: turns PUB and SUB of that space into mailbox operations through the
// dialects, and their results into replies. Knows no generation's words and no disk.
import {
  type Command,
  type DialectOptions,
  type Exchange,
  errorReply,
  openRequest,
  openSettlement,
  type PublishTarget,
  parsePublish,
  parseSubscribe,
  passedHeaders,
  readSendHeaders,
  revealedGeneration,
  type SendHeaders,
  spacePrefix,
  tokenOf,
  unrecognizedReply,
} from "@mq9/dialects";
import type { Mailboxes } from "@mq9/mailbox";
import { Mq9Error, type SendRequest } from "@mq9/protocol";
import type { Client, RouterServices, SubjectSpace, Subscription } from "@mq9/router";
import { answerTo } from "./answer-to.ts";
import { type AuditFact, actorOf } from "./audit.ts";
import { audited } from "./audited-requests.ts";
import { Fetches, quarantined } from "./fetching.ts";
import type { Meters } from "./meters.ts";
import { Misses, type MissLimits } from "./misses.ts";
import { Pressure, requestWeight } from "./pressure.ts";
import { endlessLoop, headersToPass, showToken, withHeaders } from "./publish-headers.ts";
import { Readers } from "./readers.ts";
import { type Asker, ChannelReceipt, type Desk, Receipt, type Tally } from "./receipts.ts";
import { perform } from "./requests.ts";
import { RightsWatch } from "./rights-watch.ts";
import { Account, Visitor, type VisitorDesk } from "./visitor.ts";

/** Subjects whose meaning is remembered. */
const targetsMax = 16_384;

/** One publish as it came. */
interface Sent {
  readonly subject: string;
  readonly reply: string;
  readonly headers: Buffer | undefined;
  readonly payload: Buffer;
}

/** What the space is told beside what its dialects are. */
export interface SpaceOptions extends DialectOptions {
  /** FETCHes of one connection that wait for mail at one time. */
  readonly waitingFetchesMax: number;
  readonly misses: MissLimits;
  /** How often a message may be passed on; 0 = without end. */
  readonly hopsMax: number;
  readonly nowMs: () => number;
  readonly meters: Meters;
  /** Hears what was done to mailboxes and agents, where somebody keeps that. */
  readonly audit?: ((fact: AuditFact) => void) | undefined;
  /** Hears of a request that a defect of ours kept from being answered. */
  readonly failed: (error: unknown) => void;
}

/** Those that can change while a broker runs. */
export type ChangingSpaceOptions = Omit<DialectOptions, "allowTap"> & Pick<SpaceOptions, "hopsMax">;

export class MailboxSpace implements SubjectSpace, Desk, VisitorDesk {
  readonly prefix: string = spacePrefix;
  readonly meters: Meters;
  readonly nowMs: () => number;
  readonly misses: Misses;
  readonly audit: ((fact: AuditFact) => void) | undefined;
  readonly failed: (error: unknown) => void;
  readonly #mailboxes: Mailboxes;
  readonly #router: RouterServices;
  #options: SpaceOptions;
  readonly #accounts = new Map<string, Account>();
  readonly #targets = new Map<string, PublishTarget>();
  readonly #readers: Readers;
  readonly #pressure: Pressure;
  readonly #fetches: Fetches;
  #operatorOptions: SpaceOptions;
  #userOptions: SpaceOptions;
  readonly #watch: RightsWatch;

  constructor(mailboxes: Mailboxes, router: RouterServices, options: SpaceOptions) {
    this.meters = options.meters;
    this.nowMs = options.nowMs;
    this.audit = options.audit;
    this.misses = new Misses(options.misses, options.nowMs);
    this.failed = options.failed;
    this.#mailboxes = mailboxes;
    this.#router = router;
    this.#options = options;
    this.#readers = new Readers(options.nowMs);
    this.#watch = new RightsWatch(options.nowMs);
    this.#operatorOptions = { ...options, allowTap: true };
    this.#userOptions = { ...options, allowTap: false };
    this.#pressure = new Pressure(mailboxes);
    this.#fetches = new Fetches({
      meters: options.meters,
      pressure: this.#pressure,
      waitingMax: options.waitingFetchesMax,
      answer: (client, reply, body) => answerTo(router, client, reply, body),
      tell: (client, reply, body) => router.tell(client, reply, body),
    });
  }

  /** Other options from now on. */
  change(options: Partial<ChangingSpaceOptions>): void {
    this.#options = { ...this.#options, ...options };
    this.#operatorOptions = { ...this.#options, allowTap: true };
    this.#userOptions = { ...this.#options, allowTap: false };
    this.#targets.clear(); // what they mean may depend on it
  }

  publish(
    client: Client,
    subject: string,
    reply: string,
    headers: Buffer | undefined,
    payload: Buffer,
  ): void {
    const visitor = this.#visitor(client);
    const { taps } = visitor.account;
    if (taps.size > 0) {
      const shown = headers && passedHeaders(headers);
      this.#router.fanOut(taps, client, subject, "", shown, payload);
    }
    const target = this.#target(subject);
    const generation = revealedGeneration(target);
    if (generation !== undefined) visitor.generation = generation;
    switch (target.kind) {
      case "send":
        this.#send(client, visitor, target, subject, reply, headers, payload);
        return;
      case "request":
        this.#command(client, visitor, target.command, { subject, reply, headers, payload });
        return;
      case "settle":
        showToken(visitor, target.mailbox, headers && tokenOf(headers));
        this.#request(client, visitor, openSettlement(target, payload), reply);
        return;
      case "broadcast":
        this.#broadcast(client, visitor, target.channel, subject, reply, headers, payload);
        return;
      case "plain":
        this.#passOn(client, visitor, target.known, subject, reply, headers, payload);
        return;
      case "refused":
        if (reply === "") client.refusePublish(subject);
        else this.reply(visitor, reply, errorReply(target.error, target.emptied));
        return;
    }
  }

  subscribe(client: Client, subscription: Subscription): void {
    const visitor = this.#visitor(client);
    const target = parseSubscribe(subscription.subject, this.#optionsOf(visitor));
    const generation = revealedGeneration(target);
    if (generation !== undefined) visitor.generation = generation;
    switch (target.kind) {
      case "mail":
        if (target.view.form === "push" && subscription.queue !== "") {
          this.#readers.pushTo(client, visitor, subscription, target.mailbox);
        } else if (target.otherwise === undefined)
          this.#readers.read(client, visitor, subscription, target);
        else this.#readers.readEither(client, visitor, subscription, target);
        return;
      case "broadcast":
        this.#readers.listen(visitor, subscription, visitor.account.plain, target.subject);
        if (subscription.queue === "")
          this.#readers.readChannel(client, visitor, subscription, target);
        return;
      case "plain":
        this.#readers.listen(visitor, subscription, visitor.account.plain, target.subject);
        return;
      case "agents":
        this.#readers.watchAgents(client, visitor, subscription);
        return;
      case "tap":
        this.#readers.listen(visitor, subscription, visitor.account.taps, target.subject);
        return;
      case "refused":
        client.refuseSubscription(subscription.subject, subscription.queue);
        return;
    }
  }

  unsubscribe(client: Client, subscription: Subscription): void {
    this.#readers.leave(this.#visitor(client), subscription, "unsubscribed");
  }

  /** Authentication says something new of a connection that stays. */
  rightsChanged(client: Client): boolean {
    const visitor = client.ownerState;
    if (!(visitor instanceof Visitor)) return true; // it was never here
    if (!visitor.rightsChanged()) return false;
    if (visitor.rights === undefined || visitor.rights.isOperator) return true;
    for (const [subscription, { list }] of visitor.places) {
      if (list !== visitor.account.taps) continue;
      this.#readers.leave(visitor, subscription, "unsubscribed");
      client.refuseSubscription(subscription.subject, subscription.queue);
    }
    return true;
  }

  disconnect(client: Client, subscriptions: readonly Subscription[]): void {
    const visitor = client.ownerState;
    if (!(visitor instanceof Visitor)) return; // it was never here
    this.#watch.left(visitor);
    for (const subscription of subscriptions)
      this.#readers.leave(visitor, subscription, "vanished");
    visitor.account.pushed.vanished(client);
    visitor.mailboxes.release(visitor);
    this.#pressure.left(client);
  }

  /** Its reads and writes are stopped: whoever waits for an answer gets one all the same. */
  refuse(client: Client, subject: string, reply: string): void {
    const target = this.#target(subject);
    const emptied = target.kind === "refused" ? target.emptied : undefined;
    this.#router.tell(client, reply, errorReply(quarantined(), emptied));
  }

  /** The broker is about to stop: FETCHes that wait are answered. */
  drain(): void {
    this.#watch.stop();
    this.#fetches.drain();
  }

  #visitor(client: Client): Visitor {
    const known = client.ownerState;
    if (known instanceof Visitor) return known;
    const visitor = new Visitor(client, this.#account(client.account), this);
    client.ownerState = visitor;
    this.#watch.add(visitor);
    return visitor;
  }

  revoked(account: Account, mailbox: string): void {
    this.#watch.revoked(account, mailbox);
  }

  /** Who may watch everything that passes is known where users are. */
  #optionsOf({ rights }: Visitor): SpaceOptions {
    if (rights === undefined) return this.#options;
    return rights.isOperator ? this.#operatorOptions : this.#userOptions;
  }

  #account(name: string): Account {
    const known = this.#accounts.get(name);
    if (known !== undefined) return known;
    const account = new Account(this.#mailboxes.account(name), this.#mailboxes.registry(name));
    this.#accounts.set(name, account);
    return account;
  }

  #target(subject: string): PublishTarget {
    const known = this.#targets.get(subject);
    if (known !== undefined) return known;
    const target = parsePublish(subject, this.#options);
    if (target.kind === "settle") return target; // each is used once
    if (this.#targets.size >= targetsMax) this.#targets.clear();
    this.#targets.set(subject, target);
    return target;
  }

  // --- publishing -------------------------------------------------------------------------------

  #send(
    client: Client,
    visitor: Visitor,
    target: Extract<PublishTarget, { kind: "send" }>,
    subject: string,
    reply: string,
    headers: Buffer | undefined,
    payload: Buffer,
  ): void {
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
    this.#pressure.begin(client, visitor, 1);
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
    const { hopsMax, audit } = this.#options;
    if (told.hops === undefined || hopsMax === 0 || told.hops <= hopsMax) return;
    audit?.({ kind: "loop.stopped", by: actorOf(client), subject });
    throw endlessLoop(hopsMax);
  }

  finished(tally: Tally, weight: number): void {
    this.#pressure.finished(tally, weight);
  }

  reply(asker: Asker, reply: string, body: Uint8Array): void {
    if (reply !== "" && asker.isPresent) answerTo(this.#router, asker.client, reply, body);
  }

  noResponders(asker: Asker, subject: string, reply: string): void {
    if (reply !== "" && asker.isPresent) this.#router.noResponders(asker.client, subject, reply);
  }

  #broadcast(
    client: Client,
    visitor: Visitor,
    channel: string,
    subject: string,
    reply: string,
    headers: Buffer | undefined,
    payload: Buffer,
  ): void {
    let request: SendRequest = { mailbox: channel, label: "normal", payload, from: visitor.user };
    let hops: number | undefined;
    if (headers !== undefined) {
      const told = this.#readHeaders(visitor, subject, reply, headers);
      if (told === undefined) return;
      request = withHeaders(request, told, true);
      hops = told.hops;
    }
    const heard = this.#toListeners(client, visitor, { subject, reply, headers, payload }, hops);
    this.#pressure.begin(client, visitor, 1);
    // Whoever may publish to a channel may say something there that is kept.
    visitor.account.mailboxes.post(
      request,
      new ChannelReceipt(this, visitor, { subject, reply, heard: heard > 0 }),
    );
  }

  /** Hands a publish to the ordinary subscriptions of the space. @returns how many got it */
  #toListeners(client: Client, visitor: Visitor, sent: Sent, hops?: number): number {
    const { subject, reply, payload } = sent;
    const { plain } = visitor.account;
    if (plain.size === 0) return 0;
    const headers = headersToPass(sent.headers, visitor.user, hops);
    return this.#router.fanOut(plain, client, subject, reply, headers, payload);
  }

  #passOn(
    client: Client,
    visitor: Visitor,
    known: boolean,
    subject: string,
    reply: string,
    headers: Buffer | undefined,
    payload: Buffer,
  ): void {
    const heard = this.#toListeners(client, visitor, { subject, reply, headers, payload });
    if (heard > 0 || reply === "") return;
    if (known) this.noResponders(visitor, subject, reply);
    else this.reply(visitor, reply, unrecognizedReply(subject));
  }

  // --- requests ---------------------------------------------------------------------------------

  #command(
    client: Client,
    visitor: Visitor,
    command: Command,
    { reply, headers, payload }: Sent,
  ): void {
    const exchange = openRequest(command, payload, visitor, this.#options);
    if ("mailbox" in command) {
      showToken(visitor, command.mailbox, headers && tokenOf(headers));
      // That of OPEN counts once it is known to give something.
      if (exchange.op !== "open") showToken(visitor, command.mailbox, exchange.token);
    }
    this.#request(client, visitor, exchange, reply);
  }

  #request(client: Client, visitor: Visitor, opened: Exchange, reply: string): void {
    if (opened.op === "refused") {
      this.reply(visitor, reply, opened.refusal);
      return;
    }
    const { audit } = this;
    const exchange = audit === undefined ? opened : audited(opened, actorOf(client), audit);
    if (exchange.op === "fetch") {
      this.#fetches.fetch(client, visitor, exchange, reply);
      return;
    }
    const hold = client.hold();
    this.#pressure.begin(client, visitor, requestWeight);
    void perform(visitor.mailboxes, exchange, visitor).then((body) => {
      this.reply(visitor, reply, body);
      hold.release();
      this.finished(visitor, requestWeight);
    });
  }
}
