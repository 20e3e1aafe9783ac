// Push groups: one position for all members, what is given back, and what a restart remembers.
import { allRanks, type MailSubscription, maskOf, type RankMask } from "@mq9/protocol";
import { describe, expect, test } from "vitest";
import { Reader, Rig } from "./testing/rig.ts";
import { runScript } from "./testing/script.ts";

function join(rig: Rig, reader: Reader, ranks: RankMask = allRanks): MailSubscription {
  const sink = reader;
  return rig.account.subscribe({ mailbox: "a", match: "exact", ranks, group: "g", sink });
}

const critical = maskOf(0);
const normal = maskOf(2);

function unmarked(got: string[]): string[] {
  return got.map((each) => each.replace("*", ""));
}

test("gives each message to one member, in turn", () =>
  runScript(`
    create     a
    subscribe  r a group=g
    subscribe  s a group=g
    subscribe  t a group=g
    send       a normal m0              -> 0
    send       a normal m1              -> 1
    end        r
    send       a normal m2              -> 2
    send       a normal m3              -> 3
    got        r                        -> 0:m0
    got        s                        -> 1:m1 3:m3
    got        t                        -> 2:m2
  `));

test("shares its position with nobody else: other groups and plain readers get everything", () =>
  runScript(`
    create     a
    subscribe  r a group=g
    send       a normal m0              -> 0
    subscribe  s a group=h
    subscribe  t a
    got        r                        -> 0:m0
    got        s                        -> 0:m0*
    got        t                        -> 0:m0*
  `));

test("keeps its position while it has no members, and over a restart and a crash", () =>
  runScript(`
    create     a
    subscribe  r a group=g
    send       a normal m0              -> 0
    end        r
    send       a normal m1              -> 1
    restart
    subscribe  s a group=g
    got        s                        -> 1:m1*
    end        s
    tick                                -> +3600s
    crash
    send       a normal m2              -> 2
    subscribe  t a group=g
    got        t                        -> 2:m2*
  `));

test("a crash repeats what was handed out and not written down, and skips nothing", () =>
  runScript(`
    create     a
    subscribe  r a group=g
    send       a normal m0              -> 0
    send       a normal m1              -> 1
    remove     a 0
    crash
    subscribe  s a group=g
    got        s                        -> 1:m1*
  `));

test("a crash gives back what was handed out lately, though it was written down", () =>
  runScript(`
    create     a
    subscribe  r a group=g
    send       a normal m0              -> 0
    send       a normal m1              -> 1
    tick                                -> +30s
    crash
    subscribe  s a group=g
    got        s                        -> 0:m0* 1:m1*
  `));

test("a crash does not give back what was handed out more than half a minute before", () =>
  runScript(`
    create     a
    subscribe  r a group=g
    send       a normal m0              -> 0
    tick                                -> +30s
    clock      +29s
    send       a normal m1              -> 1
    tick                                -> +1s
    clock      +1s
    tick                                -> +30s
    crash
    subscribe  s a group=g
    got        s                        -> 1:m1*
    end        s
    tick                                -> +3570s
  `));

test("a member that vanishes gives back what it did not remove, before anything newer of its rank", () =>
  runScript(`
    create     a
    subscribe  r a group=g
    send       a normal m0              -> 0
    send       a normal m1              -> 1
    send       a normal m2              -> 2
    remove     a 1
    end        r vanished
    send       a normal   m3            -> 3
    send       a critical c4            -> 4
    subscribe  s a group=g
    got        s                        -> 4:c4* 0:m0* 2:m2* 3:m3*
  `));

test("a member that vanishes gives back only what it got within half a minute", () =>
  runScript(`
    create     a
    subscribe  r a group=g
    send       a normal m0              -> 0
    clock      +30001ms
    send       a normal m1              -> 1
    end        r vanished
    subscribe  s a group=g
    got        s                        -> 1:m1*
  `));

test("a member that leaves on purpose gives back nothing", () =>
  runScript(`
    create     a
    subscribe  r a group=g
    send       a normal m0              -> 0
    end        r
    subscribe  s a group=g
    got        s                        ->
  `));

test("what a vanished member gives back goes to those who are there", () =>
  runScript(`
    create     a
    subscribe  r a group=g
    subscribe  s a group=g
    send       a normal m0              -> 0
    send       a normal m1              -> 1
    got        s                        -> 1:m1
    end        r vanished
    got        s                        -> 0:m0*
  `));

test("what was given back survives a restart", () =>
  runScript(`
    create     a
    subscribe  r a group=g
    send       a normal m0              -> 0
    end        r vanished
    restart
    subscribe  s a group=g
    got        s                        -> 0:m0*
  `));

test("a new life of the mailbox gives back nothing of the old one", () =>
  runScript(`
    create     a
    subscribe  r a group=g
    send       a normal m0              -> 0
    drop       a
    create     a
    send       a normal m1              -> 1
    end        r vanished
    subscribe  s a group=g
    got        s                        -> 1:m1*
  `));

test("members take only the ranks they asked for; the others wait for somebody", () =>
  runScript(`
    create     a
    subscribe  r a group=g ranks=critical
    send       a normal   n0            -> 0
    send       a critical c1            -> 1
    got        r                        -> 1:c1
    subscribe  s a group=g ranks=normal
    got        s                        -> 0:n0*
    send       a normal   n2            -> 2
    send       a critical c3            -> 3
    got        r                        -> 3:c3
    got        s                        -> 2:n2
  `));

test("a member without room does not hold up the others, of its rank or of another", () =>
  runScript(`
    create     a
    subscribe  r a group=g ranks=critical room=1
    subscribe  s a group=g ranks=normal
    send       a critical c0            -> 0
    send       a critical c1            -> 1
    send       a normal   n2            -> 2
    got        r                        -> 0:c0
    got        s                        -> 2:n2
    read       r 1
    got        r                        -> 1:c1*
    subscribe  t a group=g ranks=critical
    send       a critical c3            -> 3
    got        t                        -> 3:c3
  `));

describe("in the middle of something else", () => {
  test("a member that joins while the mailbox is busy misses nothing older than what arrives", async () => {
    const rig = await Rig.open();
    await rig.create("a");
    join(rig, new Reader(), critical);
    await rig.settle();
    await rig.send("a", "old");
    const release = rig.holdDisk();
    const sent = rig.post("a", "new");
    const removed = rig.account.remove({ mailbox: "a", msgId: 7 }).catch(() => {}); // keeps the turn
    await rig.settle();
    const reader = new Reader();
    join(rig, reader, normal);
    await release();
    await Promise.all([sent, removed]);
    expect(unmarked(reader.take())).toEqual(["0:old", "1:new"]);
  });

  test("a member that makes room while a page is read for others gets what waited for it", async () => {
    const rig = await Rig.open();
    await rig.create("a");
    const slow = new Reader(1);
    join(rig, slow, critical);
    await rig.settle();
    await rig.send("a", "c0", { label: "critical" });
    await rig.send("a", "c1", { label: "critical" });
    const read = rig.memory.messages.bind(rig.memory);
    let turns = 0;
    rig.memory.messages = async (...range) => {
      const page = await read(...range);
      if (range[1].rank === 2 && turns++ === 0) slow.read(9);
      return page;
    };
    join(rig, new Reader(), normal);
    await rig.settle();
    expect(turns).toBeGreaterThan(0);
    expect(unmarked(slow.take())).toEqual(["0:c0", "1:c1"]);
  });

  test("a member that vanishes inside a delivery hands that message to the next", async () => {
    const rig = await Rig.open();
    await rig.create("a");
    const [first, second] = [new Reader(1), new Reader()];
    const subscription = join(rig, first);
    join(rig, second);
    await rig.settle();
    first.during = () => subscription.end("vanished");
    await rig.send("a", "x");
    await rig.send("a", "y");
    expect(first.take()).toEqual(["0:x"]);
    expect(first.waiting).toBe(false);
    expect(unmarked(second.take())).toEqual(["0:x", "1:y"]);
  });

  test("a message that came back is not lost when it can not be read", async () => {
    const rig = await Rig.open();
    await rig.create("a");
    const gone = join(rig, new Reader());
    await rig.settle();
    await rig.send("a", "x");
    gone.end("vanished");
    rig.store.plant("messages", 1, { kind: "fail", code: "io" });
    const reader = new Reader();
    join(rig, reader);
    await rig.settle();
    expect(reader.take()).toEqual([]);
    await rig.reopen();
    expect(reader.take()).toEqual(["0:x*"]);
  });

  test("a message that came back and was removed meanwhile is not handed out", async () => {
    const rig = await Rig.open();
    await rig.create("a");
    const gone = join(rig, new Reader());
    await rig.settle();
    await rig.send("a", "x");
    gone.end("vanished");
    await rig.outcome(rig.account.remove({ mailbox: "a", msgId: 0 }));
    const reader = new Reader();
    join(rig, reader);
    await rig.settle();
    expect(reader.take()).toEqual([]);
  });

  test("a message whose removal was answered is not handed out from a page read before", async () => {
    const rig = await Rig.open();
    await rig.create("a");
    for (const text of ["x", "gone", "y"]) await rig.send("a", text);
    const reader = new Reader(1);
    join(rig, reader);
    await rig.settle();
    rig.pageTurns = 5;
    reader.read(9);
    await rig.turn();
    const removed = rig.account.remove({ mailbox: "a", msgId: 1 }).then(() => reader.take());
    await rig.settle();
    expect(await removed).toEqual(["0:x*"]);
    expect(reader.take()).toEqual(["2:y*"]);
  });

  test("a removed message is settled: nobody gives it back, in memory or from disk", async () => {
    const rig = await Rig.open();
    await rig.create("a");
    const gone = join(rig, new Reader());
    await rig.settle();
    await rig.send("a", "x");
    await rig.outcome(rig.account.remove({ mailbox: "a", msgId: 0 }));
    gone.end("vanished");
    const reads = rig.store.calls("message");
    join(rig, new Reader());
    await rig.settle();
    expect(rig.store.calls("message")).toBe(reads);
  });

  test("a member that joins beside others gets what nobody took before what arrives", async () => {
    const rig = await Rig.open();
    await rig.create("a");
    join(rig, new Reader(), critical);
    await rig.settle();
    await rig.send("a", "gone");
    await rig.send("a", "old");
    // Its turn comes only when the removal has read, and by then the new message is durable.
    const read = rig.memory.message.bind(rig.memory);
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    rig.memory.message = async (...place) => {
      await held;
      return read(...place);
    };
    const hold = rig.holdDisk();
    const sent = rig.post("a", "new");
    await rig.settle();
    const removed = rig.account.remove({ mailbox: "a", msgId: 0 });
    const reader = new Reader();
    join(rig, reader, normal);
    await hold();
    await sent;
    expect(reader.take()).toEqual([]);
    release();
    await rig.outcome(removed);
    expect(unmarked(reader.take())).toContain("1:old");
  });

  test("a store that is reopened repeats nothing to members that stayed", async () => {
    const rig = await Rig.open();
    await rig.create("a");
    const reader = new Reader();
    join(rig, reader);
    await rig.settle();
    await rig.send("a", "x");
    await rig.outcome(rig.mailboxes.tick());
    await rig.settle();
    await rig.send("a", "y");
    rig.store.plant("commit", 1, { kind: "fail", code: "full" });
    expect(await rig.send("a", "z")).toBe("unknown");
    await rig.reopen();
    expect(await rig.send("a", "again")).toBe(2);
    expect(reader.take()).toEqual(["0:x", "1:y", "2:again"]);
  });
});

test("a thousand and one members are too many, and so are groups that were never handed anything", async () => {
  const rig = await Rig.open({ groupsMax: 2 });
  const request = { mailbox: "a", match: "exact", ranks: allRanks } as const;
  const member = (group: string) =>
    rig.account.subscribe({ ...request, group, sink: new Reader() }).end("unsubscribed");
  for (const group of ["g", "h", "i"]) member(group);
  rig.account.subscribe({ ...request, group: "g", sink: new Reader() });
  rig.account.subscribe({ ...request, group: "h", sink: new Reader() });
  expect(() => member("i")).toThrow("the limit of 2 groups of one mailbox is reached");
  for (let i = 1; i < 1024; i += 1) {
    rig.account.subscribe({ ...request, group: "g", sink: new Reader() });
  }
  expect(() => member("g")).toThrow("the limit of 1024 members of one group is reached");
});
