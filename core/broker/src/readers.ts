// Subscriptions of the space: which mailbox, group or list each one reads, from SUB to UNSUB.
// Called by the owner of `$mq9.AI.` once a subject is understood.
import { needsEnvelope, type SubscribeTarget, spacePrefix, type View } from "@mq9/dialects";
import type { AccountMailboxes } from "@mq9/mailbox";
import { allRanks, type MailSubscription, Mq9Error } from "@mq9/protocol";
import type { Client, Sublist, Subscription } from "@mq9/router";
import { AgentWatcher } from "./agent-watcher.ts";
import { DeliveryHeaders } from "./delivery-headers.ts";
import { MailReader } from "./mail-reader.ts";
import { PushedGroup } from "./pushed-group.ts";
import type { Place, Visitor } from "./visitor.ts";

/** Longest name of a pull group that is pushed to. */
const groupBytesMax = 128;

/** Subscriptions of one connection that follow a pattern: each looks at every mailbox that is made. */
const patternsMax = 64;

export class Readers {
  readonly #headers = new DeliveryHeaders();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Mail of one mailbox, or of those a pattern names. */
  read(
    client: Client,
    visitor: Visitor,
    subscription: Subscription,
    target: Extract<SubscribeTarget, { kind: "mail" }>,
  ): void {
    const follows = target.match === "glob";
    if (follows && visitor.patterns >= patternsMax) {
      client.refuseSubscription(subscription.subject, subscription.queue);
      return;
    }
    try {
      const reader = visitor.mailboxes.subscribe({
        mailbox: target.mailbox,
        match: target.match,
        ranks: target.ranks,
        group: subscription.queue === "" || follows ? undefined : subscription.queue,
        sink: this.#reader(client, visitor, subscription, target.view),
      });
      this.#attach(visitor, subscription, reader);
      if (!follows) return;
      visitor.patterns += 1;
      (visitor.places.get(subscription) as Place).follows = true;
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
  pushTo(client: Client, visitor: Visitor, subscription: Subscription, mailbox: string): void {
    if (subscription.queue.length > groupBytesMax) {
      client.refuseSubscription(subscription.subject, subscription.queue);
      return;
    }
    const { pushed } = visitor.account;
    const member = new PushedGroup(visitor.mailboxes, client, subscription, {
      mailbox,
      group: Buffer.from(subscription.queue, "latin1").toString("utf8"),
      prefix: spacePrefix,
      headers: this.#headers,
      nowMs: this.#nowMs,
    });
    pushed.add(client, member);
    this.#attach(visitor, subscription, { end: () => pushed.unsubscribed(client, member) });
    queueMicrotask(() => void member.run()); // an UNSUB with a number comes right behind its SUB
  }

  /** What happens among the registered agents. */
  watchAgents(client: Client, visitor: Visitor, subscription: Subscription): void {
    try {
      const watcher = new AgentWatcher(client, subscription);
      this.#attach(visitor, subscription, visitor.registry.watch(watcher));
    } catch (error) {
      if (!(error instanceof Mq9Error)) throw error;
      client.refuseSubscription(subscription.subject, subscription.queue);
    }
  }

  /** Finds out first which of two readings of the subject names a mailbox. */
  readEither(
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
        this.read(client, visitor, subscription, chosen);
      }
      hold.release();
    };
    void exists(visitor.mailboxes, target.mailbox).then(async (first) => {
      const second = !first && (await exists(visitor.mailboxes, other.mailbox));
      start(second ? { ...target, ...other } : target);
    });
  }

  /** A channel that is also a mailbox replays what it stored; what comes later comes live. */
  readChannel(
    client: Client,
    visitor: Visitor,
    subscription: Subscription,
    target: Extract<SubscribeTarget, { kind: "broadcast" }>,
  ): void {
    // Whoever may subscribe to a channel may hear what was said there.
    const reader = visitor.account.mailboxes.subscribe({
      mailbox: target.channel,
      match: "exact",
      ranks: allRanks,
      replayOnly: true, // which no limit refuses
      sink: this.#reader(client, visitor, subscription, target.view),
    });
    this.#attach(visitor, subscription, reader);
  }

  /** An ordinary subscription inside the space, or one that watches it. */
  listen(visitor: Visitor, subscription: Subscription, list: Sublist, pattern: string): void {
    list.insert(subscription, pattern);
    visitor.places.set(subscription, { list, pattern });
  }

  #attach(
    visitor: Visitor,
    subscription: Subscription,
    reader: Pick<MailSubscription, "end" | "review">,
  ): void {
    const place = visitor.places.get(subscription);
    if (place === undefined) visitor.places.set(subscription, { reader });
    else place.reader = reader;
  }

  /** The subscription takes part no more. */
  leave(visitor: Visitor, subscription: Subscription, how: "unsubscribed" | "vanished"): void {
    const place = visitor.places.get(subscription);
    if (place === undefined) return;
    visitor.places.delete(subscription);
    if (place.follows === true) visitor.patterns -= 1;
    place.reader?.end(how);
    place.list?.remove(subscription, place.pattern);
  }
}

function exists(mailboxes: AccountMailboxes, name: string): Promise<boolean> {
  return mailboxes.info(name).then(
    () => true,
    () => false,
  );
}
