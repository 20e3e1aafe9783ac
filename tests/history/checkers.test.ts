// Every checker sees the fault it is for, and none of them sees one in a faultless history. A history
// is made by a tiny mailbox that does everything right, and then doctored.
import { expect, test } from "vitest";
import { judge } from "./src/judge.ts";
import type { Delivery, HistoryRecord, Rank, Send, Settling } from "./src/record.ts";

const box = "tasks";
const base = { proc: "p", conn: "c0", mailbox: box, inc: 0, epoch: 0, res: "ok" } as const;

interface SendOptions {
  readonly key?: string;
  readonly ttlMs?: number;
  readonly delayMs?: number;
  readonly dedup?: string;
}

/** A history in the making; every operation takes half a millisecond of its clock. */
class Story {
  readonly records: HistoryRecord[] = [];
  #now = 1_000;
  #calls = 0;

  wait(ms: number): void {
    this.#now += ms;
  }

  send(msgId: number | null, rank: Rank = 2, options: SendOptions = {}): Send {
    const id = options.dedup ?? `m${msgId ?? "x"}`;
    return this.#add({ ...this.#next(), op: "send", id, hash: `#${id}`, rank, msgId, ...options });
  }

  fetch(conn: string, sent: readonly Send[], count = 1, group: string | null = "g"): Delivery[] {
    const call = `fetch${++this.#calls}`;
    const when = this.#next();
    const via = group === null ? ("read" as const) : ("fetch" as const);
    return sent.map(({ id, hash, rank, msgId }) =>
      this.#add({
        ...{ ...when, op: "deliver", via, call, conn, group },
        ...{ id, hash, rank, msgId, count: group === null ? null : count, leaseMs: 30_000 },
      }),
    );
  }

  push(sub: string, startedAt: number, { id, hash, rank, msgId }: Send): Delivery {
    const call = { via: "push", call: sub, group: null, count: null, leaseMs: null } as const;
    const when = { ...this.#next(), tInv: startedAt, bInv: this.#now };
    return this.#add({ ...when, op: "deliver", ...call, id, hash, rank, msgId });
  }

  settle(op: Settling["op"], msgId: number, group: string | null = "g", forMs?: number): Settling {
    return this.#add({ ...this.#next(), op, group, msgId, forMs });
  }

  gone(conn: string): void {
    this.#add({ ...this.#next(), op: "gone", conn });
  }

  refetch(conn: string): void {
    this.#add({ ...this.#next(), op: "refetch", conn, group: "g" });
  }

  restart(): void {
    this.#add({ ...this.#next(), op: "life", what: "ended" });
  }

  drained(via: "fetch" | "read", call: string, group: string | null, sinceNow: number): void {
    this.#add({ ...this.#next(), op: "drained", via, call, group, since: 0, tInv: sinceNow });
  }

  get now(): number {
    return this.#now;
  }

  /** The rules that the history breaks. */
  rules(): string[] {
    return [...new Set(judge(this.records).violations.map((one) => `${one.checker} ${one.rule}`))];
  }

  #next(): typeof base & { tInv: number; tRet: number } {
    this.#now += 1;
    return { ...base, tInv: this.#now, tRet: this.#now + 0.5 };
  }

  #add<R extends HistoryRecord>(record: R): R {
    this.records.push(record);
    return record;
  }
}

/** Three messages, two workers, one of which leaves; everything handled in the end. */
function faultless(): { story: Story; sent: Send[] } {
  const story = new Story();
  const sent = [story.send(0, 2), story.send(1, 0), story.send(2, 2), story.send(3, 2)];
  const [a, b, c, d] = sent as [Send, Send, Send, Send];
  story.fetch("w1", [b, a]);
  story.settle("ack", 1);
  story.fetch("w2", [c]);
  story.gone("w1");
  story.fetch("w2", [a], 2);
  story.settle("nack", 2, "g", 10);
  story.wait(20);
  story.restart();
  const begin = story.now;
  story.fetch("w3", [a, c, d]);
  for (const msgId of [0, 2, 3]) story.settle("ack", msgId);
  story.drained("fetch", "drain", "g", begin);
  const reading = story.now;
  story.fetch("r", [b, a, c, d], 0, null);
  story.drained("read", `fetch5`, null, reading);
  return { story, sent };
}

test("a faultless history breaks no rule", () => {
  expect(judge(faultless().story.records).violations).toEqual([]);
});

test("a message that no reading at the end returns is lost", () => {
  const { story } = faultless();
  const at = story.records.findLastIndex((one) => one.op === "deliver" && one.id === "m3");
  story.records.splice(at, 1);
  expect(story.rules()).toEqual(["H1 lost"]);
});

test("a message handed out, never acknowledged and never handed out again is lost to its group", () => {
  const { story } = faultless();
  const at = story.records.findLastIndex(
    (one) => one.op === "deliver" && one.id === "m0" && one.group === "g",
  );
  story.records.splice(at, 1);
  const acked = story.records.findIndex((one) => one.op === "ack" && one.msgId === 0);
  story.records.splice(acked, 1);
  expect(story.rules()).toEqual(["H1 lost"]);
});

test("a message that nobody sent, or that was refused, is a phantom", () => {
  const { story } = faultless();
  const at = story.records.findIndex((one) => one.op === "send" && one.id === "m3");
  story.records[at] = { ...(story.records[at] as Send), res: "refused" };
  expect(story.rules()).toContain("H1 phantom");
  story.records.splice(at, 1);
  expect(story.rules()).toContain("H1 phantom");
});

test("other bytes, another priority and another mailbox are alterations", () => {
  for (const change of [{ hash: "#other" }, { rank: 3 as const }, { mailbox: "elsewhere" }]) {
    const { story } = faultless();
    const at = story.records.findIndex((one) => one.op === "deliver" && one.id === "m2");
    story.records[at] = { ...(story.records[at] as Delivery), ...change };
    expect(story.rules()).toContain("H1 altered");
  }
});

test("one number for two messages is found", () => {
  const { story } = faultless();
  const at = story.records.findIndex((one) => one.op === "send" && one.id === "m3");
  story.records[at] = { ...(story.records[at] as Send), msgId: 2 };
  expect(story.rules()).toContain("H1 number");
});

test("a repeated send with an id that is stored twice is found, one that is not is fine", () => {
  const story = new Story();
  story.send(0, 2, { dedup: "d" });
  story.send(0, 2, { dedup: "d" });
  expect(story.rules()).toEqual([]);
  story.send(1, 2, { dedup: "d" });
  expect(story.rules()).toEqual(["H1 dedup"]);
});

test("a send after an accepted one with a lower number is a reorder", () => {
  const story = new Story();
  story.send(5);
  story.send(4);
  expect(story.rules()).toEqual(["H2 reorder"]);
});

test("a reply out of order of priority or number is found", () => {
  const story = new Story();
  const [a, b, c] = [story.send(0, 2), story.send(1, 0), story.send(2, 2)];
  story.fetch("w", [a, b]);
  expect(story.rules()).toEqual(["H2 priority"]);
  const other = new Story();
  other.records.push(a, b, c);
  other.wait(100);
  other.fetch("w", [c, a]);
  expect(other.rules()).toEqual(["H2 reorder"]);
});

test("a first delivery that comes after a later number is a reorder, unless the broker was restarted", () => {
  const story = new Story();
  const [a, b] = [story.send(0), story.send(1)];
  story.fetch("w", [b]);
  story.fetch("w", [a]);
  expect(story.rules()).toEqual(["H2 reorder"]);
  const other = new Story();
  other.records.push(a, b);
  other.wait(100);
  other.fetch("w", [b]);
  other.restart();
  other.fetch("w", [a]);
  expect(other.rules()).toEqual([]);
});

test("two consumers holding one message are a double lease", () => {
  const story = new Story();
  const sent = story.send(0);
  story.fetch("w1", [sent]);
  story.fetch("w2", [sent], 2);
  expect(story.rules()).toEqual(["H4 double lease"]);
});

test("a lease that ended by time, return, disconnect, asking again or restart is none", () => {
  const causes: ((story: Story) => void)[] = [
    (story) => story.wait(30_000),
    (story) => story.settle("nack", 0),
    (story) => story.gone("w1"),
    (story) => story.refetch("w1"),
    (story) => story.restart(),
  ];
  for (const cause of causes) {
    const story = new Story();
    const sent = story.send(0);
    story.fetch("w1", [sent]);
    cause(story);
    story.fetch("w2", [sent], 2);
    expect(story.rules()).toEqual([]);
  }
});

test("an extended lease lives until its new end and no longer", () => {
  for (const [waitMs, rules] of [
    [40_000, ["H4 double lease"]],
    [60_000, []],
  ] as const) {
    const story = new Story();
    const sent = story.send(0);
    story.fetch("w1", [sent]);
    story.settle("extend", 0, "g", 60_000);
    story.wait(waitMs);
    story.fetch("w2", [sent], 2);
    expect(story.rules()).toEqual(rules);
  }
});

test("a redelivery that claims to be the first is an illegal duplicate", () => {
  const story = new Story();
  const sent = story.send(0);
  story.fetch("w1", [sent]);
  story.gone("w1");
  story.fetch("w2", [sent], 1);
  expect(story.rules()).toEqual(["H3 illegal duplicate"]);
});

test("a subscription that gets a message twice, late or not at all is found", () => {
  const story = new Story();
  const [a, b, c] = [story.send(0), story.send(1), story.send(2)];
  const startedAt = story.now;
  story.push("s1", startedAt, a);
  story.push("s1", startedAt, a);
  expect(story.rules()).toEqual(["H3 illegal duplicate"]);
  const gap = new Story();
  gap.records.push(a, b, c);
  gap.wait(100);
  gap.push("s1", startedAt, a);
  gap.push("s1", startedAt, c);
  expect(gap.rules()).toEqual(["H5 gap"]);
  const turned = new Story();
  turned.records.push(a, b, c);
  turned.wait(100);
  turned.push("s1", startedAt, b);
  turned.push("s1", startedAt, a);
  expect(turned.rules()).toEqual(["H2 reorder"]);
});

test("a delivery at the end of a message is late, one before it is not", () => {
  for (const [waitMs, rules] of [
    [998, []],
    [1_000, ["H5 late"]],
  ] as const) {
    const story = new Story();
    const sent = story.send(0, 2, { ttlMs: 1_000 });
    story.wait(waitMs);
    story.fetch("w", [sent]);
    expect(story.rules()).toEqual(rules);
  }
});

test("a delayed message that comes before its time is early", () => {
  const story = new Story();
  const sent = story.send(null, 2, { delayMs: 500 });
  story.fetch("w", [{ ...sent, msgId: 0 }]);
  expect(story.rules()).toEqual(["H5 early"]);
});

test("an expired message need not be there, a living one must", () => {
  for (const [waitMs, rules] of [
    [500, ["H1 lost"]],
    [1_500, []],
  ] as const) {
    const story = new Story();
    story.send(0, 2, { ttlMs: 1_000 });
    story.wait(waitMs);
    story.drained("read", "reading", null, story.now);
    expect(story.rules()).toEqual(rules);
  }
});

test("what was acknowledged or deleted does not come back, not even after a restart", () => {
  const story = new Story();
  const sent = story.send(0);
  story.fetch("w", [sent]);
  story.settle("ack", 0);
  story.restart();
  story.fetch("w", [sent]);
  expect(story.rules()).toEqual(["H7 resurrected"]);
  const deleted = new Story();
  deleted.records.push(sent);
  deleted.wait(100);
  deleted.settle("delete", 0, null);
  deleted.fetch("r", [sent], 0, null);
  expect(deleted.rules()).toEqual(["H7 resurrected"]);
});

test("a message replaced by a newer one of its key is not handed out again", () => {
  const story = new Story();
  const [old, young] = [story.send(0, 2, { key: "k" }), story.send(1, 2, { key: "k" })];
  story.fetch("w", [young]);
  expect(story.rules()).toEqual([]);
  story.fetch("w2", [old]);
  expect(story.rules()).toContain("H7 resurrected");
});

test("a long history is judged", { timeout: 60_000 }, () => {
  const story = new Story();
  for (let n = 0; n < 50_000; n += 1) {
    const sent = story.send(n, (n % 4) as Rank);
    story.fetch(`w${n % 7}`, [sent]);
    story.settle("ack", n);
  }
  const { counts, violations } = judge(story.records);
  expect(counts["records"]).toBe(150_000);
  expect(violations).toEqual([]);
});
