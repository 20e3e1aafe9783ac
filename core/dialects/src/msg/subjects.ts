// Subjects under `MSG.` (generation 2 and our additions) and the requests we add under `MAILBOX.`.
// Called by subjects.ts with what follows the first token.
import { allRanks, Mq9Error, type PriorityLabel, parsePriorityLabel } from "@mq9/protocol";
import type {
  Command,
  MailboxVerb,
  MessageVerb,
  PublishTarget,
  SubscribeTarget,
} from "../dialect.ts";
import type { JsonObject } from "../json.ts";
import { cutFirst, cutLast, nameProblem, refused, writableProblem } from "../subject-parts.ts";
import { emptiedByVerb } from "./emptied.ts";
import { groupOfToken, groupToken } from "./group-token.ts";

const mailboxWords: ReadonlyMap<string, MailboxVerb> = new Map([
  ["FETCH", "fetch"],
  ["ACK", "ack"],
  ["QUERY", "search"],
  ["NACK", "nack"],
  ["EXTEND", "extend"],
  ["SCHEDULED", "scheduled"],
  ["PURGE", "purge"],
  ["REDRIVE", "redrive"],
]);

const messageWords: ReadonlyMap<string, MessageVerb> = new Map([
  ["DELETE", "discard"],
  ["RECEIPT", "receipt"],
  ["CANCEL", "cancel"],
]);

const lifetimeWords: ReadonlyMap<string, MailboxVerb> = new Map([
  ["INFO", "info"],
  ["RENEW", "renew"],
  ["DROP", "drop"],
  ["GRANT", "grant"],
  ["GRANTS", "grants"],
  ["REVOKE", "revoke"],
  ["OPEN", "open"],
]);

/** `MSG.<WORD>.<id>…`; a word that is none of ours is an ordinary subject. */
export function publishMsg2(tail: string): PublishTarget {
  const { first: word, rest } = cutFirst(tail);
  if (word === "SEND") return publishSend(rest ?? "");
  if (word === "ACK") {
    const settled = settleTarget(rest ?? "");
    if (settled !== undefined) return settled;
  }
  const mailboxVerb = mailboxWords.get(word);
  if (mailboxVerb !== undefined) return request({ verb: mailboxVerb, mailbox: rest ?? "" }, 2);
  const messageVerb = messageWords.get(word);
  if (messageVerb !== undefined) {
    // Names hold dots, numbers do not: the last token is the message.
    const { head, last } = cutLast(rest ?? "");
    if (head === "") {
      return malformed(`name the message too: MSG.${word}.<mail_address>.<number>`, messageVerb);
    }
    return request({ verb: messageVerb, mailbox: head, number: last }, 2);
  }
  return { kind: "plain", known: false };
}

/** `MAILBOX.INFO|RENEW|DROP|GRANT|GRANTS|REVOKE|OPEN.<id>`; undefined when the word is none of these. */
export function publishLifetime(word: string, rest: string | undefined): PublishTarget | undefined {
  const verb = lifetimeWords.get(word);
  // Any client may ask these: they show no generation.
  return verb === undefined ? undefined : request({ verb, mailbox: rest ?? "" }, undefined);
}

/** `MSG.PUSH.<id>`: everything, whatever its priority. Undefined when it is another subject. */
export function subscribePush(tail: string): SubscribeTarget | undefined {
  const { first: word, rest } = cutFirst(tail);
  if (word !== "PUSH" || rest === undefined) return undefined;
  const problem = nameProblem(rest);
  if (problem !== undefined) return refused(problem);
  return {
    kind: "mail",
    generation: 2,
    mailbox: rest,
    match: "exact",
    ranks: allRanks,
    view: { form: "push", bare: true },
    otherwise: undefined,
  };
}

/** Where a worker answers for one pushed message: `MSG.ACK.<id>.=<group>.<msg_id>.<delivery_count>`. */
export function settleTail(
  mailbox: string,
  group: string,
  msgId: number,
  deliveryCount: number,
): string {
  return `MSG.ACK.${mailbox}.${groupToken(group)}.${msgId}.${deliveryCount}`;
}

/**
 * `SEND.<id>`, and `SEND.<id>.urgent` and `.critical` of this generation's first day. The whole tail
 * may be a name as well; the reading with a priority counts where it names a mailbox.
 */
function publishSend(tail: string): PublishTarget {
  const { head, last } = cutLast(tail);
  const label = head === "" ? undefined : suffixLabel(last);
  const headFits = label !== undefined && writableProblem(head) === undefined;
  const mailbox = headFits ? head : tail;
  const problem = mailbox === "" ? nameless() : writableProblem(mailbox);
  if (problem !== undefined) return refused(problem);
  return {
    kind: "send",
    generation: 2,
    mailbox,
    label: headFits ? label : "normal",
    bare: !headFits,
    otherwise:
      headFits && writableProblem(tail) === undefined
        ? { mailbox: tail, label: "normal" }
        : undefined,
    ttlSeconds: undefined,
  };
}

function suffixLabel(word: string): PriorityLabel | undefined {
  return word === "urgent" || word === "critical" ? parsePriorityLabel(word) : undefined;
}

function settleTarget(tail: string): PublishTarget | undefined {
  const count = cutLast(tail);
  const id = cutLast(count.head);
  const token = cutLast(id.head);
  const group = groupOfToken(token.last);
  const msgId = wholeNumber(id.last);
  const deliveryCount = wholeNumber(count.last);
  if (group === undefined || msgId === undefined || deliveryCount === undefined) return undefined;
  const mailbox = token.head;
  const problem = mailbox === "" ? nameless() : nameProblem(mailbox);
  if (problem !== undefined) return refused(problem);
  return { kind: "settle", generation: 2, mailbox, group, msgId, deliveryCount };
}

/** The number written by a token in the one way numbers are written here, or undefined. */
export function wholeNumber(token: string): number | undefined {
  const value = /^(?:0|[1-9][0-9]{0,15})$/.test(token) ? Number(token) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

function request(
  command: Extract<Command, { verb: MailboxVerb | MessageVerb }>,
  generation: 2 | undefined,
): PublishTarget {
  const problem = command.mailbox === "" ? nameless() : nameProblem(command.mailbox);
  return problem === undefined
    ? { kind: "request", generation, command }
    : refused(problem, emptiedByVerb[command.verb]);
}

function malformed(what: string, verb: MessageVerb): PublishTarget {
  const emptied: JsonObject = emptiedByVerb[verb];
  return refused(new Mq9Error("invalid", `malformed subject: ${what}`), emptied);
}

function nameless(): Mq9Error {
  return new Mq9Error("invalid", "malformed subject: it must end with the address of a mailbox");
}
