// One subscription over many mailboxes: which take part, from when, and until when.
import { allRanks, type MailSubscription } from "@mq9/protocol";
import { describe, expect, test } from "vitest";
import { matchesGlob } from "./glob.ts";
import { Reader, Rig } from "./testing/rig.ts";
import { runScript } from "./testing/script.ts";

test("follows matching mailboxes that are of kind latest or public, those there are and those to come", () =>
  runScript(`
    create     m-status-1 latest
    create     m-status-2
    create     m-status-3 public
    create     other latest
    send       m-status-1 normal x      -> 0
    send       m-status-2 normal x      -> 0
    send       m-status-3 normal x      -> 0
    send       other      normal x      -> 0
    subscribe  r m-status-*
    got        r                        -> 0:x* 0:x*
    create     m-status-4 latest
    send       m-status-4 normal four   -> 0
    send       m-status-1 normal one    -> 1
    send       m-status-2 normal two    -> 1
    got        r                        -> 0:four 1:one
    create     m-status-2 public        -> found m-status-2 standard public ends +3600s
    got        r                        -> 0:x* 1:two*
    end        r
    send       m-status-1 normal z      -> 2
    got        r                        ->
  `));

test("follows a mailbox whose creation is under way, once", async () => {
  const rig = await Rig.open();
  const release = rig.holdDisk();
  const made = rig.create("m-status-1", { kind: "latest" });
  await rig.settle();
  const reader = new Reader();
  follow(rig, reader);
  await rig.settle();
  await release();
  await made;
  await rig.send("m-status-1", "x");
  expect(reader.take()).toEqual(["0:x"]);
});

function follow(rig: Rig, reader: Reader): MailSubscription {
  const request = { mailbox: "m-status-*", match: "glob", ranks: allRanks } as const;
  return rig.account.subscribe({ ...request, sink: reader });
}

test("an ended mailbox leaves, and its next life comes only if it belongs here", () =>
  runScript(`
    create     m-status-1 latest ttl=10
    subscribe  r m-status-*
    send       m-status-1 normal x      -> 0
    clock      +10s
    create     m-status-1 ttl=10        -> made m-status-1 standard ends +10s
    send       m-status-1 normal secret -> 1
    got        r                        -> 0:x
    drop       m-status-1
    create     m-status-1 latest
    send       m-status-1 normal y      -> 2
    got        r                        -> 2:y
  `));

test("ended mailboxes free their place among those that are followed, and their memory", async () => {
  const rig = await Rig.open({ globMailboxesMax: 2, activeMax: 1 });
  const reader = new Reader();
  follow(rig, reader);
  for (let i = 0; i < 6; i += 1) {
    const name = `m-status-${i}`;
    await rig.create(name, { kind: "latest", ttlSeconds: 10 });
    await rig.send(name, name);
    if (i % 2 === 0) {
      await rig.outcome(rig.account.drop(name));
    } else {
      rig.nowMs += 10_000;
      await rig.outcome(rig.mailboxes.tick());
    }
  }
  expect(reader.take()).toEqual([0, 1, 2, 3, 4, 5].map((i) => `0:m-status-${i}`));
  for (let i = 0; i < 20; i += 1) await rig.create(`other${i}`);
  expect(rig.mailboxes.activeCount).toBeLessThan(5);
});

test("looks for mailboxes a page at a time, and no further than it may follow", async () => {
  const rig = await Rig.open({ globMailboxesMax: 10 });
  const names = Array.from({ length: 600 }, (_, i) => `m-status-${String(i).padStart(3, "0")}`);
  await rig.outcome(Promise.all(names.map((name) => rig.create(name, { kind: "latest" }))));
  await rig.restart();
  follow(rig, new Reader());
  await rig.settle();
  expect(rig.store.calls("mailboxes")).toBe(1);
  expect(rig.mailboxes.activeCount).toBe(256);
});

test("a full reader gets nothing more from any mailbox until it makes room", async () => {
  const rig = await Rig.open();
  const names = ["m-status-1", "m-status-2", "m-status-3"];
  for (const name of names) await rig.create(name, { kind: "latest" });
  const reader = new Reader(1);
  follow(rig, reader);
  await rig.settle();
  for (const name of names) await rig.send(name, name);
  const got = reader.take();
  for (let i = 0; i < 3; i += 1) {
    reader.read(1);
    await rig.settle();
    got.push(...reader.take());
  }
  expect(got.map((each) => each.replace("*", "")).sort()).toEqual(names.map((name) => `0:${name}`));
});

test("a drop and a new life that failed together repeat nothing", async () => {
  const rig = await Rig.open();
  await rig.create("m-status-1", { public: true });
  await rig.send("m-status-1", "x");
  const reader = new Reader();
  follow(rig, reader);
  await rig.settle();
  rig.store.plant("commit", 1, { kind: "fail", code: "full" });
  const dropped = rig.outcome(rig.account.drop("m-status-1"));
  expect([await rig.create("m-status-1"), await dropped]).toEqual(["unknown", "unknown"]);
  await rig.reopen();
  await rig.send("m-status-1", "y");
  expect(reader.take()).toEqual(["0:x*", "1:y"]);
});

test("a mailbox whose becoming public failed stays out of every pattern", async () => {
  const rig = await Rig.open();
  const reader = new Reader();
  const release = rig.holdDisk();
  rig.store.plant("commit", 2, { kind: "fail", code: "full" });
  void rig.create("m-status-1");
  await rig.settle();
  const listed = rig.create("m-status-1", { public: true });
  follow(rig, reader);
  await rig.settle();
  await release();
  await listed;
  await rig.reopen();
  expect(await rig.send("m-status-1", "secret")).toBe(0);
  expect(reader.take()).toEqual([]);
});

test("goes on after a failure with what it missed, and repeats nothing", async () => {
  const rig = await Rig.open();
  await rig.create("m-status-1", { kind: "latest" });
  await rig.send("m-status-1", "x");
  const reader = new Reader();
  follow(rig, reader);
  await rig.settle();
  rig.store.plant("commit", 1, { kind: "apply-then-fail", code: "full" });
  expect(await rig.create("m-status-2", { kind: "latest" })).toBe("unknown");
  const late = new Reader();
  follow(rig, late);
  await rig.settle();
  await rig.reopen();
  await rig.send("m-status-2", "y");
  expect(reader.take()).toEqual(["0:x*", "0:y"]);
  expect(late.take()).toEqual(["0:x*", "0:y"]);
});

describe("a pattern", () => {
  test.each([
    ["m-status-*", "m-status-", true],
    ["m-status-*", "m-status-1", true],
    ["m-status-*", "m-statu", false],
    ["m-*-x", "m-1-x", true],
    ["m-*-x", "m-x", false],
    ["m-*-x", "m--x", true],
    ["a*b*c", "a1b2c", true],
    ["a*b*c", "a1c2b", false],
    ["a*b*b", "ab", false],
    ["a*b*b", "abb", true],
    ["a*aa*a", "aaa", false],
    ["a*aa*a", "aaaa", true],
    ["plain", "plain", true],
    ["plain", "plain1", false],
    ["*", "", true],
    ["**", "x", true],
  ])("%s on %s is %s", (pattern, text, matches) => {
    expect(matchesGlob(pattern.split("*"), text)).toBe(matches);
  });
});
