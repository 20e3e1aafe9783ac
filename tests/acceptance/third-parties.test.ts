// Programs around the published clients, by what they send and what they make of the replies: tools
// that open a connection for each call, agents that answer through a mailbox of their own, and a
// plugin that speaks the wire by itself.
import { createConnection } from "node:net";
import { describe, expect, it } from "vitest";
import { useBroker } from "../support/use-broker.ts";
import { bytes, type PublishedClient, texts } from "./clients/published.ts";
import { shapedClient } from "./clients/shaped-client.ts";
import { shapes } from "./clients/shapes.ts";
import { agent, collector, freshName, sendTo } from "./support.ts";

const python = shapes.find(({ language }) => language === "Python");

describe("tools of a language model that connect for every call", () => {
  const broker = useBroker();

  async function once<T>(call: (client: PublishedClient) => Promise<T>): Promise<T> {
    if (python === undefined) throw new Error("no such shape");
    await using client = await shapedClient(broker().url, python);
    return await call(client);
  }
  const fetchAll = (address: string) =>
    once((me) => me.fetch(address, { groupName: "langchain", deliver: "earliest", numMsgs: 10 }));

  it("create, send, fetch, and confirm what they were shown with its last number", async () => {
    const address = await once((me) => me.create({ ttl: 3600 }));
    for (const word of ["a", "b", "c"]) await once((me) => me.send(address, bytes(word)));
    await once((me) => me.send(address, bytes("!"), { priority: "critical" }));
    const shown = await fetchAll(address);
    expect(texts(shown)).toEqual(["!", "a", "b", "c"]);
    const last = shown.at(-1)?.msgId ?? -1;
    await once((me) => me.ack(address, "langchain", last));
    expect(await fetchAll(address)).toEqual([]);
    await once((me) => me.send(address, bytes("d")));
    expect(texts(await fetchAll(address))).toEqual(["d"]);
  });

  it("see again what they did not confirm", async () => {
    const address = await once((me) => me.create({ ttl: 3600 }));
    await once((me) => me.send(address, bytes("a")));
    expect(texts(await fetchAll(address))).toEqual(["a"]);
    expect(texts(await fetchAll(address))).toEqual(["a"]);
  });

  it("query, delete, register and discover", async () => {
    const name = freshName("tool");
    const address = await once((me) => me.create({ name, ttl: 3600 }));
    const first = await once((me) => me.send(address, bytes("one"), { key: "k" }));
    await once((me) => me.send(address, bytes("two"), { key: "k" }));
    const found = await once((me) => me.query(address, { key: "k", limit: 20 }));
    expect(texts(found)).toEqual(["two"]);
    await once((me) => me.remove(address, found[0]?.msgId ?? -1));
    await expect(once((me) => me.remove(address, first))).rejects.toThrow("message not found");
    const payload = `translates ${name} into verse`;
    await once((me) => me.register({ name, mailbox: address, payload }));
    const words = `somebody who translates ${name} into verse`;
    const agents = await once((me) => me.discover({ semantic: words, limit: 5 }));
    expect(agents[0]).toMatchObject({ name, mailbox: address, payload });
    await once((me) => me.unregister(address));
  });
});

describe("agents that talk A2A through mailboxes", () => {
  const broker = useBroker();

  it("take tasks, answer to the mailbox a header names, and keep their state by key", async () => {
    if (python === undefined) throw new Error("no such shape");
    await using worker = await shapedClient(broker().url, python);
    await using asker = await agent(broker().url);
    const name = freshName("a2a.translator");
    await worker.create({ name, ttl: 0 });
    await worker.create({ name: `${name}.tasks`, ttl: 0 });
    const card = { name, description: "translates", skills: [{ id: "translate" }] };
    await worker.register({ name, mailbox: name, payload: card.description, agent_card: card });
    await worker.report({ name, mailbox: name, report_info: "running, processed=0" });
    const [found] = (await asker.ask("AGENT.DISCOVER", { limit: 10, page: 1, text: "translates" }))[
      "agents"
    ] as { name: string; mailbox: string }[];
    expect(found).toMatchObject({ name, mailbox: name });

    const seen = collector();
    const consumer = await worker.consume(name, seen.handler, {
      groupName: `${name}.workers`,
      deliver: "earliest",
      numMsgs: 10,
      maxWaitMs: 500,
    });
    const callback = await asker.create({ ttl: 30 });
    await sendTo(asker, found?.mailbox ?? "", '{"jsonrpc":"2.0"}', {
      "mq9-reply-to": callback,
      "mq9-a2a-method": "GetTask",
      "mq9-a2a-task-id": "t-1",
    });
    // The wait for the answer is as long as the client's own limit for the request.
    const body = { deliver: "earliest", config: { num_msgs: 1, max_wait_ms: 5_000 } };
    const answered = asker.nc.request(
      `$mq9.AI.MSG.FETCH.${callback}`,
      JSON.stringify({ ...body, force_deliver: false }),
      { timeout: 5_000 },
    );
    await seen.atLeast(1);
    await worker.send(`${name}.tasks`, bytes('{"state":"working"}'), { key: "task.t-1" });
    await worker.send(`${name}.tasks`, bytes('{"state":"done"}'), { key: "task.t-1" });
    await worker.send(callback, bytes('{"result":"done"}'));
    const { messages } = (await answered).json<{ messages: { payload: string }[] }>();
    const decoded = messages.map(({ payload }) => Buffer.from(payload, "base64").toString());
    expect(decoded).toEqual(['{"result":"done"}']);
    const state = await worker.query(`${name}.tasks`, { key: "task.t-1" });
    expect(texts(state)).toEqual(['{"state":"done"}']);
    await consumer.stop();
    await worker.unregister(name);
  });
});

describe("a plugin that speaks the wire itself, one connection for each request", () => {
  const broker = useBroker();

  /** Writes everything before it has read INFO, and reads one MSG. */
  function ask(subject: string, body: object | string): Promise<Reply> {
    const payload = typeof body === "string" ? body : JSON.stringify(body);
    const socket = createConnection({ host: "127.0.0.1", port: broker().port });
    socket.write(
      'CONNECT {"verbose":false,"pedantic":false,"tls_required":false}\r\nSUB _INBOX.plugin 1\r\n' +
        `PUB $mq9.AI.${subject} _INBOX.plugin ${Buffer.byteLength(payload)}\r\n${payload}\r\nPING\r\n`,
    );
    return new Promise((resolve, reject) => {
      let text = "";
      const timer = setTimeout(() => reject(new Error(`no reply: ${text}`)), 10_000);
      socket.setEncoding("latin1").on("error", reject);
      socket.on("data", (chunk: string) => {
        text += chunk;
        const reply = /^MSG _INBOX\.plugin 1 (\d+)\r\n/m.exec(text);
        const end = (reply?.index ?? 0) + (reply?.[0].length ?? 0) + Number(reply?.[1]);
        if (reply === null || text.length < end) return;
        clearTimeout(timer);
        socket.destroy();
        const json = text.slice(reply.index + reply[0].length, end);
        resolve(JSON.parse(Buffer.from(json, "latin1").toString("utf8")) as Reply);
      });
    });
  }
  type Reply = Readonly<Record<string, unknown>>;

  it("loops over what it fetched, acknowledging each on a connection of its own", async () => {
    const name = freshName("loop");
    await ask("MAILBOX.CREATE", { ttl: 3600, idempotent: true, name });
    for (const body of ["a", "b", "c"]) await ask(`MSG.SEND.${name}`, body);
    const fetch = {
      group_name: "mq9-sub-1",
      deliver: "earliest",
      force_deliver: null,
      config: { num_msgs: 20, max_wait_ms: 200 },
    };
    const fetchAll = async () =>
      (await ask(`MSG.FETCH.${name}`, fetch))["messages"] as { msg_id: number; payload: string }[];
    const rows = await fetchAll();
    expect(rows.map(({ payload }) => payload)).toEqual(["a", "b", "c"]);
    const ack = (msg_id: number) =>
      ask(`MSG.ACK.${name}`, { group_name: "mq9-sub-1", mail_address: name, msg_id });
    // It stops in the middle: the rest is there for the next start.
    for (const { msg_id } of rows.slice(0, 2))
      expect(await ack(msg_id)).toMatchObject({ error: "" });
    const left = await fetchAll();
    expect(left.map(({ payload }) => payload)).toEqual(["c"]);
    await ack(left[0]?.msg_id ?? -1);
    expect(await fetchAll()).toEqual([]);
  });

  it("creates again after a restart, fetches readable text and headers, and is discovered", async () => {
    const name = freshName("hermes");
    const create = { ttl: 3600, idempotent: true, name, desc: "a plugin" };
    const made = await ask("MAILBOX.CREATE", create);
    expect(made).toMatchObject({ mail_address: name, created: true });
    expect(made["error"] ?? "").toBe("");
    const again = await ask("MAILBOX.CREATE", create);
    expect(again).toMatchObject({ mail_address: name, created: false, already_exists: true });
    expect(again["error"] ?? "").toBe("");

    expect(await ask(`MSG.SEND.${name}`, "grüße")).toMatchObject({ msg_id: 0 });
    await using caller = await agent(broker().url);
    await sendTo(caller, name, "from a client", { "mq9-reply-to": "other.box" });
    const fetch = {
      group_name: null,
      deliver: "earliest",
      force_deliver: null,
      config: { num_msgs: 10, max_wait_ms: 200 },
    };
    const { messages } = await ask(`MSG.FETCH.${name}`, fetch);
    const [plain, headed] = messages as { payload: string; header: number[] | null }[];
    expect([plain?.payload, plain?.header]).toEqual(["grüße", null]);
    expect(headed?.payload).toBe("from a client");
    const block = Buffer.from(headed?.header ?? []).toString();
    expect(block).toMatch(/^NATS\/1\.0\r\n/);
    expect(block).toContain("mq9-reply-to: other.box\r\n");

    const card = JSON.stringify({ name, mailbox: `mq9://broker/${name}`, skills: [] });
    expect((await ask("AGENT.REGISTER", { name, payload: card }))["error"] ?? "").toBe("");
    const { agents } = await ask("AGENT.DISCOVER", { query: null, limit: 50 });
    const mine = (agents as { name: string; mailbox: string }[]).find((each) => each.name === name);
    expect(mine?.mailbox.replace(/^mq9:\/\/[^/]+\//, "")).toBe(name);
    const searched = await ask("AGENT.DISCOVER", { query: name, limit: 50 });
    expect(searched["agents"]).toMatchObject([{ name }]);
    expect((await ask("AGENT.UNREGISTER", { name }))["error"] ?? "").toBe("");
  });
});
