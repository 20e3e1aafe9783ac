// A mailbox as programs hold it: its name, and everything that can be done with it. Creates nothing by
// itself; every method that speaks to the broker says so by being asynchronous.
import {
  deadLetterSuffix,
  type FetchRequest,
  type MailboxDetail,
  type MailboxInfo,
  type MailMessage,
  Mq9Error,
  maskOf,
  type PriorityLabel,
  parsePriorityLabel,
  type ReceiptResult,
  rankOf,
  type ScheduledMessage,
  type SendResult,
  type TokenRight,
} from "@mq9/protocol";
import { encodeData } from "./codec.ts";
import { type ConsumeOptions, type Consumer, consume, type Handler } from "./consume.ts";
import { sourceOf } from "./consume-source.ts";
import { sendAnswer } from "./correlation.ts";
import { linesOfInit } from "./headers.ts";
import { hopsAfter } from "./hops.ts";
import { leasedMessages } from "./leased-messages.ts";
import {
  type FetchOptions,
  type MailboxOptions,
  type MessagesOptions,
  type QueryOptions,
  type SendOptions,
  type Surround,
  startOf,
} from "./mailbox-options.ts";
import {
  Message,
  type MessageContext,
  type MessageParts,
  partsOf,
  type Settlement,
} from "./message.ts";
import type { CallOptions } from "./remote/calls.ts";
import type { IssuedGrant } from "./remote/pull.ts";
import { push } from "./remote/push.ts";
import type { RemoteApi } from "./remote/remote-api.ts";
import { type Replier, type ReplyOptions, reply } from "./reply.ts";
import { type RequestOptions, request } from "./request.ts";
import { check, readerOf, type Schema, type ValueReader } from "./schema.ts";
import { settlementOf } from "./settlement.ts";
import { Stream } from "./stream.ts";
import { traceSend } from "./trace.ts";
import { type WorkOptions, work } from "./work.ts";

export type {
  FetchOptions,
  From,
  MailboxOptions,
  MessagesOptions,
  QueryOptions,
  SendOptions,
  Surround,
} from "./mailbox-options.ts";

/**
 * One mailbox by its name. Iterating over it reads what is stored and then what arrives; `consume`, `work` and
 * `fetch` share its messages among workers. Every method that speaks to the broker may throw `unreachable`,
 * `timeout`, `outcome_unknown`, `aborted`, `closed` and `unsupported` besides what it names.
 */
export class Mailbox<T = unknown> implements AsyncIterable<Message<T>> {
  readonly name: string;
  readonly schema: Schema<T> | undefined;
  /** Reads values by the schema: for the parts of this package. */
  readonly reader: ValueReader<T> | undefined;
  readonly #answer: NonNullable<MessageContext<T>["reply"]>;
  /** What its client shares with it: for the parts of this package. */
  readonly surround: Surround;
  /** Messages that nobody of a group could handle. */
  readonly deadLetters: DeadLetters;

  constructor(surround: Surround, name: string, options: MailboxOptions<T> = {}) {
    this.surround = surround;
    this.name = name;
    this.schema = options.schema;
    this.reader = options.schema === undefined ? undefined : readerOf(options.schema);
    this.#answer = (message, data, how) => sendAnswer(surround.api, message, data, how);
    if (options.token !== undefined) surround.api.showToken(name, options.token);
    this.deadLetters = new DeadLetters(surround, name);
  }

  get #api(): RemoteApi {
    return this.surround.api;
  }

  /**
   * Resolves when the message is on disk.
   * @param data a text, bytes, or anything that JSON can hold
   * @throws {Mq9Error} `not_found`, `expired`, `too_large`, `quota_exceeded`, `dedup_conflict`,
   * `invalid_data`, or `outcome_unknown` with the dedup id that makes sending again safe
   */
  async send(data: T, options: SendOptions = {}): Promise<SendResult> {
    const { priority = "normal", delayMs, replyTo, key, ttlSeconds, tags, dedupId } = options;
    if (this.schema !== undefined) await check(this.schema, data, `data for ${this.name}`);
    const { payload, contentType } = encodeData(data);
    const lines = linesOfInit(options.headers);
    if (contentType !== undefined && !lines.some(([name]) => /^content-type$/i.test(name))) {
      lines.push(["content-type", contentType]);
    }
    if (replyTo !== undefined) lines.push(["mq9-reply-to", replyTo]);
    if (options.cause !== undefined) lines.push(hopsAfter(options.cause));
    const label = parsePriorityLabel(priority);
    if (label === undefined) {
      const text = `'${priority}' is no priority: critical, urgent, high, normal, low, notify`;
      throw new Mq9Error("invalid", text);
    }
    const request = { mailbox: this.name, label, payload, key, delayMs, ttlSeconds, tags, dedupId };
    return await traceSend(this.name, lines, () => this.#api.sendLines(request, lines, options));
  }

  /** @throws {Mq9Error} `not_found`, `expired` */
  async info(options: CallOptions = {}): Promise<MailboxDetail> {
    return await this.#api.inspect(this.name, options);
  }

  /** Its new life begins now; 0 = never ends. */
  async renew(options: CallOptions & { readonly ttlSeconds: number }): Promise<MailboxInfo> {
    return await this.#api.renew(this.name, options.ttlSeconds, options);
  }

  /** Ends the mailbox and everything in it. */
  async drop(options: CallOptions = {}): Promise<void> {
    await this.#api.drop(this.name, options);
  }

  /** Removes every message, or those with a number below `beforeId`. @returns how many */
  async purge(options: CallOptions & { readonly beforeId?: number } = {}): Promise<number> {
    return await this.#api.purge({ mailbox: this.name, beforeId: options.beforeId }, options);
  }

  /** Hands out a token. `ttlSeconds` 0, the default, = as long as the mailbox lives. */
  async grant(
    rights: readonly TokenRight[],
    options: CallOptions & { readonly ttlSeconds?: number } = {},
  ): Promise<IssuedGrant> {
    const { ttlSeconds = 0 } = options;
    return await this.#api.issueGrant({ mailbox: this.name, rights, ttlSeconds }, options);
  }

  async grants(options: CallOptions = {}): ReturnType<RemoteApi["grants"]> {
    return await this.#api.grants(this.name, options);
  }

  /** @returns false when there was none */
  async revoke(grantId: string, options: CallOptions = {}): Promise<boolean> {
    return await this.#api.revoke(this.name, grantId, options);
  }

  /**
   * Takes what is there, by priority, then number. With a group each message is leased: `ack()`, `nack()`,
   * `reject()` or the end of the lease settles it.
   */
  async fetch(options: FetchOptions = {}): Promise<Message<T>[]> {
    const { group, limit = 100, waitMs = 500, from = "earliest" } = options;
    const { leaseMs, deliveriesMax, fairEvery, detached, look } = options;
    const request: FetchRequest = {
      mailbox: this.name,
      group,
      start: startOf(from),
      limit,
      waitMs,
      leaseMs,
      deliveriesMax,
      fairEvery,
      detached,
      look,
      held: group === undefined ? undefined : "kept",
    };
    const { messages } = await this.#api.fetch(request, options);
    return messages.map((message) => this.messageOf(message, look === true ? undefined : group));
  }

  /** What is stored, in priority order, then what arrives. Leaving the loop unsubscribes. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message<T>> {
    return this.messages();
  }

  /**
   * As iterating over the mailbox, with options. A reconnect is bridged: what this loop got is not
   * repeated. What arrives faster than the loop reads waits in memory.
   */
  messages(options: MessagesOptions = {}): AsyncIterableIterator<Message<T>> {
    const { group, priority, signal, replayOnly } = options;
    const ranks = priority === undefined ? undefined : maskOf(rankOf(priority));
    if (group !== undefined) {
      if (replayOnly || priority !== undefined) {
        throw new Mq9Error(
          "invalid",
          "messages({ group }) goes with neither priority nor replayOnly",
        );
      }
      return leasedMessages(this, group, signal);
    }
    if (replayOnly) return this.#stored(priority, signal);
    let stop: () => void = () => {};
    const stream = new Stream<Message<T>>({ onReturn: () => stop(), signal });
    if (stream.ended) return stream;
    stop = push(this.#api, {
      mailbox: this.name,
      ranks,
      onMessage: (parts) => stream.push(this.messageFrom(parts)),
      onEnd: (error) => stream.end(error),
    });
    return stream;
  }

  /** The newest messages that fit, in ascending order. Nothing is taken. */
  async query(options: QueryOptions = {}): Promise<Message<T>[]> {
    const { key, tags, tagsMode, since, limit = 100, beforeId } = options;
    const { messages } = await this.#api.query(
      {
        mailbox: this.name,
        checkToken: false,
        unreadOnly: false,
        countUnread: false,
        order: "newest",
        limit,
        key,
        tags,
        tagsMode,
        sinceMs: since?.getTime(),
        beforeId,
      },
      options,
    );
    return messages.map((message) => this.messageOf(message));
  }

  /** Everything stored, newest first, page by page. Nothing is taken. */
  async *list(options: Omit<QueryOptions, "beforeId" | "limit"> = {}): AsyncGenerator<Message<T>> {
    let beforeId: number | undefined;
    for (;;) {
      const page = await this.query({
        ...options,
        limit: 500,
        ...(beforeId === undefined ? {} : { beforeId }),
      });
      if (page.length === 0) return;
      for (const message of page.toReversed()) yield message;
      const oldest: number = page[0]?.msgId ?? 0;
      // Numbers that do not fall, as only a broken broker gives them, would have no end.
      if (oldest <= 0 || (beforeId !== undefined && oldest >= beforeId)) return;
      beforeId = oldest;
    }
  }

  /** The message of that number, or undefined when it is not there (any more). */
  async get(msgId: number, options: CallOptions = {}): Promise<Message<T> | undefined> {
    const [message] = await this.query({ ...options, beforeId: msgId + 1, limit: 1 });
    return message?.msgId === msgId ? message : undefined;
  }

  /** Gone for every reader and group. @throws {Mq9Error} `message_not_found` */
  async delete(msgId: number, options: CallOptions = {}): Promise<void> {
    await this.#api.remove({ mailbox: this.name, msgId }, options);
  }

  /** Where a message is, and how each group stands with it. @throws {Mq9Error} `message_not_found` */
  async receipt(msgId: number, options: CallOptions = {}): Promise<ReceiptResult> {
    return await this.#api.receipt({ mailbox: this.name, msgId }, options);
  }

  /** Delayed messages that are not visible yet, by time. */
  async scheduled(
    options: CallOptions & { readonly limit?: number } = {},
  ): Promise<readonly ScheduledMessage[]> {
    const { limit = 100 } = options;
    return await this.#api.scheduled({ mailbox: this.name, afterId: -1, limit }, options);
  }

  /** @throws {Mq9Error} `message_not_found` when it is visible by now, or never was scheduled */
  async cancel(scheduledId: number, options: CallOptions = {}): Promise<void> {
    await this.#api.cancel({ mailbox: this.name, scheduledId }, options);
  }

  /**
   * Hands every message to a handler, shared with the other members of its group. What the handler
   * resolves is acknowledged, what it throws comes again later, a `Reject` goes to the dead letters. Leases
   * are kept alive while handlers run; reconnects and restarts of the broker are bridged.
   * @throws {Mq9Error} `invalid` for options that make no sense, `closed`; all else is told by the consumer
   */
  consume(handler: Handler<T>, options: ConsumeOptions<T> = {}): Consumer {
    this.#api.link.assertOpen(`consuming ${this.name}`);
    return consume(sourceOf(this), handler, options);
  }

  /**
   * As `consume`, as a loop: each message is settled by hand with `ack()`, `nack()` or `reject()`. Its lease
   * is kept alive until the loop asks for the next; what was not settled comes again when the lease ends.
   */
  work(options: WorkOptions<T> = {}): AsyncIterableIterator<Message<T>> {
    return work(sourceOf(this), options);
  }

  /**
   * Sends a request and waits for its answer. Both sides may die and come back meanwhile: asking again with
   * the same `requestId` sends nothing twice and finds the answer.
   * @throws {RequestTimeoutError} with what is known of the request @throws {RemoteError} the answer is a failure
   */
  async request<R = unknown>(data: T, options: RequestOptions<R> = {}): Promise<Message<R>> {
    return await request(this, data, options);
  }

  /** Answers requests: what the handler returns is the answer, what it throws is answered as a failure. */
  reply<A = unknown>(replier: Replier<T, A>, options: ReplyOptions<T, A> = {}): Consumer {
    return reply(this, replier, options);
  }

  /** A message of the waist as programs read it, with the lease of a group if it has one. */
  messageOf(message: MailMessage, group?: string): Message<T> {
    const settlement = group === undefined ? undefined : settlementOf(this.#api, message, group);
    return this.messageFrom(partsOf(message), settlement);
  }

  /** As `messageOf`, from whatever has the fields. */
  messageFrom(parts: MessageParts, settlement?: Settlement): Message<T> {
    return new Message<T>(parts, this.#contextOf(settlement));
  }

  #contextOf(settlement: Settlement | undefined): MessageContext<T> {
    return { settlement, decode: this.reader?.decode, reply: this.#answer };
  }

  /** By priority, then number, as a subscription would tell them. */
  async *#stored(
    priority: PriorityLabel | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Message<T>> {
    const all: Message<T>[] = [];
    try {
      for await (const message of this.list({ signal })) {
        if (priority === undefined || rankOf(message.priority) === rankOf(priority))
          all.push(message);
      }
    } catch (error) {
      if (signal?.aborted) return;
      throw error;
    }
    all.sort((a, b) => rankOf(a.priority) - rankOf(b.priority) || a.msgId - b.msgId);
    for (const message of all) {
      if (signal?.aborted) return;
      yield message;
    }
  }
}

/** What `<name>.dlq` holds. */
export class DeadLetters {
  readonly #surround: Surround;
  readonly #origin: string;

  constructor(surround: Surround, origin: string) {
    this.#surround = surround;
    this.#origin = origin;
  }

  /** The mailbox they lie in. */
  get name(): string {
    return `${this.#origin}${deadLetterSuffix}`;
  }

  /** The newest of them, in ascending order; empty while there never was one. */
  async list(options: QueryOptions = {}): Promise<Message[]> {
    try {
      return await new Mailbox(this.#surround, this.name).query(options);
    } catch (error) {
      if (error instanceof Mq9Error && error.code === "not_found") return [];
      throw error;
    }
  }

  /** Back where they came from: that one, by its number here, or the oldest 1,000. @returns how many */
  async retry(msgId?: number, options: CallOptions = {}): Promise<number> {
    const request = { mailbox: this.#origin, msgId, limit: 1_000 };
    return await this.#surround.api.redrive(request, options);
  }

  /** @returns how many were removed */
  async purge(options: CallOptions = {}): Promise<number> {
    return await this.#surround.api.purge({ mailbox: this.name }, options);
  }
}
