// Requests of generation 2 about what lies in a mailbox, by number or as a whole: DELETE, and our
// additions RECEIPT, SCHEDULED, CANCEL, PURGE and REDRIVE.
import { Mq9Error, type ReceiptResult, type ScheduledMessage } from "@mq9/protocol";
import type { DialectOptions, Exchange } from "../dialect.ts";
import { decodeBody, encodeJson, type JsonObject, limitField, wholeField } from "../json.ts";
import { asMessageNotFound } from "../mailbox/errors.ts";
import { rowsMax, wireSeconds } from "../message-json.ts";
import { errorReply } from "../replies.ts";
import { encodeText, subjectText } from "../utf8.ts";
import { emptiedByVerb } from "./emptied.ts";
import { forced } from "./fetch.ts";
import { encodingField, messageItem, type PayloadEncoding } from "./item.ts";
import { wholeNumber } from "./subjects.ts";

const limitDefault = 100;

type Fail = (error: Mq9Error) => Uint8Array;

function failing(emptied: JsonObject): Fail {
  return (error) => errorReply(asMessageNotFound(error), emptied);
}

/** `MSG.DELETE.<id>.<msg_id>`; its body says nothing. @throws {Mq9Error} `invalid` */
export function openDiscard(mailbox: string, number: string): Exchange {
  return {
    op: "discard",
    operation: { mailbox, msgId: numberToken("msg_id", number) },
    succeed: () => encodeJson({ error: "", deleted: true }),
    fail: failing(emptiedByVerb.discard),
  };
}

/** `MSG.RECEIPT.<id>.<msg_id>`; its body says nothing. @throws {Mq9Error} `invalid` */
export function openReceipt(mailbox: string, number: string): Exchange {
  const msgId = numberToken("msg_id", number);
  return {
    op: "receipt",
    operation: { mailbox, msgId },
    succeed: (receipt) => receiptReply(msgId, receipt),
    fail: failing(emptiedByVerb.receipt),
  };
}

function receiptReply(msgId: number, receipt: ReceiptResult): Uint8Array {
  return encodeJson({
    error: "",
    msg_id: msgId,
    state: receipt.state,
    read: receipt.read,
    groups: receipt.groups.map(({ group, state, deliveryCount, untilMs }) => ({
      group_name: group,
      state,
      // Of what is settled nobody counts any more.
      ...(state === "acked" || state === "dead_lettered" ? {} : { delivery_count: deliveryCount }),
      ...(untilMs === undefined ? {} : { until_ms: untilMs }),
    })),
  });
}

/** `MSG.SCHEDULED.<id>`. @throws {Mq9Error} `invalid` when the body makes no sense */
export function openScheduled(
  mailbox: string,
  bytes: Uint8Array,
  options: DialectOptions,
): Exchange {
  const request = "MSG.SCHEDULED";
  const body = decodeBody(bytes, request);
  // No published client knows this request: text is what people read.
  const encoding = encodingField(body, request) ?? forced(options) ?? "utf8";
  return {
    op: "scheduled",
    operation: {
      mailbox,
      afterId: wholeField(body, "after_id", request) ?? -1,
      limit: limitField(body, rowsMax, request, limitDefault),
    },
    succeed: (scheduled) => scheduledReply(scheduled, encoding, options.replyBytesMax),
    fail: failing(emptiedByVerb.scheduled),
  };
}

function scheduledReply(
  scheduled: readonly ScheduledMessage[],
  encoding: PayloadEncoding,
  lengthMax: number,
): Uint8Array {
  let json = "";
  let more = "";
  for (const { scheduledId, visibleAtMs, message } of scheduled) {
    // Its number comes when it becomes visible: until then -1, as in the reply to its SEND.
    const item = { ...messageItem(message, encoding), msg_id: -1 };
    const row = JSON.stringify({
      scheduled_id: scheduledId,
      visible_at: wireSeconds(visibleAtMs),
      visible_at_ms: visibleAtMs,
      ...item,
    });
    if (json !== "" && json.length + row.length > lengthMax) {
      more = ',"more":true';
      break;
    }
    json += json === "" ? row : `,${row}`;
  }
  return encodeText(`{"error":"","scheduled":[${json}]${more}}`);
}

/** `MSG.CANCEL.<id>.<scheduled_id>`; its body says nothing. @throws {Mq9Error} `invalid` */
export function openCancel(mailbox: string, number: string): Exchange {
  return {
    op: "cancel",
    operation: { mailbox, scheduledId: numberToken("scheduled_id", number) },
    succeed: () => encodeJson({ error: "", canceled: true }),
    fail: failing(emptiedByVerb.cancel),
  };
}

/** `MSG.PURGE.<id>`. @throws {Mq9Error} `invalid` when the body makes no sense */
export function openPurge(mailbox: string, bytes: Uint8Array): Exchange {
  const request = "MSG.PURGE";
  const body = decodeBody(bytes, request);
  return {
    op: "purge",
    operation: { mailbox, beforeId: wholeField(body, "before_id", request) },
    succeed: (count) => encodeJson({ error: "", purged: count }),
    fail: failing(emptiedByVerb.purge),
  };
}

/** `MSG.REDRIVE.<id>`: the dead letters of that mailbox back into it. @throws {Mq9Error} `invalid` */
export function openRedrive(mailbox: string, bytes: Uint8Array): Exchange {
  const request = "MSG.REDRIVE";
  const body = decodeBody(bytes, request);
  return {
    op: "redrive",
    operation: {
      mailbox,
      msgId: wholeField(body, "msg_id", request),
      limit: limitField(body, rowsMax, request, limitDefault),
    },
    succeed: (count) => encodeJson({ error: "", redriven: count }),
    fail: failing(emptiedByVerb.redrive),
  };
}

function numberToken(name: string, token: string): number {
  const number = wholeNumber(token);
  if (number !== undefined) return number;
  throw new Mq9Error("invalid", `invalid ${name}: ${subjectText(token)}`);
}
