// What clients see while the disk is slow, fails, fills and recovers. The broker runs in this
// process on a store that misbehaves on command; the clients are raw sockets.
import { createBroker, type DiskReserve, resolveOptions, silentLog } from "@mq9/broker";
import { MemoryStore, StoreError } from "@mq9/store";
import { FaultyStore } from "@mq9/store/testing";
import { connectRaw, type RawClient } from "@mq9/testkit";
import { describe, expect, it } from "vitest";

const gibibyte = 1024 ** 3;

/** A store on a disk whose free space the test decides. */
class TestStore extends FaultyStore {
  freeBytes = 100 * gibibyte;

  constructor() {
    super(new MemoryStore());
  }

  override async space(): Promise<{ freeBytes: number; totalBytes: number }> {
    return { freeBytes: this.freeBytes, totalBytes: 200 * gibibyte };
  }
}

async function boot(reserve?: DiskReserve) {
  const store = new TestStore();
  const options = resolveOptions({ port: 0, shutdown: { graceMs: 0, spreadMs: 0 } });
  const broker = createBroker(options, { store, log: silentLog, version: "test", reserve });
  const { port } = await broker.start();
  const client = await connectRaw(port, { headers: true, no_responders: true });
  client.send("SUB _INBOX.t.* 1");
  await client.flush();
  return {
    store,
    broker,
    port,
    client,
    async [Symbol.asyncDispose]() {
      store.heal();
      await client.close();
      await broker.stop();
    },
  };
}

/** A request whose reply comes to the subscription of `boot`. */
async function ask(
  client: RawClient,
  subject: string,
  body = "{}",
): Promise<Record<string, unknown>> {
  client.publish(subject, body, "_INBOX.t.1");
  const { payload } = await client.readMessage();
  return JSON.parse(payload.toString());
}

const create = (client: RawClient): Promise<Record<string, unknown>> =>
  ask(client, "$mq9.AI.MAILBOX.CREATE", '{"ttl":60,"public":true,"name":"box"}');

/** A fault that lasts until `release` is called. */
function gate(): { until: Promise<void>; release: () => void } {
  let release = (): void => {};
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { until, release };
}

describe("a slow disk", () => {
  it("keeps the PONG back until every mailbox publish before its PING is durable", async () => {
    await using t = await boot();
    await create(t.client);
    const disk = gate();
    t.store.plant("commit", 1, { kind: "delay", until: disk.until });
    t.client.publish("$mq9.AI.MAILBOX.MSG.box", "one");
    t.client.send("PING");

    // Another connection is served meanwhile, and the first one still waits after that.
    await using other = await connectRaw(t.port);
    await other.flush();
    let answered = false;
    const pong = t.client.expect("PONG").then(() => {
      answered = true;
    });
    await other.flush();
    expect(answered).toBe(false);
    disk.release();
    await pong;
    const listed = await ask(t.client, "$mq9.AI.MAILBOX.LIST.box");
    expect(listed["messages"]).toHaveLength(1);
  });

  it("keeps verbose +OK back too, and answers in order", async () => {
    await using t = await boot();
    await create(t.client);
    await using verbose = await connectRaw(t.port, { verbose: true });
    await verbose.expect("+OK");
    const disk = gate();
    t.store.plant("commit", 1, { kind: "delay", until: disk.until });
    verbose.publish("$mq9.AI.MAILBOX.MSG.box", "one");
    verbose.send("SUB plain 9", "PING");
    let answered = false;
    const answers = verbose.expect("+OK", "+OK", "PONG").then(() => {
      answered = true;
    });
    await t.client.flush();
    expect(answered).toBe(false);
    disk.release();
    await answers;
  });

  it("hands nothing to a subscriber that is not durable yet", async () => {
    await using t = await boot();
    await create(t.client);
    await using reader = await connectRaw(t.port, { headers: true });
    reader.send("SUB $mq9.AI.MAILBOX.MSG.box.* 1");
    await reader.flush();
    const disk = gate();
    t.store.plant("commit", 1, { kind: "delay", until: disk.until });
    t.client.publish("$mq9.AI.MAILBOX.MSG.box", "one");
    await using other = await connectRaw(t.port);
    await other.flush();
    expect(await reader.flush()).toEqual([]);
    disk.release();
    expect((await reader.readMessage()).payload.toString()).toBe("one");
  });
});

describe("a failing disk", () => {
  it("answers unknown, delivers nothing of the failed commit, and reports that it can not go on", async () => {
    await using t = await boot();
    await create(t.client);
    await using reader = await connectRaw(t.port, { headers: true });
    reader.send("SUB $mq9.AI.MAILBOX.MSG.box.* 1");
    await reader.flush();
    t.store.plant("commit", 1, { kind: "apply-then-fail", code: "io" });
    const failed = await ask(t.client, "$mq9.AI.MAILBOX.MSG.box", "lost?");
    expect(failed).toMatchObject({ code: 500, reason: "unknown" });
    expect(await t.broker.fatal).toBeInstanceOf(Error);
    expect(await ask(t.client, "$mq9.AI.MAILBOX.MSG.box", "later")).toMatchObject({
      reason: "storage_failed",
    });
    expect(await reader.flush()).toEqual([]);
  });

  it("closes a connection instead of answering the PING behind a publish that was not stored", async () => {
    await using t = await boot();
    await create(t.client);
    await using sender = await connectRaw(t.port, { headers: true });
    t.store.plant("commit", 1, { kind: "fail", code: "io" });
    sender.publish("$mq9.AI.MAILBOX.MSG.box", "one");
    sender.send("PING");
    await sender.closed;
    await expect(sender.expect("PONG")).rejects.toThrow();
    await t.broker.fatal;
  });
});

describe("a full disk", () => {
  it("below the soft mark refuses what is new and serves the rest, then takes sends again", async () => {
    await using t = await boot();
    await create(t.client);
    expect(await ask(t.client, "$mq9.AI.MAILBOX.MSG.box", "before")).toEqual({ msg_id: 0 });
    t.store.freeBytes = gibibyte;
    await expect
      .poll(async () => (await ask(t.client, "$mq9.AI.MAILBOX.MSG.box", "x"))["reason"])
      .toBe("insufficient_storage");

    expect(await ask(t.client, "$mq9.AI.MAILBOX.CREATE", '{"ttl":60}')).toMatchObject({
      code: 507,
      reason: "insufficient_storage",
    });
    t.client.publish("$mq9.AI.MAILBOX.MSG.box", "unheard");
    await t.client.expect(
      /^-ERR 'Permissions Violation for Publish to "\$mq9\.AI\.MAILBOX\.MSG\.box"'/,
    );
    t.client.send("SUB $mq9.AI.MAILBOX.MSG.box.* 7", "UNSUB 7 1");
    expect((await t.client.readMessage()).payload.toString()).toBe("before");
    expect(await ask(t.client, "$mq9.AI.MAILBOX.DELETE.box.0")).toEqual({ deleted: true });

    t.store.freeBytes = 100 * gibibyte;
    await expect
      .poll(async () => (await ask(t.client, "$mq9.AI.MAILBOX.MSG.box", "after"))["msg_id"])
      .toBeTypeOf("number");
  });

  it("met by a commit, is survived: the store is verified and nothing accepted is missing", async () => {
    await using t = await boot();
    await create(t.client);
    expect(await ask(t.client, "$mq9.AI.MAILBOX.MSG.box", "kept")).toEqual({ msg_id: 0 });
    await using reader = await connectRaw(t.port, { headers: true });
    reader.send("SUB $mq9.AI.MAILBOX.MSG.box.* 1");
    expect((await reader.readMessage()).payload.toString()).toBe("kept");

    t.store.plant("commit", 1, { kind: "fail", code: "full" });
    expect(await ask(t.client, "$mq9.AI.MAILBOX.MSG.box", "lost")).toMatchObject({
      reason: "unknown",
    });
    await expect
      .poll(async () => (await ask(t.client, "$mq9.AI.MAILBOX.MSG.box", "again"))["msg_id"])
      .toBeTypeOf("number");
    expect((await reader.readMessage()).payload.toString()).toBe("again");
    const listed = await ask(t.client, "$mq9.AI.MAILBOX.LIST.box", '{"payload":true}');
    expect(listed["messages"]).toMatchObject([{ payload: "kept" }, { payload: "again" }]);
  });

  it("met while garbage is cleared, ends no process: what waits is answered, then sends work", async () => {
    await using t = await boot();
    await create(t.client);
    expect(await ask(t.client, "$mq9.AI.MAILBOX.MSG.box", "kept")).toEqual({ msg_id: 0 });
    const clearing = gate();
    const closing = gate();
    const noRoom = clearing.until.then(() => {
      throw new StoreError("full", "no space left on device");
    });
    const earlier = t.store.calls("clearGarbage");
    t.store.plant("clearGarbage", 1, { kind: "delay", until: noRoom });
    t.store.plant("close", 1, { kind: "delay", until: closing.until });
    // A reader makes the broker write a position, and clear garbage after that.
    await using reader = await connectRaw(t.port, { headers: true });
    reader.send("SUB $mq9.AI.MAILBOX.MSG.box.* 1");
    await reader.readMessage();
    await expect.poll(() => t.store.calls("clearGarbage")).toBe(earlier + 1);

    const replies: Record<string, unknown>[] = [];
    const send = async (): Promise<void> => {
      replies.push(await ask(t.client, "$mq9.AI.MAILBOX.MSG.box", "running"));
    };
    await send();
    clearing.release();
    while (t.store.calls("close") === 0) await send();
    await send(); // on a store that is being closed
    closing.release();
    await expect
      .poll(async () => (await ask(t.client, "$mq9.AI.MAILBOX.MSG.box", "again"))["msg_id"])
      .toBeTypeOf("number");
    expect(replies[0]).toHaveProperty("msg_id");
    expect(replies.at(-1)).toMatchObject({ reason: "storage_failed" });
    const accepted = replies.map((reply) => reply["msg_id"]).filter((id) => id !== undefined);
    const listed = await ask(t.client, "$mq9.AI.MAILBOX.LIST.box");
    const stored = (listed["messages"] as { msg_id: string }[]).map((each) => Number(each.msg_id));
    expect(stored).toEqual(expect.arrayContaining([0, ...accepted]));
  });

  it("has its reserve given up before the store is opened, at start and again", async () => {
    const events: string[] = [];
    const reserve = {
      fill: async () => {},
      releaseIfBelow: async () => {
        events.push(`release before open ${opens()}`);
        throw new Error("no such luck");
      },
    };
    let opens = (): number => 1;
    await using t = await boot(reserve);
    opens = () => t.store.calls("open") + 1;
    await create(t.client);
    t.store.plant("commit", 1, { kind: "fail", code: "full" });
    await ask(t.client, "$mq9.AI.MAILBOX.MSG.box", "lost");
    await expect.poll(() => t.store.calls("open")).toBe(2);
    expect(events).toEqual(["release before open 1", "release before open 2"]);
  });

  it("below the hard mark has its reserve given up, whoever made it, until that works", async () => {
    const releases: number[] = [];
    await using t = await boot({
      fill: async () => {},
      releaseIfBelow: async (freeBytes) => {
        releases.push(freeBytes);
        if (releases.length < 3) throw new Error("no such luck");
        return true;
      },
    });
    t.store.freeBytes = 1000;
    await expect.poll(() => releases.length, { timeout: 5000 }).toBeGreaterThan(2);
    expect(new Set(releases)).toEqual(new Set([256 * 1024 ** 2]));
  });
});

describe("a stop", () => {
  it("during recovery waits for it, and leaves the store closed", async () => {
    await using t = await boot();
    await create(t.client);
    const opening = gate();
    t.store.plant("commit", 1, { kind: "fail", code: "full" });
    t.store.plant("open", 1, { kind: "delay", until: opening.until });
    await ask(t.client, "$mq9.AI.MAILBOX.MSG.box", "lost");
    await expect.poll(() => t.store.calls("open")).toBe(2);
    const stopped = t.broker.stop().then(() => "stopped");
    // Many turns of the event loop: a stop that did not wait would be over.
    for (let turn = 0; turn < 1000; turn += 1) await new Promise(setImmediate);
    opening.release();
    expect(await Promise.race([t.broker.fatal, stopped])).toBe("stopped");
    await new Promise(setImmediate);
    await expect(t.store.mailbox("a/b")).rejects.toMatchObject({ code: "closed" });
  });

  it("while the broker starts waits for that, and leaves the store closed", async () => {
    const store = new TestStore();
    const opening = gate();
    store.plant("open", 1, { kind: "delay", until: opening.until });
    const options = resolveOptions({ port: 0, shutdown: { graceMs: 0, spreadMs: 0 } });
    const broker = createBroker(options, { store, log: silentLog, version: "test" });
    const started = broker.start().catch((error: unknown) => error);
    const stopped = broker.stop();
    opening.release();
    await stopped;
    expect(await started).toMatchObject({ code: "draining" });
    await expect(store.mailbox("a/b")).rejects.toMatchObject({ code: "closed" });
  });

  it.each(["commit", "close"] as const)("whose %s fails is fatal, not rejected", async (method) => {
    await using t = await boot();
    await create(t.client);
    t.store.plant(method, 1, { kind: "fail", code: "full" });
    await t.broker.stop();
    expect(await t.broker.fatal).toMatchObject({
      name: expect.stringMatching(/^(Mq9|Store)Error$/),
    });
    if (method === "commit") expect(t.store.calls("close")).toBe(1);
  });
});

describe("the broker's clock", () => {
  it("is stored by a clean stop, so that it goes on from there", async () => {
    const t = await boot();
    const before = Date.now();
    await t.client.close();
    await t.broker.stop();
    expect((await t.store.open()).clockMs).toBeGreaterThanOrEqual(before - 1);
    await t.store.close();
  });

  it("rings again after what is due could not be read", async () => {
    const store = new TestStore();
    store.plant("due", 1, { kind: "fail", code: "corrupt" });
    const broker = createBroker(resolveOptions({ port: 0 }), {
      store,
      log: silentLog,
      version: "test",
    });
    await broker.start();
    await expect.poll(() => store.calls("due"), { timeout: 10_000 }).toBeGreaterThan(1);
    await broker.stop();
  });
});
