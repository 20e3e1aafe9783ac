// The mailboxes in which one client's answers come, and who waits for which. Made when the first request
// is sent; the broker keeps what comes while nobody listens.
import { Mq9Error } from "@mq9/protocol";
import { nuid } from "@nats-io/nats-core";
import { keptSeconds, replyMailboxFor, replyMailboxOf } from "./correlation.ts";
import type { MessageParts } from "./message.ts";
import { push } from "./remote/push.ts";
import type { RemoteApi } from "./remote/remote-api.ts";

/** Called with the answer, or with why none can come here any more. */
export type Hear = (answer: MessageParts | Mq9Error) => void;

/** One mailbox for answers, followed for as long as somebody waits. */
export class ReplyInbox {
  readonly name: string;
  readonly #api: RemoteApi;
  readonly #waiting: Map<string, Set<Hear>> = new Map();
  #stop: (() => void) | undefined;

  constructor(api: RemoteApi, name: string) {
    this.#api = api;
    this.name = name;
  }

  /** Nobody waits for an answer here. */
  get isIdle(): boolean {
    return this.#waiting.size === 0;
  }

  /** Calls back once the answer of that id is there, also when it was there before. @returns what ends it */
  listen(correlationId: string, hear: Hear): () => void {
    const known = this.#waiting.get(correlationId);
    if (known === undefined) this.#waiting.set(correlationId, new Set([hear]));
    else known.add(hear);
    this.#stop ??= push(this.#api, {
      mailbox: this.name,
      onMessage: (parts) => this.#arrived(parts),
      onEnd: (error) => this.#ended(error),
    });
    return () => this.#forget(correlationId, hear);
  }

  #arrived(parts: MessageParts): void {
    if (this.#waiting.size === 0) return;
    const line = parts.headerLines.find(([name]) => name.toLowerCase() === "correlation-id");
    const id = line?.[1] ?? parts.key;
    if (id === undefined) return;
    for (const hear of this.#waiting.get(id) ?? []) hear(parts); // else: late, or of another life
  }

  #ended(error: Mq9Error | undefined): void {
    this.#stop = undefined;
    const why = error ?? new Mq9Error("closed", `following ${this.name} ended`);
    for (const hears of this.#waiting.values()) for (const hear of hears) hear(why);
  }

  #forget(correlationId: string, hear: Hear): void {
    const hears = this.#waiting.get(correlationId);
    hears?.delete(hear);
    if (hears?.size === 0) this.#waiting.delete(correlationId);
    if (this.#waiting.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }
}

/** The reply mailboxes of one client. */
export class ReplyInboxes {
  readonly #api: RemoteApi;
  readonly #agent: string | undefined;
  readonly #inboxes: Map<string, ReplyInbox> = new Map();
  /** Without an agent: one that the broker named, for the life of this client. */
  #own: Promise<string> | undefined;
  #ownAtMs = 0;
  /** Mailboxes that are known to be there. */
  readonly #made: Map<string, Promise<void>> = new Map();

  constructor(api: RemoteApi, agent: string | undefined) {
    this.#api = api;
    this.#agent = agent;
  }

  /**
   * The mailbox for the answer to a request, made if need be.
   * @param requestId as its asker gave it; undefined = it gave none and can not come back for the answer
   * @throws {Mq9Error} errors of CREATE
   */
  async for(
    requestId: string | undefined,
    replyTo: string | undefined,
    timeoutMs: number,
  ): Promise<ReplyInbox> {
    const ofAgent = this.#agent === undefined ? undefined : replyMailboxOf(this.#agent);
    // The common one does not live long enough for who waits for days.
    const isCommon = requestId === undefined && timeoutMs < keptSeconds * 1000;
    const name =
      replyTo ??
      ofAgent ??
      (isCommon ? await this.#anonymous(timeoutMs) : replyMailboxFor(requestId ?? nuid.next()));
    // An asker's own mailbox is its business; ours are made here.
    if (replyTo === undefined) await this.#make(name, timeoutMs);
    let inbox = this.#inboxes.get(name);
    if (inbox === undefined) {
      inbox = new ReplyInbox(this.#api, name);
      this.#inboxes.set(name, inbox);
    }
    return inbox;
  }

  /** Nobody asks with that id any more: its mailbox need not be remembered, nor one that the asker chose. */
  forget(inbox: ReplyInbox): void {
    const { name } = inbox;
    if (name.startsWith("reply-")) this.#made.delete(name);
    if (!this.#made.has(name) && inbox.isIdle) this.#inboxes.delete(name);
  }

  /** It may have ended: the next request makes it anew. */
  doubt(name: string): void {
    this.#made.delete(name);
  }

  async #anonymous(timeoutMs: number): Promise<string> {
    // It ends after two days: from the second on another one takes its place.
    if (Date.now() - this.#ownAtMs > keptSeconds * 1000) this.#own = undefined;
    if (this.#own === undefined) {
      this.#ownAtMs = Date.now();
      this.#own = this.#create(undefined, timeoutMs);
    }
    try {
      return await this.#own;
    } catch (error) {
      this.#own = undefined;
      throw error;
    }
  }

  async #make(name: string, timeoutMs: number): Promise<void> {
    let made = this.#made.get(name);
    if (made === undefined) {
      made = this.#create(name, timeoutMs).then(() => {});
      this.#made.set(name, made);
    }
    try {
      await made;
    } catch (error) {
      this.#made.delete(name);
      throw error;
    }
  }

  async #create(name: string | undefined, timeoutMs: number): Promise<string> {
    const isForAgent = this.#agent !== undefined && name === replyMailboxOf(this.#agent);
    const waitSeconds = Math.ceil(timeoutMs / 1000);
    const { mailbox } = await this.#api.create(
      {
        name,
        nameStyle: "compact",
        kind: "standard",
        // An agent comes back; everything else is asked for within a day or never.
        ttlSeconds: isForAgent ? 0 : Math.max(keptSeconds * 2, waitSeconds + keptSeconds),
        public: false,
        ifExists: "return",
      },
      { timeoutMs },
    );
    return mailbox.name;
  }
}
