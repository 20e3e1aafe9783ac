// Replies that do not depend on a request's own form: refusals, failures and the receipt of a send.
import { Mq9Error, type SendResult } from "@mq9/protocol";
import type { Generation } from "./dialect.ts";
import { encodeJson, type JsonObject } from "./json.ts";
import { encodeText, subjectText } from "./utf8.ts";

/**
 * `{"error":text,"code":number,"reason":code}`, then what a success would have carried, emptied, so
 * that readers of fixed fields find them.
 */
export function errorReply(error: Mq9Error, emptied: JsonObject = {}): Uint8Array {
  return encodeJson({
    error: error.message,
    code: error.status,
    reason: error.code,
    ...emptied,
  });
}

/**
 * The answer to a publish that named a reply subject: `{"msg_id":n}`, in generation 2 with `error:""`
 * before it, in the others without any `error` key. `scheduled_id` and `duplicate` follow where they
 * apply.
 */
export function sendReply(result: SendResult, generation: Generation | undefined): Uint8Array {
  if (generation === 2 || result.scheduledId !== undefined || result.duplicate !== undefined) {
    return longReply(result, generation);
  }
  // Written once per durable send: plain digits need no JSON encoder.
  const digits = String(result.msgId);
  const bytes = new Uint8Array(sendReplyHead.length + digits.length + 1);
  bytes.set(sendReplyHead);
  for (let i = 0; i < digits.length; i += 1) {
    bytes[sendReplyHead.length + i] = digits.charCodeAt(i);
  }
  bytes[bytes.length - 1] = 0x7d;
  return bytes;
}

function longReply(result: SendResult, generation: Generation | undefined): Uint8Array {
  return encodeJson({
    ...(generation === 2 ? { error: "" } : {}),
    msg_id: result.msgId,
    ...(result.scheduledId === undefined ? {} : { scheduled_id: result.scheduledId }),
    ...(result.duplicate === true ? { duplicate: true } : {}),
  });
}

const sendReplyHead: Uint8Array = encodeText('{"msg_id":');

/** The answer to a request on a subject that nobody serves. */
export function unrecognizedReply(subject: string): Uint8Array {
  return errorReply(new Mq9Error("invalid", `unrecognized mq9 subject: ${subjectText(subject)}`));
}
