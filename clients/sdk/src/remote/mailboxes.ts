// Mailboxes and sending over the wire. What the waist knows of the asker (`owner`, `from`, `by`) is the
// connection's own and never sent; tokens are made by the broker.
import {
  type CreateRequest,
  type CreateResult,
  type ListRequest,
  type MailboxApi,
  type MailboxInfo,
  type MailSubscription,
  Mq9Error,
  mailboxExists,
  type QueryRequest,
  type QueryResult,
  type RemoveRequest,
  type SendRequest,
  type SendResult,
  type SubscribeRequest,
} from "@mq9/protocol";
import { nuid } from "@nats-io/nats-core";
import { OutcomeUnknownError, unsupported } from "../errors.ts";
import { hdrsOfLines, linesOfBlock } from "../headers.ts";
import type { Reply } from "../link.ts";
import { assertNumber } from "../numbers.ts";
import type { CallOptions } from "./calls.ts";
import { createBodyEarly, rowsEarly, sendEarly } from "./early.ts";
import { RemotePull } from "./pull.ts";
import { followMailbox } from "./push.ts";
import { mailboxInfoOf, mailOf, numberIn, rowsIn, textIn } from "./wire.ts";

/** What CREATE itself tells, without a second request. */
export interface MadeMailbox {
  readonly name: string;
  /** False when the name was taken and `ifExists` was `return`. */
  readonly created: boolean;
  readonly ttlSeconds: number;
}

export class RemoteMailboxes extends RemotePull implements MailboxApi {
  /** `nameStyle` is the broker's choice. @throws {Mq9Error} `unsupported` for a `tokenDigest` */
  async create(request: CreateRequest, options: CallOptions = {}): Promise<CreateResult> {
    const { name, created, ttlSeconds } = await this.make(request, options);
    const dialect = await this.dialect(`looking at mailbox ${name}`);
    if (dialect === "mq9") return { created, mailbox: await this.info(name, options) };
    const { kind, desc } = request;
    const nowMs = Date.now();
    const expiresAtMs = ttlSeconds === 0 ? 0xffff_ffff_ffff : nowMs + ttlSeconds * 1000;
    const mailbox = {
      name,
      kind,
      public: request.public,
      desc,
      ttlSeconds,
      createdAtMs: nowMs,
      expiresAtMs,
    };
    return { created, mailbox };
  }

  /** As `create`, without asking what the mailbox looks like now. */
  async make(request: CreateRequest, options: CallOptions = {}): Promise<MadeMailbox> {
    const { name, ifExists, ttlSeconds } = request;
    if (request.tokenDigest !== undefined) {
      throw new Mq9Error("unsupported", "tokens are made by the broker: leave tokenDigest out");
    }
    const what = name === undefined ? "creating a mailbox" : `creating mailbox ${name}`;
    const dialect = await this.dialect(what);
    const body =
      dialect === "mq9" || dialect === "msg"
        ? createBody(request, dialect === "mq9")
        : createBodyEarly(this, dialect, request);
    const { reply, failure, attempts } = await this.ask({
      ...options,
      subject: "MAILBOX.CREATE",
      body,
      what,
      kind: name === undefined ? "once" : "again",
    });
    if (failure !== undefined) {
      // Brokers of generation 2 know no other answer to a taken name.
      if (failure.code === "exists" && ifExists === "return" && name !== undefined) {
        return { name, created: false, ttlSeconds };
      }
      if (failure.code === "exists" && attempts > 1) throw perhapsOurs(what, failure);
      throw failure;
    }
    const made = textIn(reply, "mail_address") ?? textIn(reply, "mail_id") ?? textIn(reply, "name");
    if (made === undefined || made === "") {
      throw new Mq9Error("invalid_data", `${what}: the broker's answer names no mailbox`);
    }
    const created = (reply["created"] ?? reply["is_new"] ?? true) === true;
    if (!created && ifExists === "fail") {
      throw attempts > 1 ? perhapsOurs(what, undefined) : mailboxExists(made);
    }
    const token = textIn(reply, "token");
    if (dialect === "inbox" && token !== undefined) this.showToken(made, token);
    return { name: made, created, ttlSeconds: numberIn(reply, "ttl") ?? ttlSeconds };
  }

  async info(mailbox: string, options: CallOptions = {}): Promise<MailboxInfo> {
    return await this.inspect(mailbox, options);
  }

  async renew(
    mailbox: string,
    ttlSeconds: number,
    options: CallOptions = {},
  ): Promise<MailboxInfo> {
    const what = `renewing mailbox ${mailbox}`;
    await this.dialect(what, "mq9");
    const subject = `MAILBOX.RENEW.${mailbox}`;
    const body = { ttl: ttlSeconds };
    return mailboxInfoOf(
      await this.succeed({ ...options, subject, body, mailbox, what, kind: "again" }),
    );
  }

  async drop(mailbox: string, options: CallOptions = {}): Promise<void> {
    const what = `dropping mailbox ${mailbox}`;
    await this.dialect(what, "mq9");
    const subject = `MAILBOX.DROP.${mailbox}`;
    await this.repeated({ ...options, subject, mailbox, what, kind: "again" }, [
      "not_found",
      "expired",
    ]);
  }

  async list(request: ListRequest, options: CallOptions = {}): Promise<readonly MailboxInfo[]> {
    const what = "listing mailboxes";
    await this.dialect(what, "mq9");
    const { after, limit } = request;
    const reply = await this.succeed({
      ...options,
      subject: "MAILBOX.LIST",
      body: after === "" ? { limit } : { after, limit },
      what,
      kind: "read",
    });
    return rowsIn(reply, "mailboxes").map(mailboxInfoOf);
  }

  /** Without a `dedupId` one is made, so that a try whose answer was lost can be repeated. */
  async send(request: SendRequest, options: CallOptions = {}): Promise<SendResult> {
    return await this.sendLines(request, linesOfBlock(request.headers), options);
  }

  /** As `send`, with the sender's header lines apart. */
  async sendLines(
    request: SendRequest,
    lines: readonly (readonly [string, string])[],
    options: CallOptions = {},
  ): Promise<SendResult> {
    const { mailbox, payload } = request;
    const what = `send to ${mailbox}`;
    const dialect = this.broker.known ?? (await this.dialect(what));
    if (dialect === "mailbox" || dialect === "inbox") {
      return await sendEarly(this, dialect, request, options);
    }
    const dedupId = dialect === "mq9" ? (request.dedupId ?? nuid.next()) : request.dedupId;
    const { delayMs = 0 } = request;
    if (delayMs % 1000 !== 0) {
      const text = `delayMs must be a whole number of seconds, a multiple of 1000; it is ${delayMs}`;
      throw new Mq9Error("invalid", text);
    }
    const reply = await this.succeed({
      ...options,
      subject: sendSubject(request),
      body: payload,
      headers: hdrsOfLines([...lines, ...sendLinesOf(request, dedupId)]),
      mailbox,
      what,
      kind: dialect === "mq9" ? "again" : "once",
      dedupId: dialect === "mq9" ? dedupId : undefined,
    });
    const scheduledId = numberIn(reply, "scheduled_id");
    const msgId = numberIn(reply, "msg_id");
    if (dialect === "mq9" && msgId === undefined && scheduledId === undefined) {
      throw new Mq9Error("invalid_data", `${what}: the answer does not say that it is stored`);
    }
    return {
      msgId: msgId ?? -1,
      ...(scheduledId === undefined ? {} : { scheduledId }),
      ...(reply["duplicate"] === true ? { duplicate: true } : {}),
    };
  }

  /** Reconnects are bridged: what was delivered once is not delivered again. */
  subscribe(request: SubscribeRequest): MailSubscription {
    return followMailbox(this, request);
  }

  /**
   * `unread` is told with `unreadOnly` alone, else 0. Filters go with the order `newest`.
   * @throws {Mq9Error} `unsupported` for filters in the order `delivery`
   */
  async query(request: QueryRequest, options: CallOptions = {}): Promise<QueryResult> {
    const { mailbox, limit } = request;
    const what = `looking into ${mailbox}`;
    const dialect = await this.dialect(what);
    if (dialect === "mailbox" || dialect === "inbox") {
      refuseFilters(request, this.broker.description);
      return await rowsEarly(this, dialect, request, options);
    }
    if (request.unreadOnly) return await rowsEarly(this, "inbox", request, options);
    if (request.order !== "newest") {
      refuseFilters(request, "spoken to over the wire, where filters go with the order 'newest'");
      const start = { at: "earliest" } as const;
      const fetched = await this.fetch({ mailbox, start, limit, waitMs: 0 }, options);
      return { ...fetched, unread: 0 };
    }
    const reply = await this.succeed({
      ...options,
      subject: `MSG.QUERY.${mailbox}`,
      body: queryBody(request, dialect === "mq9"),
      mailbox,
      what,
      kind: "read",
    });
    const messages = rowsIn(reply, "messages").map((item) => mailOf(mailbox, item));
    return { messages, unread: 0, more: reply["more"] === true };
  }

  async remove(request: RemoveRequest, options: CallOptions = {}): Promise<void> {
    const { mailbox, msgId } = request;
    const what = `deleting message ${msgId} of ${mailbox}`;
    assertNumber(what, msgId);
    const dialect = await this.dialect(what, "mq9", "msg", "mailbox");
    const space = dialect === "mailbox" ? "MAILBOX" : "MSG";
    const subject = `${space}.DELETE.${mailbox}.${msgId}`;
    await this.repeated({ ...options, subject, mailbox, what, kind: "again" }, [
      "message_not_found",
    ]);
  }
}

function perhapsOurs(what: string, cause: unknown): OutcomeUnknownError {
  const text = `${what}: the answer was lost with the connection, and now the name is taken: by the first try or by somebody else`;
  return new OutcomeUnknownError(text, { repeatable: false, cause });
}

/** Of `order.urgent` the last word could be read as a priority: there the subject says it. */
function sendSubject({ mailbox, label }: SendRequest): string {
  return /\.(?:urgent|critical)$/.test(mailbox)
    ? `MAILBOX.MSG.${mailbox}.${label}`
    : `MSG.SEND.${mailbox}`;
}

function createBody(request: CreateRequest, ours: boolean): Reply {
  const { name, kind, ttlSeconds, desc, ifExists } = request;
  return {
    ...(name === undefined ? {} : { name }),
    ttl: ttlSeconds,
    ...(desc === undefined ? {} : { desc }),
    ...(request.public ? { public: true } : {}),
    ...(kind === "latest" ? { type: "latest" } : {}),
    ...(ours ? { idempotent: ifExists === "return" } : {}),
  };
}

function sendLinesOf(
  { label, key, tags, ttlSeconds, delayMs }: SendRequest,
  dedupId: string | undefined,
): [string, string][] {
  const lines: [string, string][] = [];
  if (label !== "normal") lines.push(["mq9-priority", label]);
  if (key !== undefined) lines.push(["mq9-key", key]);
  if (tags !== undefined && tags.length > 0) lines.push(["mq9-tags", tags.join(",")]);
  if (ttlSeconds !== undefined) lines.push(["mq9-ttl", String(ttlSeconds)]);
  if (delayMs !== undefined && delayMs !== 0) lines.push(["mq9-delay", String(delayMs / 1000)]);
  if (dedupId !== undefined) lines.push(["mq9-dedup-id", dedupId]);
  return lines;
}

function queryBody(request: QueryRequest, ours: boolean): Reply {
  const { key, tags, tagsMode, sinceMs, beforeId, limit } = request;
  return {
    limit,
    key,
    ...(tags === undefined ? {} : { tags }),
    since: sinceMs,
    ...(ours ? { tags_mode: tagsMode, before_id: beforeId, encoding: "utf8" } : {}),
  };
}

function refuseFilters(request: QueryRequest, broker: string): void {
  for (const name of ["key", "tags", "sinceMs", "beforeId"] as const) {
    if (request[name] !== undefined) throw unsupported(`looking for ${name}`, broker);
  }
}
