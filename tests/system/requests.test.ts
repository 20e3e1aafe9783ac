// What can be asked of a broker under `$SYS.REQ.`, by whom, and what operators can do there.
import { connectRaw, type RawClient } from "@mq9/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ask, type SystemRig, startRig, type Told } from "./support.ts";

let rig: SystemRig;
let sys: RawClient;
let ann: RawClient;
let id: string;

beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig[Symbol.asyncDispose]());
beforeEach(async () => {
  sys = await rig.connect("sys");
  ann = await rig.connect("ann");
  id = String(ann.info["server_id"]);
});
afterEach(async () => {
  await sys.close();
  await ann.close();
});

const asSys = async (subject: string, body?: unknown): Promise<Told> => {
  const told = await ask(sys, "sys", `$SYS.REQ.${subject}`, body);
  if (told === undefined) throw new Error(`nobody answers ${subject}`);
  return told;
};
const asAnn = (subject: string, body?: unknown): Promise<Told | undefined> =>
  ask(ann, "ann", `$SYS.REQ.${subject}`, body);

describe("the system account", () => {
  it("hears from every server that is meant, with its name on every answer", async () => {
    const { server, statsz } = await asSys("SERVER.PING");
    expect(server).toMatchObject({ name: "rig", id, jetstream: false, host: "127.0.0.1" });
    expect(server?.["ver"]).toMatch(/^2\.\d+\.\d+$/);
    expect(statsz).toMatchObject({ active_servers: 1, active_accounts: 2, connections: 2 });
    const again = await asSys("SERVER.PING", { server_name: "ig" });
    expect(Number(again.server?.["seq"])).toBeGreaterThan(Number(server?.["seq"]));
  });

  it.each([
    { server_name: "ig", exact_match: true },
    { server_name: "other" },
    { host: "10.0.0.1" },
    { cluster: "east" },
    { domain: "hub" },
    { tags: ["gpu"] },
  ])("hears nothing from a server that %j does not mean", async (filter) => {
    sys.publish("$SYS.REQ.SERVER.PING.VARZ", JSON.stringify(filter), "_INBOX.sys.filtered");
    sys.publish(
      "$SYS.REQ.SERVER.PING.IDZ",
      '{"server_name":"rig","exact_match":true}',
      "_INBOX.sys.1",
    );
    const { subject, payload } = await sys.readMessage();
    expect(subject).toBe("_INBOX.sys.1");
    expect(JSON.parse(payload.toString())).toEqual({ name: "rig", host: "127.0.0.1", id });
  });

  it.each([
    ["VARZ", { server_name: "rig", max_payload: 1_048_576 }],
    ["CONNZ", { num_connections: 2 }],
    ["SUBSZ", { num_subscriptions: 2 }],
    ["HEALTHZ", { status: "ok", status_code: 200 }],
    ["ACCOUNTZ", { system_account: "SYS", accounts: expect.arrayContaining(["A", "SYS"]) }],
    ["JSZ", { disabled: true, streams: 0 }],
    ["ROUTEZ", { num_routes: 0 }],
    ["LEAFZ", { leafnodes: 0 }],
    ["GATEWAYZ", { outbound_gateways: {} }],
  ])("asks for %s, of all servers and of one", async (name, expected) => {
    expect((await asSys(`SERVER.PING.${name}`)).data).toMatchObject(expected);
    expect((await asSys(`SERVER.${id}.${name}`)).data).toMatchObject(expected);
  });

  it("gives options in the body", async () => {
    ann.send("SUB foo.* 7");
    await ann.flush();
    const { data } = await asSys("SERVER.PING.CONNZ", {
      acc: "A",
      auth: true,
      subscriptions_detail: true,
    });
    expect(data.connections).toHaveLength(1);
    const [connection] = data.connections;
    expect(connection).toMatchObject({ authorized_user: "ann", account: "A" });
    expect(connection.subscriptions_list_detail).toContainEqual(
      expect.objectContaining({ subject: "foo.*", sid: "7" }),
    );
    const { data: found } = await asSys(`SERVER.${id}.SUBSZ`, {
      subscriptions: true,
      account: "A",
      test: "foo.a",
    });
    expect(found.subscriptions_list).toMatchObject([{ subject: "foo.*", account: "A" }]);
  });

  it("asks about one account", async () => {
    expect((await asSys("ACCOUNT.A.CONNZ")).data).toMatchObject({ num_connections: 1 });
    expect((await asSys("ACCOUNT.A.STATZ")).data.account_statz).toMatchObject([
      { acc: "A", conns: 1 },
    ]);
    expect((await asSys("ACCOUNT.A.INFO")).data).toMatchObject({ account_name: "A" });
    expect((await asSys("ACCOUNT.A.SUBSZ", { subscriptions: true })).data).toMatchObject({
      total: 1,
    });
    expect((await asSys("ACCOUNT.NONE.INFO")).error?.description).toMatch(/does not exist/);
    expect((await asSys("ACCOUNT.PING.STATZ")).data.account_statz.length).toBeGreaterThan(1);
  });

  it.each([
    ["junk", "SERVER.PING"],
    [`{"server_name":"${"x".repeat(70_000)}"}`, "SERVER.PING"],
    ["[1]", "SERVER.PING.VARZ"],
    ['{"limit":"x"}', "SERVER.PING.CONNZ"],
    ["{", "SERVER.PING.CONNZ"],
    ["{", "ACCOUNT.PING.CONNZ"],
    ['{"sort":"size"}', "SERVER.PING.CONNZ"],
    ['{"server_name":7}', "SERVER.PING"],
  ])("is told what is wrong with the body %.20s", async (body, subject) => {
    const { error, server } = await asSys(subject, body);
    expect(error?.code).toBe(400);
    expect(error?.description).toEqual(expect.any(String));
    expect(server).toMatchObject({ id });
    expect(await sys.flush()).toEqual([]);
  });

  it("gets no answer where one would say something by itself", async () => {
    sys.send("SUB $SYS.> all", "SUB foo.> foo");
    await sys.flush();
    for (const reply of ["$SYS.SERVER.X.SHUTDOWN", "foo.*"]) {
      sys.publish("$SYS.REQ.SERVER.PING.IDZ", "", reply);
    }
    const seen = await sys.flush();
    const answers = (await sys.flush()).filter(
      ({ subject }) => subject !== "$SYS.REQ.SERVER.PING.IDZ",
    );
    expect(seen.map(({ subject }) => subject)).toEqual(Array(2).fill("$SYS.REQ.SERVER.PING.IDZ"));
    expect(answers).toEqual([]);
  });
});

describe("any other account", () => {
  it.each([
    "SERVER.PING",
    "SERVER.PING.VARZ",
    "ACCOUNT.A.CONNZ",
    "ACCOUNT.A.INFO",
    "SERVER.PING.IDZ",
  ])("finds nobody at %s", async (subject) => {
    expect(await asAnn(subject)).toBeUndefined();
  });

  it("finds nobody to command", async () => {
    for (const command of ["KICK", "LDM", "RELOAD", "MQ9.QUARANTINE"]) {
      expect(await asAnn(`SERVER.${id}.${command}`, { cid: 1 })).toBeUndefined();
    }
    expect(rig.reloads).toBe(0);
  });

  it("may ask about itself alone", async () => {
    await using bob = await rig.connect("bob");
    bob.send("SUB secret.of.bob 1");
    await bob.flush();
    expect((await asAnn("USER.INFO"))?.data).toEqual({
      user: "ann",
      account: "A",
      account_name: "A",
    });
    for (const subject of ["ACCOUNT.PING.CONNZ", "SERVER.PING.CONNZ"]) {
      const told = await asAnn(subject, { acc: "B", subscriptions: true, auth: true });
      expect(told?.data.connections).toMatchObject([{ account: "A", authorized_user: "ann" }]);
      expect(JSON.stringify(told)).not.toContain("secret");
    }
    expect((await asAnn("ACCOUNT.PING.STATZ", { accounts: ["B"] }))?.data.account_statz).toEqual([
      expect.objectContaining({ acc: "A" }),
    ]);
  });

  it("is shown its permissions as they were given", async () => {
    await using carl = await rig.connect("carl");
    const told = await ask(carl, "carl", "$SYS.REQ.USER.INFO");
    expect(told?.data).toEqual({
      user: "carl",
      account: "A",
      account_name: "A",
      permissions: {
        publish: { allow: ["foo.>", "$SYS.REQ.USER.INFO"], deny: ["foo.x"] },
        subscribe: { allow: ["foo.>", "_INBOX.>"], deny: ["foo.no"] },
        responses: { max: 5, ttl: 60_000_000_000 },
      },
    });
  });

  it("is answered in its own ears alone where it may listen and not speak", async () => {
    await using carl = await rig.connect("carl");
    carl.send("SUB _INBOX.shared mine");
    await carl.flush();
    ann.send("SUB _INBOX.shared hers");
    await ann.flush();
    carl.publish("$SYS.REQ.USER.INFO", "", "_INBOX.shared");
    expect((await carl.readMessage()).payload.toString()).toContain("carl");
    expect(await ann.flush()).toEqual([]);
  });

  it("uses all other subjects of that name among its own", async () => {
    ann.send("SUB $SYS.ACCOUNT.> own");
    ann.publish("$SYS.ACCOUNT.A.CONNECT", "mine");
    const [message] = await ann.flush();
    expect(message?.payload.toString()).toBe("mine");
    await using again = await rig.connect("ann");
    await again.flush();
    expect(await ann.flush()).toEqual([]);
  });
});

describe("an operator", () => {
  const cidOf = (client: RawClient): number => Number(client.info["client_id"]);

  it("disconnects a client", async () => {
    await using victim = await rig.connect("bob");
    expect(await asSys(`SERVER.${id}.KICK`, { cid: cidOf(victim) })).toMatchObject({
      server: { id },
    });
    await victim.closed;
    expect((await asSys(`SERVER.${id}.KICK`, { cid: cidOf(victim) })).error).toEqual({
      code: 500,
      description: "no such client or leafnode id",
    });
    expect(rig.audit.at(-1)).toMatchObject({ kind: "connection.kicked" });
  });

  it("sends a client to another server", async () => {
    await asSys(`SERVER.${id}.LDM`, { cid: cidOf(ann) });
    const [line] = await ann.expect(/^INFO /);
    expect(JSON.parse(String(line).slice(5))).toMatchObject({ ldm: true });
    expect(JSON.stringify(await asAnn("USER.INFO"))).toContain("ann");
  });

  it("has the configuration read again", async () => {
    expect(await asSys(`SERVER.${id}.RELOAD`)).toEqual({ server: expect.anything() });
    expect(rig.reloads).toBe(1);
  });

  it("does nothing that nobody could be asked about later, but stop somebody", async () => {
    rig.keepsAudit = false;
    await using again = await rig.connect("bob"); // an event that is not kept
    for (const command of ["KICK", "LDM", "RELOAD"]) {
      const told = await asSys(`SERVER.${id}.${command}`, { cid: cidOf(again) });
      expect(told.error).toEqual({ code: 503, description: "the audit can not be written" });
    }
    const subject = `SERVER.${id}.MQ9.QUARANTINE`;
    const stopped = { account: "B", user: "bob" };
    expect((await asSys(subject, { ...stopped, on: true })).data).toMatchObject({ connections: 1 });
    expect((await asSys(subject, { ...stopped, on: false })).error?.code).toBe(503);
    rig.keepsAudit = true;
    await using _ = await rig.connect("ann");
    expect((await asSys(subject, { ...stopped, on: false })).error).toBeUndefined();
  });

  it("asks no more than the server can answer at one time", async () => {
    const asked = 200;
    for (let at = 0; at < asked; at++) {
      sys.publish("$SYS.REQ.SERVER.PING.CONNZ", "", `_INBOX.sys.many.${at}`);
    }
    const codes = { refused: 0, answered: 0 };
    for (let at = 0; at < asked; at++) {
      const { error } = JSON.parse((await sys.readMessage()).payload.toString()) as Told;
      codes[error?.code === 429 ? "refused" : "answered"] += 1;
    }
    expect(codes.answered).toBeGreaterThan(0);
    expect(codes.refused).toBeGreaterThan(0);
    expect((await asSys("SERVER.PING.CONNZ")).error).toBeUndefined();
  });

  it("can not be locked out by its own hand", async () => {
    const told = await asSys(`SERVER.${id}.MQ9.QUARANTINE`, {
      account: "SYS",
      user: "sys",
      on: true,
    });
    expect(told.error?.code).toBe(400);
    const without = await asSys(`SERVER.${id}.MQ9.QUARANTINE`, { account: "A", user: "ann" });
    expect(without.error?.code).toBe(400);
  });
});

it("answers nothing to somebody who was not let in", async () => {
  await using stranger = await connectRaw(rig.port, { user: "ann", pass: "wrong" });
  stranger.publish("$SYS.REQ.USER.INFO", "", "x");
  expect(await stranger.readLine()).toBe("-ERR 'Authorization Violation'");
  await stranger.closed;
});
