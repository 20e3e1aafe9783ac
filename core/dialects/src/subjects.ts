// What a subject under `$mq9.AI.` means to a publisher and to a subscriber. Both
// answers depend on the subject and the options alone, so callers keep them by subject.
import { allRanks, directoryName, Mq9Error } from "@mq9/protocol";
import { publishAgent, subscribeAgent } from "./agent/subjects.ts";
import type { DialectOptions, Generation, PublishTarget, SubscribeTarget } from "./dialect.ts";
import {
  publishBroadcast,
  publishInbox,
  subscribeBroadcast,
  subscribeInbox,
} from "./inbox/subjects.ts";
import { publishMailbox, subscribeMailbox } from "./mailbox/subjects.ts";
import { publishMsg2, subscribePush } from "./msg/subjects.ts";
import {
  cutFirst,
  hasWildcardToken,
  refused,
  spacePrefix,
  wildcardInName,
  withNatsWildcard,
} from "./subject-parts.ts";

const unknownPublish: PublishTarget = { kind: "plain", known: false };

/**
 * Reads the subject of a PUB. Never throws.
 * @param subject the whole subject, one character per byte
 */
export function parsePublish(subject: string, options: DialectOptions): PublishTarget {
  if (!subject.startsWith(spacePrefix)) return unknownPublish;
  const tail = subject.slice(spacePrefix.length);
  if (hasWildcardToken(tail)) {
    return refused(new Mq9Error("forbidden", "a subject to publish on must not hold wildcards"));
  }
  const { first, rest } = cutFirst(tail);
  if (rest === undefined) return unknownPublish;
  switch (first) {
    case "INBOX":
      return publishInbox(rest, options);
    case "BROADCAST":
      return publishBroadcast(rest);
    case "MAILBOX":
      return publishMailbox(rest);
    case "MSG":
      return publishMsg2(rest);
    case "AGENT":
      return publishAgent(rest);
    case "STATUS":
      return { kind: "plain", known: true };
    case "PUBLIC":
      return rest === "LIST" ? refused(announcementsAreOurs()) : unknownPublish;
    default:
      return unknownPublish;
  }
}

/**
 * Reads the subject of a SUB. Never throws.
 * @param subject the whole subject, one character per byte
 */
export function parseSubscribe(subject: string, options: DialectOptions): SubscribeTarget {
  if (!subject.startsWith(spacePrefix)) return { kind: "plain", subject };
  const tail = subject.slice(spacePrefix.length);
  if (tail === ">" || tail === "#") {
    return options.allowTap
      ? { kind: "tap", subject: withNatsWildcard(subject) }
      : refused(new Mq9Error("forbidden", "this server does not let clients watch every subject"));
  }
  const { first, rest } = cutFirst(tail);
  if (rest !== undefined) {
    if (first === "INBOX") return subscribeInbox(rest);
    if (first === "BROADCAST") return subscribeBroadcast(subject, rest);
    if (first === "MAILBOX") return subscribeMailbox(subject, rest);
    if (first === "PUBLIC" && rest === "LIST") return announcements;
    if (first === "AGENT") return subscribeAgent(subject, rest);
    if (first === "MSG") {
      if (hasWildcardToken(rest)) return refused(wildcardInName());
      return subscribePush(rest) ?? { kind: "plain", subject };
    }
  }
  return { kind: "plain", subject: withNatsWildcard(subject) };
}

/**
 * The generation a connection shows by using a subject, or undefined when the subject belongs to
 * none or to several. The caller keeps the latest defined answer, which decides how CREATE without
 * telling fields is answered.
 */
export function revealedGeneration(
  target: PublishTarget | SubscribeTarget,
): Generation | undefined {
  switch (target.kind) {
    case "send":
    case "request":
    case "mail":
    case "settle":
      return target.generation;
    case "broadcast":
      return 0;
    case "plain":
    case "tap":
    case "agents":
    case "refused":
      return undefined;
  }
}

const announcements: SubscribeTarget = {
  kind: "mail",
  generation: 1,
  mailbox: directoryName,
  match: "exact",
  ranks: allRanks,
  view: { form: "directory", bare: true },
  otherwise: undefined,
};

function announcementsAreOurs(): Mq9Error {
  return new Mq9Error("forbidden", "PUBLIC.LIST is written by the server alone: subscribe to it");
}
