// The end of mailboxes and messages: to the millisecond for readers, later for the disk.
import { allRanks } from "@mq9/protocol";
import { expect, test } from "vitest";
import { Reader, Rig } from "../testing/rig.ts";
import { runScript } from "../testing/script.ts";

const operations = [
  ["send", "send a normal y", "1"],
  ["query", "query a", "0:x (1 unread)"],
  ["info", "info a", "a standard ends +1ms"],
  ["remove", "remove a 0", "ok"],
  ["drop", "drop a", "ok"],
  ["create", "create a strict", "exists"],
] as const;

test.each(operations)(
  "%s works a millisecond before the mailbox's end and not from it on",
  async (...row) => {
    const [, command, before] = row;
    const start = `
    create  a ttl=10
    send    a normal x                  -> 0
    clock   +9999ms`;
    const after = command.startsWith("create") ? "made a standard ends +3600s" : "expired";
    await runScript(`${start}\n ${command} -> ${before}`);
    await runScript(`${start}\n clock +1ms\n ${command} -> ${after}`);
    await runScript(`${start}\n clock +2ms\n ${command} -> ${after}`);
    await runScript(`${start}\n clock +1ms\n tick\n ${command} -> ${after}`);
  },
);

test("pushes until a millisecond before the mailbox's end and nothing from it on", () =>
  runScript(`
    create     a ttl=10
    send       a normal x               -> 0
    send       a normal y               -> 1
    clock      +9999ms
    subscribe  r a room=1
    got        r                        -> 0:x*
    clock      +1ms
    read       r 9
    got        r                        ->
    subscribe  s a
    subscribe  t a group=g
    got        s                        ->
    got        t                        ->
  `));

test.each([
  ["its mailbox", { mailboxSeconds: 10, messageSeconds: undefined }],
  ["it", { mailboxSeconds: 3600, messageSeconds: 10 }],
])(
  "a message that becomes durable when %s has ended is stored and handed to nobody",
  async (_, ttl) => {
    const rig = await Rig.open();
    await rig.create("a", { ttlSeconds: ttl.mailboxSeconds });
    const readers = [new Reader(), new Reader()];
    for (const [i, sink] of readers.entries()) {
      const group = i === 0 ? undefined : "g";
      rig.account.subscribe({ mailbox: "a", match: "exact", ranks: allRanks, group, sink });
    }
    await rig.settle();
    const seconds = ttl.messageSeconds;
    for (const [lateMs, handed] of [
      [9_999, 1],
      [1, 0],
    ] as const) {
      const release = rig.holdDisk();
      const sent = rig.post("a", "x", seconds === undefined ? {} : { ttlSeconds: seconds });
      await rig.settle();
      rig.nowMs += seconds !== undefined && handed === 0 ? 10_000 : lateMs;
      await release();
      expect(await sent).toBe(handed === 1 ? 0 : 1);
      expect(readers.map((reader) => reader.take().length)).toEqual([handed, handed]);
    }
  },
);

test("a message ends to the millisecond, whatever its mailbox does", () =>
  runScript(`
    create     a
    send       a normal x ttl=10        -> 0
    send       a normal y               -> 1
    clock      +9999ms
    query      a                        -> 0:x 1:y (2 unread)
    subscribe  r a room=1
    got        r                        -> 0:x*
    clock      +1ms
    query      a                        -> 1:y (1 unread)
    remove     a 0                      -> message_not_found
    subscribe  s a
    got        s                        -> 1:y*
    subscribe  t a group=g
    got        t                        -> 1:y*
  `));

test("a message that ends while its group has nobody is not handed out, and one that came back neither", () =>
  runScript(`
    create     a
    subscribe  r a group=g
    send       a normal x ttl=10        -> 0
    end        r vanished
    clock      +10s
    subscribe  s a group=g
    send       a normal y               -> 1
    got        s                        -> 1:y
  `));

test("a message that would outlive its mailbox ends with it", () =>
  runScript(`
    create  a ttl=10
    send    a normal x ttl=20           -> 0
    clock   +10s
    query   a                           -> expired
    create  a
    query   a                           -> (0 unread)
  `));

test("an ended mailbox goes in steps: hidden, freed after the grace, forgotten after its name's memory", async () => {
  const rig = await Rig.open({ graceMs: 600_000, nameMemoryMs: 3_600_000 });
  await rig.create("a", { ttlSeconds: 10 });
  await rig.send("a", "x");
  const startMs = rig.nowMs;
  const number = (await rig.memory.mailbox("acme/a"))?.number as number;
  const tickAt = async (ms: number) => {
    rig.nowMs = startMs + ms;
    const next = await rig.outcome(rig.mailboxes.tick());
    while (await rig.memory.clearGarbage());
    return (next as number) - startMs;
  };
  expect(await tickAt(9_999)).toBe(10_000);
  expect(await tickAt(10_000)).toBe(610_000);
  expect(await tickAt(609_999)).toBe(610_000);
  expect(await rig.memory.message(number, 0)).toBeDefined();
  expect(await tickAt(610_000)).toBe(3_610_000);
  expect(await rig.memory.message(number, 0)).toBeUndefined();
  expect(await rig.outcome(rig.account.info("a"))).toBe("not_found");
  expect(await tickAt(3_609_999)).toBe(3_610_000);
  expect(await rig.memory.mailbox("acme/a")).toBeDefined();
  expect(await tickAt(3_610_000)).toBe(Number.POSITIVE_INFINITY);
  expect(await rig.memory.mailbox("acme/a")).toBeUndefined();
});

test("a generated name is forgotten after the grace, a dropped one keeps its numbers as long", () =>
  runScript(
    `
    create  - ttl=10                    -> made m-00000000-0000-4000-8000-000000000001 standard ends +10s
    create  a
    send    a normal x                  -> 0
    drop    a
    clock   +600s
    tick                                -> +10s
    clock   +10s
    tick                                -> +2990s
    restart
    create  a ttl=0
    send    a normal y                  -> 1
    clock   +2990s
    tick                                -> idle
    query   a                           -> 1:y (1 unread)
    `,
    { nameMemoryMs: 3_600_000 },
  ));

test("a reader who waits through the forgetting of a name gets the mail of its next life", () =>
  runScript(
    `
    create     a ttl=10
    subscribe  r a
    subscribe  s a group=g
    send       a normal x               -> 0
    clock      +5000s
    tick                                -> idle
    create     a
    send       a normal y               -> 1
    got        r                        -> 0:x 1:y
    got        s                        -> 0:x 1:y
    `,
    { nameMemoryMs: 3_600_000 },
  ));

test("ended messages leave the disk within a minute after the grace, and none before", async () => {
  const rig = await Rig.open();
  await rig.create("a", { ttlSeconds: 86_400 });
  await rig.send("a", "x", { ttlSeconds: 10 });
  await rig.send("a", "y", { ttlSeconds: 30 });
  await rig.send("a", "stays");
  const endMs = rig.nowMs + 10_000;
  rig.nowMs = endMs + 599_999;
  await rig.outcome(rig.mailboxes.tick());
  expect(await rig.memory.message(1, 0)).toBeDefined();
  rig.nowMs = endMs + 660_000;
  await rig.outcome(rig.mailboxes.tick());
  expect(await rig.memory.message(1, 0)).toBeUndefined();
  rig.nowMs += 60_000;
  await rig.outcome(rig.mailboxes.tick());
  expect(await rig.memory.message(1, 1)).toBeUndefined();
  expect(await rig.memory.message(1, 2)).toBeDefined();
});

test("a sweep for one message spares those whose grace is not over", async () => {
  const rig = await Rig.open();
  await rig.create("a", { ttlSeconds: 86_400 });
  await rig.send("a", "x", { ttlSeconds: 10 });
  await rig.send("a", "y", { ttlSeconds: 300 });
  rig.nowMs += 670_000;
  await rig.outcome(rig.mailboxes.tick());
  expect(await rig.memory.message(1, 0)).toBeUndefined();
  expect(await rig.memory.message(1, 1)).toBeDefined();
});

test("a renewed or dropped mailbox asks for no look at its old end", async () => {
  const rig = await Rig.open();
  await rig.create("a", { ttlSeconds: 10 });
  await rig.outcome(rig.account.renew("a", 60));
  const dueAt = async () =>
    (await rig.memory.due(Number.MAX_SAFE_INTEGER, 9)).map(({ atMs }) => atMs - rig.nowMs);
  expect(await dueAt()).toEqual([60_000]);
  await rig.outcome(rig.account.drop("a"));
  expect(await dueAt()).toEqual([600_000]);
});

test("a look that an earlier life asked for changes nothing in the next", async () => {
  const rig = await Rig.open();
  await rig.create("a", { ttlSeconds: 10 });
  rig.nowMs += 10_000;
  await rig.create("a", { ttlSeconds: 5 });
  await rig.send("a", "x");
  rig.nowMs += 5_000;
  await rig.outcome(rig.mailboxes.tick());
  const due = await rig.memory.due(Number.MAX_SAFE_INTEGER, 9);
  expect(due.map(({ atMs, mailboxNumber }) => [atMs - rig.nowMs, mailboxNumber])).toEqual([
    [600_000, 2],
  ]);
});

test("the number of a swept message is not used again, after a restart neither", () =>
  runScript(`
    create  a ttl=0
    send    a normal x ttl=10           -> 0
    clock   +700s
    tick                                -> idle
    restart
    send    a normal y                  -> 1
  `));

test("a message sent after a failure is swept too, though one of its minute was asked for before it", async () => {
  const rig = await Rig.open();
  await rig.create("a", { ttlSeconds: 0 as number });
  rig.store.plant("commit", 1, { kind: "fail", code: "full" });
  expect(await rig.send("a", "x", { ttlSeconds: 10 })).toBe("unknown");
  await rig.reopen();
  expect(await rig.send("a", "y", { ttlSeconds: 10 })).toBe(0);
  rig.nowMs += 700_000;
  await rig.outcome(rig.mailboxes.tick());
  expect(await rig.memory.message(1, 0)).toBeUndefined();
});

test("a mailbox that can not be read does not hold up the end of others", async () => {
  const rig = await Rig.open();
  await rig.create("a", { ttlSeconds: 10 });
  await rig.create("b", { ttlSeconds: 20 });
  await rig.restart();
  const read = rig.memory.mailbox.bind(rig.memory);
  rig.memory.mailbox = (key) =>
    key === "acme/a" ? Promise.reject(new Error("damaged")) : read(key);
  rig.nowMs += 700_000;
  expect(await rig.outcome(rig.mailboxes.tick())).toBe(rig.nowMs + 60_000);
  expect(await read("acme/b")).toMatchObject({ dropped: true });
  rig.memory.mailbox = read;
  await rig.outcome(rig.mailboxes.tick());
  expect(await read("acme/a")).toMatchObject({ dropped: true });
});

test("every step of an end may be repeated after a crash between", () =>
  runScript(
    `
    create  a ttl=10
    send    a normal x                  -> 0
    clock   +10s
    tick                                -> +600s
    crash
    clock   +600s
    tick                                -> +3000s
    crash
    tick                                -> +3000s
    create  a
    send    a normal y                  -> 1
    `,
    { nameMemoryMs: 3_600_000 },
  ));
