// Days in the life of a mailbox, with workers as processes of their own: a message that nobody
// manages, workers killed at every moment of a lease, and a name that lives twice.
import { beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { useBroker } from "../support/use-broker.ts";
import { buildClients, clientKinds } from "./clients/kinds.ts";
import { bytes, texts } from "./clients/published.ts";
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

const inProcesses = clientKinds.filter(({ name }) => name.includes(" over "));
const shapedKinds = clientKinds.filter(({ name }) => !name.includes(" over "));

describe("a poison message", () => {
  const broker = useBroker();
  beforeAll(buildClients, 180_000);

  it.each(shapedKinds.map((kind) => [kind.name, kind] as const))(
    "goes to the dead letters after its limit, the others go on: %s",
    async (_, { connect }) => {
      await using client = await connect(broker().url);
      await using watcher = await agent(broker().url);
      const address = await client.create({ name: freshName("poisoned"), ttl: 600 });
      for (const word of ["a", "poison", "b"]) await client.send(address, bytes(word));
      // The group's limit is set by whoever fetches for it first; workers need not know it.
      const body = { group_name: "crew", max_deliver: 3, config: { num_msgs: 1, max_wait_ms: 0 } };
      expect(ids(await fetchFrom(watcher, address, { ...body, deliver: "latest" }))).toEqual([]);
      const restart = { ...body, force_deliver: true, deliver: "earliest" };
      const [first] = await fetchFrom(watcher, address, restart);
      expect(
        await watcher.ask(`MSG.NACK.${address}`, {
          group_name: "crew",
          msg_id: first?.msg_id,
          delay_ms: 0,
        }),
      ).toMatchObject({ error: "" });

      const seen = collector(({ payload }) => {
        if (Buffer.from(payload).toString() === "poison") throw new Error("can not be handled");
      });
      const consumer = await client.consume(address, seen.handler, {
        groupName: "crew",
        autoAck: true,
        maxWaitMs: 200,
      });
      await until(async () => {
        const { messages } = await watcher.ask(`MAILBOX.INFO.${address}.dlq`);
        return messages === 1 ? true : undefined;
      });
      await client.send(address, bytes("after"));
      await until(async () => (texts(seen.messages).includes("after") ? true : undefined));
      await consumer.stop();
      const got = texts(seen.messages);
      expect(got.filter((word) => word === "poison")).toHaveLength(3);
      for (const word of ["b", "after"])
        expect(got.filter((other) => other === word)).toHaveLength(1);
      const dead = await fetchFrom(watcher, `${address}.dlq`);
      expect(bodies(dead)[0]).toBe("poison");
      expect(dead[0]).toMatchObject({ dead: { group_name: "crew", deliveries: 3 } });
    },
  );
});

describe.each(inProcesses.map((kind) => [kind.name, kind] as const))(
  "a worker killed (%s)",
  (_, { connect, reason }) => {
    const broker = useBroker();
    const test = it.skipIf(reason !== "");
    beforeAll(buildClients, 180_000);
    const options = { groupName: "crew", deliver: "earliest" } as const;

    test("before it read what it fetched costs no message", async () => {
      await using me = await agent(broker().url);
      const address = await me.create({ ttl: 600 });
      await using worker = await connect(broker().url);
      const lost = worker.fetch(address, { ...options, maxWaitMs: 4_500 });
      lost.catch(() => undefined);
      // It waits in the broker; the mail and the kill race each other.
      await until(async () => {
        const { groups } = await me.ask(`MAILBOX.INFO.${address}`);
        return (groups as unknown[]).length > 0 ? true : undefined;
      });
      const sent = sendTo(me, address, "one");
      await worker.vanish();
      await sent;
      const rows = await fetchFrom(me, address, {
        group_name: "crew",
        config: { num_msgs: 10, max_wait_ms: 5_000 },
      });
      expect(bodies(rows)).toEqual(["one"]);
    });

    test("while it handles a message leaves that one, and those behind it, to others", async () => {
      await using me = await agent(broker().url);
      const address = await me.create({ ttl: 600 });
      for (const word of ["a", "b", "c"]) await sendTo(me, address, word);
      const worker = await connect(broker().url);
      const seen: string[] = [];
      await worker.consume(
        address,
        async (message) => {
          seen.push(...texts([message]));
          if (seen.length === 2) await new Promise(() => {});
        },
        { ...options, autoAck: true },
      );
      await until(async () => (seen.length === 2 ? true : undefined));
      // Nobody else has them while the worker lives.
      expect(await fetchFrom(me, address, { group_name: "crew" })).toEqual([]);
      const waitingForIt = fetchFrom(me, address, {
        group_name: "crew",
        config: { num_msgs: 10, max_wait_ms: 10_000 },
      });
      await worker.vanish();
      const rows = await waitingForIt;
      const more = await fetchFrom(me, address, { group_name: "crew", held: "kept" });
      const all = [...rows, ...more];
      expect(bodies(all).sort()).toEqual(["b", "c"]);
      for (const { delivery_count } of all) expect(delivery_count).toBe(2);
    });

    test("after it acknowledged does not bring the message back", async () => {
      await using me = await agent(broker().url);
      const address = await me.create({ ttl: 600 });
      for (const word of ["a", "b"]) await sendTo(me, address, word);
      const worker = await connect(broker().url);
      const [first] = await worker.fetch(address, { ...options, numMsgs: 1, maxWaitMs: 100 });
      await worker.ack(address, "crew", first?.msgId ?? -1);
      await worker.vanish();
      const rows = await fetchFrom(me, address, { group_name: "crew" });
      expect(bodies(rows)).toEqual(["b"]);
    });
  },
);

describe("a name that lives twice", () => {
  const broker = useBroker();

  const endings: Readonly<Record<string, (address: string) => Promise<void>>> = {
    "its time ended": async (address) => {
      await using me = await agent(broker().url);
      await me.ask(`MAILBOX.RENEW.${address}`, { ttl: 1 });
      await until(async () => {
        const { error } = await me.ask(`MSG.QUERY.${address}`);
        return error ? true : undefined;
      });
    },
    "it was dropped": async (address) => {
      await using me = await agent(broker().url);
      expect(await me.ask(`MAILBOX.DROP.${address}`)).toMatchObject({ error: "" });
    },
    "it was dropped and the broker crashed": async (address) => {
      {
        await using me = await agent(broker().url);
        expect(await me.ask(`MAILBOX.DROP.${address}`)).toMatchObject({ error: "" });
      }
      await broker().kill();
      await broker().restart();
    },
  };

  it.each(Object.entries(endings))("starts empty after %s", async (_, end) => {
    const name = freshName("twice");
    const dedup = { "mq9-dedup-id": "d1" };
    {
      await using me = await agent(broker().url);
      await me.create({ name, ttl: 600 });
      await sendTo(me, name, "old", dedup);
      await sendTo(me, name, "old keyed", { "mq9-key": "k" });
      await sendTo(me, name, "old delayed", { "mq9-delay": "2" });
      await fetchFrom(me, name, { group_name: "g" });
      await ackOn(me, name, "g", 0);
    }
    await end(name);
    await using me = await agent(broker().url);
    expect(await me.ask("MAILBOX.CREATE", { name, ttl: 600 })).toMatchObject({ error: "" });
    expect(await queryAt(me, name)).toEqual([]);
    expect(await fetchFrom(me, name, { group_name: "g" })).toEqual([]);
    expect(await me.ask(`MAILBOX.INFO.${name}`)).toMatchObject({ messages: 0, scheduled: 0 });
    // The same id is no repeat of the earlier life's, and its number was never used before.
    const fresh = await trySend(me, name, "new", dedup);
    expect(fresh).toMatchObject({ error: "" });
    expect(fresh).not.toHaveProperty("duplicate");
    expect(fresh["msg_id"]).toBeGreaterThanOrEqual(2);
    // An acknowledgement from the earlier life touches nothing of this one.
    await me.ask(`MSG.ACK.${name}`, { group_name: "g", mail_address: name, msg_id: 1 });
    expect(bodies(await fetchFrom(me, name, { group_name: "g" }))).toEqual(["new"]);
    // What was delayed in the earlier life never comes.
    await sendTo(me, name, "probe", { "mq9-delay": "3" });
    await until(async () => ((await queryAt(me, name)).length === 2 ? true : undefined));
    expect(bodies(await queryAt(me, name))).toEqual(["new", "probe"]);
  });
});
