// `MAILBOX.LIST.<id>` of generation 1: what is stored, without payloads unless the body asks for them.
import type { QueryResult } from "@mq9/protocol";
import type { Exchange } from "../dialect.ts";
import { decodeBody, flagField, type JsonObject, limitField } from "../json.ts";
import { joinRows, messageRow, payloadFields, rowsMax } from "../message-json.ts";
import { errorReply } from "../replies.ts";
import { encodeText } from "../utf8.ts";
import { listWords } from "../words.ts";
import { asMailboxNotFound } from "./errors.ts";

const request = "MAILBOX.LIST";

/** What a failed LIST still carries of its success form. */
export const listEmptied: JsonObject = { messages: [] };

/** @throws {Mq9Error} `invalid` when the body makes no sense */
export function openList(mailbox: string, bytes: Uint8Array): Exchange {
  const body = decodeBody(bytes, request);
  const withPayload = flagField(body, "payload", request);
  return {
    op: "list",
    operation: { op: "list", mailbox, limit: limitField(body, rowsMax, request), withPayload },
    succeed: (result) => listReply(mailbox, result, withPayload),
    fail: (error) => errorReply(asMailboxNotFound(error), listEmptied),
  };
}

function listReply(mailbox: string, result: QueryResult, withPayload: boolean): Uint8Array {
  const words = listWords(result.messages);
  const { json, cut } = joinRows(result.messages, (message) => ({
    ...messageRow(message, words[message.label]),
    ...(withPayload ? payloadFields(message.payload) : {}),
  }));
  const more = cut || result.more ? ',"more":true' : "";
  const id = JSON.stringify(mailbox);
  return encodeText(`{"mail_id":${id},"mail_address":${id},"messages":${json}${more}}`);
}
