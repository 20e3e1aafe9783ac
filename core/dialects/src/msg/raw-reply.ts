// The form of a FETCH reply for readers that take many messages: a line of JSON as always, and behind
// it the header blocks and payloads as they are. Nobody has to write or read them as text.
import { type MailMessage, neverMs } from "@mq9/protocol";
import { wireSeconds } from "../message-json.ts";
import { encodeText } from "../utf8.ts";
import { mailboxWords } from "../words.ts";
import { deadLetter, isShown } from "./item.ts";

/** The JSON line names the lengths; the bytes follow in the order of its items, headers first. */
export function rawReply(messages: readonly MailMessage[], more: boolean): Uint8Array {
  let items = "";
  let length = 0;
  for (const message of messages) {
    items += items === "" ? rawItem(message) : `,${rawItem(message)}`;
    length += (message.headers?.length ?? 0) + message.payload.length;
  }
  const line = encodeText(`{"error":"","messages":[${items}]${more ? ',"more":true' : ""}}\n`);
  const reply = new Uint8Array(line.length + length);
  reply.set(line);
  let at = line.length;
  for (const { headers, payload } of messages) {
    if (headers !== undefined) {
      reply.set(headers, at);
      at += headers.length;
    }
    reply.set(payload, at);
    at += payload.length;
  }
  return reply;
}

/** As `messageItem`, but for the two that follow. Written by hand: one of these is made per message. */
function rawItem(message: MailMessage): string {
  const { headers, payload, key, tags, deliveryCount, leaseEndsAtMs, from, dead } = message;
  let text = `{"msg_id":${message.msgId},"payload_bytes":${payload.length}`;
  if (headers !== undefined) text += `,"header_bytes":${headers.length}`;
  text += `,"priority":"${mailboxWords[message.label]}","create_time":${wireSeconds(message.createdAtMs)}`;
  if (mailboxWords[message.label] !== message.label) text += `,"label":"${message.label}"`;
  if (isShown(key)) text += `,"key":${JSON.stringify(key)}`;
  if (tags !== undefined) text += `,"tags":${JSON.stringify(tags)}`;
  if (deliveryCount !== undefined) text += `,"delivery_count":${deliveryCount}`;
  if (leaseEndsAtMs !== undefined) text += `,"lease_ends_at_ms":${leaseEndsAtMs}`;
  if (from !== undefined) text += `,"from":${JSON.stringify(from)}`;
  if (message.expiresAtMs !== neverMs) {
    text += `,"expires_at":${wireSeconds(message.expiresAtMs)}`;
  }
  if (dead !== undefined) text += `,"dead":${JSON.stringify(deadLetter(dead))}`;
  return `${text}}`;
}
