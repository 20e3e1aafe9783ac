// What brokers that speak generation 0 or 1 alone can do of the waist: make, send, look, delete. Which of
// their mailboxes have a token is known for those made here.
import {
  type CreateRequest,
  type FetchRequest,
  type FetchResult,
  type MailMessage,
  type PriorityLabel,
  type QueryResult,
  type SendRequest,
  type SendResult,
} from "@mq9/protocol";
import { unsupported } from "../errors.ts";
import { linesOfBlock } from "../headers.ts";
import { type Reply, spacePrefix } from "../link.ts";
import type { CallOptions, RemoteCalls } from "./calls.ts";
import { mailOf, numberIn, rowsIn } from "./wire.ts";

export type EarlyDialect = "mailbox" | "inbox";

const inboxWords: Readonly<Record<PriorityLabel, string>> = {
  critical: "urgent",
  urgent: "urgent",
  high: "urgent",
  normal: "normal",
  low: "notify",
  notify: "notify",
};

/** The body of CREATE. @throws {Mq9Error} `unsupported` for what that generation has no words for */
export function createBodyEarly(
  calls: RemoteCalls,
  dialect: EarlyDialect,
  request: CreateRequest,
): Reply {
  const { name, kind, ttlSeconds, desc } = request;
  if (dialect === "mailbox") {
    if (kind === "latest") throw unsupported("a mailbox of kind latest", calls.broker.description);
    if (name !== undefined && !request.public) {
      throw unsupported("a named mailbox that is not public", calls.broker.description);
    }
    const named = request.public ? { public: true, name, desc: desc ?? "" } : {};
    return { ttl: ttlSeconds, ...named };
  }
  if (name !== undefined || request.public) {
    throw unsupported("a mailbox with a name", calls.broker.description);
  }
  return { type: kind, ttl: ttlSeconds };
}

/**
 * `msgId` is -1 where the broker does not tell it. What is sent has no dedup id, so a lost answer is
 * `outcome_unknown`.
 */
export async function sendEarly(
  calls: RemoteCalls,
  dialect: EarlyDialect,
  request: SendRequest,
  options: CallOptions,
): Promise<SendResult> {
  const { mailbox, label, payload, headers, ttlSeconds, key, delayMs, tags } = request;
  const extras = { key, delayMs, ttlSeconds, tags, headers: linesOfBlock(headers)[0] };
  for (const [name, value] of Object.entries(extras)) {
    if (value !== undefined) {
      throw unsupported(`a message with ${name}`, calls.broker.description);
    }
  }
  const what = `send to ${mailbox}`;
  if (dialect === "inbox") {
    const subject = `${spacePrefix}INBOX.${mailbox}.${inboxWords[label]}`;
    // Nothing goes out unless the connection is there, and what is flushed has arrived.
    await calls.link.flush(what, { ...options, kind: "read" });
    calls.link.publish(subject, payload);
    await calls.link.flush(what, options);
    return { msgId: -1 };
  }
  const suffix = label === "normal" ? "normal" : label;
  const reply = await calls.succeed({
    ...options,
    subject: `MAILBOX.MSG.${mailbox}.${suffix}`,
    body: payload,
    what,
    kind: "once",
  });
  return { msgId: numberIn(reply, "msg_id") ?? -1 };
}

/** Everything stored (generation 1) or unread (generation 0). @param token of CREATE, for generation 0 */
export async function rowsEarly(
  calls: RemoteCalls,
  dialect: EarlyDialect,
  request: { readonly mailbox: string; readonly limit: number },
  options: CallOptions,
): Promise<QueryResult> {
  const { mailbox, limit } = request;
  const verb = dialect === "mailbox" ? "LIST" : "QUERY";
  const token = calls.tokenOf(mailbox);
  const reply = await calls.succeed({
    ...options,
    subject: `MAILBOX.${verb}.${mailbox}`,
    body:
      dialect === "mailbox"
        ? { payload: true, limit }
        : { ...(token === undefined ? {} : { token }), limit },
    what: `looking into ${mailbox}`,
    kind: "read",
  });
  const messages: readonly MailMessage[] = rowsIn(reply, "messages").map((row) =>
    mailOf(mailbox, row),
  );
  return {
    messages: messages.slice(0, limit),
    unread: numberIn(reply, "unread") ?? 0,
    more: reply["more"] === true || messages.length > limit,
  };
}

/** A fetch without a group is a look. @throws {Mq9Error} `unsupported` with a group */
export async function listEarly(
  calls: RemoteCalls,
  dialect: EarlyDialect,
  request: FetchRequest,
  options: CallOptions,
): Promise<FetchResult> {
  if (request.group !== undefined) {
    throw unsupported("fetching in a group", calls.broker.description);
  }
  if (request.start.at === "latest") {
    throw unsupported("fetching from the latest", calls.broker.description);
  }
  const { messages, more } = await rowsEarly(calls, dialect, request, options);
  const { start } = request;
  return {
    messages: messages.filter(
      ({ msgId, createdAtMs }) =>
        (start.at !== "id" || msgId >= start.msgId) &&
        (start.at !== "time" || createdAtMs >= start.ms),
    ),
    more,
  };
}
