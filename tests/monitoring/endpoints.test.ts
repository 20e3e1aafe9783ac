import { connectRaw } from "@mq9/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, type Rig, startRig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig({ limits: { maxClosedConnections: 500 } });
});
afterAll(() => rig[Symbol.asyncDispose]());

describe("/varz", () => {
  test("counts messages and bytes exactly", async () => {
    const before = await rig.json("/varz");
    const client = await rig.client();
    for (let at = 0; at < 100; at += 1) client.publish("counted", "seven b");
    await client.flush();
    const after = await rig.json("/varz");
    expect(after.in_msgs - before.in_msgs).toBe(100);
    expect(after.in_bytes - before.in_bytes).toBe(700);
    await client.close();
  });

  test("tells durations in nanoseconds, and what lies in mailboxes", async () => {
    const client = await rig.client();
    await client.request("$mq9.AI.MAILBOX.CREATE", JSON.stringify({ name: "varz.box", ttl: 60 }));
    await client.request("$mq9.AI.MSG.SEND.varz.box", "12345");
    const varz = await rig.json("/varz");
    expect(varz).toMatchObject({ ping_interval: 120e9, write_deadline: 10e9, auth_timeout: 2 });
    expect(varz.mq9).toMatchObject({ state: "running", ready: true, version: "0.0.0-test" });
    expect(varz.mq9.mailboxes).toBeGreaterThanOrEqual(1);
    expect(varz.mq9.bytes).toBeGreaterThanOrEqual(5);
    expect(varz.http_port).toBe(rig.httpPort);
    expect(varz.http_req_stats["/varz"]).toBeGreaterThanOrEqual(1);
    await client.close();
  });
});

describe("/connz", () => {
  test("lists a connection with what it subscribed to", async () => {
    const client = await rig.client("lister");
    const subscription = client.subscribe("listed.*", { queue: "workers" });
    await client.flush();
    const cid = client.info?.client_id;
    const { connections } = await rig.json(`/connz?cid=${cid}&subs=detail&auth=1`);
    expect(connections).toHaveLength(1);
    expect(connections[0]).toMatchObject({
      cid,
      kind: "Client",
      type: "nats",
      name: "lister",
      lang: "nats.js",
      account: "$G",
      subscriptions: 1,
      subscriptions_list_detail: [
        { subject: "listed.*", qgroup: "workers", sid: "1", msgs: 0, cid },
      ],
    });
    const listed = await rig.json(`/connz?cid=${cid}&subs=1`);
    expect(listed.connections[0].subscriptions_list).toEqual(["listed.*"]);
    expect(listed.connections[0]).not.toHaveProperty("account");
    subscription.unsubscribe();
    await client.close();
  });

  test("never shows the name of a mailbox that only its owner knows", async () => {
    const client = await rig.client();
    const created = await client.request("$mq9.AI.MAILBOX.CREATE", "{}");
    const { mail_id: secret } = created.json<{ mail_id: string }>();
    expect(secret.length).toBeGreaterThan(20);
    client.subscribe(`$mq9.AI.MAILBOX.MSG.${secret}`);
    client.subscribe(`$mq9.AI.INBOX.${secret}.*`);
    await client.flush();
    const tail = secret.slice(-12);
    for (const path of ["/connz?subs=detail&auth=1", "/connz?subs=1", "/subsz?subs=1", "/varz"]) {
      const text = await (await rig.get(path)).text();
      expect(text).not.toContain(tail);
    }
    expect(await rig.metrics()).not.toContain(tail);
    await client.close();
  });

  test("remembers why connections ended", async () => {
    const client = await rig.client("leaver");
    const cid = client.info?.client_id;
    await client.close();
    await eventually(async () => (await rig.json("/connz?state=closed")).total > 0);
    const { connections } = await rig.json(`/connz?state=closed&cid=${cid}`);
    expect(connections[0]).toMatchObject({ cid, name: "leaver", reason: "Client Closed" });
    expect(Date.parse(connections[0].stop)).toBeGreaterThanOrEqual(
      Date.parse(connections[0].start),
    );
    const violator = await connectRaw(rig.port);
    violator.send("NONSENSE\r\n");
    await eventually(async () => {
      const closed = await rig.json("/connz?state=closed&sort=reason&limit=10000");
      return closed.connections.some(({ reason }: { reason: string }) =>
        /Protocol|Parse/.test(reason),
      );
    });
    await violator.closed;
  });

  test("sorts and pages", async () => {
    const clients = await Promise.all([1, 2, 3].map((each) => rig.client(`page ${each}`)));
    const [, second, third] = clients;
    for (let at = 0; at < 5; at += 1) second?.publish("x", "y");
    third?.publish("x", "long message");
    await Promise.all(clients.map((client) => client.flush()));
    const byMsgs = await rig.json("/connz?sort=msgs_from");
    const counts = byMsgs.connections.map(({ in_msgs }: { in_msgs: number }) => in_msgs);
    expect(counts).toEqual([...counts].sort((a, b) => b - a));
    const page = await rig.json("/connz?offset=1&limit=1");
    expect(page).toMatchObject({ num_connections: 1, offset: 1, limit: 1 });
    const all = await rig.json("/connz");
    expect(page.connections[0].cid).toBe(all.connections[1].cid);
    expect(page.total).toBe(all.total);
    expect((await rig.json("/connz?sort=start&limit=99999999")).limit).toBe(10_000);
    await Promise.all(clients.map((client) => client.close()));
  });
});

describe("/subsz", () => {
  test("lists subscriptions, and those a subject reaches", async () => {
    const client = await rig.client();
    client.subscribe("test.*.b");
    client.subscribe("test.>");
    client.subscribe("other");
    await client.flush();
    const all = await rig.json("/subsz?subs=1&limit=2");
    expect(all.num_subscriptions).toBeGreaterThanOrEqual(3);
    expect(all.subscriptions_list).toHaveLength(2);
    const reached = await rig.json("/subscriptionsz?subs=1&test=test.a.b");
    const subjects = reached.subscriptions_list.map(({ subject }: { subject: string }) => subject);
    expect(subjects.sort()).toEqual(["test.*.b", "test.>"]);
    expect(reached.total).toBe(2);
    expect(await rig.json("/subsz")).not.toHaveProperty("subscriptions_list");
    await client.close();
  });
});

describe("accounts", () => {
  test("are named, told in detail, and counted", async () => {
    const client = await rig.client();
    client.publish("x", "123");
    await client.flush();
    expect((await rig.json("/accountz")).accounts).toContain("$G");
    const { account_detail } = await rig.json("/accountz?acc=$G");
    expect(account_detail).toMatchObject({ account_name: "$G", expired: false, complete: true });
    expect(account_detail.client_connections).toBeGreaterThanOrEqual(1);
    const varz = await rig.json("/varz");
    const [global] = (await rig.json("/accstatz")).account_statz;
    expect(global).toMatchObject({
      acc: "$G",
      received: { msgs: varz.in_msgs, bytes: varz.in_bytes },
    });
    expect(global.total_conns).toBe(varz.total_connections);
    expect((await rig.get("/accountz?acc=nobody")).status).toBe(400);
    await client.close();
  });
});

test("an account that is configured is named before anybody used it, and after a reload", async () => {
  const users = [{ user: "u", password: "p" }];
  await using other = await startRig({ auth: { accounts: [{ name: "QUIET", users }] } });
  expect((await other.json("/accountz")).accounts).toContain("QUIET");
  expect(await other.json("/accountz?acc=QUIET")).toMatchObject({
    account_detail: { account_name: "QUIET", client_connections: 0 },
  });
  other.broker.reload({ auth: { accounts: [{ name: "NEW", users }] } });
  const { accounts } = await other.json("/accountz");
  expect(accounts).toContain("NEW");
  expect(accounts).not.toContain("QUIET");
});

test("what this server does not do is answered in the shape dashboards expect", async () => {
  expect(await rig.json("/routez")).toMatchObject({ num_routes: 0, routes: [] });
  expect(await rig.json("/gatewayz")).toMatchObject({
    outbound_gateways: {},
    inbound_gateways: {},
  });
  expect(await rig.json("/leafz")).toMatchObject({ leafnodes: 0, leafs: [] });
  expect(await rig.json("/jsz")).toMatchObject({ disabled: true, streams: 0 });
});

test.each([
  ["/connz?sort=bogus", "invalid sorting option: bogus"],
  ["/connz?limit=x", "Error decoding int for 'limit'"],
  ["/connz?limit=1e3", "Error decoding int for 'limit'"],
  ["/connz?limit=99999999999999999999", "Error decoding int for 'limit'"],
  ["/connz?cid=-1", "Error decoding uint64 for 'cid'"],
  ["/connz?auth=2", "Error decoding boolean for 'auth'"],
  ["/connz?subs=bogus", "Error decoding boolean for 'subs'"],
  ["/connz?state=bogus", "Error decoding state for bogus"],
  ["/connz?sort=stop", "sort by stop only valid on closed connections"],
  ["/connz?sort=constructor", "invalid sorting option"],
  ["/subsz?test=a..b", "invalid test subject"],
  ["/subsz?test=a.*", "invalid test subject"],
  ["/subsz?limit=x", "Error decoding int for 'limit'"],
  ["/healthz?js-enabled-only=x", "Error decoding boolean"],
  ["/accountz?acc=nope", "Account nope does not exist"],
])("%s is refused in words", async (path, words) => {
  const response = await rig.get(path);
  expect(response.status).toBe(400);
  expect(response.headers.get("content-type")).toMatch(/^text\/plain/);
  expect(await response.text()).toContain(words);
});

test("/readyz says why sends are refused; /healthz stays well", async () => {
  await using other = await startRig({
    disk: { softMarkBytes: Number.MAX_SAFE_INTEGER, hardMarkBytes: 0 },
  });
  expect((await other.get("/readyz")).status).toBe(200); // there is no disk beneath this store
  await other.broker.stop();
  const answer = await other.get("/readyz");
  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({ status: "unavailable", error: "the broker has stopped" });
  const health = await other.get("/healthz");
  expect(health.status).toBe(200);
  expect(await health.text()).toBe('{"status":"ok"}'); // scripts of probes compare it as text
});

test("all paths move below a base path", async () => {
  await using other = await startRig({}, { basePath: "nats/" });
  expect((await other.get("/nats/varz")).status).toBe(200);
  expect((await other.get("/varz")).status).toBe(404);
  expect((await other.get("/natsvarz")).status).toBe(404);
  const page = await (await other.get("/nats")).text();
  expect(page).toContain('href="/nats/varz"');
  expect((await other.json("/nats/varz")).http_base_path).toBe("/nats");
});

test("the ring of ended connections keeps the newest", async () => {
  await using other = await startRig({ limits: { maxClosedConnections: 3 } });
  const ended: (number | undefined)[] = [];
  for (let at = 0; at < 5; at += 1) {
    const client = await other.client();
    ended.push(client.info?.client_id);
    await client.close();
    await eventually(async () => (await other.json("/varz")).connections === 0);
  }
  const { connections, total } = await other.json("/connz?state=closed");
  expect(total).toBe(3);
  expect(connections.map(({ cid }: { cid: number }) => cid)).toEqual(ended.slice(2));
});
