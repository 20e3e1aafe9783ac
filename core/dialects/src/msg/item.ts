// A message as generation 2 shows it in FETCH, QUERY and the list of what is scheduled, and which
// encoding of payloads the asker reads.
import { type MailMessage, neverMs } from "@mq9/protocol";
import { invalidBody, type JsonObject, textField } from "../json.ts";
import { payloadFields, wireSeconds } from "../message-json.ts";
import { mailboxWords } from "../words.ts";
import { headerMap } from "./header-block.ts";

/** `base64`: always. `utf8`: the text itself where the bytes are UTF-8, else base64. */
export type PayloadEncoding = "base64" | "utf8";

/** The request's own `encoding`. @throws {Mq9Error} `invalid` when it is none of the two */
export function encodingField(body: JsonObject, request: string): PayloadEncoding | undefined {
  const encoding = textField(body, "encoding", request);
  if (encoding === undefined || encoding === "base64" || encoding === "utf8") return encoding;
  throw invalidBody(request, "encoding must be 'base64' or 'utf8'");
}

/**
 * One item. `msg_id` and `create_time` are numbers, as every published reader of this generation
 * needs them; `label` is the sender's word where `priority` cannot say it; `header` is the sender's block byte by byte, or null; what does not apply is left out.
 */
export function messageItem(message: MailMessage, encoding: PayloadEncoding): JsonObject {
  const { headers, key, tags, deliveryCount, leaseEndsAtMs, from, expiresAtMs, dead } = message;
  return {
    msg_id: message.msgId,
    ...payloadFields(message.payload, encoding === "base64"),
    priority: mailboxWords[message.label],
    ...(mailboxWords[message.label] === message.label ? {} : { label: message.label }),
    header: headers === undefined ? null : Array.from(headers),
    headers: headers === undefined ? {} : headerMap(headers),
    create_time: wireSeconds(message.createdAtMs),
    ...(isShown(key) ? { key } : {}),
    ...(tags === undefined ? {} : { tags }),
    ...(deliveryCount === undefined ? {} : { delivery_count: deliveryCount }),
    ...(leaseEndsAtMs === undefined ? {} : { lease_ends_at_ms: leaseEndsAtMs }),
    ...(from === undefined ? {} : { from }),
    ...(expiresAtMs === neverMs ? {} : { expires_at: wireSeconds(expiresAtMs) }),
    ...(dead === undefined ? {} : { dead: deadLetter(dead) }),
  };
}

/** A mailbox that keeps only its newest message has a key of its own for it, which is nobody's business. */
export function isShown(key: string | undefined): key is string {
  return key !== undefined && !key.startsWith("\0");
}

export function deadLetter(dead: NonNullable<MailMessage["dead"]>): JsonObject {
  return {
    mail_address: dead.mailbox,
    msg_id: dead.msgId,
    group_name: dead.group,
    cause: dead.cause,
    deliveries: dead.deliveries,
    ...(dead.reason === undefined ? {} : { reason: dead.reason }),
    at: wireSeconds(dead.atMs),
  };
}
