// Ids against repeats, row by row.
import { asciiBytes } from "@mq9/store/testing";
import { expect, test } from "vitest";
import { Rig } from "./testing/rig.ts";
import { runScript } from "./testing/script.ts";

test("a repeat is answered with the first number and stores nothing", () =>
  runScript(`
    create     a
    subscribe  r a
    send       a normal x id=1          -> 0
    send       a normal x id=1          -> 0 again
    send       a normal y id=2          -> 1
    send       a normal x               -> 2
    send       a normal x id=1          -> 0 again
    got        r                        -> 0:x 1:y 2:x
    inspect    a                        -> 3 (3 bytes) next 3
    remove     a 0
    send       a normal x id=1          -> 0 again
    query      a                        -> 1:y 2:x (0 unread)
  `));

test("another payload, other headers or another priority under the same id is a mistake", () =>
  runScript(`
    create  a
    send    a normal x id=1 headers=h   -> 0
    send    a normal y id=1 headers=h   -> dedup_conflict
    send    a normal x id=1 headers=i   -> dedup_conflict
    send    a normal x id=1             -> dedup_conflict
    send    a normal hx id=1            -> dedup_conflict
    send    a urgent x id=1 headers=h   -> dedup_conflict
    send    a normal x id=1 headers=h   -> 0 again
    restart
    send    a normal y id=1 headers=h   -> dedup_conflict
    inspect a                           -> 1 (2 bytes) next 1
  `));

test("lines that tell of the attempt and not of the message make no difference", () =>
  runScript(`
    create  a
    send    a normal x id=1 headers=traceparent:1       -> 0
    send    a normal x id=1 headers=TraceParent:2       -> 0 again
    send    a normal x id=1 headers=tracestate:s        -> 0 again
    send    a normal x id=1 headers=request-deadline:9  -> 0 again
    send    a normal x id=1                             -> 0 again
    send    a normal x id=1 headers=traceparents:1      -> dedup_conflict
    send    a normal x id=1 headers=a:traceparent:1     -> dedup_conflict
  `));

test("ids are those of one sender and one mailbox", () =>
  runScript(`
    create  a
    create  b
    send    a normal x id=1             -> 0
    send    b normal y id=1             -> 0
    send    a normal z id=1 from=ann    -> 1
    send    a normal u id=1 from=bob    -> 2
    send    a normal v id=ann1          -> 3
    send    a normal z id=1 from=ann    -> 1 again
    restart
    send    a normal u id=1 from=bob    -> 2 again
  `));

test("an id is remembered for the window to the millisecond, over rotations", () =>
  runScript(
    `
    create  a ttl=0
    send    a normal x id=1             -> 0
    clock   999ms
    send    a normal y id=2             -> 1
    send    a normal x id=1             -> 0 again
    clock   1ms
    send    a normal x id=1             -> 2
    send    a normal y id=2             -> 1 again
    clock   998ms
    send    a normal y id=2             -> 1 again
    clock   1ms
    send    a normal y id=2             -> 3
    send    a normal x id=1             -> 2 again
    clock   1ms
    send    a normal z id=3             -> 4
    send    a normal y id=2             -> 3 again
    clock   5s
    send    a normal y id=2             -> 5
    `,
    { dedupWindowMs: 1000 },
  ));

test.each(["crash", "restart", "reopen"])("survives a %s, before and after a rotation", (how) =>
  runScript(
    `
    create  a
    send    a normal x id=1             -> 0
    ${how}
    send    a normal x id=1             -> 0 again
    clock   900ms
    send    a normal y id=2             -> 1
    clock   100ms
    send    a normal z id=3             -> 2
    ${how}
    send    a normal y id=2             -> 1 again
    send    a normal z id=3             -> 2 again
    send    a normal x id=1             -> 3
    `,
    { dedupWindowMs: 1000 },
  ),
);

test("of a delayed message the repeat gets the id it was scheduled under, also once it is visible", () =>
  runScript(`
    create  a
    send    a normal x id=1 delay=5000  -> @5000.0
    send    a normal x id=1 delay=5000  -> @5000.0 again
    clock   1s
    send    a normal x id=1 delay=5000  -> @5000.0 again
    clock   4s
    tick
    send    a normal x id=1             -> @5000.0 again
    query   a                           -> 0:x (1 unread)
  `));

test("a new life of the mailbox knows no ids, one not yet durable neither", async () => {
  await runScript(`
    create  a
    send    a normal x id=1             -> 0
    drop    a
    send    a normal x id=1             -> not_found
    create  a
    send    a normal x id=1             -> 1
  `);
  const rig = await Rig.open();
  await rig.create("a");
  const release = rig.holdDisk();
  const first = send(rig);
  const dropped = rig.account.drop("a");
  const made = rig.account.create({
    name: "a",
    nameStyle: "uuid",
    kind: "standard",
    ttlSeconds: 0,
    public: false,
    ifExists: "return",
  });
  const second = send(rig);
  await rig.settle();
  await release();
  await dropped;
  await made;
  expect(await rig.outcome(first)).toEqual({ msgId: 0 });
  expect(await rig.outcome(second)).toEqual({ msgId: 1 });
});

test("what was refused is not remembered, and a repeat needs no room", () =>
  runScript(
    `
    create  a
    send    a normal x id=1             -> 0
    send    a normal y id=2             -> quota_exceeded
    send    a normal x id=1             -> 0 again
    remove  a 0
    send    a normal y id=2             -> 1
    refuse  insufficient_storage
    send    a normal y id=2             -> 1 again
    send    a normal z id=3             -> insufficient_storage
    `,
    { mailboxMessagesMax: 1 },
  ));

test("an id has 1 to 128 bytes", () =>
  runScript(`
    create  a
    send    a normal x id=              -> invalid
    send    a normal x id=${"é".repeat(64)}  -> 0
    send    a normal x id=${"é".repeat(64)}  -> 0 again
    send    a normal x id=${"é".repeat(64)}a -> invalid
  `));

function send(rig: Rig, text = "x"): Promise<unknown> {
  return rig.account.send({
    mailbox: "a",
    label: "normal",
    payload: asciiBytes(text),
    dedupId: "1",
  });
}

test("a repeat during the commit of the first waits for it", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  const release = rig.holdDisk();
  const sent = Promise.allSettled([send(rig), send(rig), send(rig, "y")]);
  expect(await rig.outcome(sent)).toBe("hangs");
  await release();
  expect(await sent).toMatchObject([
    { value: { msgId: 0 } },
    { value: { msgId: 0, duplicate: true } },
    { reason: { code: "dedup_conflict" } },
  ]);
  expect(await rig.account.inspect("a")).toMatchObject({ messages: 1 });
});

test("a repeat during a commit that fails fails with it, and may store it then", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  rig.store.plant("commit", 1, { kind: "fail", code: "full" });
  const sent = await rig.outcome(Promise.allSettled([send(rig), send(rig)]));
  const unknown = { reason: { code: "unknown" } };
  expect(sent).toMatchObject([unknown, unknown]);
  await rig.reopen();
  expect(await rig.outcome(send(rig))).toEqual({ msgId: 0 });
});

test("a commit that failed and was stored all the same is known after the reopening", () =>
  runScript(`
    create  a
    plant   commit apply-then-fail
    send    a normal x id=1             -> unknown
    reopen
    send    a normal x id=1             -> 0 again
  `));

test("the ids of a mailbox that got no more leave the disk once none of them counts", async () => {
  const rig = await Rig.open({ dedupWindowMs: 1000 });
  await rig.create("a", { ttlSeconds: 86_400 });
  await rig.outcome(send(rig));
  const number = (await rig.memory.mailbox("acme/a"))?.dedup?.current ?? 0;
  rig.nowMs += 999;
  await rig.outcome(
    rig.account.send({ mailbox: "a", label: "low", payload: asciiBytes("y"), dedupId: "2" }),
  );
  const cleared = async () => {
    await rig.outcome(rig.mailboxes.tick());
    while (await rig.memory.clearGarbage());
    return (await rig.memory.cursors(number)).size === 0;
  };
  rig.nowMs += 999;
  expect(await cleared()).toBe(false);
  expect(
    await rig.outcome(
      rig.account.send({ mailbox: "a", label: "low", payload: asciiBytes("y"), dedupId: "2" }),
    ),
  ).toMatchObject({ duplicate: true });
  rig.nowMs += 2;
  expect(await cleared()).toBe(true);
  expect((await rig.memory.mailbox("acme/a"))?.dedup).toBeUndefined();
  await rig.restart();
  expect(await rig.outcome(send(rig))).toEqual({ msgId: 2 });
});

test("the ids of a window ago leave the disk", async () => {
  const rig = await Rig.open({ dedupWindowMs: 1000 });
  await rig.create("a", { ttlSeconds: 86_400 });
  const numbers = async () => (await rig.memory.mailbox("acme/a"))?.dedup;
  await rig.outcome(send(rig));
  const first = await numbers();
  rig.nowMs += 1000;
  await rig.outcome(send(rig));
  const second = await numbers();
  expect(second).toMatchObject({ earlier: first?.current, sinceMs: rig.nowMs });
  rig.nowMs += 1000;
  await rig.outcome(send(rig));
  expect(await numbers()).toMatchObject({ earlier: second?.current });
  while (await rig.memory.clearGarbage());
  expect((await rig.memory.cursors(first?.current ?? 0)).size).toBe(0);
  expect((await rig.memory.cursors(second?.current ?? 0)).size).toBe(1);
});
