// Accounts as a label. There may be any number of them, and every value of a label is a series that
// Prometheus keeps: the first few have one each, the rest share one.
import type { MonitorView, StoredFigures } from "@mq9/broker";

/** Accounts with a series of their own. */
const namedMax = 20;
const rest = "other";

/** One figure of each account; an account keeps its series for as long as the broker runs. */
export function byAccount(
  { storedByAccount }: MonitorView,
  of: keyof StoredFigures,
): Map<string, number> {
  const figures = new Map<string, number>();
  let named = 0;
  for (const [account, stored] of storedByAccount) {
    named += 1;
    const name = named > namedMax ? rest : account;
    figures.set(name, (figures.get(name) ?? 0) + stored[of]);
  }
  return figures;
}
