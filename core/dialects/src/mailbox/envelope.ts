// The JSON wrapping one published client of generation 1 needs around what it receives: without it
// that client loses binary payloads and cannot delete what it got.
import type { MailMessage } from "@mq9/protocol";
import { base64Length, writeBase64 } from "../base64.ts";
import type { Caller, View } from "../dialect.ts";
import { wireSeconds } from "../message-json.ts";

/** CONNECT `name` of that client; no other can be told from a raw connection. */
export const pythonClientName = "robustmq-mq9-python";

/** Whether this connection reads this view through envelopes. Depends on no message: ask once. */
export function needsEnvelope(caller: Caller, view: View): boolean {
  return view.form === "mailbox" && caller.clientName === pythonClientName;
}

/**
 * `{"msg_id":text,"mail_id":…,"priority":…,"ts":seconds,"payload":base64}`; an empty payload stays as
 * it is, because its reader would take the envelope itself for the message.
 */
export function envelope(message: MailMessage): Uint8Array {
  const { payload } = message;
  if (payload.length === 0) return payload;
  // Names and labels are plain ASCII without quotes: nothing here needs escaping.
  const head = `{"msg_id":"${message.msgId}","mail_id":"${message.mailbox}","priority":"${message.label}","ts":${wireSeconds(message.createdAtMs)},"payload":"`;
  const encoded = base64Length(payload.length);
  const bytes = new Uint8Array(head.length + encoded + 2);
  for (let i = 0; i < head.length; i += 1) bytes[i] = head.charCodeAt(i);
  writeBase64(bytes, head.length, payload);
  bytes[head.length + encoded] = 0x22;
  bytes[head.length + encoded + 1] = 0x7d;
  return bytes;
}
