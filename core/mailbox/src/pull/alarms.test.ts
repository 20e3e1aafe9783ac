// The clock of the groups of pullers does not wait for anything else that is due.
import { expect, test } from "vitest";
import { Rig } from "../testing/rig.ts";

test("a wait and a lease end while a tick is held up", async () => {
  const rig = await Rig.open();
  await rig.create("a");
  await rig.send("a", "x");
  const fetch = (limit: number, waitMs: number) =>
    rig.account.fetch({
      mailbox: "a",
      group: "g",
      start: { at: "earliest" },
      limit,
      waitMs,
      leaseMs: 2000,
    });
  expect(await rig.outcome(fetch(1, 0))).toMatchObject({ messages: [{ deliveryCount: 1 }] });
  const ended = fetch(1, 1000);
  await rig.settle();
  const release = rig.holdDisk();
  void rig.post("a", "y");
  const tick = rig.mailboxes.tick();
  expect(await rig.outcome(tick)).toBe("hangs");
  rig.nowMs += 1000;
  expect(rig.mailboxes.ring()).toBe(rig.nowMs + 1000);
  expect(await rig.outcome(ended)).toMatchObject({ messages: [] });
  rig.nowMs += 1000;
  expect(rig.mailboxes.ring()).toBe(Number.POSITIVE_INFINITY);
  expect(await rig.outcome(fetch(1, 60_000))).toMatchObject({ messages: [{ deliveryCount: 2 }] });
  await release();
  await tick;
});
