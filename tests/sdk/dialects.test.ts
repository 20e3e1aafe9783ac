// Brokers of others: what the SDK can do with each generation as it was published, and what it says it cannot.
// Spoken here to our own broker, which serves them all.
import { connect, type Dialect, type Mailbox, type Mq9, Mq9Error } from "@mq9/sdk";
import { findPeer, startNatsServer } from "@mq9/testkit";
import { connect as natsConnect } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { useBroker } from "../support/use-broker.ts";

const broker = useBroker();

async function speaking(dialect: Dialect): Promise<Mq9> {
  return await connect(broker().url, { dialect, timeoutMs: 5_000 });
}

/** What each of these says, by the code of its error. */
async function codes(calls: Readonly<Record<string, () => Promise<unknown>>>): Promise<object> {
  const told: Record<string, string> = {};
  for (const [name, call] of Object.entries(calls)) {
    told[name] = await call().then(
      () => "done",
      (error: unknown) => (error instanceof Mq9Error ? error.code : String(error)),
    );
  }
  return told;
}

/** What only a broker of ours can do. */
const ours = (box: Mailbox, mq9: Mq9): Readonly<Record<string, () => Promise<unknown>>> => ({
  info: () => box.info(),
  renew: () => box.renew({ ttlSeconds: 60 }),
  purge: () => box.purge(),
  grant: () => box.grant(["send"]),
  receipt: () => box.receipt(0),
  scheduled: () => box.scheduled(),
  "dead letters": () => box.deadLetters.retry(),
  mailboxes: () => mq9.mailboxes().next(),
  watch: () => mq9.agents.watch().next(),
});

const refused = (names: readonly string[]): object =>
  Object.fromEntries(names.map((name) => [name, "unsupported"]));

describe("generation 2 as published", () => {
  it("makes, sends, fetches in groups, acknowledges, looks, deletes, finds agents", async () => {
    await using mq9 = await speaking("msg");
    expect(mq9.server.dialects).toEqual(["msg"]);
    await mq9.createMailbox({ name: "gen2" });
    const box = await mq9.createMailbox({ name: "gen2" });
    await expect(mq9.createMailbox({ name: "gen2", ifExists: "fail" })).rejects.toMatchObject({
      code: "exists",
    });
    expect(await box.send({ a: 1 }, { priority: "urgent", tags: ["t"], key: "k" })).toEqual({
      msgId: 0,
    });
    await box.send(Uint8Array.of(0, 255));
    const messages = await box.fetch({ group: "g" });
    expect(messages.map(({ value }) => value)).toEqual([{ a: 1 }, Uint8Array.of(0, 255)]);
    for (const message of messages) await message.ack();
    expect(await box.fetch({ group: "g", waitMs: 0 })).toEqual([]);
    expect((await box.query({ tags: ["t"] })).map(({ msgId }) => msgId)).toEqual([0]);
    await box.delete(0);
    await mq9.agents.register({ name: "g2", description: "translates" });
    expect((await mq9.agents.find("translates")).agents.map(({ name }) => name)).toContain("g2");
    expect(await mq9.agents.unregister("g2")).toBe(true);
  });

  it("says what it cannot", async () => {
    await using mq9 = await speaking("msg");
    const box = await mq9.createMailbox({ name: "gen2-not" });
    await box.send("x");
    const [message] = await box.fetch({ group: "g" });
    const calls = {
      ...ours(box, mq9),
      iterate: () => box.messages().next(),
      nack: async () => await message?.nack(),
    };
    expect(await codes(calls)).toEqual(refused(Object.keys(calls)));
  });
});

describe("generation 1", () => {
  it("makes, sends, is pushed to, lists, deletes", async () => {
    await using mq9 = await speaking("mailbox");
    const box = await mq9.createMailbox({ name: "gen1", public: true, desc: "old" });
    expect(await box.send("a", { priority: "urgent" })).toEqual({ msgId: 0 });
    await box.send("b");
    const got: string[] = [];
    for await (const message of box) {
      got.push(`${message.msgId} ${message.text()} ${message.priority}`);
      if (got.length === 2) break;
    }
    expect(got).toEqual(["0 a urgent", "1 b normal"]);
    await box.delete(0);
    expect((await box.fetch()).map((message) => message.text())).toEqual(["b"]);
    expect((await mq9.createMailbox()).name).not.toBe("");
  });

  it("says what it cannot", async () => {
    await using mq9 = await speaking("mailbox");
    const box = await mq9.createMailbox();
    const calls = {
      ...ours(box, mq9),
      "private name": () => mq9.createMailbox({ name: "private" }),
      latest: () => mq9.createMailbox({ kind: "latest" }),
      delay: () => box.send("x", { delayMs: 1000 }),
      key: () => box.send("x", { key: "k" }),
      group: () => box.fetch({ group: "g" }),
      register: () => mq9.agents.register({ name: "x" }),
      tags: () => box.query({ tags: ["t"] }),
    };
    expect(await codes(calls)).toEqual(refused(Object.keys(calls)));
  });
});

describe("generation 0", () => {
  it("makes, sends, is pushed to, looks with the token of CREATE", async () => {
    await using mq9 = await speaking("inbox");
    const box = await mq9.createMailbox({ ttlSeconds: 60 });
    expect(await box.send("a")).toEqual({ msgId: -1 });
    await box.send("b", { priority: "critical" });
    expect((await box.fetch()).map((message) => message.text())).toEqual(["b", "a"]);
    const got: string[] = [];
    for await (const message of box) {
      got.push(message.text());
      if (got.length === 2) break;
    }
    expect(got).toEqual(["b", "a"]);
    expect(await codes({ ...ours(box, mq9), delete: () => box.delete(0) })).toEqual(
      refused([...Object.keys(ours(box, mq9)), "delete"]),
    );
  });
});

describe.skipIf(findPeer("nats-server").path === undefined)("a foreign server", () => {
  it("is asked what it speaks, and spoken to so", async () => {
    await using server = await startNatsServer();
    // A service that knows one mailbox and one request of generation 1.
    await using service = await natsConnect({ servers: server.url });
    service.subscribe("$mq9.AI.MAILBOX.LIST.*", {
      callback: (_, message) => {
        const isHere = message.subject.endsWith(".here");
        const rows = [{ msg_id: "3", priority: "urgent", ts: 1_700_000_000, payload: "hi" }];
        const reply = isHere ? { mail_id: "here", messages: rows } : { error: "not found" };
        message.respond(JSON.stringify(reply));
      },
    });
    await service.flush();
    await using mq9 = await connect(server.url);
    expect(mq9.server).toMatchObject({ foreign: true, dialects: [] });
    const [message] = await mq9.mailbox("here").fetch();
    expect(message).toMatchObject({ msgId: 3, priority: "urgent", mailbox: "here" });
    expect(message?.text()).toBe("hi");
    expect(message?.createdAt).toEqual(new Date(1_700_000_000_000));
    expect(mq9.server).toMatchObject({ foreign: true, dialects: ["mailbox"] });
    await expect(mq9.mailbox("gone").fetch()).rejects.toMatchObject({ code: "not_found" });
    await expect(mq9.mailbox("here").info()).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(
        /^looking at mailbox here needs an mq9 broker of ours; this is a foreign broker \(.*\), spoken to as "mailbox"$/,
      ) as string,
    });
  });
});
