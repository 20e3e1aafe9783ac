// INSPECT and PURGE, row by row.
import { expect, test } from "vitest";
import { Rig } from "../testing/rig.ts";
import { runScript } from "../testing/script.ts";

test("shows what lies there, what is to come, and the next number", () =>
  runScript(`
    inspect  a                          -> not_found
    create   a ttl=100
    inspect  a                          -> 0 (0 bytes) next 0
    send     a normal 123 headers=45    -> 0
    send     a normal 1 ttl=1           -> 1
    send     a normal 1234 delay=5000   -> @5000.0
    inspect  a                          -> 2 (6 bytes) +1 scheduled next 2
    clock    1s
    inspect  a                          -> 2 (6 bytes) +1 scheduled next 2
    remove   a 0
    inspect  a                          -> 1 (1 bytes) +1 scheduled next 2
    crash
    inspect  a                          -> 1 (1 bytes) +1 scheduled next 2
    clock    99s
    inspect  a                          -> expired
  `));

test("a purge takes everything accepted before it, over pages and priorities, keys too", () =>
  runScript(
    `
    create     a
    send       a normal   x             -> 0
    send       a critical y key=k       -> 1
    send       a low      z key=l       -> 2
    send       a normal   u delay=1000  -> @1000.0
    send       a normal   v             -> 3
    send       a normal   w             -> 4
    subscribe  r a room=1
    purge      a                        -> 5
    purge      a                        -> 0
    query      a                        -> (0 unread)
    query      a key=k                  -> (0 unread)
    inspect    a                        -> 0 (0 bytes) +1 scheduled next 5
    read       r 9
    got        r                        -> 1:y*
    restart
    send       a normal   x key=k       -> 5
    send       a normal   y key=k       -> 6
    query      a                        -> 6:y (1 unread)
    crash
    inspect    a                        -> 1 (1 bytes) +1 scheduled next 7
    clock      1000ms
    tick
    query      a                        -> 6:y 7:u (2 unread)
    `,
    { pageMessages: 2 },
  ));

test("a purge of what is below a number leaves the rest", () =>
  runScript(`
    create  a
    send    a normal x                  -> 0
    send    a urgent y key=k            -> 1
    send    a normal z                  -> 2
    purge   a before=0                  -> 0
    purge   a before=2                  -> 2
    query   a                           -> 2:z (1 unread)
    purge   a before=99                 -> 1
    send    a normal u                  -> 3
    query   a                           -> 3:u (1 unread)
  `));

test("the number of a purged message is not used again", () =>
  runScript(`
    create  a latest
    send    a normal x                  -> 0
    send    a normal y                  -> 1
    purge   a                           -> 1
    query   a                           -> (0 unread)
    restart
    send    a normal z                  -> 2
    query   a                           -> 2:z (1 unread)
  `));

test("what the broker keeps and what is not there can not be purged", () =>
  runScript(`
    create  a public
    purge   $SYSTEM.PUBLIC              -> forbidden
    purge   $SYSTEM.AGENTS              -> forbidden
    purge   b                           -> not_found
    drop    a
    purge   a                           -> not_found
  `));

test("a purge that failed between two commits took a part, and says so", () =>
  runScript(
    `
    create  a
    send    a normal x                  -> 0
    send    a normal y                  -> 1
    plant   commit fail
    purge   a                           -> unknown
    reopen
    inspect a                           -> 2 (2 bytes) next 2
    query   a                           -> 0:x 1:y (2 unread)
    purge   a                           -> 2
    inspect a                           -> 0 (0 bytes) next 2
    `,
    { pageMessages: 1 },
  ));

test("a purge that failed on its way does not say that nothing happened", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  await rig.send("a", "x", { label: "critical" });
  await rig.send("a", "y");
  rig.store.plant("commit", 2, { kind: "fail", code: "full" });
  expect(await rig.outcome(rig.account.purge({ mailbox: "a" }))).toBe("unknown");
  await rig.reopen();
  expect(await rig.outcome(rig.account.inspect("a"))).toMatchObject({ messages: 1, nextId: 2 });
});

test("mail sent before a purge goes with it, mail sent after it stays", async () => {
  const rig = await Rig.open({ pageMessages: 2 });
  await rig.create("a");
  const before = Promise.all(["1", "2", "3"].map((text) => rig.post("a", text)));
  const purged = rig.account.purge({ mailbox: "a" });
  const after = Promise.all(["4", "5"].map((text) => rig.post("a", text)));
  expect(await rig.outcome(purged)).toBe(3);
  expect(await rig.outcome(Promise.all([before, after]))).toEqual([
    [0, 1, 2],
    [3, 4],
  ]);
  expect(await rig.account.inspect("a")).toMatchObject({ messages: 2, bytes: 2 });
});

test("a purge keeps its mailbox in memory", async () => {
  const rig = await Rig.open({ activeMax: 1 });
  await rig.create("a");
  await rig.send("a", "x");
  const purged = rig.account.purge({ mailbox: "a" });
  const others = Promise.allSettled([rig.post("b", "x"), rig.post("a", "y")]);
  expect(await rig.outcome(purged)).toBe(1);
  await others;
  expect(await rig.outcome(rig.account.inspect("a"))).toMatchObject({ messages: 1, bytes: 1 });
});

test("removals under way at the same time count once", async () => {
  const rig = await Rig.open({ pageMessages: 2 });
  await rig.create("a");
  for (const key of ["k", "l", "m"]) await rig.send("a", "x", { key, ttlSeconds: 1 });
  rig.nowMs += 720_000;
  const all = Promise.allSettled([
    rig.mailboxes.tick(),
    rig.account.purge({ mailbox: "a" }),
    rig.post("a", "y", { key: "l" }),
    rig.account.remove({ mailbox: "a", msgId: 3 }),
    rig.account.purge({ mailbox: "a" }),
  ]);
  await rig.outcome(all);
  expect(await rig.account.inspect("a")).toMatchObject({ messages: 0, bytes: 0, nextId: 4 });
  await rig.crash();
  expect(await rig.outcome(rig.account.inspect("a"))).toMatchObject({ messages: 0, bytes: 0 });
});

test("shows the groups of pullers", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  await rig.send("a", "x");
  const fetched = rig.account.fetch({
    mailbox: "a",
    group: "g",
    start: { at: "earliest" },
    limit: 1,
    waitMs: 0,
  });
  await rig.outcome(fetched);
  expect(await rig.outcome(rig.account.inspect("a"))).toMatchObject({
    groups: [{ group: "g", leased: 1, unsettled: 1 }],
  });
});
