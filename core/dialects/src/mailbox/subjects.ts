// Subjects under `MAILBOX.`: requests, `MSG.<id>[.<p>]` of generation 1 and `<id>.<p>` of its
// forerunner. Called by subjects.ts with what follows `MAILBOX.`.
import { allRanks, Mq9Error, type PriorityLabel, parsePriorityLabel } from "@mq9/protocol";
import type {
  Command,
  Generation,
  OtherMailReading,
  PublishTarget,
  SubscribeTarget,
  View,
} from "../dialect.ts";
import { publishLifetime } from "../msg/subjects.ts";
import {
  bareRanks,
  cutFirst,
  cutLast,
  hasWildcardToken,
  isEveryPriority,
  nameProblem,
  ranksOf,
  refused,
  wildcardInName,
  withNatsWildcard,
  writableProblem,
} from "../subject-parts.ts";

const bareView: View = { form: "mailbox", bare: true };
const labelledView: View = { form: "mailbox", bare: false };
const directView: View = { form: "direct", bare: false };

export function publishMailbox(tail: string): PublishTarget {
  const { first: word, rest } = cutFirst(tail);
  switch (word) {
    case "CREATE":
      if (rest !== undefined) return malformed("MAILBOX.CREATE ends there");
      return { kind: "request", generation: undefined, command: { verb: "create" } };
    case "QUERY":
      return request(0, { verb: "query", mailbox: rest ?? "" });
    case "LIST":
      if (rest === undefined) {
        return { kind: "request", generation: undefined, command: { verb: "mailboxes" } };
      }
      return request(1, { verb: "list", mailbox: rest ?? "" });
    case "DELETE": {
      // Names hold dots, numbers do not: the last token is the message.
      const { head, last } = cutLast(rest ?? "");
      if (head === "") return malformed("name the message too: MAILBOX.DELETE.<id>.<msg_id>");
      return request(1, { verb: "remove", mailbox: head, msgId: last });
    }
    case "MSG":
      return publishMsg(rest ?? "");
    default:
      return publishLifetime(word, rest) ?? publishDirect(tail);
  }
}

/** @param subject the whole subject, for subscriptions that turn out to be plain ones */
export function subscribeMailbox(subject: string, tail: string): SubscribeTarget {
  const { first: word, rest } = cutFirst(tail);
  if (word === "MSG" && rest !== undefined) return subscribeMsg(rest);
  return subscribeDirect(subject, tail);
}

function request(
  generation: Generation,
  command: Extract<Command, { verb: "query" | "list" | "remove" }>,
): PublishTarget {
  if (command.mailbox === "") return malformed("the subject must end with the id of a mailbox");
  const problem = nameProblem(command.mailbox);
  return problem === undefined ? { kind: "request", generation, command } : refused(problem);
}

function publishMsg(tail: string): PublishTarget {
  const { mailbox, label, whole } = readTail(tail);
  const problem = writableProblem(mailbox);
  if (problem !== undefined) return refused(problem);
  return {
    kind: "send",
    generation: 1,
    mailbox,
    label: label ?? "normal",
    bare: label === undefined,
    otherwise: whole === undefined ? undefined : { mailbox: whole, label: "normal" },
    ttlSeconds: undefined,
  };
}

function subscribeMsg(tail: string): SubscribeTarget {
  const { head, last } = cutLast(tail);
  if (isEveryPriority(last)) {
    if (head === "") return refused(wildcardInName());
    return mail({ mailbox: head, ranks: allRanks, view: labelledView }, undefined);
  }
  const { mailbox, label, whole } = readTail(tail);
  if (label === undefined) return mail({ mailbox, ranks: bareRanks, view: bareView }, undefined);
  const main = { mailbox, ranks: ranksOf(label, "mailbox"), view: labelledView };
  return mail(
    main,
    whole === undefined ? undefined : { mailbox: whole, ranks: bareRanks, view: bareView },
  );
}

/** The two readings of `<id>[.<p>]`: a priority at the end, or a name that ends like one. */
interface Tail {
  readonly mailbox: string;
  /** Undefined = the subject carries no priority. */
  readonly label: PriorityLabel | undefined;
  /** The whole tail where it is a name too. */
  readonly whole: string | undefined;
}

function readTail(tail: string): Tail {
  const { head, last } = cutLast(tail);
  const label = head === "" ? undefined : parsePriorityLabel(last);
  if (label === undefined) return { mailbox: tail, label: undefined, whole: undefined };
  const wholeFits = nameProblem(tail) === undefined;
  if (wholeFits && nameProblem(head) !== undefined) {
    return { mailbox: tail, label: undefined, whole: undefined };
  }
  return { mailbox: head, label, whole: wholeFits ? tail : undefined };
}

function publishDirect(tail: string): PublishTarget {
  const { head, last } = cutLast(tail);
  const label = head === "" ? undefined : parsePriorityLabel(last);
  if (label === undefined) return { kind: "plain", known: false };
  const problem = writableProblem(head);
  if (problem !== undefined) return refused(problem);
  return {
    kind: "send",
    generation: 1,
    mailbox: head,
    label,
    bare: false,
    otherwise: undefined,
    ttlSeconds: undefined,
  };
}

function subscribeDirect(subject: string, tail: string): SubscribeTarget {
  const { head, last } = cutLast(tail);
  const label = parsePriorityLabel(last);
  if (head !== "" && (label !== undefined || isEveryPriority(last))) {
    const ranks = label === undefined ? allRanks : ranksOf(label, "mailbox");
    return mail({ mailbox: head, ranks, view: directView }, undefined);
  }
  if (hasWildcardToken(tail)) return refused(wildcardInName());
  return { kind: "plain", subject: withNatsWildcard(subject) };
}

function mail(main: OtherMailReading, otherwise: OtherMailReading | undefined): SubscribeTarget {
  const problem = nameProblem(main.mailbox);
  if (problem !== undefined) return refused(problem);
  return { kind: "mail", generation: 1, match: "exact", ...main, otherwise };
}

function malformed(what: string): PublishTarget {
  return refused(new Mq9Error("invalid", `malformed subject: ${what}`));
}
