// H1 and H7: nothing accepted is lost, nothing comes that nobody sent, nothing comes changed, and
// what was settled does not come back.
import { type Facts, join, type Message } from "./facts.ts";
import type { Delivery, Drained, Send } from "./record.ts";

/** A message may lie in the mailbox of dead letters that belongs to the one it was sent to. */
const deadLetters = ".dlq";

/** H1: lost, phantom, altered, numbered twice, stored twice. */
export function checkMessages(facts: Facts): void {
  for (const delivery of facts.deliveries) checkDelivery(facts, delivery);
  for (const message of facts.messages.values()) checkDedup(facts, message);
  const seen = new Map<string, Set<string>>();
  for (const drained of facts.drained) checkDrained(facts, drained, seen);
}

function checkDelivery(facts: Facts, delivery: Delivery): void {
  const { id, hash, rank, mailbox, call } = delivery;
  const message = facts.messages.get(id);
  const where = `${call} in ${mailbox} got ${id} (${delivery.msgId})`;
  if (message === undefined) {
    facts.fault("H1", "phantom", `${where}, which nobody sent`);
    return;
  }
  if (message.refused) facts.fault("H1", "phantom", `${where}, which was refused`);
  if (hash !== message.hash) facts.fault("H1", "altered", `${where} with other bytes`);
  if (mailbox !== message.mailbox && mailbox !== message.mailbox + deadLetters) {
    facts.fault("H1", "altered", `${where}, sent to ${message.mailbox}`);
  }
  if (rank !== null && rank !== message.rank) {
    facts.fault("H1", "altered", `${where} with rank ${rank}, sent with ${message.rank}`);
  }
}

/** How long the broker promises to know the id of a send again. */
const dedupMs = 600_000;

/** A message has as many numbers as it was stored times: one, when its sends carry an id. */
function checkDedup(facts: Facts, { attempts, dedup, msgIds, id }: Message): void {
  const stored = attempts.filter((one) => one.res !== "refused");
  const copies = dedup === undefined ? stored.length : windowsOf(stored);
  if (msgIds.size <= copies) return;
  const rule = dedup === undefined ? "number" : "dedup";
  facts.fault("H1", rule, `${id} was sent ${copies} times and is ${[...msgIds].join(", ")}`);
}

/** How many times the same id may have been new. */
function windowsOf(attempts: readonly Send[]): number {
  let windows = 0;
  let since = -Infinity;
  for (const at of attempts
    .map((one) => one.bRet ?? one.tRet ?? one.tInv)
    .toSorted((a, b) => a - b)) {
    if (at - since < dedupMs) continue;
    since = at;
    windows += 1;
  }
  return windows;
}

function checkDrained(facts: Facts, drained: Drained, seen: Map<string, Set<string>>): void {
  const { mailbox, group, via, since } = drained;
  const at = drained.tRet ?? drained.tInv;
  const clock = drained.bRet ?? at;
  const begin = drained.bInv ?? drained.tInv;
  // A group is done with what it acknowledged; everything else it is handed (again) by a drain.
  const got =
    via === "fetch" ? drainedByGroup(facts, drained) : idsOf(facts.calls.get(drained.call) ?? []);
  const dead = deadOf(facts, mailbox, seen);
  for (const message of facts.messagesOf.get(mailbox) ?? []) {
    if (message.acceptedAt > drained.tInv) continue;
    if (message.invokedAt < since || got.has(message.id)) continue;
    if (message.delayMs > 0 && message.storedBy + message.delayMs > begin) continue;
    if (facts.mayBeGone(message, at, clock)) continue;
    if (group !== null && (isAcked(facts, message, group) || dead.has(message.id))) continue;
    const who = group === null ? drained.call : `${drained.call} (group ${group})`;
    const text = `${message.id} (${nameOf(message)}) was accepted and ${who} did not get it`;
    facts.fault("H1", "lost", text);
  }
}

function drainedByGroup(facts: Facts, drained: Drained): Set<string> {
  const { mailbox, group, tInv } = drained;
  return idsOf(
    (facts.deliveriesOf.get(mailbox) ?? []).filter(
      (one) => one.group === group && (one.tRet ?? one.tInv) >= tInv,
    ),
  );
}

/** What lies among the dead letters of a mailbox. */
function deadOf(facts: Facts, mailbox: string, seen: Map<string, Set<string>>): Set<string> {
  const known = seen.get(mailbox);
  if (known !== undefined) return known;
  const dead = idsOf(facts.deliveriesOf.get(mailbox + deadLetters) ?? []);
  seen.set(mailbox, dead);
  return dead;
}

function isAcked(facts: Facts, message: Message, group: string): boolean {
  for (const msgId of message.msgIds) {
    if (facts.acks.has(join(message.mailbox, group, msgId))) return true;
  }
  return false;
}

/** H7: what was acknowledged, deleted, replaced or dropped, and answered so, comes back. */
export function checkResurrected(facts: Facts): void {
  for (const delivery of facts.deliveries) {
    const cause = settledBefore(facts, delivery);
    if (cause === undefined) continue;
    const { call, mailbox, id, msgId } = delivery;
    const text = `${call} in ${mailbox} got ${id} (${msgId}), which was ${cause}`;
    facts.fault("H7", "resurrected", text);
  }
}

function settledBefore(facts: Facts, delivery: Delivery): string | undefined {
  const { mailbox, group, msgId, tInv: asked } = delivery;
  const message = facts.messages.get(delivery.id);
  if (message === undefined || message.mailbox !== mailbox || msgId === null) return undefined;
  const ack = group === null ? undefined : facts.acks.get(join(mailbox, group, msgId));
  if (ack !== undefined && ack.by < asked) return `acknowledged by ${group} at ${ack.by}`;
  const deletion = facts.deletes.get(join(mailbox, msgId));
  if (deletion !== undefined && deletion.by < asked) return `deleted at ${deletion.by}`;
  const drop = facts.drops.get(mailbox)?.find((one) => one.by < asked);
  if (drop !== undefined && message.acceptedAt < drop.from) return `dropped at ${drop.by}`;
  return replacedBefore(facts, message, msgId, asked);
}

function replacedBefore(
  facts: Facts,
  message: Message,
  msgId: number,
  asked: number,
): string | undefined {
  if (message.key === undefined) return undefined;
  const rivals = facts.keys.get(join(message.mailbox, message.key)) ?? [];
  const newer = rivals.find(
    (rival) =>
      rival !== message &&
      rival.delayMs === 0 &&
      rival.acceptedAt < asked &&
      Math.min(...rival.msgIds) > msgId &&
      rival.msgIds.size > 0,
  );
  return newer === undefined ? undefined : `replaced by ${newer.id} at ${newer.acceptedAt}`;
}

function idsOf(deliveries: readonly Delivery[]): Set<string> {
  return new Set(deliveries.map((one) => one.id));
}

export function nameOf(message: Message): string {
  return `${message.mailbox} ${[...message.msgIds].join(",") || "unnumbered"}`;
}
