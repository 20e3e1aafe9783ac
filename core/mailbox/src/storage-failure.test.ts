// What is answered when the store fails, and what is true when it is back.
import { allRanks } from "@mq9/protocol";
import { expect, test } from "vitest";
import { Reader, Rig } from "./testing/rig.ts";
import { runScript } from "./testing/script.ts";

test("a failed commit is unknown, everything after it is refused, and nothing of it is handed out", () =>
  runScript(`
    create     a
    subscribe  r a
    plant      commit fail
    send       a normal x               -> unknown
    send       a normal y               -> storage_failed
    create     b                        -> storage_failed
    create     c public                 -> storage_failed
    info       a                        -> storage_failed
    query      a                        -> storage_failed
    remove     a 0                      -> storage_failed
    renew      a 5                      -> storage_failed
    drop       a                        -> storage_failed
    list                                -> storage_failed
    tick                                -> storage_failed
    got        r                        ->
    reopen
    send       a normal z               -> 0
    got        r                        -> 0:z
    query      a                        -> 0:z (0 unread)
  `));

test("a failed commit may have happened after all, and is handed out then", () =>
  runScript(`
    create     a
    subscribe  r a
    plant      commit apply-then-fail
    send       a normal x               -> unknown
    got        r                        ->
    reopen
    got        r                        -> 0:x*
    send       a normal y               -> 1
    got        r                        -> 1:y
  `));

test("a drop or a renewal that failed did not happen, also not in memory", () =>
  runScript(`
    create     a ttl=60
    send       a normal x               -> 0
    plant      commit fail
    drop       a                        -> unknown
    reopen
    query      a                        -> 0:x (1 unread)
    plant      commit fail
    renew      a 600                    -> unknown
    reopen
    info       a                        -> a standard ends +60s
    plant      commit fail
    remove     a 0                      -> unknown
    reopen
    remove     a 0
  `));

test("a key's place that was not stored is forgotten", () =>
  runScript(`
    create     a latest
    send       a normal x               -> 0
    plant      commit fail
    send       a normal y               -> unknown
    reopen
    query      a                        -> 0:x (1 unread)
    send       a normal z               -> 1
    query      a                        -> 1:z (1 unread)
  `));

test("a full disk refuses what would add to it and goes on with everything else", () =>
  runScript(`
    create     a
    send       a normal x               -> 0
    send       a normal y               -> 1
    refuse     insufficient_storage
    send       a normal z               -> insufficient_storage
    create     b                        -> insufficient_storage
    create     b public                 -> insufficient_storage
    create     a                        -> found a standard ends +3600s
    send       c normal z               -> not_found
    query      a                        -> 0:x 1:y (2 unread)
    remove     a 0
    subscribe  r a
    got        r                        -> 1:y*
    drop       a
    accept
    create     b                        -> made b standard ends +3600s
  `));

test("a mailbox that can not be read is neither missing nor free to be taken", () =>
  runScript(`
    create     a ttl=60
    send       a normal x               -> 0
    restart
    plant      mailbox fail
    create     a                        -> storage_failed
    send       a normal y               -> 1
    restart
    plant      message fail
    send       a normal z               -> storage_failed
    create     a                        -> found a standard ends +60s
    query      a                        -> 0:x 1:y (2 unread)
  `));

test("commands that arrive together at a mailbox being read again give no number twice", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  await rig.restart();
  rig.store.plant("mailbox", 1, { kind: "fail", code: "corrupt" });
  expect(await rig.send("a", "x")).toBe("storage_failed");
  const sent = Promise.all(["x", "y", "z"].map((text) => rig.post("a", text)));
  expect(await rig.outcome(sent)).toEqual([0, 1, 2]);
});

test("commands that wait for their turn while the store is reopened do not act on what memory held", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  await rig.send("a", "x");
  let release: () => void = () => {};
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  rig.store.plant("message", 1, { kind: "delay", until });
  const waiting = Promise.allSettled([
    rig.account.remove({ mailbox: "a", msgId: 0 }),
    rig.post("a", "y"),
  ]);
  rig.store.plant("commit", 1, { kind: "fail", code: "full" });
  expect(await rig.create("b")).toBe("unknown");
  await rig.reopen();
  release();
  const refused = { status: "rejected", reason: { code: "storage_failed" } };
  expect(await waiting).toMatchObject([refused, refused]);
  expect(await rig.send("a", "z")).toBe(1);
});

test("unread counts and positions that were handed out survive a failure in memory", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  const request = { mailbox: "a", match: "exact", ranks: allRanks } as const;
  const plain = new Reader();
  const member = new Reader();
  rig.account.subscribe({ ...request, sink: plain });
  rig.account.subscribe({ ...request, group: "g", sink: member });
  await rig.settle();
  await rig.send("a", "x");
  rig.store.plant("commit", 1, { kind: "fail", code: "full" });
  await rig.outcome(rig.mailboxes.tick());
  await rig.reopen();
  const { unread } = await rig.account.query({
    mailbox: "a",
    checkToken: false,
    unreadOnly: false,
    limit: 9,
  });
  expect(unread).toBe(0);
  expect(plain.take()).toEqual(["0:x"]);
  expect(member.take()).toEqual(["0:x"]);
});
