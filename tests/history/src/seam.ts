// H5: between what a subscription replays and what comes live nothing is missing, and nothing is
// handed out before its time or at its end.
import { type Facts, join, type Message } from "./facts.ts";
import type { Delivery } from "./record.ts";

export function checkSeam(facts: Facts): void {
  checkGaps(facts);
  for (const delivery of facts.deliveries) checkTimes(facts, delivery);
}

function checkTimes(facts: Facts, delivery: Delivery): void {
  const message = facts.messages.get(delivery.id);
  if (message === undefined || message.mailbox !== delivery.mailbox) return;
  const { call, id, msgId } = delivery;
  const handed = delivery.via === "push" ? delivery.bInv : (delivery.bInv ?? delivery.tInv);
  const endsBy = message.storedBy + (message.ttlMs ?? Infinity);
  if (handed !== undefined && handed >= endsBy) {
    facts.fault("H5", "late", `${call} got ${id} (${msgId}) at ${handed}, its end was ${endsBy}`);
  }
  const seen = delivery.bRet ?? delivery.tRet ?? delivery.tInv;
  const visibleFrom = message.storedFrom + message.delayMs;
  if (message.delayMs > 0 && seen < visibleFrom) {
    facts.fault("H5", "early", `${call} got ${id} at ${seen}, visible from ${visibleFrom}`);
  }
}

/** Between the first and the last number of a priority that a subscription got, it got all. */
function checkGaps(facts: Facts): void {
  const lanes = acceptedByLane(facts);
  for (const [call, deliveries] of facts.calls) {
    const head = deliveries[0];
    if (head === undefined || head.via !== "push" || head.group !== null) continue;
    const got = new Set(deliveries.map((one) => one.msgId));
    const bounds = new Map<number, { first: number; last: number; at: number; clock: number }>();
    for (const one of deliveries) {
      const rank = facts.messages.get(one.id)?.rank;
      if (one.msgId === null || rank === undefined) continue;
      const at = one.tRet ?? one.tInv;
      const clock = one.bRet ?? at;
      const bound = bounds.get(rank);
      const first = Math.min(one.msgId, bound?.first ?? Infinity);
      bounds.set(rank, { first, last: Math.max(one.msgId, bound?.last ?? -1), at, clock });
    }
    for (const [rank, { first, last, at, clock }] of bounds) {
      const lane = lanes.get(join(head.mailbox, rank)) ?? [];
      for (let next = after(lane, first); next < lane.length; next += 1) {
        const { msgId, message } = lane[next] as Numbered;
        if (msgId >= last) break;
        if (got.has(msgId) || facts.mayBeGone(message, at, clock)) continue;
        facts.fault("H5", "gap", `${call} skipped ${message.id} (${msgId}) before ${last}`);
      }
    }
  }
}

interface Numbered {
  readonly msgId: number;
  readonly message: Message;
}

function acceptedByLane(facts: Facts): Map<string, Numbered[]> {
  const lanes = new Map<string, Numbered[]>();
  for (const message of facts.messages.values()) {
    if (message.acceptedAt === Infinity || message.attempts.length > 1) continue;
    for (const msgId of message.msgIds) {
      const lane = join(message.mailbox, message.rank);
      const list = lanes.get(lane) ?? [];
      if (list.push({ msgId, message }) === 1) lanes.set(lane, list);
    }
  }
  for (const list of lanes.values()) list.sort((a, b) => a.msgId - b.msgId);
  return lanes;
}

/** The index of the first with a greater number. */
function after(lane: readonly Numbered[], msgId: number): number {
  let low = 0;
  let high = lane.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lane[middle] as Numbered).msgId <= msgId) low = middle + 1;
    else high = middle;
  }
  return low;
}
