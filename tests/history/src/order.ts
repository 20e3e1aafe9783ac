// H2: sends that followed each other keep their order, replies and subscriptions are in order of
// priority and number, and first deliveries to a group follow the numbers.
import { type Facts, join, type Message } from "./facts.ts";
import type { Delivery, Rank } from "./record.ts";

export function checkOrder(facts: Facts): void {
  checkSends(facts);
  for (const [call, deliveries] of facts.calls) {
    const via = deliveries[0]?.via;
    if (via === "fetch" || via === "read") checkReply(facts, call, deliveries);
    else if (deliveries[0]?.group === null) checkSubscription(facts, call, deliveries);
  }
  checkFirstDeliveries(facts);
}

/** Accepted before another was sent, in one mailbox: the lower number. One sweep over all instants. */
function checkSends(facts: Facts): void {
  const byMailbox = new Map<string, Message[]>();
  for (const message of facts.messages.values()) {
    const once = message.attempts.length === 1 && message.msgIds.size === 1;
    if (!once || message.delayMs > 0) continue;
    const list = byMailbox.get(message.mailbox) ?? [];
    if (list.push(message) === 1) byMailbox.set(message.mailbox, list);
  }
  for (const list of byMailbox.values()) {
    const accepted = list.toSorted((a, b) => a.acceptedAt - b.acceptedAt);
    let next = 0;
    let highest: Message | undefined;
    for (const message of list.toSorted((a, b) => a.invokedAt - b.invokedAt)) {
      for (; next < accepted.length; next += 1) {
        const before = accepted[next] as Message;
        if (before.acceptedAt >= message.invokedAt) break;
        if (highest === undefined || numberOf(before) > numberOf(highest)) highest = before;
      }
      if (highest !== undefined && numberOf(highest) > numberOf(message)) {
        const text = `${message.id} (${numberOf(message)}) was sent after ${highest.id} (${numberOf(highest)}) was accepted`;
        facts.fault("H2", "reorder", text);
      }
    }
  }
}

function numberOf(message: Message): number {
  for (const msgId of message.msgIds) return msgId;
  return -1;
}

/** One reply: priorities first, then numbers. */
function checkReply(facts: Facts, call: string, deliveries: readonly Delivery[]): void {
  let last: Delivery | undefined;
  for (const one of deliveries) {
    const rank = rankOf(facts, one);
    const before = last === undefined ? undefined : rankOf(facts, last);
    if (last !== undefined && rank !== undefined && before !== undefined) {
      const text = `${call} returned ${last.msgId} (rank ${before}) before ${one.msgId} (rank ${rank})`;
      if (rank < before) facts.fault("H2", "priority", text);
      // Among what is handed out again only its place before what is new is promised.
      const again = Number(last.count) > 1 && one.msgId !== last.msgId;
      if (rank === before && !again && !(Number(one.msgId) > Number(last.msgId))) {
        facts.fault("H2", "reorder", text);
      }
    }
    last = one;
  }
}

/** One subscription without a queue group: ascending within a priority, nothing twice. */
function checkSubscription(facts: Facts, call: string, deliveries: readonly Delivery[]): void {
  const last = new Map<number, number>();
  for (const { id, msgId } of deliveries) {
    const rank = facts.messages.get(id)?.rank;
    if (msgId === null || rank === undefined) continue;
    const before = last.get(rank);
    if (before === msgId) facts.fault("H3", "illegal duplicate", `${call} got ${msgId} twice`);
    else if (before !== undefined && msgId < before) {
      facts.fault("H2", "reorder", `${call} got ${msgId} after ${before}`);
    }
    last.set(rank, msgId);
  }
}

/**
 * Within one life of the broker, a group's first deliveries of one priority ascend from one fetch to
 * the next. Fetches that overlap prove nothing about each other.
 */
function checkFirstDeliveries(facts: Facts): void {
  const lanes = new Map<string, Delivery[]>();
  for (const one of facts.deliveries) {
    const rank = rankOf(facts, one);
    if (one.via !== "fetch" || one.group === null || one.count !== 1) continue;
    if (rank === undefined) continue;
    const lane = join(one.mailbox, one.group, rank);
    const list = lanes.get(lane) ?? [];
    if (list.push(one) === 1) lanes.set(lane, list);
  }
  for (const list of lanes.values()) {
    const returned = list.toSorted((a, b) => ret(a) - ret(b));
    let next = 0;
    let highest: Delivery | undefined;
    for (const one of list.toSorted((a, b) => a.tInv - b.tInv)) {
      for (; next < returned.length && ret(returned[next] as Delivery) < one.tInv; next += 1) {
        const before = returned[next] as Delivery;
        const newLife = highest !== undefined && facts.restarted(highest.tInv, ret(before));
        if (highest === undefined || newLife || Number(before.msgId) > Number(highest.msgId)) {
          highest = before;
        }
      }
      if (highest === undefined || Number(one.msgId) >= Number(highest.msgId)) continue;
      if (facts.restarted(highest.tInv, ret(one)) || wasHandedBack(facts, one)) continue;
      const text = `${one.call} got ${one.msgId} for the first time after ${highest.call} got ${highest.msgId}`;
      facts.fault("H2", "reorder", text);
    }
  }
}

/** As it was sent: not every delivery tells priorities apart. */
function rankOf(facts: Facts, { id }: Delivery): Rank | undefined {
  return facts.messages.get(id)?.rank;
}

function wasHandedBack(facts: Facts, { mailbox, group, msgId }: Delivery): boolean {
  return facts.handedBack.has(join(mailbox, group, msgId));
}

function ret(delivery: Delivery): number {
  return delivery.tRet ?? delivery.tInv;
}
