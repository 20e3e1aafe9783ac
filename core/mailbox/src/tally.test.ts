// Counts against a plain count of the store, after anything that adds or removes, and after kills.
import { ranks } from "@mq9/protocol";
import type { MailboxRecord, MessageRecord } from "@mq9/store";
import { asciiBytes } from "@mq9/store/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { messageBytes, tallyName } from "./tally.ts";
import { Rig } from "./testing/rig.ts";
import { runScript } from "./testing/script.ts";

interface Count {
  messages: number;
  bytes: number;
}

async function countOf(rig: Rig, number: number | undefined): Promise<Count> {
  const found: MessageRecord[] = [];
  for (const rank of number === undefined ? [] : ranks) {
    const range = { rank, afterSeq: -1, limit: 1e6, bytesMax: 1e9 };
    found.push(...(await rig.memory.messages(number as number, range)));
  }
  return {
    messages: found.length,
    bytes: found.reduce((sum, message) => sum + messageBytes(message), 0),
  };
}

/** Every mailbox record of the account that is not dropped, ended or kept by the broker. */
async function liveRecords(rig: Rig): Promise<MailboxRecord[]> {
  const records = await rig.memory.mailboxes("acme/", "", 1000);
  return records.filter(
    ({ key, dropped, expiresAtMs }) =>
      !dropped && rig.nowMs < expiresAtMs && !key.includes("$SYSTEM."),
  );
}

/** The totals of the account as they are on disk. */
async function totalsOf(rig: Rig): Promise<Count & { mailboxes: number }> {
  const bytes = await rig.memory.cursor(0, "acme");
  if (bytes === undefined) return { mailboxes: 0, messages: 0, bytes: 0 };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    mailboxes: view.getFloat64(1),
    messages: view.getFloat64(9),
    bytes: view.getFloat64(17),
  };
}

/** Compares every count with the store. Ended mailboxes must have been attended to. */
async function verify(rig: Rig): Promise<void> {
  await rig.settle();
  const totals = { mailboxes: 0, messages: 0, bytes: 0 };
  for (const record of await liveRecords(rig)) {
    const stored = await countOf(rig, record.number);
    const later = await countOf(rig, record.scheduleNumber);
    const name = record.key.slice("acme/".length);
    const counted = await rig.outcome(rig.account.inspect(name));
    expect(counted).toMatchObject({ ...stored, scheduled: later.messages });
    totals.mailboxes += 1;
    totals.messages += stored.messages + later.messages;
    totals.bytes += stored.bytes + later.bytes;
  }
  expect(await totalsOf(rig)).toEqual(totals);
}

type Step = (rig: Rig) => Promise<unknown>;

function create(rig: Rig, name: string): Promise<unknown> {
  return rig.account.create({
    name,
    nameStyle: "uuid",
    kind: name === "l" ? "latest" : "standard",
    ttlSeconds: name === "b" ? 60 : 0,
    public: name === "p",
    ifExists: "return",
  });
}

const mailbox = fc.constantFrom("a", "b", "l", "p");
const steps: fc.Arbitrary<{ name: string; run: Step }> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .record({
        mailbox,
        label: fc.constantFrom("critical" as const, "normal" as const, "low" as const),
        size: fc.integer({ min: 0, max: 40 }),
        key: fc.option(fc.constantFrom("k", "l"), { nil: undefined }),
        ttlSeconds: fc.option(fc.constantFrom(1, 30), { nil: undefined }),
        delayMs: fc.option(fc.constantFrom(1, 900, 5000), { nil: undefined }),
        dedupId: fc.option(fc.constantFrom("1", "2"), { nil: undefined }),
      })
      .map(({ size, ...request }) => ({
        name: `send ${JSON.stringify({ size, ...request })}`,
        run: (rig: Rig) => rig.account.send({ ...request, payload: new Uint8Array(size) }),
      })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(mailbox, fc.integer({ min: 0, max: 20 })).map(([name, msgId]) => ({
      name: `remove ${name} ${msgId}`,
      run: (rig: Rig) => rig.account.remove({ mailbox: name, msgId }),
    })),
  },
  {
    weight: 4,
    arbitrary: mailbox.map((name) => ({
      name: `create ${name}`,
      run: (rig: Rig) => create(rig, name),
    })),
  },
  fc
    .tuple(mailbox, fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined }))
    .map(([name, beforeId]) => ({
      name: `purge ${name} ${beforeId}`,
      run: (rig: Rig) => rig.account.purge({ mailbox: name, beforeId }),
    })),
  mailbox.map((name) => ({ name: `drop ${name}`, run: (rig: Rig) => rig.account.drop(name) })),
  {
    weight: 2,
    arbitrary: mailbox.map((name) => ({
      name: `bury ${name}`,
      run: async (rig: Rig) => {
        const consumer = {};
        const { messages } = await rig.account.fetch({
          mailbox: name,
          group: "g",
          start: { at: "earliest" },
          limit: 2,
          waitMs: 0,
          consumer,
        });
        for (const { msgId } of messages) {
          await rig.account.nack({ mailbox: name, group: "g", msgId, poison: true });
        }
      },
    })),
  },
  mailbox.map((name) => ({
    name: `redrive ${name}`,
    run: (rig: Rig) => rig.account.redrive({ mailbox: name, limit: 3 }),
  })),
  mailbox.map((name) => ({
    name: `cancel ${name}`,
    run: async (rig: Rig) => {
      const [first] = await rig.account.scheduled({ mailbox: name, afterId: -1, limit: 1 });
      const scheduledId = first?.scheduledId ?? 0;
      return rig.account.cancel({ mailbox: name, scheduledId });
    },
  })),
  fc.constantFrom(1, 1000, 60_000, 720_000).map((ms) => ({
    name: `tick after ${ms}`,
    run: async (rig: Rig) => {
      rig.nowMs += ms;
      return rig.mailboxes.tick();
    },
  })),
  fc.constantFrom("crash" as const, "restart" as const, "reopen" as const).map((how) => ({
    name: how,
    run: async (rig: Rig) => {
      if (how === "restart") await rig.settle();
      else rig.mailboxes.storeFailed(new Error("as the test says")); // as a broker does
      return rig[how]();
    },
  })),
  fc.constantFrom("fail" as const, "apply-then-fail" as const).map((kind) => ({
    name: kind,
    run: async (rig: Rig) => rig.store.plant("commit", 1, { kind, code: "full" }),
  })),
);

test("every count is what the store holds, whatever happened", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(steps, fc.boolean()), { minLength: 5, maxLength: 40 }),
      fc.constantFrom(1, 3, 512),
      async (script, commitOperationsMax) => {
        const rig = await Rig.open({ pageMessages: 3, commitOperationsMax, dedupWindowMs: 5000 });
        for (const name of ["a", "b", "l", "p"]) await rig.outcome(create(rig, name));
        for (const [{ name, run }, alone] of script) {
          const done = run(rig).catch(() => undefined);
          // Some steps meet others under way; those that replace the rig can not.
          if (alone || /^(crash|restart|reopen|tick)/.test(name)) await rig.outcome(done);
        }
        await rig.settle();
        rig.mailboxes.storeFailed(new Error("the end"));
        await rig.reopen();
        // A planted failure may still be there.
        for (let i = 0; i < 40; i += 1) {
          const ticked = await rig.outcome(rig.mailboxes.tick());
          if (typeof ticked === "number") break;
          await rig.reopen();
        }
        await verify(rig);
        await rig.crash();
        await verify(rig);
      },
    ),
    { numRuns: 400 },
  );
}, 60_000);

test("what a load counts again is bounded, and so exact after any number of sends", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  for (const count of [255, 1, 1, 254, 600, 3]) {
    const sent = Array.from({ length: count }, () => rig.post("a", "12345"));
    await rig.outcome(Promise.all(sent));
    await rig.crash();
    await verify(rig);
  }
  let read = 0;
  const messages = rig.memory.messages.bind(rig.memory);
  rig.memory.messages = (number, range) => {
    read += 1;
    return messages(number, range);
  };
  await rig.outcome(rig.account.inspect("a"));
  read = 0;
  await rig.crash();
  await rig.outcome(rig.account.inspect("a"));
  expect(read).toBeLessThanOrEqual(8);
});

test("large messages are counted again after a megabyte at most", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  for (let i = 0; i < 5; i += 1) {
    await rig.outcome(
      rig.account.send({ mailbox: "a", label: "normal", payload: new Uint8Array(600_000) }),
    );
    await rig.crash();
    await verify(rig);
  }
});

test("an ended mailbox counts no more once its end was noticed, and is not taken out twice", () =>
  runScript(
    `
    create  a ttl=10
    send    a normal x                  -> 0
    create  b                           -> quota_exceeded
    clock   10s
    tick
    create  b ttl=10
    create  c                           -> quota_exceeded
    create  a                           -> quota_exceeded
    drop    b
    create  a
    create  c                           -> quota_exceeded
    drop    a
    clock   3000s
    tick
    restart
    create  c
    create  d                           -> quota_exceeded
    `,
    { accountMailboxesMax: 1 },
  ));

test("a mailbox that ended gives its place to the next of its name at once", () =>
  runScript(
    `
    create  a ttl=10
    clock   10s
    create  a
    create  b                           -> quota_exceeded
    create  a                           -> found a standard ends +3600s
    `,
    { accountMailboxesMax: 1 },
  ));

test.each(["crash", "restart", "reopen"])(
  "mailboxes are refused at the limit, after a %s too",
  (how) =>
    runScript(
      `
    create  a
    create  b public
    ${how}
    create  c                           -> quota_exceeded
    create  b                           -> found b standard public ends +3600s
    ${how}
    drop    b
    create  c
    create  d                           -> quota_exceeded
    `,
      { accountMailboxesMax: 2 },
    ),
);

test.each(["crash", "restart", "reopen"])(
  "messages of a mailbox are refused at the limit, after a %s too",
  (how) =>
    runScript(
      `
    create  a
    create  b
    send    a normal x                  -> 0
    send    a normal y key=k            -> 1
    ${how}
    send    a normal z                  -> 2
    send    a normal u                  -> quota_exceeded
    ${how}
    send    a normal v key=k            -> 3
    send    a normal u key=l            -> quota_exceeded
    send    a normal u delay=1000       -> quota_exceeded
    send    b normal x                  -> 0
    remove  a 0
    ${how}
    send    a normal u delay=1000       -> @1000.0
    send    a normal w                  -> quota_exceeded
    clock   1000ms
    tick
    send    a normal w                  -> quota_exceeded
    query   a                           -> 2:z 3:v 4:u (3 unread)
    purge   a                           -> 3
    ${how}
    send    a normal w                  -> 5
    `,
      { mailboxMessagesMax: 3 },
    ),
);

test("bytes of a mailbox: headers count, and a replacement counts what it adds", () =>
  runScript(
    `
    create  a
    send    a normal 12345 headers=678  -> 0
    send    a normal 12345              -> quota_exceeded
    send    a normal 12                 -> 1
    send    a normal                    -> 2
    send    a normal 1                  -> quota_exceeded
    remove  a 1
    send    a normal 1 key=k            -> 3
    send    a normal 12 key=k           -> 4
    send    a normal 123 key=k          -> quota_exceeded
    send    a normal 1 key=k            -> 5
    inspect a                           -> 3 (9 bytes) next 6
    `,
    { mailboxBytesMax: 10 },
  ));

test.each(["crash", "reopen"])(
  "messages and bytes of an account are refused at the limit, after a %s too",
  async (how) => {
    await runScript(
      `
    create  a
    create  b
    send    a normal x                  -> 0
    send    b normal y                  -> 0
    ${how}
    send    a normal z                  -> quota_exceeded
    send    b normal z                  -> quota_exceeded
    drop    b
    ${how}
    send    a normal z                  -> 1
    send    a normal u                  -> quota_exceeded
    `,
      { accountMessagesMax: 2 },
    );
    await runScript(
      `
    create  a
    create  b
    send    a normal 123                -> 0
    send    b normal 1234               -> 0
    ${how}
    send    a normal 1234               -> quota_exceeded
    send    a normal 123                -> 1
    send    b normal 1                  -> quota_exceeded
    remove  b 0
    ${how}
    send    b normal 1234               -> 1
    `,
      { accountBytesMax: 10 },
    );
  },
);

test("a limit that was lowered refuses new mail and still takes replacements; 0 is no limit", () =>
  runScript(
    `
    create  a
    send    a normal x                  -> 0
    send    a normal x                  -> 1
    `,
    {
      mailboxMessagesMax: 0,
      mailboxBytesMax: 0,
      accountMailboxesMax: 0,
      accountMessagesMax: 0,
      accountBytesMax: 0,
    },
  ));

test("a refusal names the limit and whose it is", async () => {
  const rig = await Rig.open({ mailboxMessagesMax: 1, accountMailboxesMax: 1 });
  await rig.create("a");
  await rig.send("a", "x");
  const send = rig.account.send({ mailbox: "a", label: "normal", payload: asciiBytes("y") });
  await expect(rig.outcome(send.catch((error: Error) => error.message))).resolves.toBe(
    "the limit of 1 messages of mailbox a is reached",
  );
  const made = rig.account.create({
    name: "b",
    nameStyle: "uuid",
    kind: "standard",
    ttlSeconds: 0,
    public: false,
    ifExists: "return",
  });
  await expect(rig.outcome(made.catch((error: Error) => error.message))).resolves.toBe(
    "the limit of 1 mailboxes of this account is reached",
  );
});

test("damaged totals of an account take no mailbox with them", async () => {
  const rig = await Rig.open({ accountMessagesMax: 2 });
  await rig.create("a");
  await rig.send("a", "x");
  await rig.restart();
  rig.store.plant("cursor", 1, { kind: "fail", code: "corrupt" });
  expect(await rig.send("a", "y")).toBe(1);
  expect(rig.failures).toHaveLength(1);
  expect(await rig.account.inspect("a")).toMatchObject({ messages: 2 });
});

test("totals that can not be read are read again with the next command", async () => {
  const rig = await Rig.open({ accountMessagesMax: 2 });
  await rig.create("a");
  await rig.send("a", "x");
  await rig.restart();
  rig.store.plant("cursor", 1, { kind: "fail", code: "io" });
  expect(await rig.send("a", "y")).toBe("storage_failed");
  expect(await rig.send("a", "y")).toBe(1);
  expect(await rig.send("a", "z")).toBe("quota_exceeded");
});

test("a mailbox that is read time and again is not counted again each time", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  await rig.outcome(Promise.all(Array.from({ length: 20 }, () => rig.post("a", "x"))));
  const counted = async () => {
    const bytes = (await rig.memory.cursor(1, tallyName)) ?? new Uint8Array(42);
    return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(2);
  };
  expect(await counted()).toBe(0);
  await rig.crash();
  await rig.send("a", "y");
  expect(await counted()).toBe(21);
  await verify(rig);
});

test("a mailbox of a store without counts is counted, and none of its numbers is given again", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  for (const text of ["x", "y", "z"]) await rig.send("a", text);
  await rig.outcome(rig.account.remove({ mailbox: "a", msgId: 0 }));
  const batch = rig.memory.batch();
  batch.removeCursor(1, tallyName);
  await rig.memory.commit(batch);
  await rig.restart();
  expect(await rig.send("a", "new")).toBe(3);
  expect(await rig.account.inspect("a")).toMatchObject({ messages: 3 });
});
