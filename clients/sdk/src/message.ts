// A message as programs read it. What it says is here; how it is settled and answered is handed in by
// whoever got it from the broker.
import {
  type DeadLetter,
  type MailMessage,
  Mq9Error,
  neverMs,
  type PriorityLabel,
  type SendResult,
} from "@mq9/protocol";
import { decodeData, decodeJson, decodeText } from "./codec.ts";
import type { AnswerOptions } from "./correlation.ts";
import { linesOfBlock, MessageHeaders } from "./headers.ts";

/** What ends the lease that came with a message. */
export interface Settlement {
  readonly group: string;
  ack(): Promise<void>;
  nack(options: { delayMs?: number | undefined; reason?: string | undefined }): Promise<void>;
  /** To the dead letters. */
  reject(reason: string | undefined): Promise<void>;
  /** @returns when the lease ends now */
  extend(leaseMs: number | undefined): Promise<Date>;
}

/** What a message can do besides being read. */
export interface MessageContext<T = unknown> {
  readonly settlement?: Settlement | undefined;
  /** Sends an answer to where this message asks for one. */
  readonly reply?:
    | ((message: Message<T>, data: unknown, options?: AnswerOptions) => Promise<SendResult>)
    | undefined;
  /** Reads `value`; default: JSON, text or bytes by what the message is. May throw. */
  readonly decode?: ((message: Message<T>) => T) | undefined;
}

/** Where a message comes from: the shape of the waist, with headers that need not be bytes yet. */
export interface MessageParts extends Omit<MailMessage, "headers" | "rank" | "label"> {
  readonly label: PriorityLabel;
  readonly headerLines: readonly (readonly [string, string])[];
  readonly replayed: boolean;
}

/** One message of a mailbox. Nothing in it changes; copies are not made, so do not write to `data`. */
export class Message<T = unknown> {
  readonly #parts: MessageParts;
  readonly #context: MessageContext<T>;
  #headers: MessageHeaders | undefined;
  #json: { readonly value: unknown } | undefined;
  #value: { readonly value: T } | undefined;
  #settled: string | undefined;

  constructor(parts: MessageParts, context: MessageContext<T> = {}) {
    this.#parts = parts;
    this.#context = context;
  }

  /** The payload as it was sent. */
  get data(): Uint8Array {
    return this.#parts.payload;
  }

  /** The payload as UTF-8. */
  text(): string {
    return decodeText(this.#parts.payload);
  }

  /** The payload as JSON, unchecked. @throws {InvalidDataError} when it is none */
  json<U = unknown>(): U {
    this.#json ??= { value: decodeJson(this.#parts.payload, nameOf(this)) };
    return this.#json.value as U;
  }

  /**
   * What was sent: checked by the mailbox's schema if it has one; else JSON where the message says or
   * looks so, its text, or its bytes.
   * @throws {InvalidDataError}
   */
  get value(): T {
    this.#value ??= { value: this.#decode() };
    return this.#value.value;
  }

  /** Number in its mailbox, from 0; -1 of a broadcast that was not stored. */
  get msgId(): number {
    return this.#parts.msgId;
  }

  /** The mailbox it lies in. */
  get mailbox(): string {
    return this.#parts.mailbox;
  }

  /** As `mailbox`; of an entry of the directory, the mailbox that is announced. */
  get mailId(): string {
    const announced = this.#field("mail_id");
    const isEntry = this.#parts.mailbox.startsWith("$SYSTEM.");
    return isEntry && announced !== undefined ? announced : this.#parts.mailbox;
  }

  /** `desc` of an entry of the directory, or of any JSON object that has one. */
  get desc(): string | undefined {
    return this.#field("desc");
  }

  get priority(): PriorityLabel {
    return this.#parts.label;
  }

  get headers(): MessageHeaders {
    this.#headers ??= new MessageHeaders(this.#parts.headerLines);
    return this.#headers;
  }

  /** The user that sent it, as the broker knows; undefined = nobody signs in there. */
  get from(): string | undefined {
    return this.#parts.from;
  }

  get key(): string | undefined {
    return this.#parts.key;
  }

  get tags(): readonly string[] {
    return this.#parts.tags ?? [];
  }

  /** To the second, as the wire tells it. */
  get createdAt(): Date {
    return new Date(this.#parts.createdAtMs);
  }

  /** Undefined = with its mailbox, or not told. */
  get expiresAt(): Date | undefined {
    const { expiresAtMs } = this.#parts;
    return expiresAtMs === neverMs ? undefined : new Date(expiresAtMs);
  }

  /** How often its group was handed it, this time included; undefined = without a group. */
  get deliveryCount(): number | undefined {
    return this.#parts.deliveryCount;
  }

  get leaseEndsAt(): Date | undefined {
    const { leaseEndsAtMs } = this.#parts;
    return leaseEndsAtMs === undefined ? undefined : new Date(leaseEndsAtMs);
  }

  /** Why it lies among the dead letters. */
  get dead(): DeadLetter | undefined {
    return this.#parts.dead;
  }

  /** It was stored before this reader came, and not pushed as it arrived. */
  get replayed(): boolean {
    return this.#parts.replayed;
  }

  /** The mailbox that an answer goes to. */
  get replyTo(): string | undefined {
    return this.headers.get("mq9-reply-to");
  }

  get correlationId(): string | undefined {
    return this.headers.get("correlation-id");
  }

  get traceparent(): string | undefined {
    return this.headers.get("traceparent");
  }

  /** The group whose lease it carries. */
  get group(): string | undefined {
    return this.#context.settlement?.group;
  }

  /** How it was settled by this object: `acked`, `returned`, `rejected`; undefined = not yet. */
  get settled(): string | undefined {
    return this.#settled;
  }

  /** Done: the group never sees it again. Resolves when that is on disk. @throws {Mq9Error} `not_leased` */
  async ack(): Promise<void> {
    await this.#lease("ack()").ack();
    this.#settled = "acked";
  }

  /** Back to the group, after `delayMs` or the backoff of its deliveries. @throws {Mq9Error} `not_leased` */
  async nack(options: { delayMs?: number; reason?: string } = {}): Promise<void> {
    await this.#lease("nack()").nack(options);
    this.#settled = "returned";
  }

  /** Nobody can handle it: to the dead letters, with the reason. @throws {Mq9Error} `not_leased` */
  async reject(reason?: string): Promise<void> {
    await this.#lease("reject()").reject(reason);
    this.#settled = "rejected";
  }

  /** Still at work: the lease ends so many milliseconds from now. @returns when it ends */
  async extend(leaseMs?: number): Promise<Date> {
    return await this.#lease("extend()").extend(leaseMs);
  }

  /** Sends an answer to the mailbox that `replyTo` names. @throws {Mq9Error} `invalid` without one */
  async reply(data: unknown, options?: AnswerOptions): Promise<SendResult> {
    const { reply } = this.#context;
    if (reply === undefined || this.replyTo === undefined) {
      throw new Mq9Error(
        "invalid",
        `message ${this.msgId} of ${this.mailbox} names no mailbox to answer to (header mq9-reply-to): send to one that you know`,
      );
    }
    return await reply(this, data, options);
  }

  #decode(): T {
    const { decode } = this.#context;
    if (decode !== undefined) return decode(this);
    const contentType = this.headers.get("content-type");
    return decodeData(this.#parts.payload, contentType, nameOf(this)) as T;
  }

  #lease(what: string): Settlement {
    const { settlement } = this.#context;
    if (settlement !== undefined) return settlement;
    throw new Mq9Error(
      "not_leased",
      `${what} needs a lease, and message ${this.msgId} of ${this.mailbox} came without a group: fetch it with { group }, or use consume()`,
    );
  }

  #field(name: string): string | undefined {
    const first = this.#parts.payload.find((byte) => byte > 0x20);
    if (first !== 0x7b) return undefined;
    try {
      const value = this.json<Readonly<Record<string, unknown>>>()[name];
      return typeof value === "string" ? value : undefined;
    } catch {
      return undefined; // no JSON after all
    }
  }
}

/** What a person sees who prints a message: Node asks for it under this name. */
Object.defineProperty(Message.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: Message) {
    const { mailbox, msgId, priority, key, tags, from, createdAt, deliveryCount } = this;
    const told = { mailbox, msgId, priority, key, tags, from, createdAt, deliveryCount };
    const shown = Object.entries(told).filter(([, value]) => value !== undefined);
    return { ...Object.fromEntries(shown), text: this.text().slice(0, 200) };
  },
});

/** A message of the waist, as FETCH and QUERY give it. */
export function partsOf(message: MailMessage, replayed = true): MessageParts {
  return new MailParts(message, replayed);
}

/** A view and no copy: one of these is made for every message that is fetched. */
class MailParts implements MessageParts {
  readonly replayed: boolean;
  readonly #mail: MailMessage;
  #lines: readonly (readonly [string, string])[] | undefined;

  constructor(mail: MailMessage, replayed: boolean) {
    this.#mail = mail;
    this.replayed = replayed;
  }

  /** Most readers never ask for them. */
  get headerLines(): readonly (readonly [string, string])[] {
    this.#lines ??= linesOfBlock(this.#mail.headers);
    return this.#lines;
  }

  get msgId(): number {
    return this.#mail.msgId;
  }

  get mailbox(): string {
    return this.#mail.mailbox;
  }

  get label(): PriorityLabel {
    return this.#mail.label;
  }

  get createdAtMs(): number {
    return this.#mail.createdAtMs;
  }

  get expiresAtMs(): number {
    return this.#mail.expiresAtMs;
  }

  get key(): string | undefined {
    return this.#mail.key;
  }

  get payload(): Uint8Array {
    return this.#mail.payload;
  }

  get tags(): readonly string[] | undefined {
    return this.#mail.tags;
  }

  get from(): string | undefined {
    return this.#mail.from;
  }

  get deliveryCount(): number | undefined {
    return this.#mail.deliveryCount;
  }

  get leaseEndsAtMs(): number | undefined {
    return this.#mail.leaseEndsAtMs;
  }

  get dead(): DeadLetter | undefined {
    return this.#mail.dead;
  }
}

/** How errors about what came in a message begin. */
export function nameOf({ msgId, mailbox }: { msgId: number; mailbox: string }): string {
  return `message ${msgId} of ${mailbox}`;
}
