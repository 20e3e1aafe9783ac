// `MAILBOX.QUERY.<id>` of generation 0: what is stored, with payloads, shown to whoever has the token.
import type { QueryResult } from "@mq9/protocol";
import type { Exchange } from "../dialect.ts";
import { decodeBody, type JsonObject, limitField, textField } from "../json.ts";
import { joinRows, messageRow, payloadFields, rowsMax } from "../message-json.ts";
import { errorReply } from "../replies.ts";
import { encodeText } from "../utf8.ts";
import { inboxWords } from "../words.ts";

const request = "MAILBOX.QUERY";

/** What a failed QUERY still carries of its success form. */
export const queryEmptied: JsonObject = { messages: [] };

/** @throws {Mq9Error} `invalid` when the body makes no sense */
export function openQuery(mailbox: string, bytes: Uint8Array): Exchange {
  const body = decodeBody(bytes, request);
  return {
    op: "query",
    operation: {
      op: "query",
      mailbox,
      token: textField(body, "token", request),
      limit: limitField(body, rowsMax, request),
    },
    succeed: (result) => queryReply(mailbox, result),
    fail: (error) => errorReply(error, queryEmptied),
  };
}

function queryReply(mailbox: string, result: QueryResult): Uint8Array {
  const { json, cut } = joinRows(result.messages, (message) => ({
    ...messageRow(message, inboxWords[message.label]),
    ...payloadFields(message.payload),
  }));
  const more = cut || result.more ? ',"more":true' : "";
  const id = JSON.stringify(mailbox);
  return encodeText(`{"mail_id":${id},"unread":${result.unread},"messages":${json}${more}}`);
}
