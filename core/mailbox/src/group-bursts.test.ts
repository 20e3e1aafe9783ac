// Groups with thousands of deliveries out: all of them come back, and remembering them is bounded.
import { allRanks, type MailSubscription, type PriorityLabel } from "@mq9/protocol";
import { expect, test } from "vitest";
import { Reader, Rig } from "./testing/rig.ts";

function join(rig: Rig, reader: Reader, group = "g"): MailSubscription {
  const request = { mailbox: "a", match: "exact", ranks: allRanks } as const;
  return rig.account.subscribe({ ...request, group, sink: reader });
}

async function fill(rig: Rig, count: number, labels: PriorityLabel[] = ["normal"]): Promise<void> {
  const sent = Array.from({ length: count }, (_, i) =>
    rig.post("a", `m${i}`, { label: labels[i % labels.length] as PriorityLabel }),
  );
  await rig.outcome(Promise.all(sent));
}

/** Numbers of what a reader got, in the order it got them. */
function numbers(reader: Reader): number[] {
  return reader.take().map((got) => Number.parseInt(got, 10));
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** The longest stored position of the mailbox, in bytes. */
async function storedBytes(rig: Rig): Promise<number> {
  const cursors = await rig.store.cursors(1);
  return Math.max(...[...cursors.values()].map((bytes) => bytes.length));
}

test("a member that vanishes with thousands of deliveries out gives all of them back, in order", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  const gone = join(rig, new Reader());
  await rig.settle();
  await fill(rig, 3_000);
  gone.end("vanished");
  const reads = rig.store.calls("messages");
  const reader = new Reader();
  join(rig, reader);
  await rig.settle();
  expect(numbers(reader)).toEqual(upTo(3_000));
  expect(rig.store.calls("messages") - reads).toBeLessThan(30);
});

test("a crash gives back thousands of deliveries of several members and ranks", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  for (let i = 0; i < 3; i += 1) join(rig, new Reader());
  await rig.settle();
  await fill(rig, 3_000, ["critical", "normal"]);
  rig.mailboxes.writePositions();
  await rig.settle();
  await rig.crash();
  const reader = new Reader();
  join(rig, reader);
  await rig.settle();
  const even = upTo(1_500).map((i) => 2 * i);
  expect(numbers(reader)).toEqual([...even, ...even.map((i) => i + 1)]);
});

test("more runs than are remembered: a vanished member gives back all it got, and perhaps more", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  const [first, second] = [new Reader(), new Reader()];
  const gone = join(rig, first);
  join(rig, second);
  await rig.settle();
  await fill(rig, 10_000);
  const got = numbers(first);
  expect(got).toHaveLength(5_000);
  second.take();
  gone.end("vanished");
  await rig.settle();
  const repeated = new Set(numbers(second));
  expect(got.filter((seq) => !repeated.has(seq))).toEqual([]);
});

test("what is stored of a position stays bounded when every second message was removed", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  const gone = join(rig, new Reader());
  await rig.settle();
  await fill(rig, 12_000);
  const odd = upTo(6_000).map((i) => 2 * i + 1);
  await rig.outcome(Promise.all(odd.map((msgId) => rig.account.remove({ mailbox: "a", msgId }))));
  gone.end("vanished");
  rig.mailboxes.writePositions();
  await rig.settle();
  expect(await storedBytes(rig)).toBeLessThan(33 + 17 * 4_097);
  await rig.crash();
  const reader = new Reader();
  join(rig, reader);
  await rig.settle();
  expect(numbers(reader)).toEqual(odd.map((seq) => seq - 1));
});

test("what comes back is shared with who has room, and a removal in between is honoured", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  const gone = join(rig, new Reader());
  await rig.settle();
  await fill(rig, 6);
  gone.end("vanished");
  const slow = new Reader(2);
  join(rig, slow);
  await rig.settle();
  expect(numbers(slow)).toEqual([0, 1]);
  await rig.outcome(rig.account.remove({ mailbox: "a", msgId: 3 }));
  const other = new Reader(2);
  const otherJoined = join(rig, other);
  await rig.settle();
  expect(numbers(other)).toEqual([2, 4]);
  otherJoined.end("vanished");
  slow.read(9);
  await rig.settle();
  expect(numbers(slow)).toEqual([2, 4, 5]);
});

test("a group that was never handed anything does not come back from the disk", async () => {
  const rig = await Rig.open({ groupsMax: 1 });
  await rig.create("a");
  const members = [join(rig, new Reader()), join(rig, new Reader())];
  await rig.settle();
  members[0]?.end("unsubscribed");
  await rig.restart();
  await rig.outcome(rig.account.info("a"));
  expect(() => join(rig, new Reader(), "other")).not.toThrow();
});
