// Replies of the broker as shapes of the waist. Brokers of others leave fields out or write numbers as
// texts, so every field is read with care; instants on the wire are whole seconds.
import {
  type AckMode,
  type Agent,
  type AgentState,
  type DeadLetter,
  type GrantInfo,
  type GroupMessageState,
  type MailboxDetail,
  type MailboxInfo,
  type MailMessage,
  neverMs,
  type PriorityLabel,
  parsePriorityLabel,
  type ReceiptResult,
  rankOf,
  type ScheduledMessage,
  type TokenRight,
} from "@mq9/protocol";
import type { Msg } from "@nats-io/nats-core";
import { decodeBase64, decodeText, encodeText } from "../codec.ts";
import { InvalidDataError, textOf } from "../errors.ts";
import { blockOfLines, isOfDelivery, linesOfHdrs } from "../headers.ts";
import type { Reply } from "../link.ts";
import type { MessageParts } from "../message.ts";

export function numberIn(reply: Reply, name: string): number | undefined {
  const value = reply[name];
  if (typeof value === "number") return value;
  if (typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value))) {
    return Number(value);
  }
  return undefined;
}

export function textIn(reply: Reply, name: string): string | undefined {
  const value = reply[name];
  return typeof value === "string" ? value : undefined;
}

export function rowsIn(reply: Reply, name: string): readonly Reply[] {
  const value = reply[name];
  return Array.isArray(value)
    ? value.filter((row): row is Reply => typeof row === "object" && row !== null)
    : [];
}

/** Seconds as milliseconds; null and absent are never. */
function instantIn(reply: Reply, name: string): number {
  const seconds = numberIn(reply, name);
  return seconds === undefined ? neverMs : seconds * 1000;
}

/** An item of FETCH and QUERY, or a row of generations 0 and 1. */
export function mailOf(mailbox: string, item: Reply): MailMessage {
  const label = labelIn(item);
  const header = item["header"];
  const tags = item["tags"];
  return {
    msgId: numberIn(item, "msg_id") ?? -1,
    mailbox,
    rank: rankOf(label),
    label,
    createdAtMs: (numberIn(item, "create_time") ?? numberIn(item, "ts") ?? 0) * 1000,
    expiresAtMs: instantIn(item, "expires_at"),
    key: textIn(item, "key"),
    headers: Array.isArray(header) ? Uint8Array.from(header as number[]) : undefined,
    payload: payloadOf(item),
    tags: Array.isArray(tags) ? textsIn(item, "tags") : undefined,
    from: textIn(item, "from"),
    deliveryCount: numberIn(item, "delivery_count"),
    leaseEndsAtMs: numberIn(item, "lease_ends_at_ms"),
    dead: deadIn(item),
  };
}

/** Where the bytes of a raw reply wait for `rawMessagesIn`: no reply of the wire has such a field. */
const rawBytes: unique symbol = Symbol("bytes behind the line");

interface RawReply extends Reply {
  readonly [rawBytes]?: Uint8Array;
}

/**
 * A reply of FETCH as `raw`: one line of JSON, and behind it the header block and the payload of each
 * item. A failure is JSON without that line's end.
 */
export function readRaw(data: Uint8Array): Reply {
  const end = data.indexOf(0x0a);
  const line = decodeText(end < 0 ? data : data.subarray(0, end));
  const reply = JSON.parse(line) as Reply;
  return end < 0 ? reply : ({ ...reply, [rawBytes]: data.subarray(end + 1) } as RawReply);
}

/** The messages of a reply that `readRaw` read; undefined of any other. Views of the reply. */
export function rawMessagesIn(mailbox: string, reply: Reply): readonly MailMessage[] | undefined {
  const bytes = (reply as RawReply)[rawBytes];
  if (bytes === undefined) return undefined;
  let at = 0;
  const take = (item: Reply, name: string): Uint8Array | undefined => {
    const length = item[name];
    if (typeof length !== "number") return undefined;
    if (!Number.isInteger(length) || length < 0 || at + length > bytes.length) throw cut(mailbox);
    at += length;
    return bytes.subarray(at - length, at);
  };
  return rowsIn(reply, "messages").map((item) => {
    const headers = take(item, "header_bytes");
    const payload = take(item, "payload_bytes") ?? new Uint8Array(0);
    return { ...mailOf(mailbox, item), headers, payload };
  });
}

function cut(mailbox: string): InvalidDataError {
  const text = `fetching from ${mailbox}: the answer is not whole`;
  return new InvalidDataError(text, [{ message: "fewer bytes than it says", path: "messages" }]);
}

/** `label` is the sender's word where `priority`, in the words of its generation, is another. */
function labelIn(item: Reply): PriorityLabel {
  return parsePriorityLabel(textIn(item, "label") ?? textIn(item, "priority") ?? "") ?? "normal";
}

function payloadOf(item: Reply): Uint8Array {
  const payload = item["payload"];
  if (typeof payload === "string") {
    return item["payload_encoding"] === "base64" ? bytesOf(payload) : encodeText(payload);
  }
  return payload === undefined || payload === null
    ? new Uint8Array(0)
    : encodeText(JSON.stringify(payload));
}

/** @throws {InvalidDataError} */
function bytesOf(base64: string): Uint8Array {
  try {
    return decodeBase64(base64);
  } catch (error) {
    const text = "the payload of a message is no base64";
    throw new InvalidDataError(text, [{ message: textOf(error), path: "payload" }]);
  }
}

function deadIn(item: Reply): DeadLetter | undefined {
  const dead = item["dead"];
  if (typeof dead !== "object" || dead === null) return undefined;
  const fields = dead as Reply;
  return {
    mailbox: textIn(fields, "mail_address") ?? "",
    msgId: numberIn(fields, "msg_id") ?? -1,
    group: textIn(fields, "group_name") ?? "",
    deliveries: numberIn(fields, "deliveries") ?? 0,
    cause: fields["cause"] === "poison" ? "poison" : "deliveries",
    reason: textIn(fields, "reason"),
    atMs: (numberIn(fields, "at") ?? 0) * 1000,
  };
}

/** A pushed message; its headers are read when somebody asks for one. */
export class PushedParts implements MessageParts {
  readonly #message: Msg;
  readonly #mailbox: string;
  #lines: [string, string][] | undefined;
  #fields: Map<string, string> | undefined;

  /** @param mailbox as subscribed to; what the delivery itself says comes first */
  constructor(message: Msg, mailbox: string) {
    this.#message = message;
    this.#mailbox = mailbox;
  }

  get payload(): Uint8Array {
    return this.#message.data;
  }

  get msgId(): number {
    return this.#number("mq9-msg-id") ?? -1;
  }

  get mailbox(): string {
    return this.field("mq9-mail-id") ?? this.#mailbox;
  }

  get label(): PriorityLabel {
    return parsePriorityLabel(this.field("mq9-priority") ?? "") ?? "normal";
  }

  get createdAtMs(): number {
    return (this.#number("mq9-ts") ?? 0) * 1000;
  }

  get expiresAtMs(): number {
    return neverMs;
  }

  get key(): string | undefined {
    return this.field("mq9-key");
  }

  get tags(): readonly string[] | undefined {
    return this.field("mq9-tags")?.split(",");
  }

  get from(): string | undefined {
    return this.field("mq9-from");
  }

  get deliveryCount(): number | undefined {
    return this.#number("mq9-delivery-count");
  }

  get leaseEndsAtMs(): undefined {
    return undefined;
  }

  get replayed(): boolean {
    return this.field("mq9-replay") !== undefined;
  }

  get dead(): DeadLetter | undefined {
    const mailbox = this.field("mq9-dead-mailbox");
    if (mailbox === undefined) return undefined;
    return {
      mailbox,
      msgId: this.#number("mq9-dead-msg-id") ?? -1,
      group: this.field("mq9-dead-group") ?? "",
      deliveries: this.#number("mq9-dead-deliveries") ?? 0,
      cause: this.field("mq9-dead-cause") === "poison" ? "poison" : "deliveries",
      reason: this.field("mq9-dead-reason"),
      atMs: this.createdAtMs,
    };
  }

  /** The sender's lines alone. */
  get headerLines(): readonly (readonly [string, string])[] {
    this.#lines ??= linesOfHdrs(this.#message.headers).filter(([name]) => !isOfDelivery(name));
    return this.#lines;
  }

  /** A line of the delivery. @param name in lower case */
  field(name: string): string | undefined {
    if (this.#fields === undefined) {
      this.#fields = new Map();
      for (const [key, value] of linesOfHdrs(this.#message.headers)) {
        this.#fields.set(key.toLowerCase(), value);
      }
    }
    return this.#fields.get(name);
  }

  /** As a message of the waist. */
  toMail(): MailMessage {
    const { label, mailbox, msgId, createdAtMs, key, tags, from, deliveryCount, dead } = this;
    return {
      msgId,
      mailbox,
      rank: rankOf(label),
      label,
      createdAtMs,
      expiresAtMs: neverMs,
      key,
      headers: blockOfLines(this.headerLines),
      payload: this.payload,
      tags,
      from,
      deliveryCount,
      dead,
    };
  }

  #number(name: string): number | undefined {
    const text = this.field(name);
    const number = text === undefined || text === "" ? Number.NaN : Number(text);
    return Number.isSafeInteger(number) ? number : undefined;
  }
}

export function mailboxInfoOf(row: Reply): MailboxInfo {
  return {
    name: textIn(row, "mail_address") ?? textIn(row, "mail_id") ?? textIn(row, "name") ?? "",
    kind: row["type"] === "latest" ? "latest" : "standard",
    public: row["public"] === true,
    desc: textIn(row, "desc") || undefined,
    ttlSeconds: numberIn(row, "ttl") ?? 0,
    createdAtMs: (numberIn(row, "create_time") ?? 0) * 1000,
    expiresAtMs: instantIn(row, "expires_at"),
    owner: textIn(row, "owner"),
  };
}

export function mailboxDetailOf(row: Reply): MailboxDetail {
  return {
    ...mailboxInfoOf(row),
    messages: numberIn(row, "messages") ?? 0,
    bytes: numberIn(row, "bytes") ?? 0,
    scheduled: numberIn(row, "scheduled") ?? 0,
    nextId: numberIn(row, "next_id") ?? 0,
    groups: rowsIn(row, "groups").map((group) => ({
      group: textIn(group, "group_name") ?? "",
      leased: numberIn(group, "leased") ?? 0,
      deferred: numberIn(group, "deferred") ?? 0,
      unsettled: numberIn(group, "unsettled") ?? 0,
      waiting: numberIn(group, "waiting") ?? 0,
      deliveriesMax: numberIn(group, "max_deliver") ?? 0,
    })),
  };
}

export function receiptOf(reply: Reply): ReceiptResult {
  return {
    state: (textIn(reply, "state") ?? "stored") as ReceiptResult["state"],
    read: reply["read"] === true,
    groups: rowsIn(reply, "groups").map((group) => ({
      group: textIn(group, "group_name") ?? "",
      state: (textIn(group, "state") ?? "waiting") as GroupMessageState,
      deliveryCount: numberIn(group, "delivery_count") ?? 0,
      untilMs: numberIn(group, "until_ms"),
    })),
  };
}

export function scheduledOf(mailbox: string, row: Reply): ScheduledMessage {
  return {
    scheduledId: numberIn(row, "scheduled_id") ?? -1,
    visibleAtMs: numberIn(row, "visible_at_ms") ?? 0,
    message: mailOf(mailbox, row),
  };
}

export function grantOf(row: Reply): GrantInfo {
  return {
    grantId: textIn(row, "grant_id") ?? "",
    rights: (Array.isArray(row["rights"]) ? row["rights"] : []) as TokenRight[],
    createdAtMs: (numberIn(row, "create_time") ?? 0) * 1000,
    expiresAtMs: instantIn(row, "expires_at"),
    by: textIn(row, "by"),
  };
}

/** An agent as DISCOVER and WATCH show it; `body` is the whole item. */
export function agentOf(item: Reply): Agent {
  const state = textIn(item, "state");
  const report = item["report"];
  return {
    name: textIn(item, "name") ?? "",
    mailbox: textIn(item, "mailbox") || undefined,
    owner: textIn(item, "owner"),
    body: encodeText(JSON.stringify(item)),
    facts: {
      description: textIn(item, "description") ?? "",
      skills: rowsIn(item, "skills").map((skill) => ({
        id: textIn(skill, "id") ?? "",
        name: textIn(skill, "name") ?? "",
        description: textIn(skill, "description") ?? "",
        tags: textsIn(skill, "tags"),
        examples: textsIn(skill, "examples"),
      })),
      tags: textsIn(item, "tags"),
      version: textIn(item, "version"),
      url: textIn(item, "url"),
    },
    registeredAtMs: (numberIn(item, "registered_at") ?? 0) * 1000,
    lastSeenAtMs: (numberIn(item, "last_seen") ?? 0) * 1000,
    state: state === "stale" || state === "gone" ? (state satisfies AgentState) : "active",
    report: report === undefined ? undefined : encodeText(JSON.stringify(report)),
  };
}

export function textsIn(item: Reply, name: string): string[] {
  const value = item[name];
  return Array.isArray(value)
    ? value.filter((each): each is string => typeof each === "string")
    : [];
}

/** How acknowledgement modes are written; `delivered` is what leaving the field out means. */
export function ackModeField(mode: AckMode): { ack_mode?: string } {
  return mode === "delivered" ? {} : { ack_mode: mode };
}
