// `MAILBOX.DELETE.<id>.<msg_id>` of generation 1. The body says nothing: `{}`, `""` and none are sent.
import { Mq9Error } from "@mq9/protocol";
import type { Exchange } from "../dialect.ts";
import { encodeJson, type JsonObject } from "../json.ts";
import { errorReply } from "../replies.ts";
import { subjectText } from "../utf8.ts";
import { asMailboxNotFound, asMessageNotFound } from "./errors.ts";

/** What a failed DELETE still carries of its success form. */
export const removeEmptied: JsonObject = { deleted: false };

/** @throws {Mq9Error} `invalid` when the last token is no message number */
export function openRemove(mailbox: string, msgId: string): Exchange {
  return {
    op: "remove",
    operation: { op: "remove", mailbox, msgId: parseMsgId(msgId) },
    succeed: () => encodeJson({ deleted: true }),
    fail: (error) => errorReply(asMessageNotFound(asMailboxNotFound(error)), removeEmptied),
  };
}

function parseMsgId(token: string): number {
  const msgId = /^(?:0|[1-9][0-9]{0,15})$/.test(token) ? Number(token) : Number.NaN;
  if (Number.isSafeInteger(msgId)) return msgId;
  throw new Mq9Error("invalid", `invalid msg_id: ${subjectText(token)}`);
}
