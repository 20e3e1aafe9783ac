// What monitoring says of a full disk, of a restart, and of who is connected: never a secret.
import { MemoryStore, type Store } from "@mq9/store";
import { connect } from "@nats-io/transport-node";
import { expect, test } from "vitest";
import { eventually, sample, startRig } from "./rig.ts";

test("a disk that is nearly full is told everywhere, and that it has room again", async () => {
  let freeBytes = 500;
  const store: Store = new MemoryStore();
  store.space = () => Promise.resolve({ freeBytes, totalBytes: 10_000 });
  await using rig = await startRig(
    { disk: { softMarkBytes: 1_000, hardMarkBytes: 100, reserveBytes: 0 } },
    {},
    store,
  );
  const ready = await rig.get("/readyz");
  expect(ready.status).toBe(503);
  expect(await ready.json()).toMatchObject({
    error: "the disk is nearly full: nothing new is stored",
  });
  expect((await rig.get("/healthz")).status).toBe(200);
  const { mq9 } = await rig.json("/varz");
  expect(mq9).toMatchObject({
    ready: false,
    disk: { state: "soft", free_bytes: 500, total_bytes: 10_000, soft_mark_bytes: 1_000 },
  });
  const text = await rig.metrics();
  expect(sample(text, "mq9_disk_full")).toBe(1);
  expect(sample(text, "mq9_ready")).toBe(0);
  expect(sample(text, "mq9_disk_free_bytes")).toBe(500);
  freeBytes = 5_000;
  await eventually(async () => (await rig.get("/readyz")).status === 200);
  expect(sample(await rig.metrics(), "mq9_disk_full")).toBe(0);
});

test("what was stored is known from the start, before anybody asks for it", async () => {
  const store = new MemoryStore();
  {
    await using first = await startRig({}, {}, store);
    const client = await first.client();
    await client.request("$mq9.AI.MAILBOX.CREATE", JSON.stringify({ name: "kept", ttl: 600 }));
    await client.request("$mq9.AI.MSG.SEND.kept", "12345");
    expect((await first.json("/varz")).mq9).toMatchObject({ mailboxes: 1, messages: 1, bytes: 5 });
  }
  await using second = await startRig({}, {}, store);
  await eventually(async () => (await second.json("/varz")).mq9.messages === 1);
  expect((await second.json("/varz")).mq9).toMatchObject({ mailboxes: 1, bytes: 5 });
});

test("passwords and tokens are told nowhere; users are to who asks for them", async () => {
  const secret = "canary-7d1f";
  await using rig = await startRig({
    auth: { users: [{ user: "ann", password: secret }] },
  });
  const client = await connect({
    servers: `127.0.0.1:${rig.port}`,
    user: "ann",
    pass: secret,
    name: "ann's",
  });
  await expect(
    connect({ servers: `127.0.0.1:${rig.port}`, user: "ann", pass: `${secret}-wrong` }),
  ).rejects.toThrow();
  await expect(
    connect({ servers: `127.0.0.1:${rig.port}`, token: `${secret}-token` }),
  ).rejects.toThrow();
  const paths = [
    "/varz",
    "/connz?auth=1&subs=detail&state=any",
    "/subsz?subs=1",
    "/accountz?acc=$G",
  ];
  for (const path of paths) expect(await (await rig.get(path)).text()).not.toContain("canary");
  const text = await rig.metrics();
  expect(text).not.toContain("canary");
  const failures = 'mq9_connections_closed_total{reason="Authentication Failure"}';
  expect(sample(text, failures)).toBe(2);
  const { connections } = await rig.json("/connz?user=ann&auth=1");
  expect(connections).toMatchObject([{ authorized_user: "ann", account: "$G" }]);
  expect((await rig.json("/varz")).auth_required).toBe(true);
  await client.close();
});
