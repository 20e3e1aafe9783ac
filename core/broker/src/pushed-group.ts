// A subscription to `MSG.PUSH.<id>` in a queue group: a member of the pull group of that name that is
// pushed to. Fetches for as long as the subscriber keeps up, and delivers with a reply subject where
// it answers for each message. Never settles anything by itself.
import { settleTail } from "@mq9/dialects";
import {
  allRanks,
  type Consumer,
  type FetchResult,
  fetchWaitMsMax,
  type GrantInfo,
  type MailboxApi,
  type MailSink,
  type MailSubscription,
  Mq9Error,
  type Mq9ErrorCode,
  PassingMap,
} from "@mq9/protocol";
import type { Client, Subscription } from "@mq9/router";
import type { DeliveryHeaders } from "./delivery-headers.ts";

/** What the domain gives to one account. */
export interface Domain extends MailboxApi {
  release(consumer: Consumer): void;
  /** @returns whether the consumer held or waited for anything that it may not have any more */
  review(consumer: Consumer): boolean;
  /** What a token gives, by its digest. @throws {Mq9Error} `not_found` when nothing */
  present(mailbox: string, digest: Uint8Array): Promise<GrantInfo>;
}

/** Messages out with one subscription at one time. */
const outMax = 64;
/** After an error that may pass. */
const retryMs = 1000;
const transient: ReadonlySet<Mq9ErrorCode> = new Set(["unknown", "draining", "storage_failed"]);

export interface PushedGroupOptions {
  readonly mailbox: string;
  readonly group: string;
  /** What all subjects of the space begin with. */
  readonly prefix: string;
  readonly headers: DeliveryHeaders;
  readonly nowMs: () => number;
}

export class PushedGroup {
  readonly mailbox: string;
  readonly group: string;
  readonly #domain: Domain;
  readonly #client: Client;
  readonly #subscription: Subscription;
  readonly #options: PushedGroupOptions;
  /** Out and not answered for: when its lease ends, and the consumer that holds it. */
  readonly #out = new PassingMap<number, { endsAtMs: number; readonly consumer: Consumer }>();
  #waiting: Consumer | undefined;
  #ended = false;
  #fetched = false;
  #wake: (() => void) | undefined;

  constructor(
    domain: Domain,
    client: Client,
    subscription: Subscription,
    options: PushedGroupOptions,
  ) {
    this.mailbox = options.mailbox;
    this.group = options.group;
    this.#domain = domain;
    this.#client = client;
    this.#subscription = subscription;
    this.#options = options;
  }

  /** It ended, and nothing is out with it any more. */
  get isOver(): boolean {
    this.#forgetEnded();
    return this.#ended && this.#out.size === 0;
  }

  /** Delivers until it is ended. Never rejects. */
  async run(): Promise<void> {
    while (!this.#ended) {
      const room = this.#room();
      if (room === 0) {
        await this.#pause(this.#nextEndMs());
        continue;
      }
      const consumer: Consumer = {};
      const beganMs = this.#options.nowMs();
      try {
        this.#waiting = consumer;
        const result = await this.#domain.fetch({
          mailbox: this.mailbox,
          group: this.group,
          start: { at: "earliest" },
          limit: room,
          waitMs: fetchWaitMsMax,
          held: "kept",
          consumer,
        });
        this.#waiting = undefined;
        this.#fetched = true;
        await this.#deliver(result, consumer);
        const early = this.#options.nowMs() - beganMs < retryMs;
        if (early && result.messages.length === 0) await this.#pause(retryMs); // it did not wait
      } catch (error) {
        this.#waiting = undefined;
        if (!this.#ended) await this.#recover(error);
      }
    }
  }

  /** A message is settled or was handed back, whoever said so. */
  settled(msgId: number): void {
    if (this.#out.delete(msgId)) this.#wake?.();
  }

  /** A lease ends later. */
  extended(msgId: number, endsAtMs: number): void {
    const lease = this.#out.get(msgId);
    if (lease !== undefined) lease.endsAtMs = endsAtMs;
  }

  /**
   * The subscriber wants no more. What is out stays with it until it answers, its leases end or it
   * vanishes: a client that drains still works on what it got.
   */
  unsubscribed(): void {
    this.#ended = true;
    if (this.#waiting !== undefined) this.#domain.release(this.#waiting);
    this.#wake?.();
  }

  /** The connection is gone: what is out is free for others at once. */
  vanished(): void {
    this.unsubscribed();
    for (const consumer of new Set([...this.#out.values()].map((lease) => lease.consumer))) {
      this.#domain.release(consumer);
    }
    this.#out.clear();
  }

  /** What the subscriber may do has changed: what it may not have any more is free for others. */
  review(): void {
    if (this.#waiting !== undefined) this.#domain.review(this.#waiting);
    let freed = false;
    for (const consumer of new Set([...this.#out.values()].map((lease) => lease.consumer))) {
      if (this.#domain.review(consumer)) freed = true;
    }
    if (freed) this.#out.clear();
    this.#wake?.();
  }

  /** Messages that may go out now: none beyond what UNSUB allows. */
  #room(): number {
    this.#forgetEnded();
    const { max, delivered } = this.#subscription;
    const wanted = max > 0 ? max - delivered : outMax;
    return Math.max(0, Math.min(outMax - this.#out.size, wanted));
  }

  async #deliver({ messages }: FetchResult, consumer: Consumer): Promise<void> {
    const { prefix, headers } = this.#options;
    if (this.#ended) {
      this.#domain.release(consumer); // it ended before the fetch could be told
      return;
    }
    let writable = true;
    for (const message of messages) {
      const { msgId, deliveryCount = 1, leaseEndsAtMs = 0 } = message;
      if (this.#ended) {
        await this.#handBack(msgId, deliveryCount); // UNSUB's last message was before this one
        continue;
      }
      this.#out.set(msgId, { endsAtMs: leaseEndsAtMs, consumer });
      writable = this.#client.deliver(
        this.#subscription,
        `${prefix}MSG.PUSH.${this.mailbox}`,
        prefix + settleTail(this.mailbox, this.group, msgId, deliveryCount),
        this.#client.headers ? headers.of(message, deliveryCount > 1) : undefined,
        message.payload,
      );
    }
    if (!writable) await this.#until((wake) => this.#client.onceWritable(wake));
  }

  async #handBack(msgId: number, deliveryCount: number): Promise<void> {
    const { mailbox, group } = this;
    try {
      await this.#domain.nack({ mailbox, group, msgId, deliveryCount, unseen: true });
    } catch (error) {
      if (!(error instanceof Mq9Error)) throw error; // else: its lease ends by itself
    }
  }

  async #recover(error: unknown): Promise<void> {
    const code = error instanceof Mq9Error ? error.code : "unknown";
    if (code === "not_found" || code === "expired") {
      await this.#untilMail();
    } else if (this.#fetched || transient.has(code)) {
      await this.#pause(retryMs);
    } else {
      this.#ended = true;
      this.#client.refuseSubscription(this.#subscription.subject, this.#subscription.queue);
    }
  }

  /** Waits for a mailbox of that name with mail in it: a subscription may come before its mailbox. */
  async #untilMail(): Promise<void> {
    let bell: MailSubscription | undefined;
    await this.#until((wake) => {
      const sink: MailSink = {
        deliver: () => {
          queueMicrotask(wake);
          return false; // one is enough
        },
        onceWritable: () => {},
      };
      try {
        bell = this.#domain.subscribe({
          mailbox: this.mailbox,
          match: "exact",
          ranks: allRanks,
          sink,
        });
      } catch (error) {
        if (!(error instanceof Mq9Error)) throw error;
        setTimeout(wake, retryMs).unref(); // too many subscribers: look again
      }
    });
    bell?.end("unsubscribed");
  }

  async #pause(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await this.#until((wake) => {
      timer = setTimeout(wake, Math.min(Math.max(ms, 1), fetchWaitMsMax)).unref();
    });
    clearTimeout(timer); // every answer of a busy subscriber ends a pause that was meant to be long
  }

  /** Waits until what `begin` began wakes it, or something happened that the loop has to look at. */
  async #until(begin: (wake: () => void) => void): Promise<void> {
    if (this.#ended) return;
    await new Promise<void>((wake) => {
      this.#wake = wake;
      begin(wake);
    });
    this.#wake = undefined;
  }

  #nextEndMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { endsAtMs } of this.#out.values()) next = Math.min(next, endsAtMs);
    return next - this.#options.nowMs();
  }

  #forgetEnded(): void {
    const nowMs = this.#options.nowMs();
    for (const [msgId, { endsAtMs }] of this.#out) if (nowMs >= endsAtMs) this.#out.delete(msgId);
  }
}
