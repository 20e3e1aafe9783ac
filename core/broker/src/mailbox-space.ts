// The owner of `$mq9.AI.`: turns PUB and SUB of that space into mailbox operations through the
// dialects, and their results into replies. Knows no generation's words and no disk.
import {
  type Command,
  type Exchange,
  errorReply,
  openRequest,
  openSettlement,
  passedHeaders,
  revealedGeneration,
  spacePrefix,
  tokenOf,
} from "@mq9/dialects";
import type { Mailboxes } from "@mq9/mailbox";
import type { Client, RouterServices, SubjectSpace, Subscription } from "@mq9/router";
import { answerTo } from "./answer-to.ts";
import { type AuditFact, actorOf } from "./audit.ts";
import { audited } from "./audited-requests.ts";
import { Fetches, quarantined } from "./fetching.ts";
import { type ChangingMeanings, type MeaningOptions, Meanings } from "./meanings.ts";
import type { Meters } from "./meters.ts";
import { Misses, type MissLimits } from "./misses.ts";
import { Pressure, requestWeight } from "./pressure.ts";
import { showToken } from "./publish-headers.ts";
import { Publishing, type Sent } from "./publishing.ts";
import { Readers } from "./readers.ts";
import { perform } from "./requests.ts";
import { RightsWatch } from "./rights-watch.ts";
import { Account, Visitor, type VisitorDesk } from "./visitor.ts";

/** What the space is told beside what its dialects are. */
export interface SpaceOptions extends MeaningOptions {
  /** FETCHes of one connection that wait for mail at one time. */
  readonly waitingFetchesMax: number;
  readonly misses: MissLimits;
  readonly nowMs: () => number;
  readonly meters: Meters;
  /** Hears what was done to mailboxes and agents, where somebody keeps that. */
  readonly audit?: ((fact: AuditFact) => void) | undefined;
  /** Hears of a request that a defect of ours kept from being answered. */
  readonly failed: (error: unknown) => void;
}

export class MailboxSpace implements SubjectSpace, VisitorDesk {
  readonly prefix: string = spacePrefix;
  readonly nowMs: () => number;
  readonly misses: Misses;
  readonly audit: ((fact: AuditFact) => void) | undefined;
  readonly failed: (error: unknown) => void;
  readonly #mailboxes: Mailboxes;
  readonly #router: RouterServices;
  readonly #meanings: Meanings;
  readonly #accounts = new Map<string, Account>();
  readonly #readers: Readers;
  readonly #pressure: Pressure;
  readonly #fetches: Fetches;
  readonly #publishing: Publishing;
  readonly #watch: RightsWatch;

  constructor(mailboxes: Mailboxes, router: RouterServices, options: SpaceOptions) {
    this.nowMs = options.nowMs;
    this.audit = options.audit;
    this.misses = new Misses(options.misses, options.nowMs);
    this.failed = options.failed;
    this.#mailboxes = mailboxes;
    this.#router = router;
    this.#meanings = new Meanings(options);
    this.#readers = new Readers(options.nowMs);
    this.#watch = new RightsWatch(options.nowMs);
    this.#pressure = new Pressure(mailboxes);
    this.#publishing = new Publishing({
      router,
      pressure: this.#pressure,
      meters: options.meters,
      audit: options.audit,
      hopsMax: () => this.#meanings.options.hopsMax,
    });
    this.#fetches = new Fetches({
      meters: options.meters,
      pressure: this.#pressure,
      waitingMax: options.waitingFetchesMax,
      answer: (client, reply, body) => answerTo(router, client, reply, body),
      tell: (client, reply, body) => router.tell(client, reply, body),
    });
  }

  /** Other options from now on. */
  change(options: Partial<ChangingMeanings>): void {
    this.#meanings.change(options);
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
    const target = this.#meanings.ofPublish(subject);
    const generation = revealedGeneration(target);
    if (generation !== undefined) visitor.generation = generation;
    switch (target.kind) {
      case "send":
        this.#publishing.send(visitor, target, { subject, reply, headers, payload });
        return;
      case "request":
        this.#command(client, visitor, target.command, { subject, reply, headers, payload });
        return;
      case "settle":
        showToken(visitor, target.mailbox, headers && tokenOf(headers));
        this.#request(client, visitor, openSettlement(target, payload), reply);
        return;
      case "broadcast":
        this.#publishing.broadcast(visitor, target.channel, { subject, reply, headers, payload });
        return;
      case "plain":
        this.#publishing.passOn(visitor, target.known, { subject, reply, headers, payload });
        return;
      case "refused":
        if (reply === "") client.refusePublish(subject);
        else this.#publishing.reply(visitor, reply, errorReply(target.error, target.emptied));
        return;
    }
  }

  subscribe(client: Client, subscription: Subscription): void {
    const visitor = this.#visitor(client);
    const target = this.#meanings.ofSubscription(subscription.subject, visitor.rights);
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
    const target = this.#meanings.ofPublish(subject);
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

  #account(name: string): Account {
    const known = this.#accounts.get(name);
    if (known !== undefined) return known;
    const account = new Account(this.#mailboxes.account(name), this.#mailboxes.registry(name));
    this.#accounts.set(name, account);
    return account;
  }

  #command(
    client: Client,
    visitor: Visitor,
    command: Command,
    { reply, headers, payload }: Sent,
  ): void {
    const exchange = openRequest(command, payload, visitor, this.#meanings.options);
    if ("mailbox" in command) {
      showToken(visitor, command.mailbox, headers && tokenOf(headers));
      // That of OPEN counts once it is known to give something.
      if (exchange.op !== "open") showToken(visitor, command.mailbox, exchange.token);
    }
    this.#request(client, visitor, exchange, reply);
  }

  #request(client: Client, visitor: Visitor, opened: Exchange, reply: string): void {
    if (opened.op === "refused") {
      this.#publishing.reply(visitor, reply, opened.refusal);
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
      this.#publishing.reply(visitor, reply, body);
      hold.release();
      this.#pressure.finished(visitor, requestWeight);
    });
  }
}
