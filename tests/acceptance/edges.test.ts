// Edges of generation 2 that users reach on an ordinary day: the largest messages, messages that end
// while somebody holds them, names of groups, requests that nobody waits for.
import { describe, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { useBroker } from "../support/use-broker.ts";
import { shapedClient } from "./clients/shaped-client.ts";
import { shapes } from "./clients/shapes.ts";
import {
  ackOn,
  agent,
  bodies,
  collector,
  fetchFrom,
  freshName,
  ids,
  queryAt,
  sendTo,
  trySend,
} from "./support.ts";

const group = (name: string, more: object = {}) => ({ group_name: name, ...more });

describe("edges of generation 2", () => {
  const broker = useBroker();
  const open = () => agent(broker().url);

  it.each(shapes.map((shape) => [shape.language, shape] as const))(
    "the %s client gets the largest messages whole, one after the other",
    async (_, shape) => {
      await using client = await shapedClient(broker().url, shape);
      const address = await client.create({ ttl: 60 });
      const sent = [1, 2, 3].map((value) => new Uint8Array(1_048_000).fill(value));
      for (const payload of sent) await client.send(address, payload);
      const seen = collector();
      const options = { groupName: "g", deliver: "earliest", autoAck: true } as const;
      const consumer = await client.consume(address, seen.handler, options);
      await seen.atLeast(3);
      await consumer.stop();
      expect(
        seen.messages.map(({ payload }) => [payload.length, payload[0], payload.at(-1)]),
      ).toEqual([1, 2, 3].map((value) => [1_048_000, value, value]));
      const queried = await client.query(address, { limit: 1 });
      expect(queried[0]?.payload[0]).toBe(3);
    },
  );

  it("an acknowledgement succeeds although its message ended, was removed or replaced", async () => {
    await using me = await open();
    const address = await me.create();
    await sendTo(me, address, "removed");
    await sendTo(me, address, "replaced", { "mq9-key": "k" });
    await sendTo(me, address, "brief", { "mq9-ttl": "1" });
    expect(ids(await fetchFrom(me, address, group("g")))).toEqual([0, 1, 2]);
    await me.ask(`MSG.DELETE.${address}.0`);
    expect(await sendTo(me, address, "new", { "mq9-key": "k" })).toBe(3);
    await until(async () => ((await queryAt(me, address)).length === 1 ? true : undefined));
    for (const msgId of [0, 1, 2]) await ackOn(me, address, "g", msgId);
    expect(bodies(await fetchFrom(me, address, group("g")))).toEqual(["new"]);
  });

  it("repeating an acknowledgement is success and moves nothing", async () => {
    await using me = await open();
    const address = await me.create();
    for (const body of ["a", "b", "c"]) await sendTo(me, address, body);
    const [first] = await fetchFrom(me, address, group("g"));
    for (let i = 0; i < 3; i += 1) await ackOn(me, address, "g", first?.msg_id ?? -1);
    expect(bodies(await fetchFrom(me, address, group("g")))).toEqual(["b", "c"]);
  });

  it("a group may be named in any words, and is no queue group of generation 1", async () => {
    await using me = await open();
    const address = await me.create();
    await sendTo(me, address, "x");
    const names = [
      "workers",
      "g:a",
      "q:workers",
      "mit Leerzeichen",
      "日本",
      "a.b.c",
      "=x",
      "\0",
      "*",
    ];
    for (const name of names) {
      expect(bodies(await fetchFrom(me, address, group(name))), name).toEqual(["x"]);
      await ackOn(me, address, name, 0);
      expect(await fetchFrom(me, address, group(name)), name).toEqual([]);
    }
    const queue = await me.read(`MAILBOX.MSG.${address}.*`, "workers");
    expect(await queue.texts(1)).toEqual(["x"]);
    await queue.drain();
  });

  it("what nobody waits for an answer to is carried out all the same", async () => {
    await using me = await open();
    const name = freshName("quiet");
    const say = (subject: string, body: string) => me.nc.publish(`$mq9.AI.${subject}`, body);
    say("MAILBOX.CREATE", JSON.stringify({ name, ttl: 60 }));
    await me.flush();
    for (const body of ["a", "b", "c"]) say(`MSG.SEND.${name}`, body);
    await me.flush();
    expect(ids(await fetchFrom(me, name, group("g")))).toEqual([0, 1, 2]);
    say(`MSG.ACK.${name}`, JSON.stringify(group("g", { mail_address: name, msg_id: 0 })));
    say(`MSG.DELETE.${name}.1`, "");
    await me.flush();
    expect(bodies(await queryAt(me, name))).toEqual(["a", "c"]);
    expect(bodies(await fetchFrom(me, name, group("g")))).toEqual(["c"]);
  });

  it("requests of one connection take effect in the order they were sent", async () => {
    await using me = await open();
    const address = await me.create();
    const replies = await Promise.all(
      Array.from({ length: 200 }, (_, i) => trySend(me, address, `${i}`)),
    );
    expect(replies.map((reply) => reply["msg_id"])).toEqual(replies.map((_, i) => i));
    expect(
      bodies(await fetchFrom(me, address, { config: { num_msgs: 1000, max_wait_ms: 0 } })),
    ).toEqual(replies.map((_, i) => `${i}`));
  });

  it("a push subscription made before its mailbox works once there is one", async () => {
    await using me = await open();
    const name = freshName("early.bird");
    const early = await me.read(`MSG.PUSH.${name}`);
    expect(await me.ask("MAILBOX.CREATE", { name, ttl: 60 })).toMatchObject({ error: "" });
    await sendTo(me, name, "worm", { "mq9-priority": "urgent" });
    const mail = await early.next();
    expect([mail.text, mail.header("mq9-priority"), mail.header("mq9-msg-id")]).toEqual([
      "worm",
      "urgent",
      "0",
    ]);
  });

  it("many fetches that wait share what comes, each message with one of them", async () => {
    await using me = await open();
    const address = await me.create();
    const agents = await Promise.all(Array.from({ length: 12 }, open));
    const one = group("g", { config: { num_msgs: 1, max_wait_ms: 8_000 } });
    const found = agents.map((each) => fetchFrom(each, address, one));
    await until(async () => {
      const { groups } = await me.ask(`MAILBOX.INFO.${address}`);
      const [only] = groups as { waiting?: number }[];
      return only?.waiting === 12 ? true : undefined;
    });
    await Promise.all(Array.from({ length: 12 }, (_, i) => sendTo(me, address, `${i}`)));
    const all = (await Promise.all(found)).map((rows) => ids(rows));
    expect(all.every((each) => each.length === 1)).toBe(true);
    expect(all.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    await Promise.all(agents.map((each) => each[Symbol.asyncDispose]()));
  });

  it("a dropped mailbox ends the fetches that wait on it, and its pushes", async () => {
    await using me = await open();
    await using waiter = await open();
    const address = await me.create();
    const body = { group_name: "g", config: { num_msgs: 1, max_wait_ms: 20_000 } };
    const waiting = waiter.ask(`MSG.FETCH.${address}`, body);
    await until(async () => {
      const { groups } = await me.ask(`MAILBOX.INFO.${address}`);
      return (groups as unknown[]).length > 0 ? true : undefined;
    });
    expect(await me.ask(`MAILBOX.DROP.${address}`)).toMatchObject({ error: "" });
    const reply = await waiting;
    expect(reply["messages"]).toEqual([]);
  });
});
