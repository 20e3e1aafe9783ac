// What is counted of pulled mail: whatever ends a lease, the number of leases goes back to what is out.
import { beforeEach, expect, test } from "vitest";
import { MailMeters } from "../meters.ts";
import { Rig } from "../testing/rig.ts";

let rig: Rig;
let meters: MailMeters;
const worker = {};

beforeEach(async () => {
  meters = new MailMeters();
  rig = await Rig.open({}, { meters });
  await rig.outcome(
    rig.account.create({
      name: "a",
      nameStyle: "uuid",
      kind: "standard",
      public: false,
      ttlSeconds: 0,
      ifExists: "fail",
    }),
  );
  for (let at = 0; at < 4; at += 1) {
    await rig.outcome(
      rig.account.send({ mailbox: "a", label: "normal", payload: new Uint8Array(1) }),
    );
  }
});

const fetch = (limit: number, consumer: object = worker): Promise<unknown> =>
  rig.outcome(
    rig.account.fetch({
      mailbox: "a",
      group: "g",
      start: { at: "earliest" },
      limit,
      waitMs: 0,
      leaseMs: 10_000,
      consumer,
    }),
  );

test("acknowledged, handed back, given up, left and dropped", async () => {
  await fetch(4);
  expect([meters.leases, meters.deliveries, meters.queueMs.count]).toEqual([4, 4, 4]);
  rig.nowMs += 2_000;
  await rig.outcome(rig.account.ack({ mailbox: "a", group: "g", msgId: 0, mode: "one" }));
  expect([meters.leases, meters.acks, meters.leaseMs.count]).toEqual([3, 1, 1]);
  expect(meters.leaseMs.sum).toBe(2_000);
  await rig.outcome(rig.account.nack({ mailbox: "a", group: "g", msgId: 1 }));
  expect([meters.leases, meters.nacks]).toEqual([2, 1]);
  await rig.outcome(rig.account.nack({ mailbox: "a", group: "g", msgId: 2, poison: true }));
  expect([meters.leases, meters.deadLetters]).toEqual([1, 1]);
  rig.account.release(worker);
  await rig.settle();
  expect(meters.leases).toBe(0);
  await fetch(9, {});
  expect([meters.leases, meters.redeliveries, meters.queueMs.count]).toEqual([2, 2, 4]);
  await rig.outcome(rig.account.drop("a"));
  expect(meters.leases).toBe(0);
});

test("a lease that ends by itself is counted as that, and only once", async () => {
  await fetch(2);
  rig.nowMs += 10_000;
  rig.mailboxes.ring();
  rig.mailboxes.ring();
  expect([meters.leases, meters.leasesExpired]).toEqual([0, 2]);
});

test("an acknowledgement of what was settled before counts nothing", async () => {
  await fetch(1);
  const ack = { mailbox: "a", group: "g", msgId: 0, mode: "one" } as const;
  await rig.outcome(rig.account.ack(ack));
  await rig.outcome(rig.account.ack(ack));
  expect([meters.acks, meters.leaseMs.count]).toEqual([1, 1]);
});
