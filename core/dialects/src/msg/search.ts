// `MSG.QUERY.<id>`: what is stored, without taking it; filters are combined with AND.
import type { MailMessage } from "@mq9/protocol";
import type { Caller, DialectOptions, Exchange } from "../dialect.ts";
import {
  decodeBody,
  field,
  instantField,
  invalidBody,
  isExplicitNull,
  type JsonObject,
  limitField,
  textField,
  wholeField,
} from "../json.ts";
import { rowsMax } from "../message-json.ts";
import { errorReply } from "../replies.ts";
import { encodeText } from "../utf8.ts";
import { emptiedByVerb } from "./emptied.ts";
import { forced, payloadBytes } from "./fetch.ts";
import { encodingField, messageItem, type PayloadEncoding } from "./item.ts";

const request = "MSG.QUERY";
const limitDefault = 100;

/** @throws {Mq9Error} `invalid` when the body makes no sense */
export function openSearch(
  mailbox: string,
  bytes: Uint8Array,
  caller: Caller,
  options: DialectOptions,
): Exchange {
  const body = decodeBody(bytes, request);
  const shape = bytes.length === 0 || isTextShaped(body) || readsText(caller) ? "utf8" : "base64";
  const encoding = encodingField(body, request) ?? forced(options) ?? shape;
  return {
    op: "search",
    operation: {
      mailbox,
      checkToken: false,
      unreadOnly: false,
      countUnread: false,
      order: "newest",
      limit: limitField(body, rowsMax, request, limitDefault),
      bytesMax: payloadBytes(options.replyBytesMax),
      key: textField(body, "key", request) || undefined,
      tags: tagsField(body),
      tagsMode: tagsModeField(body),
      sinceMs: instantField(body, "since", request),
      beforeId: wholeField(body, "before_id", request),
    },
    succeed: (result) => {
      const { json, cut } = newestRows(result.messages, encoding, options.replyBytesMax * 2);
      const more = cut || result.more ? ',"more":true' : "";
      return encodeText(`{"error":"","messages":${json}${more}}`);
    },
    fail: (error) => errorReply(error, emptiedByVerb.search),
  };
}

/** Requests written by hand and by encoders that write every field; libraries send neither. */
function isTextShaped(body: JsonObject): boolean {
  return (
    Object.hasOwn(body, "tags") || Object.keys(body).some((name) => isExplicitNull(body, name))
  );
}

function readsText(caller: Caller): boolean {
  return caller.readsText === true || caller.clientName.startsWith("NATS CLI");
}

/** Ascending; what has no room are the oldest, so that `before_id` goes on from what was shown. */
function newestRows(
  messages: readonly MailMessage[],
  encoding: PayloadEncoding,
  lengthMax: number,
): { json: string; cut: boolean } {
  const rows: string[] = [];
  let length = 0;
  for (let i = messages.length - 1; i >= 0; i -= 1) {
    const row = JSON.stringify(messageItem(messages[i] as MailMessage, encoding));
    if (rows.length > 0 && length + row.length > lengthMax) break;
    rows.push(row);
    length += row.length + 1;
  }
  return { json: `[${rows.reverse().join(",")}]`, cut: rows.length < messages.length };
}

function tagsField(body: JsonObject): readonly string[] | undefined {
  const tags = field(body, "tags");
  if (tags === undefined) return undefined;
  if (Array.isArray(tags) && tags.length <= 16 && tags.every((tag) => typeof tag === "string")) {
    const named = tags.map((tag) => tag.trim()).filter((tag) => tag !== "");
    return named.length === 0 ? undefined : named;
  }
  throw invalidBody(request, "tags must be a list of at most 16 texts");
}

function tagsModeField(body: JsonObject): "all" | "any" | undefined {
  const mode = textField(body, "tags_mode", request);
  if (mode === undefined || mode === "all" || mode === "any") return mode;
  throw invalidBody(request, "tags_mode must be 'all' or 'any'");
}
