// A message as one row of a JSON reply (QUERY and LIST), and how many rows one reply may hold.
import type { MailMessage, PriorityLabel } from "@mq9/protocol";
import { base64Length, writeBase64 } from "./base64.ts";
import type { JsonObject } from "./json.ts";
import { decodeText } from "./utf8.ts";

/** Rows in one reply at most, the published broker's own cap. */
export const rowsMax = 1000;

/** A reply stops growing after so many characters; its first row is always there. */
const replyLengthMax = 1_048_576;

/** Seconds since 1970, whole: older clients drop or refuse anything else. */
export function wireSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}

/**
 * What every reader of rows finds: `msg_id` as text, the priority in the reader's own words, and
 * the time under both names in use.
 */
export function messageRow(message: MailMessage, priority: PriorityLabel): JsonObject {
  const { msgId, createdAtMs, from } = message;
  const seconds = wireSeconds(createdAtMs);
  return {
    msg_id: String(msgId),
    priority,
    ts: seconds,
    create_time: seconds,
    ...(from === undefined ? {} : { from }),
  };
}

/** `payload` as text where the bytes are UTF-8 and as base64 where not; `payload_encoding` says which. */
export function payloadFields(payload: Uint8Array, asBase64 = false): JsonObject {
  const text = asBase64 ? undefined : decodeText(payload);
  if (text !== undefined) return { payload: text, payload_encoding: "utf8" };
  const encoded = new Uint8Array(base64Length(payload.length));
  writeBase64(encoded, 0, payload);
  return { payload: decodeText(encoded), payload_encoding: "base64" };
}

/**
 * The messages' rows as a JSON array, and whether some had to stay behind. Rows are made one at a
 * time, so that only the reply itself is in memory beside the messages.
 */
export function joinRows(
  messages: Iterable<MailMessage>,
  rowOf: (message: MailMessage) => JsonObject,
  lengthMax: number = replyLengthMax,
): { json: string; cut: boolean } {
  let json = "";
  for (const message of messages) {
    const text = JSON.stringify(rowOf(message));
    if (json !== "" && json.length + text.length > lengthMax)
      return { json: `[${json}]`, cut: true };
    json += json === "" ? text : `,${text}`;
  }
  return { json: `[${json}]`, cut: false };
}
