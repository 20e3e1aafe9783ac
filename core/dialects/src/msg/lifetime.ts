// Our additions about mailboxes themselves: INFO, RENEW, DROP, and the list of an account's mailboxes.
import { type MailboxDetail, type MailboxInfo, neverMs, ttlSecondsMax } from "@mq9/protocol";
import type { DialectOptions, Exchange } from "../dialect.ts";
import {
  decodeBody,
  encodeJson,
  invalidBody,
  type JsonObject,
  limitField,
  textField,
  wholeField,
} from "../json.ts";
import { wireSeconds } from "../message-json.ts";
import { errorReply } from "../replies.ts";
import { emptiedByVerb } from "./emptied.ts";

const namesDefault = 100;
const namesMax = 1000;

/** `MAILBOX.INFO.<id>`; its body says nothing. */
export function openInfo(mailbox: string): Exchange {
  return {
    op: "info",
    operation: { mailbox },
    succeed: (detail) => encodeJson({ error: "", ...facts(detail), ...counts(detail) }),
    fail: (error) => errorReply(error, emptiedByVerb.info),
  };
}

/** `MAILBOX.RENEW.<id>` `{"ttl":seconds}`. @throws {Mq9Error} `invalid` */
export function openRenew(mailbox: string, bytes: Uint8Array): Exchange {
  const request = "MAILBOX.RENEW";
  const ttlSeconds = wholeField(decodeBody(bytes, request), "ttl", request, 0, ttlSecondsMax);
  if (ttlSeconds === undefined) throw invalidBody(request, "ttl is missing");
  return {
    op: "renew",
    operation: { mailbox, ttlSeconds },
    succeed: (info) => encodeJson({ error: "", ...facts(info) }),
    fail: (error) => errorReply(error, emptiedByVerb.renew),
  };
}

/** `MAILBOX.DROP.<id>`; its body says nothing. */
export function openDrop(mailbox: string): Exchange {
  return {
    op: "drop",
    operation: { mailbox },
    succeed: () => encodeJson({ error: "", dropped: true }),
    fail: (error) => errorReply(error, emptiedByVerb.drop),
  };
}

/** `MAILBOX.LIST`, without a name. @throws {Mq9Error} `invalid` when the body makes no sense */
export function openMailboxes(bytes: Uint8Array, options: DialectOptions): Exchange {
  const request = "MAILBOX.LIST";
  const body = decodeBody(bytes, request);
  const limit = limitField(body, namesMax, request, namesDefault);
  const after = textField(body, "after", request) ?? "";
  if (after.length > 1024) throw invalidBody(request, "after is longer than a name");
  return {
    op: "mailboxes",
    operation: { request: { after, limit: limit + 1 }, publicOnly: !options.allowTap },
    succeed: (infos) =>
      encodeJson({
        error: "",
        mailboxes: infos.slice(0, limit).map(facts),
        ...(infos.length > limit ? { more: true } : {}),
      }),
    fail: (error) => errorReply(error, emptiedByVerb.mailboxes),
  };
}

function facts(info: MailboxInfo): JsonObject {
  return {
    mail_id: info.name,
    mail_address: info.name,
    type: info.kind,
    public: info.public,
    desc: info.desc ?? "",
    ttl: info.ttlSeconds,
    create_time: wireSeconds(info.createdAtMs),
    expires_at: info.expiresAtMs === neverMs ? null : wireSeconds(info.expiresAtMs),
    ...(info.owner === undefined ? {} : { owner: info.owner }),
  };
}

function counts(detail: MailboxDetail): JsonObject {
  return {
    messages: detail.messages,
    bytes: detail.bytes,
    scheduled: detail.scheduled,
    next_id: detail.nextId,
    groups: detail.groups.map((group) => ({
      group_name: group.group,
      leased: group.leased,
      deferred: group.deferred,
      unsettled: group.unsettled,
      waiting: group.waiting,
      max_deliver: group.deliveriesMax,
    })),
  };
}
