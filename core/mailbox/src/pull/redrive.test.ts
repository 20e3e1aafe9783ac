// Dead letters that come back to a group which changed meanwhile.
import { expect, test } from "vitest";
import { Rig } from "../testing/rig.ts";
import { runScript } from "../testing/script.ts";

test("a letter is out with one consumer when its group began again and has not come to it", () =>
  runScript(`
    create  a
    send    a critical c              -> 0
    send    a normal   x              -> 1
    fetch   a g by=w                  -> 0:c 1:x
    nack    a g 1 poison
    fetch   a g by=w restart limit=1  -> 0:c more
    redrive a                         -> 1
    fetch   a g by=v limit=1          -> 1:x
    fetch   a g by=u limit=1          ->
    ack     a g 1                     -> 1
    leave   v
    fetch   a g by=u                  ->
  `));

test("a store that fails after some came back leaves it unknown, not as if nothing had happened", async () => {
  const rig = await Rig.open();
  const group = "g";
  await rig.create("a");
  for (let i = 0; i < 65; i += 1) await rig.outcome(rig.post("a", "x"));
  const wish = { mailbox: "a", group, start: { at: "earliest" }, limit: 65, waitMs: 0 } as const;
  await rig.outcome(rig.account.fetch(wish));
  for (let msgId = 0; msgId < 65; msgId += 1) {
    await rig.outcome(rig.account.nack({ mailbox: "a", group, msgId, poison: true }));
  }
  rig.store.plant("commit", 2, { kind: "fail", code: "full" });
  expect(await rig.outcome(rig.account.redrive({ mailbox: "a", limit: 100 }))).toBe("unknown");
  rig.store.heal();
  await rig.reopen();
  expect(await rig.outcome(rig.account.redrive({ mailbox: "a", limit: 100 }))).toBe(1);
});
