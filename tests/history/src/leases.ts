// H3 and H4: while one consumer of a group holds a message nobody else of the group is handed it,
// and whoever is handed it again is told so. Every doubt about an instant counts for the broker.
import { type Facts, join } from "./facts.ts";
import type { Delivery } from "./record.ts";

/** Clocks of drivers and broker are read at slightly different instants. */
const toleranceMs = 1;

export function checkLeases(facts: Facts): void {
  const lanes = new Map<string, Delivery[]>();
  for (const one of facts.deliveries) {
    if (one.via !== "fetch" || one.group === null || one.msgId === null) continue;
    const lane = join(one.mailbox, one.group, one.msgId);
    const list = lanes.get(lane) ?? [];
    if (list.push(one) === 1) lanes.set(lane, list);
  }
  for (const [lane, list] of lanes) {
    if (list.length < 2) continue;
    const inOrder = list.toSorted((a, b) => a.tInv - b.tInv);
    for (const [at, second] of inOrder.entries()) {
      const first = inOrder[at - 1];
      if (first !== undefined) checkPair(facts, lane, first, second);
    }
  }
}

function checkPair(facts: Facts, lane: string, first: Delivery, second: Delivery): void {
  const from = Math.min(first.tInv, second.tInv);
  const to = Math.max(ret(first), ret(second));
  const { group, msgId, mailbox } = first;
  const pair = `${mailbox} ${msgId} for ${group}: ${first.call} on ${first.conn}, then ${second.call} on ${second.conn}`;
  if (facts.restarted(from, to)) return;
  // What a consumer holds it may ask for again.
  if (first.conn !== second.conn && !mayHaveEnded(facts, lane, first, second, from, to)) {
    facts.fault("H4", "double lease", pair);
  }
  const follows = ret(first) < second.tInv && first.count !== null && second.count !== null;
  if (follows && Number(second.count) <= Number(first.count)) {
    const text = `${pair}: delivery ${second.count} after ${first.count}`;
    facts.fault("H3", "illegal duplicate", text);
  }
}

/** Some cause can have ended the lease of either delivery between the two instants. */
function mayHaveEnded(
  facts: Facts,
  lane: string,
  first: Delivery,
  second: Delivery,
  from: number,
  to: number,
): boolean {
  for (const { conn, mailbox, group, tInv } of [first, second]) {
    if ((facts.gone.get(conn) ?? Infinity) <= to) return true;
    const refetches = facts.refetches.get(join(conn, mailbox, group)) ?? [];
    if (refetches.some((at) => at > tInv && at <= to)) return true;
  }
  if ((facts.acks.get(lane)?.from ?? Infinity) <= to) return true;
  let endsAt = Math.min(endOf(first, facts), endOf(second, facts));
  for (const settling of facts.handedBack.get(lane) ?? []) {
    const before = settling.tRet !== null && settling.tRet < from;
    if (settling.tInv > to || before) continue;
    if (settling.op === "nack") return true;
    const extendedTo = settling.tInv + (settling.forMs ?? 0) / facts.clockRate;
    const certain = settling.res === "ok" && (settling.tRet ?? Infinity) < second.tInv;
    endsAt = certain && settling.tInv >= first.tInv ? extendedTo : Math.min(endsAt, extendedTo);
  }
  return endsAt - toleranceMs <= to;
}

function endOf(delivery: Delivery, { clockRate }: Facts): number {
  return delivery.tInv + (delivery.leaseMs ?? Infinity) / clockRate;
}

function ret(delivery: Delivery): number {
  return delivery.tRet ?? delivery.tInv;
}
