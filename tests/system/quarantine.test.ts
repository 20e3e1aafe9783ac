// One user is stopped: what it asks is refused, nothing reaches it, nothing is lost.
import type { RawClient } from "@mq9/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ask, type SystemRig, startRig } from "./support.ts";

let rig: SystemRig;
let sys: RawClient;
let ann: RawClient;
let other: RawClient;

beforeEach(async () => {
  rig = await startRig();
  sys = await rig.connect("sys");
  ann = await rig.connect("ann");
  other = await rig.connect("carl");
});
afterEach(() => rig[Symbol.asyncDispose]());

const quarantine = async (on: boolean): Promise<unknown> => {
  const id = String(sys.info["server_id"]);
  const told = await ask(sys, "sys", `$SYS.REQ.SERVER.${id}.MQ9.QUARANTINE`, {
    account: "A",
    user: "ann",
    on,
  });
  return told?.error ?? told?.data;
};
const asAnn = async (subject: string, body: unknown): Promise<Record<string, unknown>> =>
  (await ask(ann, "ann", `$mq9.AI.${subject}`, body)) as Record<string, unknown>;

describe("quarantine", () => {
  it("refuses what the user publishes and subscribes to, in words that clients know", async () => {
    expect(await quarantine(true)).toEqual({ account: "A", user: "ann", on: true, connections: 1 });
    ann.publish("foo.a", "x");
    ann.send("SUB foo.a 9");
    await ann.expect(
      `-ERR 'Permissions Violation for Publish to "foo.a"'`,
      `-ERR 'Permissions Violation for Subscription to "foo.a"'`,
    );
    await using later = await rig.connect("carl");
    expect(await later.flush()).toEqual([]);
  });

  it("stops subscriptions, which go on when it is lifted", async () => {
    ann.send("SUB foo.a 9");
    await ann.flush();
    await quarantine(true);
    other.publish("foo.a", "lost");
    await other.flush();
    expect(await ann.flush()).toEqual([]);
    await quarantine(false);
    other.publish("foo.a", "heard");
    await other.flush();
    expect((await ann.flush()).map(({ payload }) => payload.toString())).toEqual(["heard"]);
  });

  it("answers FETCH with an error, that of one who waits too, and keeps the mail", async () => {
    await asAnn("MAILBOX.CREATE", { name: "orders" });
    ann.publish(
      "$mq9.AI.MSG.FETCH.orders",
      '{"group_name":"g","config":{"max_wait_ms":20000}}',
      "_INBOX.ann.wait",
    );
    await ann.flush();
    await quarantine(true);
    const waiting = await ann.readMessage();
    expect(waiting.subject).toBe("_INBOX.ann.wait");
    expect(JSON.parse(waiting.payload.toString())["error"]).toMatch(/stopped all reads/);
    ann.publish("$mq9.AI.MSG.FETCH.orders", "{}", "_INBOX.ann.now");
    await ann.expect(/^-ERR 'Permissions Violation for Publish to/);
    expect((await ann.readMessage()).payload.toString()).toMatch(/stopped all reads/);
    await quarantine(false);
    expect((await asAnn("MSG.SEND.orders", "kept"))["error"]).toBe("");
    const { messages } = await asAnn("MSG.FETCH.orders", { group_name: "g" });
    expect(messages).toHaveLength(1);
  });

  it("takes mailbox subscriptions away, and gives them back with what came meanwhile", async () => {
    await asAnn("MAILBOX.CREATE", { name: "orders" });
    ann.send("SUB $mq9.AI.MAILBOX.MSG.orders mail");
    await ann.flush();
    await quarantine(true);
    await using friend = await rig.connect("ann2");
    expect((await ask(friend, "ann2", "$mq9.AI.MSG.SEND.orders", "meanwhile")) ?? {}).toMatchObject(
      {
        error: "",
      },
    );
    expect(await ann.flush()).toEqual([]);
    await quarantine(false);
    const message = await ann.readMessage();
    expect([message.sid, message.payload.toString()]).toEqual([
      "mail",
      expect.stringContaining("meanwhile"),
    ]);
  });

  it("holds for connections made later, and is audited both ways", async () => {
    await quarantine(true);
    await ann.close();
    const again = await rig.connect("ann").catch((error: Error) => error.message);
    expect(again).toMatch(/Permissions Violation for Subscription/);
    await quarantine(false);
    await using free = await rig.connect("ann");
    expect(await free.flush()).toEqual([]);
    expect(rig.audit.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(["quarantine.began", "quarantine.ended"]),
    );
    expect(rig.audit.find(({ kind }) => kind === "quarantine.began")).toMatchObject({
      by: { account: "SYS", user: "sys" },
      account: "A",
      user: "ann",
    });
  });

  it.each([
    [{ account: "A", user: "anna" }, 'there is no user "anna" in account "A"'],
    [{ account: "a", user: "ann" }, 'there is no account "a"'],
    [{ account: "A" }, 'there is no user "" in account "A"'],
    [{ account: "B", user: "ann" }, 'there is no user "ann" in account "B"'],
  ])("is not put on nobody: %j", async (who, description) => {
    const id = String(sys.info["server_id"]);
    const subject = `$SYS.REQ.SERVER.${id}.MQ9.QUARANTINE`;
    for (const on of [true, false]) {
      expect((await ask(sys, "sys", subject, { ...who, on }))?.error).toEqual({
        code: 404,
        description,
      });
    }
    expect(rig.audit.filter(({ kind }) => kind.startsWith("quarantine"))).toEqual([]);
  });

  it("is listed, and lifted from who is configured no more", async () => {
    const id = String(sys.info["server_id"]);
    const list = async () =>
      (await ask(sys, "sys", `$SYS.REQ.SERVER.${id}.MQ9.QUARANTINES`, {}))?.data;
    await quarantine(true);
    expect(await list()).toEqual({ quarantined: [{ account: "A", user: "ann" }] });
    const users = [{ user: "sys", password: "pw" }];
    rig.broker.reload({
      auth: { systemAccount: "SYS", sharedInboxes: true, accounts: [{ name: "SYS", users }] },
    });
    expect(await quarantine(false)).toMatchObject({ on: false, connections: 0 });
    expect(await list()).toEqual({ quarantined: [] });
  });

  it("can be had without an operator's connection", async () => {
    expect(await rig.broker.quarantine({ account: "A", user: "ann" }, true)).toBe(1);
    ann.publish("foo.a", "x");
    await ann.expect(/Permissions Violation/);
  });
});
