// The owner of `$mq9.AI.`: turns PUB and SUB of that space into mailbox operations through the
// dialects, and their results into replies. Knows no generation's words and no disk.
import {
  type Caller,
  type DialectOptions,
  type Exchange,
  errorReply,
  type Generation,
  needsEnvelope,
  openRequest,
  openSettlement,
  type PublishTarget,
  parsePublish,
  parseSubscribe,
  readSendHeaders,
  revealedGeneration,
  type SendHeaders,
  type SubscribeTarget,
  unrecognizedReply,
  type View,
} from "@mq9/dialects";
import type { AccountMailboxes, Mailboxes } from "@mq9/mailbox";
import {
  allRanks,
  type FetchResult,
  type MailSubscription,
  Mq9Error,
  type RegistryApi,
  type SendRequest,
} from "@mq9/protocol";
import {
  type Client,
  type RouterServices,
  type SubjectSpace,
  Sublist,
  type Subscription,
} from "@mq9/router";
import { AgentWatcher } from "./agent-watcher.ts";
import { DeliveryHeaders } from "./delivery-headers.ts";
import { LooseCursors } from "./loose-cursors.ts";
import { MailReader } from "./mail-reader.ts";
import { PushedGroup } from "./pushed-group.ts";
import { PushedGroups } from "./pushed-groups.ts";
import { ChannelReceipt, type Desk, Receipt, type Tally } from "./receipts.ts";
import { perform, type Requester } from "./requests.ts";

/** Accepted and not yet durable bytes above which a publisher is no longer read. */
const pendingBytesHigh = 8 * 1024 * 1024;
const pendingBytesLow = pendingBytesHigh / 2;
/** Things under way above which a connection is no longer read; a request weighs as much as many sends. */
const openHigh = 32_768;
const openLow = openHigh / 2;
const requestWeight = 256;
/** Stopped connections are looked at again after this long, if nothing ends before. */
const reliefMs = 10;
/** Longest name of a pull group that is pushed to. */
const groupBytesMax = 128;
/** Subjects whose meaning is remembered. */
const targetsMax = 16_384;

/** Where one subscription takes part. Both may be unset while its meaning is being found out. */
interface Place {
  reader?: Pick<MailSubscription, "end">;
  readonly list?: Sublist;
  /** Its pattern in `list`. */
  readonly pattern?: string;
}

/** One publish as it came. */
interface Sent {
  readonly subject: string;
  readonly reply: string;
  readonly headers: Buffer | undefined;
  readonly payload: Buffer;
}

/** What the space remembers of one connection. It is the consumer of what the connection fetches. */
class Visitor implements Caller, Tally, Requester {
  open = 0;
  /** FETCHes that wait for mail. */
  waiting = 0;
  readonly clientName: string;
  generation: Generation | undefined = undefined;
  readsText = false;
  readonly account: Account;
  readonly cursors = new LooseCursors();
  readonly places = new Map<Subscription, Place>();

  constructor(client: Client, account: Account) {
    this.clientName = client.name;
    this.account = account;
  }

  get mailboxes(): AccountMailboxes {
    return this.account.mailboxes;
  }

  get registry(): RegistryApi {
    return this.account.registry;
  }

  get consumer(): this {
    return this;
  }

  settled(mailbox: string, group: string, msgIds: readonly number[]): void {
    this.account.pushed.settled(mailbox, group, msgIds);
  }

  extended(mailbox: string, group: string, msgId: number, endsAtMs: number): void {
    this.account.pushed.extended(mailbox, group, msgId, endsAtMs);
  }
}

/** What belongs to one account; nothing here is ever seen from another. */
class Account {
  readonly mailboxes: AccountMailboxes;
  readonly registry: RegistryApi;
  /** Ordinary subscriptions inside the space: BROADCAST, STATUS, subjects of nobody. */
  readonly plain: Sublist = new Sublist();
  /** Subscriptions that watch every publish of the space. */
  readonly taps: Sublist = new Sublist();
  /** Members of pull groups that are pushed to. */
  readonly pushed = new PushedGroups();

  constructor(mailboxes: AccountMailboxes, registry: RegistryApi) {
    this.mailboxes = mailboxes;
    this.registry = registry;
  }
}

/** What the space is told beside what its dialects are. */
export interface SpaceOptions extends DialectOptions {
  /** FETCHes of one connection that wait for mail at one time. */
  readonly waitingFetchesMax: number;
  readonly nowMs: () => number;
}

export class MailboxSpace implements SubjectSpace, Desk {
  readonly prefix = "$mq9.AI.";
  readonly #mailboxes: Mailboxes;
  readonly #router: RouterServices;
  readonly #options: SpaceOptions;
  readonly #accounts = new Map<string, Account>();
  readonly #targets = new Map<string, PublishTarget>();
  readonly #headers = new DeliveryHeaders();
  /** Connections that are not read until less is under way. */
  readonly #paused = new Map<Client, Visitor>();
  #relief: NodeJS.Timeout | undefined;

  constructor(mailboxes: Mailboxes, router: RouterServices, options: SpaceOptions) {
    this.#mailboxes = mailboxes;
    this.#router = router;
    this.#options = options;
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
    if (taps.size > 0) this.#router.fanOut(taps, client, subject, "", headers, payload);
    const target = this.#target(subject);
    const generation = revealedGeneration(target);
    if (generation !== undefined) visitor.generation = generation;
    switch (target.kind) {
      case "send":
        this.#send(client, visitor, target, subject, reply, headers, payload);
        return;
      case "request":
        this.#request(
          client,
          visitor,
          openRequest(target.command, payload, visitor, this.#options),
          reply,
        );
        return;
      case "settle":
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
        else this.reply(client, reply, errorReply(target.error, target.emptied));
        return;
    }
  }

  subscribe(client: Client, subscription: Subscription): void {
    const visitor = this.#visitor(client);
    const target = parseSubscribe(subscription.subject, this.#options);
    const generation = revealedGeneration(target);
    if (generation !== undefined) visitor.generation = generation;
    switch (target.kind) {
      case "mail":
        if (target.view.form === "push" && subscription.queue !== "") {
          this.#pushTo(client, visitor, subscription, target.mailbox);
        } else if (target.otherwise === undefined)
          this.#read(client, visitor, subscription, target);
        else this.#readEither(client, visitor, subscription, target);
        return;
      case "broadcast":
        visitor.places.set(
          subscription,
          listen(visitor.account.plain, subscription, target.subject),
        );
        if (subscription.queue === "") this.#readChannel(client, visitor, subscription, target);
        return;
      case "plain":
        visitor.places.set(
          subscription,
          listen(visitor.account.plain, subscription, target.subject),
        );
        return;
      case "agents":
        this.#watchAgents(client, visitor, subscription);
        return;
      case "tap":
        visitor.places.set(
          subscription,
          listen(visitor.account.taps, subscription, target.subject),
        );
        return;
      case "refused":
        client.refuseSubscription(subscription.subject, subscription.queue);
        return;
    }
  }

  unsubscribe(client: Client, subscription: Subscription): void {
    this.#leave(this.#visitor(client), subscription, "unsubscribed");
  }

  disconnect(client: Client, subscriptions: readonly Subscription[]): void {
    const visitor = this.#visitor(client);
    for (const subscription of subscriptions) this.#leave(visitor, subscription, "vanished");
    visitor.account.pushed.vanished(client);
    visitor.mailboxes.release(visitor);
    // The socket may live on: a second CONNECT ends what was before it.
    if (this.#paused.delete(client)) client.resumeReading();
  }

  #visitor(client: Client): Visitor {
    const known = client.ownerState;
    if (known instanceof Visitor) return known;
    const visitor = new Visitor(client, this.#account(client.account));
    client.ownerState = visitor;
    return visitor;
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
    };
    let told: SendHeaders | undefined;
    if (headers !== undefined) {
      told = this.#readHeaders(client, subject, reply, headers);
      if (told === undefined) return;
      request = withHeaders(request, told, target.bare);
    }
    this.#begin(client, visitor, 1);
    const receipt = new Receipt(this, client, visitor, {
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
    client: Client,
    subject: string,
    reply: string,
    headers: Buffer,
  ): SendHeaders | undefined {
    try {
      return readSendHeaders(headers);
    } catch (error) {
      if (!(error instanceof Mq9Error)) throw error;
      if (reply === "") client.refusePublish(subject);
      else this.reply(client, reply, errorReply(error));
      return undefined;
    }
  }

  /** Counts something under way, and stops reading a connection that has too much of it. */
  #begin(client: Client, visitor: Visitor, weight: number): void {
    visitor.open += weight;
    const much = visitor.open > openHigh || this.#mailboxes.pendingBytes > pendingBytesHigh;
    if (!much || this.#paused.has(client)) return;
    this.#paused.set(client, visitor);
    client.pauseReading();
  }

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

  reply(client: Client, reply: string, body: Uint8Array): void {
    if (reply !== "") this.#router.publish(client.account, reply, "", undefined, body);
  }

  noResponders(client: Client, subject: string, reply: string): void {
    if (reply !== "") this.#router.noResponders(client, subject, reply);
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
    let request: SendRequest = { mailbox: channel, label: "normal", payload };
    if (headers !== undefined) {
      const told = this.#readHeaders(client, subject, reply, headers);
      if (told === undefined) return;
      request = withHeaders(request, told, true);
    }
    const heard = this.#toListeners(client, visitor, { subject, reply, headers, payload });
    this.#begin(client, visitor, 1);
    visitor.mailboxes.post(
      request,
      new ChannelReceipt(this, client, visitor, { subject, reply, heard: heard > 0 }),
    );
  }

  /** Hands a publish to the ordinary subscriptions of the space. @returns how many got it */
  #toListeners(client: Client, visitor: Visitor, sent: Sent): number {
    const { subject, reply, headers, payload } = sent;
    const { plain } = visitor.account;
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
    if (known) this.noResponders(client, subject, reply);
    else this.reply(client, reply, unrecognizedReply(subject));
  }

  // --- requests ---------------------------------------------------------------------------------

  #request(client: Client, visitor: Visitor, exchange: Exchange, reply: string): void {
    if (exchange.op === "refused") {
      this.reply(client, reply, exchange.refusal);
      return;
    }
    if (exchange.op === "fetch") {
      this.#fetch(client, visitor, exchange, reply);
      return;
    }
    const hold = client.hold();
    this.#begin(client, visitor, requestWeight);
    void perform(visitor.mailboxes, exchange, visitor).then((body) => {
      this.reply(client, reply, body);
      hold.release();
      this.finished(visitor, requestWeight);
    });
  }

  /** Holds no PONG back: a connection that waits for mail is alive. */
  #fetch(
    client: Client,
    visitor: Visitor,
    exchange: Extract<Exchange, { op: "fetch" }>,
    reply: string,
  ): void {
    if (exchange.operation.asText) visitor.readsText = true;
    if (reply === "") return; // nobody would see what was taken
    const waits = exchange.operation.request.waitMs > 0;
    const { waitingFetchesMax } = this.#options;
    if (waits && visitor.waiting >= waitingFetchesMax) {
      const limit = `the limit of ${waitingFetchesMax} waiting FETCHes of one connection is reached`;
      this.reply(client, reply, exchange.fail(new Mq9Error("quota_exceeded", limit)));
      return;
    }
    if (waits) visitor.waiting += 1;
    else this.#begin(client, visitor, requestWeight);
    let taken: FetchResult | undefined;
    const succeed = (result: FetchResult): Uint8Array => {
      taken = result;
      return exchange.succeed(result);
    };
    void perform(visitor.mailboxes, { ...exchange, succeed }, visitor).then((body) => {
      if (client.closed || client.ownerState !== visitor) {
        visitor.mailboxes.release(visitor); // it left while this began
      } else if (this.#router.publish(client.account, reply, "", undefined, body) === 0) {
        handBack(visitor.mailboxes, exchange.operation.request.group, taken);
      }
      if (waits) visitor.waiting -= 1;
      else this.finished(visitor, requestWeight);
    });
  }

  // --- subscribing ------------------------------------------------------------------------------

  #read(
    client: Client,
    visitor: Visitor,
    subscription: Subscription,
    target: Extract<SubscribeTarget, { kind: "mail" }>,
  ): void {
    try {
      const reader = visitor.mailboxes.subscribe({
        mailbox: target.mailbox,
        match: target.match,
        ranks: target.ranks,
        group:
          subscription.queue === "" || target.match === "glob" ? undefined : subscription.queue,
        sink: this.#reader(client, visitor, subscription, target.view),
      });
      this.#attach(visitor, subscription, reader);
    } catch (error) {
      if (!(error instanceof Mq9Error)) throw error;
      client.refuseSubscription(subscription.subject, subscription.queue);
    }
  }

  #reader(client: Client, visitor: Visitor, subscription: Subscription, view: View): MailReader {
    return new MailReader(client, subscription, {
      view,
      envelope: needsEnvelope(visitor, view),
      headers: this.#headers,
    });
  }

  /** A member of the pull group of that name, which answers for each message. */
  #pushTo(client: Client, visitor: Visitor, subscription: Subscription, mailbox: string): void {
    if (subscription.queue.length > groupBytesMax) {
      client.refuseSubscription(subscription.subject, subscription.queue);
      return;
    }
    const { pushed } = visitor.account;
    const member = new PushedGroup(visitor.mailboxes, client, subscription, {
      mailbox,
      group: Buffer.from(subscription.queue, "latin1").toString("utf8"),
      prefix: this.prefix,
      headers: this.#headers,
      nowMs: this.#options.nowMs,
    });
    pushed.add(client, member);
    this.#attach(visitor, subscription, { end: () => pushed.unsubscribed(client, member) });
    queueMicrotask(() => void member.run()); // an UNSUB with a number comes right behind its SUB
  }

  #watchAgents(client: Client, visitor: Visitor, subscription: Subscription): void {
    try {
      const watcher = new AgentWatcher(client, subscription);
      this.#attach(visitor, subscription, visitor.registry.watch(watcher));
    } catch (error) {
      if (!(error instanceof Mq9Error)) throw error;
      client.refuseSubscription(subscription.subject, subscription.queue);
    }
  }

  /** Finds out first which of two readings of the subject names a mailbox. */
  #readEither(
    client: Client,
    visitor: Visitor,
    subscription: Subscription,
    target: Extract<SubscribeTarget, { kind: "mail" }>,
  ): void {
    const other = target.otherwise as NonNullable<typeof target.otherwise>;
    const hold = client.hold();
    visitor.places.set(subscription, {});
    const start = (chosen: typeof target): void => {
      if (visitor.places.has(subscription) && !client.closed) {
        this.#read(client, visitor, subscription, chosen);
      }
      hold.release();
    };
    void exists(visitor.mailboxes, target.mailbox).then(async (first) => {
      const second = !first && (await exists(visitor.mailboxes, other.mailbox));
      start(second ? { ...target, ...other } : target);
    });
  }

  /** A channel that is also a mailbox replays what it stored; what comes later comes live. */
  #readChannel(
    client: Client,
    visitor: Visitor,
    subscription: Subscription,
    target: Extract<SubscribeTarget, { kind: "broadcast" }>,
  ): void {
    const reader = visitor.mailboxes.subscribe({
      mailbox: target.channel,
      match: "exact",
      ranks: allRanks,
      replayOnly: true, // which no limit refuses
      sink: this.#reader(client, visitor, subscription, target.view),
    });
    this.#attach(visitor, subscription, reader);
  }

  #attach(
    visitor: Visitor,
    subscription: Subscription,
    reader: Pick<MailSubscription, "end">,
  ): void {
    const place = visitor.places.get(subscription);
    if (place === undefined) visitor.places.set(subscription, { reader });
    else place.reader = reader;
  }

  #leave(visitor: Visitor, subscription: Subscription, how: "unsubscribed" | "vanished"): void {
    const place = visitor.places.get(subscription);
    if (place === undefined) return;
    visitor.places.delete(subscription);
    place.reader?.end(how);
    place.list?.remove(subscription, place.pattern);
  }
}

/** @param bare the subject names no priority, so the header's counts */
function withHeaders(request: SendRequest, told: SendHeaders, bare: boolean): SendRequest {
  return {
    ...request,
    label: (bare ? told.label : undefined) ?? request.label,
    headers: told.headers,
    ttlSeconds: told.ttlSeconds ?? request.ttlSeconds,
    key: told.key,
    tags: told.tags,
    delayMs: told.delayMs,
    dedupId: told.dedupId,
  };
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

function listen(list: Sublist, subscription: Subscription, pattern: string): Place {
  list.insert(subscription, pattern);
  return { list, pattern };
}

function exists(mailboxes: AccountMailboxes, name: string): Promise<boolean> {
  return mailboxes.info(name).then(
    () => true,
    () => false,
  );
}
