// Push to one reader: the seam between what is stored and what arrives, and what may happen in it.
import { allRanks, type MailSubscription, maskOf } from "@mq9/protocol";
import { StoreError } from "@mq9/store";
import { describe, expect, test } from "vitest";
import { Reader, Rig } from "./testing/rig.ts";
import { runScript } from "./testing/script.ts";

function subscribe(rig: Rig, reader: Reader, mailbox = "a", replayOnly = false): MailSubscription {
  const sink = reader;
  return rig.account.subscribe({ mailbox, match: "exact", ranks: allRanks, replayOnly, sink });
}

/** Answers the next page only when the returned function is called; the page is read at once. */
function holdPage(rig: Rig): () => Promise<void> {
  const { memory } = rig;
  const read = memory.messages.bind(memory);
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  memory.messages = async (...range) => {
    memory.messages = read;
    const page = await read(...range);
    await held;
    return page;
  };
  return async () => {
    release();
    await rig.settle();
  };
}

test("hands over what is stored by priority and number, then what arrives", () =>
  runScript(`
    create     a
    send       a normal   n0            -> 0
    send       a critical c1            -> 1
    send       a low      l2            -> 2
    send       a urgent   u3            -> 3
    send       a high     h4            -> 4
    send       a notify   t5            -> 5
    subscribe  r a
    got        r                        -> 1:c1* 3:u3* 4:h4* 0:n0* 2:l2* 5:t5*
    send       a low      l6            -> 6
    send       a critical c7            -> 7
    got        r                        -> 6:l6 7:c7
  `));

test("hands over the same to every reader, and again to the next", () =>
  runScript(`
    create     a
    subscribe  r a
    subscribe  s a
    send       a normal x               -> 0
    got        r                        -> 0:x
    got        s                        -> 0:x
    subscribe  t a
    got        t                        -> 0:x*
    got        r                        ->
  `));

test("follows a name before it has a mailbox, and through its next life", () =>
  runScript(`
    subscribe  r a
    send       a normal lost            -> not_found
    create     a ttl=1
    send       a normal x               -> 0
    got        r                        -> 0:x
    clock      +1s
    send       a normal late            -> expired
    create     a
    send       a normal y               -> 1
    got        r                        -> 1:y
    drop       a
    send       a normal late            -> not_found
    create     a
    send       a normal z               -> 2
    got        r                        -> 2:z
  `));

test("hands over only the ranks that were asked for", () =>
  runScript(`
    create     a
    send       a critical c0            -> 0
    send       a normal   n1            -> 1
    send       a notify   t2            -> 2
    subscribe  r a ranks=critical,low
    send       a urgent   u3            -> 3
    send       a critical c4            -> 4
    got        r                        -> 0:c0* 2:t2* 4:c4
  `));

test("stops at once when it ends", () =>
  runScript(`
    create     a
    subscribe  r a
    send       a normal x               -> 0
    end        r
    send       a normal y               -> 1
    got        r                        -> 0:x
  `));

test("with replayOnly hands over what was accepted before and nothing later", () =>
  runScript(`
    create     a
    send       a normal   x             -> 0
    subscribe  r a replay-only
    send       a critical y             -> 1
    got        r                        -> 0:x*
    drop       a
    create     a
    send       a normal   z             -> 2
    got        r                        ->
  `));

test("waits for room, and goes on from the store where it stopped", () =>
  runScript(`
    create     a
    subscribe  r a room=2
    send       a normal   x             -> 0
    send       a normal   y             -> 1
    send       a normal   z             -> 2
    send       a critical c             -> 3
    got        r                        -> 0:x 1:y
    read       r 1
    got        r                        -> 3:c*
    read       r 9
    got        r                        -> 2:z*
    send       a normal   live          -> 4
    got        r                        -> 4:live
  `));

test("pages through more than fits one page without a gap", () =>
  runScript(
    `
    create     a
    send       a low n0                 -> 0
    send       a low n1                 -> 1
    send       a low n2                 -> 2
    send       a critical c3            -> 3
    send       a low n4                 -> 4
    subscribe  r a room=3
    got        r                        -> 3:c3* 0:n0* 1:n1*
    read       r 9
    got        r                        -> 2:n2* 4:n4*
    `,
    { pageMessages: 2 },
  ));

test("a reader that makes room inside its own delivery loses and repeats nothing", async () => {
  const rig = await Rig.open({ pageMessages: 2 });
  await rig.create("a");
  for (const text of ["x", "y", "z"]) await rig.send("a", text);
  const reader = new Reader(1);
  const onceWritable = reader.onceWritable.bind(reader);
  reader.onceWritable = (resume) => {
    onceWritable(resume);
    reader.read(1);
  };
  subscribe(rig, reader);
  await rig.settle();
  await rig.send("a", "live");
  expect(reader.take().map((got) => got.replace("*", ""))).toEqual(["0:x", "1:y", "2:z", "3:live"]);
});

describe("in the middle of something else", () => {
  test("mail that becomes durable while a new reader waits for its turn does not overtake older mail", async () => {
    const rig = await Rig.open();
    await rig.create("a");
    await rig.send("a", "old");
    const release = rig.holdDisk();
    const sent = rig.post("a", "new");
    const removed = rig.account.remove({ mailbox: "a", msgId: 7 }).catch(() => {}); // keeps the turn
    await rig.settle();
    const reader = new Reader();
    subscribe(rig, reader);
    await release();
    await Promise.all([sent, removed]);
    expect(reader.take().map((got) => got.replace("*", ""))).toEqual(["0:old", "1:new"]);
  });

  test("mail that becomes durable while a page is read is neither lost nor repeated", async () => {
    const rig = await Rig.open();
    await rig.create("a");
    await rig.send("a", "old");
    const release = holdPage(rig);
    const reader = new Reader();
    subscribe(rig, reader);
    await rig.settle();
    await rig.send("a", "low", { label: "low" });
    await rig.send("a", "top", { label: "critical" });
    expect(reader.take()).toEqual([]);
    await release();
    expect(reader.take()).toEqual(["0:old*", "2:top*", "1:low*"]);
  });

  test("a message whose removal was answered is not handed over from a page read before", async () => {
    const rig = await Rig.open();
    await rig.create("a");
    await rig.send("a", "keep");
    await rig.send("a", "gone");
    const reader = new Reader(1);
    rig.account.subscribe({ mailbox: "a", match: "exact", ranks: maskOf(2), sink: reader });
    await rig.settle();
    const releaseDisk = rig.holdDisk();
    const removed = rig.account.remove({ mailbox: "a", msgId: 1 });
    await rig.settle();
    const releasePage = holdPage(rig);
    reader.read(9);
    await rig.settle();
    await releaseDisk();
    await removed;
    await releasePage();
    expect(reader.take()).toEqual(["0:keep*"]);
  });

  test("a mailbox that is dropped while a page is read hands over nothing more", async () => {
    const rig = await Rig.open();
    await rig.create("a");
    await rig.send("a", "old");
    const release = holdPage(rig);
    const reader = new Reader();
    subscribe(rig, reader);
    await rig.settle();
    await rig.outcome(rig.account.drop("a"));
    await release();
    expect(reader.take()).toEqual([]);
    await rig.create("a");
    await rig.send("a", "new");
    expect(reader.take()).toEqual(["1:new"]);
  });

  test("a reader that leaves inside a delivery gets nothing more", async () => {
    const rig = await Rig.open();
    await rig.create("a");
    for (const text of ["x", "y"]) await rig.send("a", text);
    const reader = new Reader(1);
    const subscription = subscribe(rig, reader);
    reader.during = () => subscription.end("unsubscribed");
    await rig.settle();
    await rig.send("a", "z");
    expect(reader.take()).toEqual(["0:x*"]);
    expect(reader.waiting).toBe(false);
  });

  test("one reader may end another, send and subscribe inside a delivery", async () => {
    const rig = await Rig.open();
    await rig.create("a");
    const [first, second, third, late] = [new Reader(), new Reader(), new Reader(), new Reader()];
    subscribe(rig, first);
    const ended = subscribe(rig, second);
    subscribe(rig, third);
    await rig.settle();
    third.during = () => {
      third.during = undefined;
      ended.end("unsubscribed");
      subscribe(rig, late);
      void rig.post("a", "echo");
    };
    await rig.send("a", "x");
    await rig.settle();
    expect(first.take()).toEqual(["0:x", "1:echo"]);
    expect(second.take()).toEqual([]);
    expect(third.take()).toEqual(["0:x", "1:echo"]);
    expect(late.take().map((got) => got.replace("*", ""))).toEqual(["0:x", "1:echo"]);
  });
});

test.each(["under way", "failed already"])(
  "a replay is not over because of a drop that is %s and does not happen",
  async (when) => {
    const rig = await Rig.open();
    await rig.create("a");
    for (const text of ["x", "y"]) await rig.send("a", text);
    const reader = new Reader(1);
    subscribe(rig, reader, "a", true);
    await rig.settle();
    const release = rig.holdDisk();
    const until = rig.disk.then(() => Promise.reject(new Error("disk")));
    rig.store.plant("commit", 1, { kind: "delay", until });
    const dropped = rig.account.drop("a").catch(() => {});
    await rig.settle();
    if (when === "under way") reader.read(9);
    await rig.settle();
    await release();
    await dropped;
    expect(rig.failures).toHaveLength(1);
    if (when === "failed already") reader.read(9);
    await rig.settle();
    await rig.reopen();
    expect(reader.take()).toEqual(["0:x*", "1:y*"]);
  },
);

describe("when the store can not be read", () => {
  test("a reader goes on without a gap once the store is back", async () => {
    const rig = await Rig.open();
    await rig.create("a");
    await rig.send("a", "x");
    const reader = new Reader();
    rig.store.plant("messages", 1, { kind: "fail", code: "io" });
    subscribe(rig, reader);
    await rig.settle();
    expect(rig.failures).toEqual([expect.any(StoreError)]);
    await rig.send("a", "y");
    expect(reader.take()).toEqual([]);
    await rig.reopen();
    expect(reader.take()).toEqual(["0:x*", "1:y*"]);
  });

  test("a reader of a mailbox that could not be loaded gets all of it when it can", async () => {
    const rig = await Rig.open();
    await rig.create("a");
    await rig.send("a", "x");
    await rig.restart();
    rig.store.plant("mailbox", 1, { kind: "fail", code: "corrupt" });
    const reader = new Reader();
    subscribe(rig, reader);
    await rig.settle();
    expect(reader.take()).toEqual([]);
    await rig.send("a", "y");
    expect(reader.take().map((got) => got.replace("*", ""))).toEqual(["0:x", "1:y"]);
  });
});
