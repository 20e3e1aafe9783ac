// The parts every subject form shares: cutting tails, priorities at the end, names that may stand in
// a subject, and refusals. Subjects arrive with one character per byte.
import {
  assertCreatableName,
  directoryName,
  isMailboxName,
  Mq9Error,
  mailboxNameMax,
  maskOf,
  type PriorityLabel,
  type RankMask,
  rankOf,
} from "@mq9/protocol";
import type { JsonObject } from "./json.ts";

/** What every subject of the space begins with. */
export const spacePrefix = "$mq9.AI.";

/** The text before and after the first dot; `rest` is undefined when there is none. */
export function cutFirst(tail: string): { first: string; rest: string | undefined } {
  const dot = tail.indexOf(".");
  return dot < 0
    ? { first: tail, rest: undefined }
    : { first: tail.slice(0, dot), rest: tail.slice(dot + 1) };
}

/** The text before and after the last dot; `head` is empty when there is none. */
export function cutLast(tail: string): { head: string; last: string } {
  const dot = tail.lastIndexOf(".");
  return dot < 0
    ? { head: "", last: tail }
    : { head: tail.slice(0, dot), last: tail.slice(dot + 1) };
}

/** `*`, `>` and `#` as the last token all mean every priority. */
export function isEveryPriority(token: string): boolean {
  return token === "*" || token === ">" || token === "#";
}

const wildcardToken = /(?:^|\.)(?:[*>](?:\.|$)|#$)/;

/** Whether a whole token is a wildcard: `*`, `>`, or a last `#`, which means `>` in this space. */
export function hasWildcardToken(tail: string): boolean {
  return wildcardToken.test(tail);
}

/** The subject with a last `#` turned into `>`. */
export function withNatsWildcard(subject: string): string {
  return subject.endsWith(".#") ? `${subject.slice(0, -1)}>` : subject;
}

/** Why the text cannot be the mailbox a subscription or request names, or undefined when it can. */
export function nameProblem(name: string): Mq9Error | undefined {
  if (name === directoryName) return undefined;
  if (/[*>#]/.test(name)) return wildcardInName();
  // Dead letters of a mailbox with the longest name lie under a longer one, which only the broker makes.
  if (name.length > mailboxNameMax && isMailboxName(name)) return undefined;
  return creatableProblem(name);
}

/** As `nameProblem`, for publishing: nobody writes to the directory. */
export function writableProblem(name: string): Mq9Error | undefined {
  return name === directoryName ? creatableProblem(name) : nameProblem(name);
}

/** Why CREATE would not take the name, or undefined when it would. */
export function creatableProblem(name: string): Mq9Error | undefined {
  try {
    assertCreatableName(name);
    return undefined;
  } catch (error) {
    if (error instanceof Mq9Error) return error;
    throw error;
  }
}

export function wildcardInName(): Mq9Error {
  return new Mq9Error(
    "forbidden",
    "a subject must name one mailbox: wildcards are allowed only in the place of the priority",
  );
}

export function refused(
  error: Mq9Error,
  emptied?: JsonObject,
): {
  readonly kind: "refused";
  readonly error: Mq9Error;
  readonly emptied?: JsonObject | undefined;
} {
  return emptied === undefined ? { kind: "refused", error } : { kind: "refused", error, emptied };
}

/**
 * The ranks a subscription to one word selects. A word of a vocabulary without `critical` takes the
 * critical mail too, or its reader would never see it: `high` everywhere, `urgent` in INBOX subjects.
 */
export function ranksOf(label: PriorityLabel, words: "inbox" | "mailbox"): RankMask {
  const own = maskOf(rankOf(label));
  const top = label === "high" || (label === "urgent" && words === "inbox");
  return top ? own | maskOf(0) : own;
}

/** Ranks of a subscription to a `MAILBOX.MSG` subject without priority: normal, and what is below. */
export const bareRanks: RankMask = maskOf(2) | maskOf(3);
