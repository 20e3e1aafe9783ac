// What a worker says of a message it was handed: ACK, NACK and EXTEND as requests, and the short words
// it may publish to the reply subject of a message that was pushed to it.
import {
  type AckMode,
  type AckRequest,
  ackMax,
  delayMsMax,
  Mq9Error,
  reasonLengthMax,
} from "@mq9/protocol";
import type { Exchange, PublishTarget } from "../dialect.ts";
import {
  decodeBody,
  encodeJson,
  field,
  flagField,
  invalidBody,
  type JsonObject,
  textField,
  wholeField,
} from "../json.ts";
import { errorReply } from "../replies.ts";
import { decodeText, encodeText } from "../utf8.ts";
import { groupField, leaseField } from "./fetch.ts";
import { wholeNumber } from "./subjects.ts";

const fail = (error: Mq9Error): Uint8Array => errorReply(error);
const done = (): Uint8Array => encodeJson({ error: "" });

/** @throws {Mq9Error} `invalid` when the body makes no sense or names another mailbox */
export function openAck(mailbox: string, bytes: Uint8Array): Exchange {
  const request = "MSG.ACK";
  const body = decodeBody(bytes, request);
  checkAddress(body, mailbox, request);
  const group = groupField(body, request);
  const mode = modeField(body, request);
  const several = severalField(body, mode, request);
  return {
    op: "ack",
    // Libraries acknowledge whatever they fetched, with a group or without.
    operation:
      group === undefined
        ? undefined
        : { mailbox, group, ...(several ?? { msgId: messageField(body, request), mode }) },
    succeed: (settled) => encodeJson({ error: "", acked: settled }),
    fail: (error) =>
      errorReply(
        error.code === "not_found"
          ? new Mq9Error("not_found", `mailbox not found: ${mailbox}`, { cause: error })
          : error,
      ),
  };
}

/** @throws {Mq9Error} `invalid` when the body makes no sense or names another mailbox */
export function openNack(mailbox: string, bytes: Uint8Array): Exchange {
  const request = "MSG.NACK";
  const body = decodeBody(bytes, request);
  checkAddress(body, mailbox, request);
  return {
    op: "nack",
    operation: {
      mailbox,
      group: namedGroup(body, request),
      msgId: messageField(body, request),
      delayMs: wholeField(body, "delay_ms", request, 0, delayMsMax),
      poison: flagField(body, "poison", request),
      unseen: flagField(body, "unseen", request),
      reason: reasonField(body, request),
      deliveryCount: wholeField(body, "delivery_count", request, 1),
    },
    succeed: done,
    fail,
  };
}

/** @throws {Mq9Error} `invalid` when the body makes no sense or names another mailbox */
export function openExtend(mailbox: string, bytes: Uint8Array): Exchange {
  const request = "MSG.EXTEND";
  const body = decodeBody(bytes, request);
  checkAddress(body, mailbox, request);
  return {
    op: "extend",
    operation: {
      mailbox,
      group: namedGroup(body, request),
      msgId: messageField(body, request),
      leaseMs: leaseField(body, request),
      deliveryCount: wholeField(body, "delivery_count", request, 1),
    },
    succeed: (leaseEndsAtMs) => encodeJson({ error: "", lease_ends_at_ms: leaseEndsAtMs }),
    fail,
  };
}

/**
 * The word published to a pushed message's reply subject: nothing or `+ACK`; `-NAK`, with
 * `{"delay":ms}` behind it if the message shall stay away for a time; `+WPI`, still at work; `+TERM`,
 * nobody can handle it, with the reason behind it.
 * @throws {Mq9Error} `invalid` when it is no such word
 */
export function openSettle(
  target: Extract<PublishTarget, { kind: "settle" }>,
  bytes: Uint8Array,
): Exchange {
  const { mailbox, group, msgId, deliveryCount } = target;
  const text = decodeText(bytes);
  const [, word, rest = ""] = /^([+-][A-Z]{3,4})?(?:[ \t\r\n]*)([^]*)$/.exec(text ?? "?") ?? [];
  if (text === "" || (word === "+ACK" && rest === "")) {
    return {
      op: "ack",
      operation: { mailbox, group, msgId, mode: "one" },
      succeed: (settled) => encodeJson({ error: "", acked: settled }),
      fail,
    };
  }
  if (word === "+WPI" && rest === "") {
    return {
      op: "extend",
      operation: { mailbox, group, msgId, deliveryCount },
      succeed: (leaseEndsAtMs) => encodeJson({ error: "", lease_ends_at_ms: leaseEndsAtMs }),
      fail,
    };
  }
  if (word === "-NAK") {
    const body = decodeBody(encodeText(rest), "-NAK");
    const delayMs = wholeField(body, "delay", "-NAK", 0, delayMsMax);
    const operation = { mailbox, group, msgId, delayMs, deliveryCount };
    return { op: "nack", operation, succeed: done, fail };
  }
  if (word === "+TERM") {
    const reason = rest === "" ? undefined : rest.slice(0, reasonLengthMax);
    const operation = { mailbox, group, msgId, poison: true, reason, deliveryCount };
    return { op: "nack", operation, succeed: done, fail };
  }
  throw new Mq9Error(
    "invalid",
    "the answer to a pushed message is empty, '+ACK', '-NAK', '-NAK {\"delay\":ms}', '+WPI' or '+TERM'",
  );
}

/** The body may repeat the subject's mailbox, never name another: rights are those of the subject. */
function checkAddress(body: JsonObject, mailbox: string, request: string): void {
  const address = textField(body, "mail_address", request);
  if (address === undefined || address === "" || address === mailbox) return;
  throw invalidBody(request, "mail_address must be the mailbox that the subject names");
}

function namedGroup(body: JsonObject, request: string): string {
  const group = groupField(body, request);
  if (group !== undefined) return group;
  throw invalidBody(request, "group_name is missing");
}

/** As a number or as the text of one. */
function messageField(body: JsonObject, request: string): number {
  const value = field(body, "msg_id");
  if (value === undefined) throw invalidBody(request, "msg_id is missing");
  const text = typeof value === "string" || typeof value === "number" ? String(value) : "";
  const msgId = wholeNumber(text);
  if (msgId !== undefined) return msgId;
  throw new Mq9Error("invalid", `invalid msg_id: ${text.slice(0, 64) || "it must be a number"}`);
}

/** `msg_ids`: up to `ackMax` numbers instead of one `msg_id`, each for itself; undefined when absent. */
function severalField(
  body: JsonObject,
  mode: AckMode,
  request: string,
): Pick<AckRequest, "msgId" | "mode" | "alsoMsgIds"> | undefined {
  const value = field(body, "msg_ids");
  if (value === undefined) return undefined;
  const wrong = (what: string): Mq9Error => invalidBody(request, `msg_ids ${what}`);
  if (!Array.isArray(value) || value.length === 0 || value.length > ackMax) {
    throw wrong(`must be a list of 1 to ${ackMax} numbers`);
  }
  if (!value.every((each) => Number.isSafeInteger(each) && each >= 0)) {
    throw wrong("must hold whole numbers from 0");
  }
  if (field(body, "msg_id") !== undefined) throw wrong("and msg_id exclude each other");
  if (mode === "batch") throw wrong("are acknowledged each by itself: ack_mode must be 'one'");
  const [msgId, ...alsoMsgIds] = value as [number, ...number[]];
  return { msgId, alsoMsgIds, mode: "one" };
}

function modeField(body: JsonObject, request: string): AckMode {
  const mode = textField(body, "ack_mode", request);
  if (mode === undefined) return "delivered";
  if (mode === "one" || mode === "batch") return mode;
  throw invalidBody(request, "ack_mode must be 'one' or 'batch'");
}

function reasonField(body: JsonObject, request: string): string | undefined {
  const reason = textField(body, "reason", request);
  if (reason === undefined || reason.length <= reasonLengthMax) return reason;
  throw invalidBody(request, `reason must be at most ${reasonLengthMax} characters`);
}
