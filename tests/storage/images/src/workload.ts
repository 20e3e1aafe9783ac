// What a broker asks of its store, as plain data that is the same for the same seed: sends, keyed
// replacements, group positions, removals, expiry, delays, dropped mailboxes. Pure.
import { type Rank, ranks } from "@mq9/protocol";
import type { MailboxRecord, MessageRecord, StoreBatch } from "@mq9/store";
import { Random } from "./random.ts";

type Mutator = Exclude<keyof StoreBatch, "operations" | "bytes">;
/** One call on a batch. */
export type Change = { [M in Mutator]: readonly [M, ...Parameters<StoreBatch[M]>] }[Mutator];

/** The name and mailbox number of the cursor in which every step writes its own number. */
export const stepCursor = "step";
export const stepCursorNumber = 0;

export function applyStep(batch: StoreBatch, step: readonly Change[]): void {
  for (const [method, ...values] of step) Reflect.apply(batch[method], batch, values);
}

interface Box {
  record: MailboxRecord;
  readonly live: { rank: Rank; seq: number; key: string | undefined; expiresAtMs: number }[];
  readonly delayed: number[];
}

const startMs = 1_767_225_600_000;
const boxes = 6;

/** Steps 1 to `count`; step n is at index n - 1. */
export function makeWorkload(seed: number, count: number): Change[][] {
  const workload = new Workload(seed);
  return Array.from({ length: count }, (_, at) => workload.step(at + 1));
}

class Workload {
  readonly #random: Random;
  readonly #boxes: Box[] = [];
  #nextNumber = 1;
  #nowMs = startMs;
  #changes: Change[] = [];

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  step(number: number): Change[] {
    this.#changes = [];
    this.#nowMs += 1 + this.#random.below(50);
    if (this.#boxes.length < boxes) this.#create();
    for (let operation = this.#random.below(8); operation >= 0; operation -= 1) this.#operate();
    const said = Buffer.from(String(number));
    this.#changes.push(["putCursor", stepCursorNumber, stepCursor, said]);
    this.#changes.push(["putCounters", this.#nextNumber, this.#nowMs]);
    return this.#changes;
  }

  #operate(): void {
    const box = this.#random.pick(this.#boxes);
    const kind = this.#random.below(100);
    if (kind < 50) this.#send(box);
    else if (kind < 65) this.#acknowledge(box);
    else if (kind < 80) this.#remove(box);
    else if (kind < 86) this.#sweep(box);
    else if (kind < 92) this.#delay(box);
    else if (kind < 96) this.#release(box);
    else if (kind < 98) this.#dedup(box);
    else if (kind < 99) this.#drop(box);
    else this.#rename(box);
  }

  #create(): void {
    const at = this.#boxes.length;
    const record = this.#newRecord(`acme/box-${at}`, 0);
    this.#boxes.push({ record, live: [], delayed: [] });
    this.#changes.push(["putMailbox", record]);
  }

  #newRecord(key: string, nextSeq: number): MailboxRecord {
    return {
      key,
      number: this.#takeNumber(),
      kind: "standard",
      public: this.#random.oneIn(3),
      desc: undefined,
      ttlSeconds: 3600,
      createdAtMs: this.#nowMs,
      expiresAtMs: this.#nowMs + 3_600_000,
      dropped: false,
      tokenDigest: this.#random.oneIn(4) ? this.#random.bytes(32) : undefined,
      nextSeq,
      scheduleNumber: this.#takeNumber(),
      dedup: { current: this.#takeNumber(), sinceMs: this.#nowMs, earlier: undefined },
    };
  }

  #takeNumber(): number {
    this.#nextNumber += 1;
    return this.#nextNumber - 1;
  }

  #send(box: Box): void {
    const { number } = box.record;
    const seq = box.record.nextSeq;
    const key = this.#random.oneIn(3) ? `key-${this.#random.below(5)}` : undefined;
    const earlier = box.live.findIndex((each) => key !== undefined && each.key === key);
    if (earlier >= 0) this.#removeAt(box, earlier);
    const message = this.#message(seq, key);
    box.record = { ...box.record, nextSeq: seq + 1 };
    box.live.push({ rank: message.rank, seq, key, expiresAtMs: message.expiresAtMs });
    this.#changes.push(["putMessage", number, message]);
    if (key !== undefined) {
      this.#changes.push(["putKeyPlace", number, key, { rank: message.rank, seq }]);
    }
    this.#changes.push(["putDue", this.#due(box, message.expiresAtMs)]);
    if (this.#random.oneIn(5)) this.#changes.push(["putMailbox", box.record]);
  }

  #message(seq: number, key: string | undefined): MessageRecord {
    const random = this.#random;
    const rank = random.pick(ranks);
    const length = random.oneIn(40) ? 20_000 + random.below(20_000) : random.below(1500);
    return {
      seq,
      rank,
      label: random.pick(["critical", "urgent", "normal", "low"] as const),
      createdAtMs: this.#nowMs,
      expiresAtMs: this.#nowMs + 60_000 + random.below(4) * 60_000,
      key,
      headers: random.oneIn(3) ? random.bytes(random.below(200)) : undefined,
      payload: random.bytes(length),
      tags: random.oneIn(6) ? ["red", "été"] : undefined,
      from: random.oneIn(6) ? "agent@acme" : undefined,
    };
  }

  #due(box: Box, atMs: number) {
    return { atMs, mailboxNumber: box.record.number, mailboxKey: box.record.key };
  }

  #acknowledge(box: Box): void {
    const name = `g:workers-${this.#random.below(3)}`;
    const position = this.#random.bytes(20 + this.#random.below(400));
    this.#changes.push(["putCursor", box.record.number, name, position]);
    if (this.#random.oneIn(10)) {
      this.#changes.push(["removeCursor", box.record.number, `g:workers-${this.#random.below(3)}`]);
    }
  }

  #remove(box: Box): void {
    if (box.live.length > 0) this.#removeAt(box, this.#random.below(box.live.length));
  }

  #removeAt(box: Box, index: number): void {
    const [gone] = box.live.splice(index, 1);
    if (gone === undefined) return;
    const { number } = box.record;
    this.#changes.push(["removeMessage", number, gone.rank, gone.seq]);
    if (gone.key !== undefined) this.#changes.push(["removeKeyPlace", number, gone.key]);
  }

  /** Time passes for this mailbox: the oldest messages end. */
  #sweep(box: Box): void {
    const until = box.live[Math.min(8, box.live.length - 1)]?.expiresAtMs;
    if (until === undefined) return;
    for (let at = box.live.length - 1; at >= 0; at -= 1) {
      if ((box.live[at]?.expiresAtMs ?? 0) > until) continue;
      this.#changes.push(["removeDue", box.live[at]?.expiresAtMs ?? 0, box.record.number]);
      this.#removeAt(box, at);
    }
  }

  #delay(box: Box): void {
    const schedule = box.record.scheduleNumber as number;
    const seq = this.#nowMs - startMs;
    if (box.delayed.includes(seq)) return;
    const message = this.#message(seq, undefined);
    const visibleAtMs = this.#nowMs + 5000;
    box.delayed.push(seq);
    this.#changes.push(["putMessage", schedule, { ...message, rank: 0, visibleAtMs }]);
    this.#changes.push(["putDue", this.#due(box, visibleAtMs)]);
  }

  #release(box: Box): void {
    const seq = box.delayed.shift();
    if (seq === undefined) return;
    this.#changes.push(["removeMessage", box.record.scheduleNumber as number, 0, seq]);
    this.#send(box);
  }

  #dedup(box: Box): void {
    const dedup = box.record.dedup;
    if (dedup === undefined) return;
    const id = `id-${this.#random.below(1000)}`;
    this.#changes.push(["putCursor", dedup.current, id, this.#random.bytes(40)]);
    if (!this.#random.oneIn(4)) return;
    if (dedup.earlier !== undefined) this.#changes.push(["putGarbage", dedup.earlier]);
    const next = { current: this.#takeNumber(), sinceMs: this.#nowMs, earlier: dedup.current };
    box.record = { ...box.record, dedup: next };
    this.#changes.push(["putMailbox", box.record]);
  }

  /** The mailbox ends and its name gets a new life. */
  #drop(box: Box): void {
    const { key, number, nextSeq, scheduleNumber, dedup } = box.record;
    const numbers = [number, scheduleNumber, dedup?.current, dedup?.earlier];
    for (const each of numbers) if (each !== undefined) this.#changes.push(["putGarbage", each]);
    box.live.length = 0;
    box.delayed.length = 0;
    box.record = this.#newRecord(key, nextSeq);
    this.#changes.push(["removeMailbox", key], ["putMailbox", box.record]);
  }

  #rename(box: Box): void {
    box.record = { ...box.record, desc: `described ${this.#random.below(1000)} times` };
    this.#changes.push(["putMailbox", box.record]);
  }
}
