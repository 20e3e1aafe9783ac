// The client: what a connection to a broker can do. Made by `connect`.
import { directoryName, type MailboxInfo, type MailboxKind, type SendResult } from "@mq9/protocol";
import type { NatsConnection } from "@nats-io/nats-core";
import { Agents } from "./agents.ts";
import {
  type BroadcastOptions,
  broadcast,
  type OnBroadcastOptions,
  onBroadcast,
} from "./broadcast.ts";
import { Mailbox, type MailboxOptions, type SendOptions, type Surround } from "./mailbox.ts";
import type { Message } from "./message.ts";
import type { ServerFacts } from "./remote/broker.ts";
import type { CallOptions } from "./remote/calls.ts";
import type { RemoteApi } from "./remote/remote-api.ts";
import type { RequestOptions } from "./request.ts";
import type { StatusEvent } from "./status.ts";

export interface CreateMailboxOptions<T> extends CallOptions, MailboxOptions<T> {
  /** Default: the broker makes one up that cannot be guessed. */
  readonly name?: string | undefined;
  /** Seconds; 0 = never ends. Default: one day, or never for one with a name. */
  readonly ttlSeconds?: number | undefined;
  /** Announced in the directory. Default false. */
  readonly public?: boolean | undefined;
  readonly desc?: string | undefined;
  /** `latest` keeps the newest message alone. Default `standard`. */
  readonly kind?: MailboxKind | undefined;
  /** What a taken name means. Default `return`: the mailbox there is. */
  readonly ifExists?: "return" | "fail" | undefined;
}

const dayOfSeconds = 86_400;

/** A client that is signed in. One is enough for a program; it may be shared by everything in it. */
export class Mq9 implements AsyncDisposable {
  /** The narrow waist over the wire: every operation in plain terms. */
  readonly api: RemoteApi;
  readonly agents: Agents;
  /** The own agent's name, if one was given. */
  readonly agent: string | undefined;
  readonly #surround: Surround;
  /** What has to end before the connection does, for instance consumers. */
  readonly #closing: Set<() => void | Promise<void>> = new Set();

  constructor(api: RemoteApi, { agent }: { readonly agent: string | undefined }) {
    this.api = api;
    this.agent = agent;
    this.agents = new Agents(api);
    this.#surround = { api, agent, onClose: (callback) => this.onClose(callback) };
  }

  /** The connection below, for plain NATS beside the mailboxes. */
  get connection(): NatsConnection {
    return this.api.link.nc;
  }

  get server(): ServerFacts {
    return this.api.broker.facts;
  }

  /**
   * Makes a mailbox; one of that name that is there already is handed out.
   * @throws {Mq9Error} `exists` with `ifExists: "fail"`, `invalid`, `forbidden`, `quota_exceeded`
   */
  async createMailbox<T = unknown>(options: CreateMailboxOptions<T> = {}): Promise<Mailbox<T>> {
    const { name, kind = "standard", desc, ifExists = "return" } = options;
    const ttlSeconds = options.ttlSeconds ?? (name === undefined ? dayOfSeconds : 0);
    const isPublic = options.public ?? false;
    const request = {
      name,
      nameStyle: "compact",
      kind,
      ttlSeconds,
      public: isPublic,
      desc,
    } as const;
    const made = await this.api.make({ ...request, ifExists }, options);
    return this.mailbox(made.name, options);
  }

  /** A mailbox by its name. Asks nobody: it need not exist yet. */
  mailbox<T = unknown>(name: string, options: MailboxOptions<T> = {}): Mailbox<T> {
    return new Mailbox(this.#surround, name, options);
  }

  /** The mailboxes that this user may see, by name, page by page. */
  async *mailboxes(
    options: CallOptions & { readonly prefix?: string } = {},
  ): AsyncGenerator<MailboxInfo> {
    const { prefix = "", ...call } = options;
    // The names above this one include the one that is exactly the prefix.
    let after = prefix === "" ? "" : nameBefore(prefix);
    for (;;) {
      const page = await this.api.list({ after, limit: 1_000 }, call);
      for (const info of page) {
        if (info.name.startsWith(prefix)) yield info;
        else if (info.name > prefix) return;
      }
      // A page may be shorter than asked for: only an empty one is the last.
      const last = page.at(-1);
      if (last === undefined || last.name <= after) return;
      after = last.name;
    }
  }

  /** As `mailbox(to).send(…)`. */
  async send(to: string, data: unknown, options: SendOptions = {}): Promise<SendResult> {
    return await this.mailbox(to).send(data, options);
  }

  /** As `mailbox(to).request(…)`. */
  async request<R = unknown>(
    to: string,
    data: unknown,
    options: RequestOptions<R> = {},
  ): Promise<Message<R>> {
    return await this.mailbox(to).request(data, options);
  }

  /** To whoever listens now, and to the channel's mailbox if there is one. */
  async broadcast(
    domain: string,
    event: string,
    data: unknown,
    options: BroadcastOptions = {},
  ): Promise<void> {
    await broadcast(this.api, `${domain}.${event}`, data, options);
  }

  /** @param pattern `<domain>.<event>`; `*` stands for one part, `>` for the rest */
  onBroadcast(pattern: string, options: OnBroadcastOptions = {}): AsyncIterableIterator<Message> {
    return onBroadcast(this.api, pattern, options);
  }

  /** Public mailboxes: those there are, then each that is made. `mailId` and `desc` tell which. */
  directory(options: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<Message> {
    return this.mailbox(directoryName).messages(options);
  }

  /** What happens to the connection from now on. */
  status(): AsyncIterableIterator<StatusEvent> {
    return this.api.link.status.follow();
  }

  /** Resolves when the connection ended for good; with an error when that was not asked for. */
  get closed(): Promise<Error | undefined> {
    return this.connection.closed().then((error) => error ?? undefined);
  }

  /** Resolves when the broker has everything that was published. */
  async flush(options: CallOptions = {}): Promise<void> {
    await this.api.link.flush("what was published before", options);
  }

  /** Calls back before the connection is drained, and waits for it. @returns what takes that back */
  onClose(callback: () => void | Promise<void>): () => void {
    this.#closing.add(callback);
    return () => this.#closing.delete(callback);
  }

  /** Lets consumers finish what they work on and requests get their answers, then closes. */
  async drain(): Promise<void> {
    this.agents.close();
    await Promise.allSettled([...this.#closing].map(async (callback) => await callback()));
    await this.api.link.idle();
    if (this.connection.isClosed()) return;
    if (this.api.link.online) await this.connection.drain();
    else await this.connection.close();
  }

  /** Closes at once. What waits for an answer ends with an error that says what is known. */
  async close(): Promise<void> {
    this.agents.close();
    await this.connection.close();
  }

  /** As `drain`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }
}

/** The greatest text that comes before this one, near enough for names in ASCII. */
function nameBefore(name: string): string {
  const last = name.charCodeAt(name.length - 1);
  return `${name.slice(0, -1)}${String.fromCharCode(last - 1)}~`;
}
