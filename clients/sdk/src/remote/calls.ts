// What every remote operation needs: the request with the mailbox's token in it, and what this broker
// can do at all.

import type { Mq9Error } from "@mq9/protocol";
import { headers as emptyHeaders, type MsgHdrs } from "@nats-io/nats-core";
import { OutcomeUnknownError, unsupported } from "../errors.ts";
import type { Answer, Ask, Link, Reply } from "../link.ts";
import { assertFinite, assertTimeout } from "../numbers.ts";
import type { Broker, Dialect } from "./broker.ts";

/** How one call waits. */
export interface CallOptions {
  /** Milliseconds until the call fails; default: the connection's `timeoutMs`. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Nobody minds when the connection is drained before the answer comes: long waits. Default false. */
  readonly background?: boolean | undefined;
}

export interface Call extends Omit<CallOptions, "background">, Pick<Ask, "background"> {
  readonly subject: string;
  readonly body?: Reply | Uint8Array | string | (() => Reply) | undefined;
  readonly what: string;
  readonly kind: Ask["kind"];
  /** Whose token is shown. */
  readonly mailbox?: string | undefined;
  readonly headers?: MsgHdrs | undefined;
  readonly dedupId?: string | undefined;
  readonly known?: string | undefined;
  readonly read?: Ask["read"];
}

export class RemoteCalls {
  readonly link: Link;
  readonly broker: Broker;
  readonly #tokens: Map<string, string> = new Map();
  /** Mailboxes whose token a subscription needs: shown again on each connection. */
  readonly #opened: Set<string> = new Set();

  constructor(link: Link, broker: Broker) {
    this.link = link;
    this.broker = broker;
    link.onReconnect(() => {
      for (const mailbox of this.#opened) void this.#open(mailbox).catch(() => {});
    });
  }

  /** From now on every request about that mailbox shows this token. */
  showToken(mailbox: string, token: string): void {
    this.#tokens.set(mailbox, token);
  }

  tokenOf(mailbox: string): string | undefined {
    return this.#tokens.get(mailbox);
  }

  /** Subscriptions have no headers: the token is shown beside them, on this connection and later ones. */
  async openWithToken(mailbox: string): Promise<void> {
    if (!this.#tokens.has(mailbox) || this.#opened.has(mailbox)) return;
    this.#opened.add(mailbox);
    try {
      await this.#open(mailbox);
    } catch (error) {
      this.#opened.delete(mailbox);
      throw error;
    }
  }

  async #open(mailbox: string): Promise<void> {
    await this.succeed({
      subject: `MAILBOX.OPEN.${mailbox}`,
      body: { token: this.#tokens.get(mailbox) },
      what: `showing the token of ${mailbox}`,
      kind: "again",
    });
  }

  async ask(call: Call): Promise<Answer> {
    return await this.link.ask(this.#request(call));
  }

  /** @throws {Mq9Error} what the reply says */
  async succeed(call: Call): Promise<Reply> {
    const { reply, failure } = await this.ask(call);
    if (failure !== undefined) throw failure;
    return reply;
  }

  /**
   * As `succeed`, for requests whose repetition is refused when an earlier try was carried out.
   * @param done codes that mean, on a repetition, that what was asked for is so
   * @param unclear codes that mean, on a repetition, that nobody can tell; with what is known
   */
  async repeated(
    call: Call,
    done: readonly Mq9Error["code"][],
    unclear?: { readonly codes: readonly Mq9Error["code"][]; readonly known: string },
  ): Promise<Reply> {
    const { reply, failure, attempts } = await this.ask(call);
    if (failure === undefined) return reply;
    if (attempts > 1 && done.includes(failure.code)) return reply;
    if (attempts > 1 && unclear?.codes.includes(failure.code)) {
      const text = `${call.what}: the answer was lost with the connection, and the second try says "${failure.message}": ${unclear.known}`;
      throw new OutcomeUnknownError(text, { repeatable: false, cause: failure });
    }
    throw failure;
  }

  /** What is spoken here. @throws {Mq9Error} `unsupported` when it is none of those */
  async dialect(what: string, ...needed: readonly Dialect[]): Promise<Dialect> {
    const dialect = this.broker.known ?? (await this.broker.find());
    if (needed.length === 0 || needed.includes(dialect)) return dialect;
    throw unsupported(what, this.broker.description);
  }

  /** @throws {Mq9Error} `invalid` for numbers that are none: before anything is sent */
  #request(call: Call): Ask {
    const {
      subject,
      body,
      what,
      kind,
      mailbox,
      timeoutMs,
      signal,
      dedupId,
      known,
      read,
      background,
    } = call;
    assertTimeout("timeoutMs", timeoutMs);
    if (isFields(body)) assertFinite(what, body);
    return {
      subject,
      body: () => bytesOf(typeof body === "function" ? body() : body),
      headers: this.#headers(call.headers, mailbox),
      what,
      kind,
      timeoutMs,
      signal,
      dedupId,
      known,
      read,
      background,
    };
  }

  #headers(headers: MsgHdrs | undefined, mailbox: string | undefined): MsgHdrs | undefined {
    const token = mailbox === undefined ? undefined : this.#tokens.get(mailbox);
    if (token === undefined) return headers;
    const shown = headers ?? emptyHeaders();
    shown.set("mq9-token", token);
    return shown;
  }
}

function isFields(body: Call["body"]): body is Reply {
  return typeof body === "object" && !(body instanceof Uint8Array);
}

function bytesOf(body: Reply | Uint8Array | string | undefined): Uint8Array | string {
  if (body === undefined) return "";
  if (typeof body === "string" || body instanceof Uint8Array) return body;
  return JSON.stringify(body);
}
