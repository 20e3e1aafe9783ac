// SEND, row by row.
import { asciiBytes } from "@mq9/store/testing";
import { describe, expect, test } from "vitest";
import { Rig } from "../testing/rig.ts";
import { runScript } from "../testing/script.ts";

test("numbers messages from 0 in the order they were sent, whatever their priority", () =>
  runScript(`
    create  a
    send    a low      x                -> 0
    send    a critical y                -> 1
    send    a normal   z                -> 2
    query   a                           -> 1:y 2:z 0:x (3 unread)
  `));

test("refuses what has no mailbox, what is too large and what lives too short or too long", () =>
  runScript(
    `
    send    a normal x                  -> not_found
    create  a ttl=100
    send    a normal bytes=10           -> 0
    send    a normal bytes=11           -> too_large
    send    a normal x ttl=0            -> invalid
    send    a normal x ttl=-5           -> invalid
    send    a normal x ttl=0.5          -> invalid
    send    a normal x ttl=100          -> 1
    send    a normal x ttl=101          -> invalid
    send    $SYSTEM.PUBLIC normal x     -> forbidden
    drop    a
    send    a normal x                  -> not_found
    `,
    { payloadBytesMax: 10, ttlSecondsMax: 100 },
  ));

test("keeps the order of messages sent before the answer to the first", async () => {
  const rig = await Rig.open({ commitOperationsMax: 2 });
  await rig.create("a");
  await rig.restart(); // the mailbox must be read first: these take the slow way, then the fast one
  const ids = Promise.all(["x", "y", "z", "u", "v"].map((text) => rig.post("a", text)));
  expect(await rig.outcome(ids)).toEqual([0, 1, 2, 3, 4]);
  expect(await rig.outcome(rig.account.query({ ...all, mailbox: "a" }))).toMatchObject({
    messages: [0, 1, 2, 3, 4].map((msgId) => ({ msgId })),
  });
});

const all = { checkToken: false, unreadOnly: false, limit: 100 };

test("answers after the message is durable, not before", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  const release = rig.holdDisk();
  let answered = false;
  const sent = rig.post("a", "x").then(() => {
    answered = true;
  });
  await rig.settle();
  expect(answered).toBe(false);
  expect(rig.mailboxes.pendingBytes).toBeGreaterThan(0);
  await release();
  await sent;
  expect(rig.mailboxes.pendingBytes).toBe(0);
});

test("refuses headers larger than the limit", async () => {
  const rig = await Rig.open({ headersBytesMax: 20 });
  await rig.create("a");
  const request = { mailbox: "a", label: "normal", payload: asciiBytes("x") } as const;
  const headers = (count: number) => asciiBytes("h".repeat(count));
  const send = (count: number) => rig.account.send({ ...request, headers: headers(count) });
  expect(await rig.outcome(send(20))).toEqual({ msgId: 0 });
  expect(await rig.outcome(send(21))).toBe("too_large");
});

test("the bytes handed over may be used again once the send has returned to its caller", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  const payload = asciiBytes("first");
  const sent = rig.account.send({ mailbox: "a", label: "normal", payload });
  await rig.outcome(sent);
  payload.fill(0x2e);
  await rig.restart();
  const found = await rig.outcome(rig.account.query({ ...all, mailbox: "a" }));
  expect(found).toMatchObject({ messages: [{ payload: asciiBytes("first") }] });
});

describe("a mailbox of kind latest", () => {
  test("keeps only the newest message, whatever its priority, over a restart too", () =>
    runScript(`
      create  a latest
      send    a critical x              -> 0
      send    a low      y              -> 1
      query   a                         -> 1:y (1 unread)
      restart
      send    a normal   z              -> 2
      query   a                         -> 2:z (1 unread)
      remove  a 1                       -> message_not_found
      remove  a 2
      send    a normal   w              -> 3
      query   a                         -> 3:w (1 unread)
    `));

  test("hands each new message to who is there, and the newest to who comes", () =>
    runScript(`
      create     a latest
      subscribe  r a
      subscribe  s a group=g
      send       a normal x             -> 0
      send       a normal y             -> 1
      subscribe  t a
      got        r                      -> 0:x 1:y
      got        s                      -> 0:x 1:y
      got        t                      -> 1:y*
      end        s vanished
      subscribe  u a group=g
      got        u                      -> 1:y*
    `));

  test("starts empty in a new life", () =>
    runScript(`
      create  a latest
      send    a normal x                -> 0
      drop    a
      create  a latest
      query   a                         -> (0 unread)
      send    a normal y                -> 1
      query   a                         -> 1:y (1 unread)
    `));

  test("messages sent together replace each other in order", async () => {
    const rig = await Rig.open();
    await rig.create("a", { kind: "latest" });
    await rig.restart();
    const ids = Promise.all(["x", "y", "z"].map((text) => rig.post("a", text)));
    expect(await rig.outcome(ids)).toEqual([0, 1, 2]);
    expect(await rig.outcome(rig.account.query({ ...all, mailbox: "a" }))).toMatchObject({
      messages: [{ msgId: 2 }],
      unread: 1,
    });
  });
});

test("a key keeps only its newest message, over a restart and a removal too", () =>
  runScript(`
    create  a
    send    a normal x key=k            -> 0
    send    a normal y key=l            -> 1
    send    a low    z key=k            -> 2
    query   a                           -> 1:y 2:z (2 unread)
    restart
    send    a normal w key=k            -> 3
    remove  a 3
    send    a normal v key=k            -> 4
    send    a normal u key=l            -> 5
    query   a                           -> 4:v 5:u (2 unread)
  `));

test.each(["durable", "on their way"])(
  "a key replaces its message though more keys than memory holds are %s",
  async (how) => {
    const rig = await Rig.open();
    await rig.create("a");
    const keys = Array.from({ length: 4_200 }, (_, i) => `k${i}`);
    const old = Promise.all(keys.map((key) => rig.post("a", "old", { key })));
    if (how === "durable") await rig.outcome(old);
    else await rig.turn(); // staged, and the first of them under way
    const again = ["k0", "k1", "k4199"];
    const sent = Promise.all(again.map((key) => rig.post("a", "new", { key })));
    await rig.outcome(Promise.all([old, sent]));
    const found = await rig.account.query({ ...all, mailbox: "a", limit: 9_999 });
    expect(found.unread).toBe(4_200);
    const newer = found.messages.filter((message) => message.payload[0] === 0x6e);
    expect(newer.map((message) => message.key)).toEqual(again);
  },
);

test("tags and the sender come with the message, over a restart too", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  const sent = { mailbox: "a", label: "normal", payload: asciiBytes("x") } as const;
  await rig.outcome(rig.account.send({ ...sent, tags: ["t", "u"], from: "ann" }));
  await rig.restart();
  const found = await rig.outcome(rig.account.query({ ...all, mailbox: "a" }));
  expect(found).toMatchObject({ messages: [{ tags: ["t", "u"], from: "ann" }] });
});

test.each([
  { what: "16 tags", request: { tags: Array.from({ length: 16 }, (_, i) => `t${i}`) }, ok: true },
  { what: "17 tags", request: { tags: Array.from({ length: 17 }, (_, i) => `t${i}`) }, ok: false },
  { what: "a tag of 64 bytes", request: { tags: ["é".repeat(32)] }, ok: true },
  { what: "a tag of 65 bytes", request: { tags: ["é".repeat(32).concat("x")] }, ok: false },
  { what: "an empty tag", request: { tags: ["t", ""] }, ok: false },
  { what: "a key of 128 bytes", request: { key: "🙂".repeat(32) }, ok: true },
  { what: "a key of 129 bytes", request: { key: "🙂".repeat(32).concat("x") }, ok: false },
])("$what: taken = $ok", async ({ request, ok }) => {
  const rig = await Rig.open();
  await rig.create("a");
  const sent = { mailbox: "a", label: "normal", payload: asciiBytes("x") } as const;
  const result = await rig.outcome(rig.account.send({ ...sent, ...request }));
  expect(result).toEqual(ok ? { msgId: 0 } : "invalid");
});
