// Owners and tokens beside a mailbox: what is kept over a restart, and when it is over.
import { neverMs } from "@mq9/protocol";
import { expect, test } from "vitest";
import type { Guard } from "../access.ts";
import { Rig } from "../testing/rig.ts";

const digest = new Uint8Array(32).fill(7);
const named = { nameStyle: "compact", kind: "standard", public: false } as const;

async function withBox(owner?: string): Promise<Rig> {
  const rig = await Rig.open();
  const request = { ...named, name: "box", ttlSeconds: 600, ifExists: "fail", owner } as const;
  await rig.outcome(rig.account.create(request));
  return rig;
}

const give = (rig: Rig, ttlSeconds: number, rights: ("send" | "query")[] = ["send"]) =>
  rig.outcome(rig.account.grant({ mailbox: "box", rights, ttlSeconds, digest, by: "owner" }));
const list = (rig: Rig) => rig.outcome(rig.account.grants("box"));
const show = (rig: Rig) => rig.outcome(rig.account.present("box", digest));

test("owner and tokens are there after a restart", async () => {
  const rig = await withBox("owner");
  const given = await give(rig, 60, ["query", "send"]);
  expect(given).toMatchObject({ rights: ["send", "query"], by: "owner" });
  await rig.restart();
  expect(await rig.outcome(rig.account.info("box"))).toMatchObject({ owner: "owner" });
  expect(await list(rig)).toEqual([given]);
  expect(await show(rig)).toEqual(given);
});

test("a token ends at its millisecond, and makes room", async () => {
  const rig = await withBox();
  await give(rig, 2);
  rig.nowMs += 1999;
  expect(await show(rig)).toMatchObject({ rights: ["send"] });
  rig.nowMs += 1;
  expect(await show(rig)).toBe("not_found");
  expect(await list(rig)).toEqual([]);
  await give(rig, 0);
  await rig.restart();
  expect(await list(rig)).toMatchObject([{ expiresAtMs: neverMs }]);
});

test("a token goes with the life of its mailbox", async () => {
  const rig = await withBox();
  await give(rig, 0);
  await rig.outcome(rig.account.drop("box"));
  expect(await show(rig)).toBe("not_found");
  await rig.outcome(rig.account.create({ ...named, name: "box", ttlSeconds: 0, ifExists: "fail" }));
  expect(await show(rig)).toBe("not_found");
  await rig.restart();
  expect(await list(rig)).toEqual([]);
});

test("a revoked token is over at once, and durably when that is answered", async () => {
  const rig = await withBox();
  const given = await give(rig, 0);
  if (typeof given === "string") throw new Error(given);
  const release = rig.holdDisk();
  const revoked = rig.account.revoke("box", given.grantId);
  expect(await rig.outcome(revoked)).toBe("hangs");
  expect(await show(rig)).toBe("not_found");
  await release();
  expect(await revoked).toBe(true);
  await rig.restart();
  expect(await list(rig)).toEqual([]);
  expect(await rig.outcome(rig.account.revoke("box", given.grantId))).toBe(false);
});

test("whoever may not is told so before anything of the mailbox is read", async () => {
  const rig = await withBox("owner");
  await rig.outcome(rig.account.send({ mailbox: "box", label: "normal", payload: digest }));
  const nobody: Guard = {
    judge: () => "absent",
    allows: () => false,
    epoch: 0,
    endsAtMs: Number.POSITIVE_INFINITY,
  };
  const seen = rig.account.seenBy(nobody);
  let reads = 0;
  const message = rig.memory.message.bind(rig.memory);
  const messages = rig.memory.messages.bind(rig.memory);
  rig.memory.message = (...args) => {
    reads += 1;
    return message(...args);
  };
  rig.memory.messages = (...args) => {
    reads += 1;
    return messages(...args);
  };
  const asked = [
    seen.inspect("box"),
    seen.remove({ mailbox: "box", msgId: 0 }),
    seen.receipt({ mailbox: "box", msgId: 0 }),
    seen.purge({ mailbox: "box" }),
    seen.cancel({ mailbox: "box", scheduledId: 0 }),
    seen.scheduled({ mailbox: "box", afterId: -1, limit: 1 }),
    seen.ack({ mailbox: "box", group: "g", msgId: 0, mode: "one" }),
    seen.fetch({ mailbox: "box", start: { at: "earliest" }, limit: 1, waitMs: 1000 }),
    seen.fetch({ mailbox: "box", group: "g", start: { at: "earliest" }, limit: 1, waitMs: 1000 }),
    seen.send({ mailbox: "box", label: "normal", payload: digest, key: "k", dedupId: "d" }),
    seen.redrive({ mailbox: "box", limit: 1 }),
    seen.grants("box"),
    seen.drop("box"),
  ];
  const outcomes = await Promise.all(asked.map((each) => rig.outcome<unknown>(each)));
  expect(outcomes).toEqual(asked.map(() => "not_found"));
  expect(reads).toBe(0);
  expect(await rig.outcome(rig.account.inspect("box"))).toMatchObject({ messages: 1, groups: [] });
});
