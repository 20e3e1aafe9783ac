// Subjects of generation 0: `INBOX.<id>.<p>` and `BROADCAST.<domain>.<event>`. Called by subjects.ts
// with what follows the first token.
import { allRanks, isMailboxName, Mq9Error, parsePriorityLabel } from "@mq9/protocol";
import type { DialectOptions, PublishTarget, SubscribeTarget } from "../dialect.ts";
import {
  cutLast,
  hasWildcardToken,
  isEveryPriority,
  nameProblem,
  ranksOf,
  refused,
  spacePrefix,
  wildcardInName,
  withNatsWildcard,
  writableProblem,
} from "../subject-parts.ts";

/** Characters a pattern over mailbox names must begin with before its first `*`, so that none follows every mailbox. */
const globPrefixMin = 2;
/** Each is looked for in the name of every mailbox that is made. */
const globStarsMax = 8;

/** `INBOX.<id>.<p>`; without a priority it is normal, since CREATE hands out `INBOX.<id>` itself. */
export function publishInbox(tail: string, options: DialectOptions): PublishTarget {
  const { head, last } = cutLast(tail);
  const label = head === "" ? undefined : parsePriorityLabel(last);
  const mailbox = label === undefined ? tail : head;
  const problem = writableProblem(mailbox);
  if (problem !== undefined) return refused(problem);
  const short = label === "notify" && options.notifyTtlSeconds > 0;
  return {
    kind: "send",
    generation: 0,
    mailbox,
    label: label ?? "normal",
    bare: label === undefined,
    otherwise: undefined,
    ttlSeconds: short ? options.notifyTtlSeconds : undefined,
  };
}

/** `INBOX.<id>.<p>`, `INBOX.<id>.*`, `INBOX.<id>`, and patterns such as `INBOX.m-status-*.normal`. */
export function subscribeInbox(tail: string): SubscribeTarget {
  const { head, last } = cutLast(tail);
  if (isEveryPriority(last)) return head === "" ? refused(wildcardInName()) : inbox(head, allRanks);
  const label = head === "" ? undefined : parsePriorityLabel(last);
  return label === undefined ? inbox(tail, allRanks, true) : inbox(head, ranksOf(label, "inbox"));
}

function inbox(mailbox: string, ranks: number, bare = false): SubscribeTarget {
  const glob = mailbox.includes("*");
  const problem = glob ? globProblem(mailbox) : nameProblem(mailbox);
  if (problem !== undefined) return refused(problem);
  return {
    kind: "mail",
    generation: 0,
    mailbox,
    match: glob ? "glob" : "exact",
    ranks,
    view: { form: "inbox", bare },
    otherwise: undefined,
  };
}

function globProblem(pattern: string): Mq9Error | undefined {
  if (hasWildcardToken(pattern)) return wildcardInName();
  if (pattern.indexOf("*") < globPrefixMin) {
    return new Mq9Error(
      "forbidden",
      `a pattern over mailboxes must begin with at least ${globPrefixMin} characters before '*'`,
    );
  }
  if (pattern.split("*").length > globStarsMax + 1) {
    return new Mq9Error(
      "forbidden",
      `a pattern over mailboxes holds at most ${globStarsMax} stars`,
    );
  }
  // What stands around the stars must be able to occur in a name.
  return nameProblem(pattern.replaceAll("*", "x"));
}

/** `BROADCAST.<d>.<e>`: the channel is the mailbox whose name is the subject without its prefix. */
export function publishBroadcast(tail: string): PublishTarget {
  const channel = channelName(tail);
  return channel === undefined ? { kind: "plain", known: true } : { kind: "broadcast", channel };
}

/** An exact subject may be a stored channel; wildcards see only what passes. */
export function subscribeBroadcast(subject: string, tail: string): SubscribeTarget {
  const channel = hasWildcardToken(tail) ? undefined : channelName(tail);
  if (channel === undefined) return { kind: "plain", subject: withNatsWildcard(subject) };
  return { kind: "broadcast", channel, subject, view: { form: "channel", bare: true } };
}

/**
 * The mailbox behind a CREATE `subject` of `$mq9.AI.BROADCAST.<d>.<e>`, or undefined when it is none.
 */
export function channelOfSubject(subject: string): string | undefined {
  const start = `${spacePrefix}BROADCAST.`;
  return subject.startsWith(start) ? channelName(subject.slice(start.length)) : undefined;
}

/** The subject of a channel's messages. */
export function channelSubject(channel: string): string {
  return spacePrefix + channel;
}

function channelName(tail: string): string | undefined {
  const name = `BROADCAST.${tail}`;
  return isMailboxName(name) ? name : undefined;
}
