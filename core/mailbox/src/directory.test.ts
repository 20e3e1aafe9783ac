// The directory of public mailboxes: one entry each, told when it comes, changes and goes.
import { allRanks, directoryName } from "@mq9/protocol";
import { expect, test } from "vitest";
import { Reader, Rig } from "./testing/rig.ts";
import { runScript } from "./testing/script.ts";

test("holds the newest entry of every public mailbox, for who comes and who is there", () =>
  runScript(`
    subscribe  r $SYSTEM.PUBLIC
    create     a public desc=one        -> made a standard public ends +3600s 'one'
    create     b
    create     c public desc=two
    create     a public desc=new        -> found a standard public ends +3600s 'new'
    got        r                        -> 0:a:one 1:c:two 2:a:new
    subscribe  s $SYSTEM.PUBLIC
    got        s                        -> 1:c:two* 2:a:new*
    restart
    subscribe  t $SYSTEM.PUBLIC
    got        t                        -> 1:c:two* 2:a:new*
  `));

test("is not told again what it knows", () =>
  runScript(`
    subscribe  r $SYSTEM.PUBLIC
    create     a public desc=one
    create     a public desc=one        -> found a standard public ends +3600s 'one'
    create     a public                 -> found a standard public ends +3600s 'one'
    create     a                        -> found a standard public ends +3600s 'one'
    got        r                        -> 0:a:one
  `));

test("a private mailbox becomes public by a public creation, and never private again", () =>
  runScript(`
    create     a ttl=60 desc=mine       -> made a standard ends +60s 'mine'
    subscribe  r $SYSTEM.PUBLIC
    create     a public ttl=5           -> found a standard public ends +60s 'mine'
    got        r                        -> 0:a:mine
    create     a                        -> found a standard public ends +60s 'mine'
  `));

test("takes an entry back when its mailbox is dropped", () =>
  runScript(`
    subscribe  r $SYSTEM.PUBLIC
    create     a public
    drop       a
    got        r                        -> 0:a: -a
    query      $SYSTEM.PUBLIC           -> (0 unread)
    create     a                        -> made a standard ends +3600s
    got        r                        ->
    create     a public                 -> found a standard public ends +3600s
    got        r                        -> 1:a:
  `));

test("hides an entry from the end of its mailbox, and takes it back with the next look at it", () =>
  runScript(`
    subscribe  r $SYSTEM.PUBLIC
    subscribe  s $SYSTEM.PUBLIC group=g
    create     a public ttl=10
    clock      +9999ms
    query      $SYSTEM.PUBLIC           -> 0:a: (0 unread)
    clock      +1ms
    query      $SYSTEM.PUBLIC           -> (0 unread)
    subscribe  t $SYSTEM.PUBLIC
    tick
    got        r                        -> 0:a: -a
    got        s                        -> 0:a: -a
    got        t                        -> -a
  `));

test("an ended public mailbox that starts a private life is taken back", () =>
  runScript(`
    subscribe  r $SYSTEM.PUBLIC
    create     a public ttl=10 desc=old
    clock      +10s
    create     a                        -> made a standard ends +3600s
    got        r                        -> 0:a:old -a
    tick
    got        r                        ->
    clock      +3600s
    create     a public desc=new        -> made a standard public ends +3600s 'new'
    got        r                        -> 1:a:new
  `));

test("an entry follows the renewal of its mailbox", () =>
  runScript(`
    create     a public ttl=10
    renew      a 60                     -> a standard public ends +60s
    clock      +59999ms
    query      $SYSTEM.PUBLIC           -> 1:a: (1 unread)
    clock      +1ms
    query      $SYSTEM.PUBLIC           -> (0 unread)
  `));

test("each account has its own", async () => {
  const rig = await Rig.open();
  const other = new Reader();
  const request = { mailbox: directoryName, match: "exact", ranks: allRanks } as const;
  rig.mailboxes.account("other").subscribe({ ...request, sink: other });
  await rig.create("a", { public: true });
  expect(other.take()).toEqual([]);
});

test("a mailbox and its entry are made by one commit: both or none", async () => {
  const rig = await Rig.open();
  await rig.create("a", { public: true });
  rig.store.plant("commit", 1, { kind: "fail", code: "full" });
  const answers = [rig.create("b", { public: true }), rig.outcome(rig.account.drop("a"))];
  expect(await Promise.all(answers)).toEqual(["unknown", "unknown"]);
  await rig.reopen();
  const reader = new Reader();
  rig.account.subscribe({ mailbox: directoryName, match: "exact", ranks: allRanks, sink: reader });
  await rig.settle();
  expect(reader.take()).toEqual(["0:a:*"]);
  await rig.create("b", { public: true });
  expect(reader.take()).toEqual(["1:b:"]);
});

test("a directory that can not be read is not started over", async () => {
  const rig = await Rig.open();
  await rig.create("a", { public: true });
  await rig.restart();
  const read = rig.memory.mailbox.bind(rig.memory);
  rig.memory.mailbox = (key) =>
    key.endsWith(directoryName) ? Promise.reject(new Error("damaged")) : read(key);
  expect(await rig.create("b", { public: true })).toBe("storage_failed");
  rig.memory.mailbox = read;
  expect(await rig.create("b", { public: true })).toMatchObject({ created: true });
  const reader = new Reader();
  rig.account.subscribe({ mailbox: directoryName, match: "exact", ranks: allRanks, sink: reader });
  await rig.settle();
  expect(reader.take()).toEqual(["0:a:*", "1:b:*"]);
});
