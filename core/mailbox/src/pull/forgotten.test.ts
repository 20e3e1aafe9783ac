// Mailboxes that leave memory because nobody uses them, and come back.
import type { Consumer } from "@mq9/protocol";
import { expect, test } from "vitest";
import { Rig } from "../testing/rig.ts";
import { runScript } from "../testing/script.ts";

test("a group whose mailbox left memory writes nothing over what was settled since", () =>
  runScript(
    `
    create  a
    create  b
    send    a normal x                -> 0
    fetch   a g by=w                  -> 0:x
    nack    a g 0 delay=5000
    tick
    info    b
    info    b
    info    c                         -> not_found
    fetch   a g                       ->
    ack     a g 0                     -> 0
    clock   5s
    tick
    crash
    fetch   a g                       ->
    `,
    { activeMax: 1 },
  ));

test("a consumer that has nothing any more is not kept in mind", async () => {
  const rig = await Rig.open();
  await rig.outcome(
    rig.account.create({
      name: "a",
      nameStyle: "uuid",
      kind: "standard",
      ttlSeconds: 0,
      public: false,
      ifExists: "return",
    }),
  );
  const fetch = (consumer: Consumer, waitMs = 0): Promise<unknown> =>
    rig.outcome(
      rig.account.fetch({
        mailbox: "a",
        group: "g",
        start: { at: "earliest" },
        limit: 1,
        waitMs,
        held: "kept",
        consumer,
      }),
    );
  for (let msgId = 0; msgId < 3; msgId += 1) {
    await rig.send("a", "x");
    await fetch({});
    expect(rig.mailboxes.consumerCount).toBe(1);
    await rig.outcome(rig.account.ack({ mailbox: "a", group: "g", msgId, mode: "one" }));
    expect(rig.mailboxes.consumerCount).toBe(0);
  }
  await fetch({}, 1000);
  expect(rig.mailboxes.consumerCount).toBe(1);
  rig.nowMs += 1000;
  await rig.outcome(rig.mailboxes.tick());
  expect(rig.mailboxes.consumerCount).toBe(0);
  await fetch({}, 1000);
  await rig.outcome(rig.account.drop("a"));
  expect(rig.mailboxes.consumerCount).toBe(0);
});
