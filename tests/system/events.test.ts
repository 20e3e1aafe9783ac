// What a broker tells by itself: to the system account as events, and to whoever keeps the audit.
import { connectRaw, type RawClient } from "@mq9/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ask, type SystemRig, startRig } from "./support.ts";

let rig: SystemRig;
let sys: RawClient;
let id: string;

beforeEach(async () => {
  rig = await startRig();
  sys = await rig.connect("sys");
  id = String(sys.info["server_id"]);
});
afterEach(() => rig[Symbol.asyncDispose]());

const listen = async (subject: string): Promise<void> => {
  sys.send(`SUB ${subject} ${subject}`);
  await sys.flush();
};

/** The next event. */
const heard = async (): Promise<{ readonly subject: string; readonly event: unknown }> => {
  const { subject, payload } = await sys.readMessage();
  return { subject, event: JSON.parse(payload.toString("utf8")) };
};

describe("the system account", () => {
  it("hears who comes and goes", async () => {
    await listen("$SYS.ACCOUNT.*.CONNECT");
    await listen("$SYS.ACCOUNT.*.DISCONNECT");
    const ann = await rig.connect("ann");
    ann.publish("foo.a", "12345");
    await ann.flush();
    const came = await heard();
    expect(came.subject).toBe("$SYS.ACCOUNT.A.CONNECT");
    expect(came.event).toMatchObject({
      type: "io.nats.server.advisory.v1.client_connect",
      id: expect.stringMatching(/^[0-9A-Za-z]{22}$/),
      server: { id, name: "rig" },
      client: { acc: "A", user: "ann", name: "test of ann", host: "127.0.0.1", kind: "Client" },
    });
    await ann.close();
    const gone = await heard();
    expect(gone.subject).toBe("$SYS.ACCOUNT.A.DISCONNECT");
    expect(gone.event).toMatchObject({
      type: "io.nats.server.advisory.v1.client_disconnect",
      client: { acc: "A", user: "ann", stop: expect.any(String) },
      sent: { msgs: 1, bytes: 5 },
      received: { msgs: 0, bytes: 0 },
      reason: "Client Closed",
    });
  });

  it("hears who was not let in, without the secret that was tried", async () => {
    await listen("$SYS.SERVER.*.CLIENT.AUTH.ERR");
    await using stranger = await connectRaw(rig.port, { user: "ann", pass: "canary-secret" });
    await stranger.closed;
    const { subject, event } = await heard();
    expect(subject).toBe(`$SYS.SERVER.${id}.CLIENT.AUTH.ERR`);
    expect(event).toMatchObject({
      reason: "Authentication Failure",
      client: { host: "127.0.0.1" },
    });
    expect(JSON.stringify(event)).not.toContain("canary");
  });

  it("hears how many connections an account has", async () => {
    await listen("$SYS.ACCOUNT.*.SERVER.CONNS");
    await using _ = await rig.connect("bob");
    for (;;) {
      const { subject, event } = await heard(); // that of its own connection may come first
      if (subject !== "$SYS.ACCOUNT.B.SERVER.CONNS") continue;
      expect(event).toMatchObject({
        type: "io.nats.server.advisory.v1.account_connections",
        acc: "B",
        conns: 1,
      });
      return;
    }
  });

  it("hears how the server is doing, and that it stops", async () => {
    await listen(`$SYS.SERVER.${id}.>`);
    const stopping = rig.broker.stop();
    const words: string[] = [];
    while (words.at(-1) !== "SHUTDOWN") {
      const line = await sys.readLine();
      const size = /^MSG \$SYS\.SERVER\.\S+ \S+ (\d+)$/.exec(line)?.[1];
      if (size === undefined) continue;
      words.push(line.split(" ")[1]?.split(".").at(-1) ?? "");
      expect(JSON.parse(await sys.readLine())).toMatchObject({ name: "rig", id });
    }
    expect(words).toEqual(["LAMEDUCK", "SHUTDOWN"]);
    await stopping;
  });

  it("alone hears that", async () => {
    await using bob = await rig.connect("bob");
    bob.send("SUB > all");
    await bob.flush();
    await using _ = await rig.connect("ann");
    await using stranger = await connectRaw(rig.port, { user: "ann", pass: "wrong" });
    await stranger.closed;
    expect(await bob.flush()).toEqual([]);
  });
});

describe("the audit", () => {
  const kinds = (): string[] => rig.audit.map(({ kind }) => kind);

  it("tells who was let in and who was not, and what was refused", async () => {
    await using stranger = await connectRaw(rig.port, { user: "ann", pass: "canary-secret" });
    await stranger.closed;
    await using carl = await rig.connect("carl");
    carl.publish("bar", "canary-payload");
    carl.send("SUB bar 1");
    await carl.expect(/Violation/, /Violation/);
    expect(rig.audit).toMatchObject([
      { kind: "auth.ok", by: { account: "SYS", user: "sys" } },
      { kind: "auth.failed", reason: "credentials", address: "127.0.0.1" },
      { kind: "auth.ok", by: { account: "A", user: "carl", name: "test of carl" } },
      { kind: "permission.refused", operation: "publish", subject: "bar", by: { user: "carl" } },
      { kind: "permission.refused", operation: "subscribe", subject: "bar", by: { user: "carl" } },
    ]);
    expect(JSON.stringify(rig.audit)).not.toContain("canary");
  });

  it("tells what became of mailboxes and agents, and by whom", async () => {
    await using ann = await rig.connect("ann");
    const request = (subject: string, body: unknown): Promise<unknown> =>
      ask(ann, "ann", `$mq9.AI.${subject}`, body);
    await request("MAILBOX.CREATE", { name: "orders", ttl: 60 });
    await request("MSG.SEND.orders", "canary-payload");
    await request("MSG.PURGE.orders", {});
    await request("MAILBOX.RENEW.orders", { ttl: 600 });
    const { token, grant_id } = (await request("MAILBOX.GRANT.orders", {
      rights: ["send"],
    })) as Record<string, string>;
    await request("MAILBOX.REVOKE.orders", { grant_id });
    await request("AGENT.REGISTER", { name: "worker", mailbox: "orders" });
    await request("AGENT.REGISTER", { name: "worker", mailbox: "orders" });
    await request("AGENT.UNREGISTER", { name: "worker" });
    await request("MAILBOX.DROP.orders", {});
    await request("MAILBOX.DROP.orders", {}); // there is none any more: nothing happened
    expect(kinds().filter((kind) => !kind.startsWith("auth."))).toEqual([
      "mailbox.created",
      "mailbox.purged",
      "mailbox.renewed",
      "grant.given",
      "grant.revoked",
      "agent.registered",
      "agent.replaced",
      "agent.unregistered",
      "mailbox.dropped",
    ]);
    expect(token).toMatch(/^mq9t-/);
    expect(JSON.stringify(rig.audit)).not.toContain(token);
    expect(rig.audit).toContainEqual(
      expect.objectContaining({ kind: "grant.given", grant: grant_id, rights: "send" }),
    );
    for (const event of rig.audit.slice(2)) {
      expect(event).toMatchObject({ by: { account: "A", user: "ann" } });
    }
    expect(JSON.stringify(rig.audit)).not.toContain("canary");
  });

  it("tells of a reload", () => {
    const before = Date.now();
    rig.broker.reload({});
    expect(rig.broker.monitor.configuredAtMs).toBeGreaterThanOrEqual(before);
    expect(rig.audit.at(-1)).toMatchObject({ kind: "config.reloaded" });
  });
});
