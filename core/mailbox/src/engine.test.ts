// Mailboxes in memory: read when needed, forgotten when idle, never while something depends on them.
import { allRanks } from "@mq9/protocol";
import { expect, test } from "vitest";
import { Slot } from "./slot.ts";
import { Reader, Rig } from "./testing/rig.ts";
import { runScript } from "./testing/script.ts";

test("a mailbox that was forgotten in memory is the same when it is read again", () =>
  runScript(
    `
    create     a
    create     b latest
    create     c token=secret
    send       a normal x               -> 0
    send       b normal x               -> 0
    subscribe  r a group=g
    got        r                        -> 0:x*
    end        r vanished
    tick                                -> +3600s
    create     d
    create     e
    create     f
    send       a normal y               -> 1
    send       b normal y               -> 1
    remove     a 1
    query      c checked                -> forbidden
    create     d                        -> found d standard ends +3600s
    create     e                        -> found e standard ends +3600s
    send       a normal z               -> 2
    query      b                        -> 1:y (1 unread)
    query      a unread                 -> 2:z (1 unread)
    subscribe  r a group=g
    got        r                        -> 0:x* 2:z*
    `,
    { activeMax: 1 },
  ));

test("idle mailboxes leave memory, those with readers, unwritten positions or pending changes stay", async () => {
  const rig = await Rig.open({ activeMax: 2 });
  for (const name of ["read", "dirty", "pending", "idle"]) await rig.create(name);
  const reader = new Reader();
  const request = { match: "exact", ranks: allRanks, sink: reader } as const;
  rig.account.subscribe({ ...request, mailbox: "read" });
  const gone = rig.account.subscribe({ ...request, mailbox: "dirty", group: "g" });
  await rig.settle();
  await rig.send("dirty", "x");
  gone.end("vanished");
  const release = rig.holdDisk();
  const pending = rig.post("pending", "x");
  await rig.settle();
  for (let i = 0; i < 200; i += 1) await rig.outcome(rig.account.info(`other${i}`));
  expect(rig.mailboxes.activeCount).toBeLessThan(10);
  await release();
  expect(await pending).toBe(0);
  await rig.send("read", "still here");
  expect(reader.take()).toEqual(["0:x", "0:still here"]);
});

test("a position that is not written yet keeps its mailbox in memory", async () => {
  const rig = await Rig.open({ activeMax: 1 });
  await rig.create("a");
  const request = { mailbox: "a", match: "exact", ranks: allRanks, group: "g" } as const;
  const first = rig.account.subscribe({ ...request, sink: new Reader() });
  await rig.settle();
  await rig.send("a", "x");
  first.end("unsubscribed");
  for (let i = 0; i < 10; i += 1) await rig.outcome(rig.account.info(`other${i}`));
  const second = new Reader();
  rig.account.subscribe({ ...request, sink: second });
  await rig.settle();
  expect(second.take()).toEqual([]);
});

test("many mailboxes made, filled and followed at once with room for one in memory", async () => {
  const rig = await Rig.open({ activeMax: 1, pageMessages: 2 });
  const names = Array.from({ length: 40 }, (_, i) => `m${i}`);
  const reader = new Reader();
  rig.account.subscribe({ mailbox: "m*", match: "glob", ranks: allRanks, sink: reader });
  await Promise.all(names.map((name) => rig.create(name, { kind: "latest" })));
  const sent = Promise.all(names.map((name) => rig.post(name, name)));
  expect(await rig.outcome(sent)).toEqual(names.map(() => 0));
  expect(
    reader
      .take()
      .map((got) => got.replace("*", ""))
      .sort(),
  ).toEqual(names.map((name) => `0:${name}`).sort());
});

test("tasks of a slot run one after the other, in the order they came", async () => {
  const slot = new Slot("acme/a");
  const told: string[] = [];
  let release: () => void = () => {};
  slot.enter(() => {
    told.push("first");
    slot.enter(() => {
      told.push("from inside");
      return undefined;
    });
    told.push("first ends");
    return undefined;
  });
  slot.enter(() => {
    told.push("second");
    return new Promise((resolve) => {
      release = resolve;
    });
  });
  slot.enter(() => {
    told.push("third");
    return undefined;
  });
  const leave = slot.acquire();
  await new Promise(setImmediate);
  expect(told).toEqual(["first", "first ends", "from inside", "second"]);
  release();
  (await leave)();
  await new Promise(setImmediate);
  expect(told.slice(4)).toEqual(["third"]);
  expect(slot.idle).toBe(true);
});
