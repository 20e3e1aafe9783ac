// Judges a history: all checkers, or some of them. Reads observations only; it shares no code with
// the broker and knows nothing of how it works.
import { type Checker, Facts, type Violation } from "./facts.ts";
import { checkLeases } from "./leases.ts";
import { checkMessages, checkResurrected } from "./messages.ts";
import { checkOrder } from "./order.ts";
import type { HistoryRecord } from "./record.ts";
import { checkSeam } from "./seam.ts";

/** What a history holds, and what is wrong with it. */
export interface Verdict {
  readonly counts: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
}

/** @param only the checkers to listen to; undefined = all */
export function judge(history: readonly HistoryRecord[], only?: readonly Checker[]): Verdict {
  const facts = new Facts(history);
  checkMessages(facts);
  checkOrder(facts);
  checkLeases(facts);
  checkSeam(facts);
  checkResurrected(facts);
  const violations = facts.violations.filter(({ checker }) => only?.includes(checker) ?? true);
  return { counts: countsOf(history, facts), violations };
}

function countsOf(history: readonly HistoryRecord[], facts: Facts): Record<string, number> {
  const counts: Record<string, number> = { records: history.length };
  for (const record of history) counts[record.op] = (counts[record.op] ?? 0) + 1;
  const messages = [...facts.messages.values()];
  counts["messages"] = messages.length;
  counts["accepted"] = messages.filter((one) => one.acceptedAt < Infinity).length;
  counts["unknown"] = messages.filter((one) => !one.refused && one.acceptedAt === Infinity).length;
  counts["restarts"] = facts.restarts;
  return counts;
}
