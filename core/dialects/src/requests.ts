// Opens a request: decodes and checks its body, says what to do in plain terms, and hands back the
// two functions that turn the outcome into a reply. Never throws.
import { Mq9Error } from "@mq9/protocol";
import { discoverEmptied, openDiscover } from "./agent/discover.ts";
import { openRegister, openReport, openUnregister } from "./agent/register.ts";
import { createEmptied, openCreate } from "./create/create.ts";
import type { Caller, Command, DialectOptions, Exchange, PublishTarget } from "./dialect.ts";
import { openQuery, queryEmptied } from "./inbox/query.ts";
import { type JsonObject, shownToken, takeUnread } from "./json.ts";
import { listEmptied, openList } from "./mailbox/list.ts";
import { openRemove, removeEmptied } from "./mailbox/remove.ts";
import { emptiedByVerb as emptiedOfMsg } from "./msg/emptied.ts";
import { openFetch } from "./msg/fetch.ts";
import { openGrant, openGrants, openOpen, openRevoke } from "./msg/grants.ts";
import {
  openCancel,
  openDiscard,
  openPurge,
  openReceipt,
  openRedrive,
  openScheduled,
} from "./msg/keep.ts";
import { openDrop, openInfo, openMailboxes, openRenew } from "./msg/lifetime.ts";
import { openSearch } from "./msg/search.ts";
import { openAck, openExtend, openNack, openSettle } from "./msg/settle.ts";
import { errorReply } from "./replies.ts";
import { encodeText } from "./utf8.ts";

const emptiedByVerb: Readonly<Record<Command["verb"], JsonObject>> = {
  create: createEmptied,
  query: queryEmptied,
  list: listEmptied,
  remove: removeEmptied,
  register: {},
  unregister: {},
  report: {},
  discover: discoverEmptied,
  ...emptiedOfMsg,
};

/**
 * What a worker said of one pushed message, from its word to the reply, if it asked for one.
 * @returns `op: "refused"` when the word makes no sense
 */
export function openSettlement(
  target: Extract<PublishTarget, { kind: "settle" }>,
  body: Uint8Array,
): Exchange {
  return refusing({}, () => openSettle(target, body));
}

/**
 * One request from its body to its reply.
 * @param body as it arrived; its size is limited by the connection already
 * @returns `op: "refused"` with the reply when the body makes no sense
 */
export function openRequest(
  command: Command,
  body: Uint8Array,
  caller: Caller,
  options: DialectOptions,
): Exchange {
  takeUnread();
  const exchange = refusing(emptiedByVerb[command.verb], () => {
    assertLength(command.verb, body);
    return openCommand(command, body, caller, options);
  });
  // A registration holds whatever its agent likes.
  const isFree = command.verb === "register" || command.verb === "report";
  const token = "mailbox" in command ? shownToken() : undefined;
  const ignored = isFree ? [] : takeUnread();
  if (ignored.length === 0 && token === undefined) return exchange;
  return { ...exchange, ignored, token };
}

/** Decoding takes the event loop for itself: what nobody needs to say in so many words is not read. */
function assertLength(verb: Command["verb"], body: Uint8Array): void {
  const most = verb === "create" || verb === "register" ? bodyMaxOfCards : bodyMax;
  if (body.length <= most) return;
  throw new Mq9Error("too_large", `the body of this request is longer than ${most} bytes`);
}

const bodyMax = 65_536;
/** A description may be an agent's whole card. */
const bodyMaxOfCards = 262_144;

function openCommand(
  command: Command,
  body: Uint8Array,
  caller: Caller,
  options: DialectOptions,
): Exchange {
  switch (command.verb) {
    case "create":
      return openCreate(body, caller, options);
    case "query":
      return openQuery(command.mailbox, body);
    case "list":
      return openList(command.mailbox, body);
    case "remove":
      return openRemove(command.mailbox, command.msgId);
    case "register":
      return openRegister(body);
    case "unregister":
      return openUnregister(body);
    case "report":
      return openReport(body);
    case "discover":
      return openDiscover(body, options);
    case "fetch":
      return openFetch(command.mailbox, body, options);
    case "ack":
      return openAck(command.mailbox, body);
    case "search":
      return openSearch(command.mailbox, body, caller, options);
    case "discard":
      return openDiscard(command.mailbox, command.number);
    case "nack":
      return openNack(command.mailbox, body);
    case "extend":
      return openExtend(command.mailbox, body);
    case "receipt":
      return openReceipt(command.mailbox, command.number);
    case "scheduled":
      return openScheduled(command.mailbox, body, options);
    case "cancel":
      return openCancel(command.mailbox, command.number);
    case "purge":
      return openPurge(command.mailbox, body);
    case "redrive":
      return openRedrive(command.mailbox, body);
    case "info":
      return openInfo(command.mailbox);
    case "renew":
      return openRenew(command.mailbox, body);
    case "drop":
      return openDrop(command.mailbox);
    case "grant":
      return openGrant(command.mailbox, body);
    case "grants":
      return openGrants(command.mailbox);
    case "revoke":
      return openRevoke(command.mailbox, body);
    case "open":
      return openOpen(command.mailbox, body);
    case "mailboxes":
      return openMailboxes(body, options);
  }
}

function refusing(emptied: JsonObject, open: () => Exchange): Exchange {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof Mq9Error)) throw error;
    const fail = (failure: Mq9Error): Uint8Array => errorReply(failure, emptied);
    return { op: "refused", operation: undefined, refusal: fail(error), fail };
  }
}

const newline = 0x0a;

/** The reply with the fields of the body that meant nothing, so that a misspelt one is noticed. */
export function withIgnored({ ignored }: Exchange, reply: Uint8Array): Uint8Array {
  if (ignored === undefined || ignored.length === 0) return reply;
  const note = encodeText(`,"ignored":${JSON.stringify(ignored)}`);
  const lineEnd = reply.indexOf(newline); // behind the JSON there may be bytes of messages
  const at = (lineEnd < 0 ? reply.length : lineEnd) - 1;
  const told = new Uint8Array(reply.length + note.length);
  told.set(reply.subarray(0, at), 0);
  told.set(note, at);
  told.set(reply.subarray(at), at + note.length);
  return told;
}
