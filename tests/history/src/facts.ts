// A history sorted by what the rules ask for. Built once, read by every rule; decides nothing.
import type {
  Delivery,
  Drained,
  HistoryRecord,
  Housekeeping,
  Rank,
  Send,
  Settling,
} from "./record.ts";

/** The checker that found it, by the name it has in the catalogue of promises. */
export type Checker = "H1" | "H2" | "H3" | "H4" | "H5" | "H7";

/** One broken promise. */
export interface Violation {
  readonly checker: Checker;
  readonly rule: Rule;
  readonly text: string;
}

export type Rule =
  | "lost"
  | "phantom"
  | "altered"
  | "number"
  | "dedup"
  | "reorder"
  | "priority"
  | "illegal duplicate"
  | "double lease"
  | "gap"
  | "early"
  | "late"
  | "resurrected"
  | "incomplete";

/** All attempts to send one message. */
export interface Message {
  readonly id: string;
  readonly mailbox: string;
  readonly rank: Rank;
  readonly hash: string;
  readonly key: string | undefined;
  readonly ttlMs: number | undefined;
  readonly delayMs: number;
  readonly dedup: string | undefined;
  readonly attempts: Send[];
  /** The first answer that accepted it; infinite = none. */
  acceptedAt: number;
  /** The first instant at which it may have been stored. */
  invokedAt: number;
  /** Both on the broker's clock. */
  storedFrom: number;
  storedBy: number;
  /** Every answer was a refusal. */
  refused: boolean;
  readonly msgIds: Set<number>;
}

/** An operation that may be asked for several times: it took effect between `from` and `by`. */
export interface Span {
  from: number;
  /** Infinite = it may never have happened. */
  by: number;
}

export class Facts {
  readonly messages: Map<string, Message> = new Map();
  /** Those of a mailbox, by msg id; only what an answer or a delivery numbered. */
  readonly numbers: Map<string, Map<number, Message>> = new Map();
  readonly deliveries: Delivery[] = [];
  readonly messagesOf: Map<string, Message[]> = new Map();
  readonly deliveriesOf: Map<string, Delivery[]> = new Map();
  /** By `call`. */
  readonly calls: Map<string, Delivery[]> = new Map();
  readonly drained: Drained[] = [];
  /** By mailbox, group and number. */
  readonly acks: Map<string, Span> = new Map();
  readonly handedBack: Map<string, Settling[]> = new Map();
  /** By mailbox and number. */
  readonly deletes: Map<string, Span> = new Map();
  readonly drops: Map<string, Span[]> = new Map();
  readonly ends: Map<string, number> = new Map();
  readonly creations: Map<string, Housekeeping[]> = new Map();
  /** By mailbox and key, all messages of the key. */
  readonly keys: Map<string, Message[]> = new Map();
  /** When connections ended, at the earliest. */
  readonly gone: Map<string, number> = new Map();
  /** By connection, mailbox and group: when it may have given back what it held. */
  readonly refetches: Map<string, number[]> = new Map();
  /** When the broker was told to end and when it served again, ascending. */
  readonly broken: number[] = [];
  restarts = 0;
  /** How much faster than real time the broker's clock may have run. */
  clockRate = 1;
  readonly violations: Violation[] = [];

  constructor(history: readonly HistoryRecord[]) {
    for (const record of history) this.#gather(record);
    for (const record of history) if (record.op === "deliver") this.#deliver(record);
    this.broken.sort((a, b) => a - b);
    for (const message of this.messages.values()) {
      if (message.key !== undefined) push(this.keys, join(message.mailbox, message.key), message);
    }
  }

  fault(checker: Checker, rule: Rule, text: string): void {
    this.violations.push({ checker, rule, text });
  }

  /** The broker ended at some instant between these two. */
  restarted(from: number, to: number): boolean {
    let low = 0;
    let high = this.broken.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.broken[middle] as number) < from) low = middle + 1;
      else high = middle;
    }
    return (this.broken[low] ?? Number.POSITIVE_INFINITY) <= to;
  }

  /** Everybody may have lost it by `at` (`clock` on the broker's clock), lawfully. */
  mayBeGone(message: Message, at: number, clock: number): boolean {
    if (message.ttlMs !== undefined && message.storedFrom + message.ttlMs <= clock) return true;
    const { mailbox } = message;
    for (const msgId of message.msgIds) {
      if (begun(this.deletes.get(join(mailbox, msgId)), at)) return true;
    }
    if (this.drops.get(mailbox)?.some((drop) => drop.from <= at && drop.by >= message.invokedAt)) {
      return true;
    }
    for (const made of this.creations.get(mailbox) ?? []) {
      const ttlMs = made.ttlMs ?? 0;
      if (ttlMs > 0 && (made.bInv ?? made.tInv) + ttlMs <= clock) return true;
    }
    return this.#mayBeReplaced(message, at);
  }

  #mayBeReplaced(message: Message, at: number): boolean {
    if (message.key === undefined) return false;
    const rivals = this.keys.get(join(message.mailbox, message.key)) ?? [];
    const first = Math.min(...message.msgIds);
    return rivals.some(
      (rival) =>
        rival !== message &&
        !rival.refused &&
        rival.invokedAt <= at &&
        !(rival.msgIds.size > 0 && Math.max(...rival.msgIds) < first),
    );
  }

  #gather(record: HistoryRecord): void {
    const answered = record.res === "ok" ? (record.tRet ?? Number.POSITIVE_INFINITY) : Infinity;
    switch (record.op) {
      case "send":
        this.#send(record);
        return;
      case "ack":
      case "delete": {
        if (record.res === "refused") return;
        const { mailbox, group, msgId } = record;
        if (record.op === "delete")
          widen(this.deletes, join(mailbox, msgId), record.tInv, answered);
        else widen(this.acks, join(mailbox, group, msgId), record.tInv, answered);
        return;
      }
      case "nack":
      case "extend":
        if (record.res !== "refused") {
          push(this.handedBack, join(record.mailbox, record.group, record.msgId), record);
        }
        return;
      case "drop":
      case "purge":
        if (record.res !== "refused") {
          push(this.drops, record.mailbox, { from: record.tInv, by: answered });
        }
        return;
      case "create":
        if (record.res !== "refused") push(this.creations, record.mailbox, record);
        return;
      case "gone":
        this.gone.set(record.conn, Math.min(record.tInv, this.gone.get(record.conn) ?? Infinity));
        return;
      case "refetch":
        push(this.refetches, join(record.conn, record.mailbox, record.group), record.tInv);
        return;
      case "life":
        if (record.what === "clock jumped") {
          this.clockRate = 1.1;
          return;
        }
        // It ends between the two: it answers until the kill arrives.
        this.broken.push(record.tInv);
        if (record.what === "ended") this.restarts += 1;
        return;
      case "drained":
        this.drained.push(record);
        return;
      case "deliver":
        return;
    }
  }

  #send(send: Send): void {
    let message = this.messages.get(send.id);
    if (message === undefined) {
      const { id, mailbox, rank, hash, key, ttlMs, dedup } = send;
      message = {
        id,
        mailbox,
        rank,
        hash,
        key,
        ttlMs,
        dedup,
        delayMs: send.delayMs ?? 0,
        attempts: [],
        acceptedAt: Infinity,
        invokedAt: Infinity,
        storedFrom: Infinity,
        storedBy: Infinity,
        refused: true,
        msgIds: new Set(),
      };
      this.messages.set(id, message);
      push(this.messagesOf, mailbox, message);
    }
    message.attempts.push(send);
    if (send.res === "refused") return;
    message.refused = false;
    message.invokedAt = Math.min(message.invokedAt, send.tInv);
    message.storedFrom = Math.min(message.storedFrom, send.bInv ?? send.tInv);
    if (send.res !== "ok" || send.tRet === null) return;
    message.acceptedAt = Math.min(message.acceptedAt, send.tRet);
    message.storedBy = Math.min(message.storedBy, send.bRet ?? send.tRet);
    if (send.msgId !== null) this.#number(message, send.msgId);
  }

  #deliver(delivery: Delivery): void {
    this.deliveries.push(delivery);
    push(this.deliveriesOf, delivery.mailbox, delivery);
    push(this.calls, delivery.call, delivery);
    const message = this.messages.get(delivery.id);
    if (message?.mailbox === delivery.mailbox && delivery.msgId !== null) {
      this.#number(message, delivery.msgId);
    }
  }

  #number(message: Message, msgId: number): void {
    if (message.msgIds.has(msgId)) return;
    message.msgIds.add(msgId);
    let numbers = this.numbers.get(message.mailbox);
    if (numbers === undefined) this.numbers.set(message.mailbox, (numbers = new Map()));
    const other = numbers.get(msgId);
    if (other !== undefined) {
      this.fault("H1", "number", `${message.id} and ${other.id} are both ${msgId}`);
    }
    numbers.set(msgId, message);
  }
}

/** A key of several parts. */
export function join(...parts: readonly (string | number | null)[]): string {
  return parts.join("\u0000");
}

/** It may have taken effect at or before an instant. */
export function begun(span: Span | undefined, at: number): boolean {
  return span !== undefined && span.from <= at;
}

function widen(spans: Map<string, Span>, key: string, from: number, by: number): void {
  const span = spans.get(key);
  if (span === undefined) {
    spans.set(key, { from, by });
    return;
  }
  span.from = Math.min(span.from, from);
  span.by = Math.min(span.by, by);
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
