// Decides whether a history keeps the promise. Reads observations only: it shares no code with the
// broker and knows nothing of how it works. Every rule is linear or n log n in the events.
import type { Event, Rank } from "./history.ts";

/** One broken promise. */
export interface Violation {
  readonly rule: Rule;
  readonly text: string;
}

export type Rule =
  /** An accepted message was not there at the end. */
  | "lost"
  /** A message came with other bytes, another priority, or in another mailbox. */
  | "altered"
  /** A message came that nobody sent, or that was refused. */
  | "phantom"
  /** Within one priority: deliveries of one subscription, or sends that followed each other. */
  | "order"
  /** A final subscription, which only replays, delivered a lower priority before a higher one. */
  | "priority"
  /** A subscription skipped a message between two that it delivered. */
  | "gap"
  /** A message that was deleted, and the deletion answered, came back. */
  | "resurrected"
  /** A number stands for two messages, or a message has two numbers. */
  | "number"
  /** LIST and a fresh subscription disagree. */
  | "list"
  /** An accepted mailbox could not be read. */
  | "mailbox"
  /** The history proves too little: something was not drained. */
  | "incomplete";

/** What the history holds, and what is wrong with it. */
export interface Verdict {
  readonly counts: {
    readonly sends: number;
    readonly accepted: number;
    readonly refused: number;
    /** No answer. */
    readonly unknown: number;
    /** Of the unknown, how many were found stored. */
    readonly surfaced: number;
    readonly deleted: number;
    readonly mailboxes: number;
    readonly deliveries: number;
    readonly kills: number;
  };
  readonly violations: readonly Violation[];
}

interface Send {
  readonly id: string;
  readonly conn: string;
  readonly mailbox: string;
  readonly rank: Rank;
  readonly hash: string;
  readonly invokedAt: number;
  okAt: number | undefined;
  refused: boolean;
  msgId: number | undefined;
  delivered: boolean;
}

interface Delivery {
  readonly id: string;
  readonly msgId: number | undefined;
}

interface Sub {
  readonly name: string;
  readonly mailbox: string;
  readonly at: number;
  readonly final: boolean;
  drained: boolean;
  readonly deliveries: Delivery[];
}

interface Deletion {
  readonly mailbox: string;
  readonly msgId: number;
  okAt: number | undefined;
}

type ListEvent = Extract<Event, { op: "list" }>;

/** Judges a history. The order of the events matters only within what one process wrote. */
export function check(history: readonly Event[]): Verdict {
  const facts = gather(history);
  const violations = [
    ...facts.violations,
    ...checkLost(facts),
    ...checkSubscriptions(facts),
    ...checkPriorities(facts),
    ...checkSendOrder(facts),
    ...checkNumbers(facts),
    ...checkDeleted(facts),
    ...checkLists(facts),
    ...checkMailboxes(facts),
  ];
  return { counts: count(facts), violations };
}

class Facts {
  readonly sends = new Map<string, Send>();
  readonly subs = new Map<string, Sub>();
  readonly deletions = new Map<string, Deletion>();
  /** By mailbox and number: the deletions that were asked for, answered or not. */
  readonly deletionsOf = new Map<string, Deletion>();
  readonly mailboxes = new Set<string>();
  readonly lists: ListEvent[] = [];
  readonly violations: Violation[] = [];
  deliveries = 0;
  kills = 0;

  fault(rule: Rule, text: string): void {
    this.violations.push({ rule, text });
  }
}

/** Two passes: what was asked for and answered first, since deliveries are judged against it. */
function gather(history: readonly Event[]): Facts {
  const facts = new Facts();
  for (const event of history) gatherCall(facts, event);
  for (const event of history) if (event.op === "deliver") gatherDelivery(facts, event);
  return facts;
}

function gatherCall(facts: Facts, event: Event): void {
  switch (event.op) {
    case "create":
      if (event.phase === "ok") facts.mailboxes.add(event.mailbox);
      return;
    case "send":
      gatherSend(facts, event);
      return;
    case "delete":
      gatherDeletion(facts, event);
      return;
    case "subscribe": {
      const { sub: name, mailbox, final, t: at } = event;
      facts.subs.set(name, { name, mailbox, at, final, drained: false, deliveries: [] });
      return;
    }
    case "drained": {
      const sub = facts.subs.get(event.sub);
      if (sub !== undefined) sub.drained = true;
      return;
    }
    case "list":
      facts.lists.push(event);
      return;
    case "unreadable":
      facts.fault("mailbox", `${event.mailbox} could not be read: ${event.text}`);
      return;
    case "process":
      if (event.what === "killed") facts.kills += 1;
      return;
    case "deliver":
      return;
  }
}

function gatherSend(facts: Facts, event: Extract<Event, { op: "send" }>): void {
  if (event.phase === "invoke") {
    const { id, conn, mailbox, rank, hash, t: invokedAt } = event;
    const open = { okAt: undefined, refused: false, msgId: undefined, delivered: false };
    facts.sends.set(id, { id, conn, mailbox, rank, hash, invokedAt, ...open });
    return;
  }
  const send = facts.sends.get(event.id);
  if (send === undefined) facts.fault("incomplete", `answer to ${event.id}, which nobody sent`);
  else if (event.phase === "refused") send.refused = true;
  else {
    send.okAt = event.t;
    send.msgId = event.msgId ?? undefined;
  }
}

function gatherDeletion(facts: Facts, event: Extract<Event, { op: "delete" }>): void {
  if (event.phase === "invoke") {
    const key = place(event.mailbox, event.msgId);
    // Asked for again after an answer that never came: one deletion, whichever did it.
    const deletion = facts.deletionsOf.get(key) ?? {
      mailbox: event.mailbox,
      msgId: event.msgId,
      okAt: undefined,
    };
    facts.deletions.set(event.call, deletion);
    facts.deletionsOf.set(key, deletion);
    return;
  }
  const deletion = facts.deletions.get(event.call);
  if (deletion !== undefined && event.phase === "ok") deletion.okAt ??= event.t;
}

function gatherDelivery(facts: Facts, event: Extract<Event, { op: "deliver" }>): void {
  facts.deliveries += 1;
  const sub = facts.subs.get(event.sub);
  const send = facts.sends.get(event.id);
  const where = `${event.sub} delivered ${event.id}`;
  if (sub === undefined) facts.fault("incomplete", `${where}, but nobody subscribed so`);
  if (send === undefined) facts.fault("phantom", `${where}, which nobody sent`);
  if (sub === undefined || send === undefined) return;
  if (send.refused) facts.fault("phantom", `${where}, which was refused`);
  if (send.hash !== event.hash) facts.fault("altered", `${where} with other bytes`);
  if (send.mailbox !== sub.mailbox) facts.fault("altered", `${where}, sent to ${send.mailbox}`);
  if (event.rank !== null && event.rank !== send.rank) {
    facts.fault("altered", `${where} with rank ${event.rank}, sent with ${send.rank}`);
  }
  if (event.msgId !== null && send.msgId !== undefined && send.msgId !== event.msgId) {
    facts.fault("number", `${where} as ${event.msgId}, but it is ${send.msgId}`);
  }
  send.msgId ??= event.msgId ?? undefined;
  send.delivered = true;
  sub.deliveries.push({ id: event.id, msgId: event.msgId ?? undefined });
}

/** Accepted and not asked to be deleted: every final subscription of its mailbox has it. */
function checkLost(facts: Facts): Violation[] {
  const seen = new Map<string, Set<string>[]>();
  for (const sub of facts.subs.values()) {
    if (!sub.final || !sub.drained) continue;
    const sets = seen.get(sub.mailbox) ?? [];
    sets.push(new Set(sub.deliveries.map((delivery) => delivery.id)));
    seen.set(sub.mailbox, sets);
  }
  const faults: Violation[] = [];
  for (const send of facts.sends.values()) {
    if (send.okAt === undefined || mayBeDeleted(facts, send)) continue;
    const sets = seen.get(send.mailbox);
    const missing = sets?.filter((ids) => !ids.has(send.id)).length ?? 0;
    if (missing > 0) {
      const text = `${send.id} (${nameOf(send)}) was accepted and is not there at the end`;
      faults.push({ rule: "lost", text });
    }
  }
  return faults;
}

/** One subscription: ascending within a priority, nothing twice, nothing skipped. */
function checkSubscriptions(facts: Facts): Violation[] {
  const accepted = acceptedByLane(facts);
  const faults: Violation[] = [];
  for (const sub of facts.subs.values()) {
    const lastOfRank: (number | undefined)[] = [];
    const got = new Set(sub.deliveries.map((delivery) => delivery.msgId));
    const firstOfRank: (number | undefined)[] = [];
    for (const { id, msgId } of sub.deliveries) {
      const rank = facts.sends.get(id)?.rank ?? 0;
      if (msgId === undefined) continue;
      const last = lastOfRank[rank];
      if (last !== undefined && msgId <= last) {
        faults.push({ rule: "order", text: `${sub.name} delivered ${msgId} after ${last}` });
      }
      firstOfRank[rank] ??= msgId;
      lastOfRank[rank] = msgId;
    }
    for (const [rank, last] of lastOfRank.entries()) {
      const first = firstOfRank[rank];
      if (first === undefined || last === undefined) continue;
      for (const send of accepted.get(lane(sub.mailbox, rank)) ?? []) {
        const msgId = send.msgId as number;
        if (msgId <= first || msgId >= last || got.has(msgId) || mayBeDeleted(facts, send))
          continue;
        faults.push({ rule: "gap", text: `${sub.name} skipped ${send.id} (${nameOf(send)})` });
      }
    }
  }
  return faults;
}

/** What is replayed leaves by priority; while nobody sends, that is the whole order. */
function checkPriorities(facts: Facts): Violation[] {
  const faults: Violation[] = [];
  for (const sub of facts.subs.values()) {
    if (!sub.final) continue;
    let lowest = 0;
    for (const { id } of sub.deliveries) {
      const rank = facts.sends.get(id)?.rank ?? 0;
      if (rank < lowest) {
        faults.push({ rule: "priority", text: `${sub.name} delivered ${id} after rank ${lowest}` });
      }
      lowest = Math.max(lowest, rank);
    }
  }
  return faults;
}

/** Sends of one mailbox and priority: one connection's order, and accepted before invoked. */
function checkSendOrder(facts: Facts): Violation[] {
  const faults: Violation[] = [];
  const lastOfConn = new Map<string, Send>();
  const lanes = new Map<string, Send[]>();
  for (const send of facts.sends.values()) {
    if (send.msgId === undefined) continue;
    const key = lane(send.mailbox, send.rank);
    const last = lastOfConn.get(`${send.conn} ${key}`);
    if (last !== undefined && (last.msgId as number) >= send.msgId) {
      faults.push({
        rule: "order",
        text: `${send.conn} sent ${last.id} before ${send.id}, stored after`,
      });
    }
    lastOfConn.set(`${send.conn} ${key}`, send);
    const members = lanes.get(key) ?? [];
    members.push(send);
    lanes.set(key, members);
  }
  for (const members of lanes.values()) {
    members.sort((one, other) => (other.msgId as number) - (one.msgId as number));
    let earliest: Send | undefined; // accepted first among those stored later
    for (const send of members) {
      if (earliest?.okAt !== undefined && earliest.okAt < send.invokedAt) {
        const text = `${earliest.id} was accepted before ${send.id} was sent, yet stored after it`;
        faults.push({ rule: "order", text });
      }
      if (send.okAt !== undefined && send.okAt < (earliest?.okAt ?? Number.POSITIVE_INFINITY)) {
        earliest = send;
      }
    }
  }
  return faults;
}

/** A number belongs to one message for ever. */
function checkNumbers(facts: Facts): Violation[] {
  const owner = new Map<string, Send>();
  const faults: Violation[] = [];
  for (const send of facts.sends.values()) {
    if (send.msgId === undefined) continue;
    const key = place(send.mailbox, send.msgId);
    const other = owner.get(key);
    if (other === undefined) owner.set(key, send);
    else faults.push({ rule: "number", text: `${key} is ${other.id} and ${send.id}` });
  }
  return faults;
}

/** What was deleted, and said to be, is in no subscription or list that began afterwards. */
function checkDeleted(facts: Facts): Violation[] {
  const faults: Violation[] = [];
  const goneBy = (mailbox: string, msgId: number | undefined, at: number): boolean => {
    if (msgId === undefined) return false;
    const okAt = facts.deletionsOf.get(place(mailbox, msgId))?.okAt;
    return okAt !== undefined && okAt < at;
  };
  for (const sub of facts.subs.values()) {
    for (const { id, msgId } of sub.deliveries) {
      const number = msgId ?? facts.sends.get(id)?.msgId;
      if (goneBy(sub.mailbox, number, sub.at)) {
        faults.push({
          rule: "resurrected",
          text: `${sub.name} delivered ${id} after its deletion`,
        });
      }
    }
  }
  for (const list of facts.lists) {
    for (const msgId of list.msgIds.filter((id) => goneBy(list.mailbox, id, list.t))) {
      const text = `LIST ${list.mailbox} shows ${msgId} after its deletion`;
      faults.push({ rule: "resurrected", text });
    }
  }
  return faults;
}

/** LIST at the end shows what the final subscriptions got. */
function checkLists(facts: Facts): Violation[] {
  const faults: Violation[] = [];
  const finals = [...facts.subs.values()].filter((sub) => sub.final && sub.drained);
  for (const list of facts.lists) {
    const sub = finals.find(({ mailbox }) => mailbox === list.mailbox);
    if (sub === undefined) continue;
    const drained = new Set(sub.deliveries.map((delivery) => delivery.msgId));
    const listed = new Set<number | undefined>(list.msgIds);
    const extra = [...listed].filter((msgId) => !drained.has(msgId));
    const missing = list.complete ? [...drained].filter((msgId) => !listed.has(msgId)) : [];
    if (extra.length > 0 || missing.length > 0) {
      const text = `LIST ${list.mailbox} shows ${extra.join() || "nothing"} more and ${missing.join() || "nothing"} less than a subscription`;
      faults.push({ rule: "list", text });
    }
  }
  return faults;
}

/** Every accepted mailbox was drained, so that nothing is taken for kept that was never looked at. */
function checkMailboxes(facts: Facts): Violation[] {
  const drained = new Set(
    [...facts.subs.values()].filter((sub) => sub.final && sub.drained).map((sub) => sub.mailbox),
  );
  return [...facts.mailboxes]
    .filter((mailbox) => !drained.has(mailbox))
    .map((mailbox) => ({ rule: "incomplete", text: `${mailbox} was never drained` }));
}

function count(facts: Facts): Verdict["counts"] {
  const sends = [...facts.sends.values()];
  const unknown = sends.filter((send) => send.okAt === undefined && !send.refused);
  const deletions = [...facts.deletionsOf.values()];
  return {
    sends: sends.length,
    accepted: sends.filter((send) => send.okAt !== undefined).length,
    refused: sends.filter((send) => send.refused).length,
    unknown: unknown.length,
    surfaced: unknown.filter((send) => send.delivered).length,
    deleted: deletions.filter((deletion) => deletion.okAt !== undefined).length,
    mailboxes: facts.mailboxes.size,
    deliveries: facts.deliveries,
    kills: facts.kills,
  };
}

/** Accepted sends with a number, by mailbox and priority. */
function acceptedByLane(facts: Facts): Map<string, Send[]> {
  const lanes = new Map<string, Send[]>();
  for (const send of facts.sends.values()) {
    if (send.okAt === undefined || send.msgId === undefined) continue;
    const key = lane(send.mailbox, send.rank);
    const members = lanes.get(key) ?? [];
    members.push(send);
    lanes.set(key, members);
  }
  return lanes;
}

/** A deletion was asked for: even without an answer it may have happened. */
function mayBeDeleted(facts: Facts, send: Send): boolean {
  return send.msgId !== undefined && facts.deletionsOf.has(place(send.mailbox, send.msgId));
}

function place(mailbox: string, msgId: number): string {
  return `${mailbox}#${msgId}`;
}

function lane(mailbox: string, rank: number): string {
  return `${mailbox}/${rank}`;
}

function nameOf(send: Send): string {
  return `${send.mailbox}#${send.msgId ?? "?"} rank ${send.rank}`;
}
