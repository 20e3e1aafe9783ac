// What a broker knows again after a stop and after kill -9: numbers, acknowledgements, places of
// groups, delays, life times, tags, keys, repeats and the directory.
import type { RunningBroker } from "@mq9/testkit";
import { describe, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { useBroker } from "../support/use-broker.ts";
import {
  ackOn,
  agent,
  bodies,
  fetchFrom,
  freshName,
  ids,
  queryAt,
  sendTo,
  trySend,
} from "./support.ts";

const ends: Readonly<Record<string, (broker: RunningBroker) => Promise<void>>> = {
  "a stop": (broker) => broker.restart(),
  "kill -9": async (broker) => {
    await broker.kill();
    await broker.restart();
  },
};

describe.each(Object.entries(ends))("after %s", (_, end) => {
  const broker = useBroker();
  const open = () => agent(broker().url);

  it("numbers, order, keys, tags and headers are as before, and numbers go on", async () => {
    const address = await (async () => {
      await using me = await open();
      const created = await me.create({ name: freshName("kept"), ttl: 3600 });
      await sendTo(me, created, "a", { "mq9-key": "k", "mq9-tags": "red,blue" });
      await sendTo(me, created, "b", { "mq9-priority": "critical", "mq9-a2a-method": "GetTask" });
      await sendTo(me, created, "c", { "mq9-key": "k", "mq9-tags": "red" });
      await sendTo(me, created, "d");
      await me.ask(`MSG.DELETE.${created}.3`);
      return created;
    })();
    await end(broker());
    await using me = await open();
    expect(ids(await fetchFrom(me, address))).toEqual([1, 2]);
    expect(bodies(await queryAt(me, address, { key: "k" }))).toEqual(["c"]);
    expect(bodies(await queryAt(me, address, { tags: ["red"] }))).toEqual(["c"]);
    expect((await queryAt(me, address))[0]?.headers).toMatchObject({ "mq9-a2a-method": "GetTask" });
    expect(await sendTo(me, address, "e")).toBe(4);
    expect(await me.ask(`MAILBOX.INFO.${address}`)).toMatchObject({ messages: 3, next_id: 5 });
  });

  it("a group goes on where it was, and what was out and not acknowledged comes again", async () => {
    const address = await (async () => {
      await using me = await open();
      const created = await me.create({ ttl: 3600 });
      for (let i = 0; i < 6; i += 1) await sendTo(me, created, `${i}`);
      const some = { group_name: "g", config: { num_msgs: 4, max_wait_ms: 0 } };
      expect(ids(await fetchFrom(me, created, some))).toEqual([0, 1, 2, 3]);
      for (const msgId of [0, 2]) await ackOn(me, created, "g", msgId);
      return created;
    })();
    await end(broker());
    await using me = await open();
    const rows = await fetchFrom(me, address, { group_name: "g" });
    expect(ids(rows)).toEqual([1, 3, 4, 5]);
    await ackOn(me, address, "g", 0);
    expect(ids(await fetchFrom(me, address, { group_name: "g" }))).toEqual([1, 3, 4, 5]);
  });

  it("a group that began with what is new does not miss what came before its second fetch", async () => {
    const address = await (async () => {
      await using me = await open();
      const created = await me.create({ ttl: 3600 });
      await sendTo(me, created, "old");
      const latest = { group_name: "g", deliver: "latest" };
      expect(await fetchFrom(me, created, latest)).toEqual([]);
      await sendTo(me, created, "new");
      return created;
    })();
    await end(broker());
    await using me = await open();
    const rows = await fetchFrom(me, address, { group_name: "g", deliver: "latest" });
    expect(bodies(rows)).toEqual(["new"]);
  });

  it("a delayed message is still to come, and comes once", async () => {
    const address = await (async () => {
      await using me = await open();
      const created = await me.create({ ttl: 3600 });
      expect(await sendTo(me, created, "later", { "mq9-delay": "2" })).toBe(-1);
      expect(await sendTo(me, created, "much later", { "mq9-delay": "3000" })).toBe(-1);
      return created;
    })();
    await end(broker());
    await using me = await open();
    await until(async () => ((await queryAt(me, address)).length > 0 ? true : undefined));
    expect(bodies(await fetchFrom(me, address))).toEqual(["later"]);
    const { scheduled } = await me.ask(`MSG.SCHEDULED.${address}`);
    expect(scheduled).toMatchObject([{ payload: "much later", msg_id: -1 }]);
  });

  it("life times go on, of messages and of mailboxes", async () => {
    const { address, brief } = await (async () => {
      await using me = await open();
      const created = {
        address: await me.create({ ttl: 3600 }),
        brief: await me.create({ ttl: 2 }),
      };
      await sendTo(me, created.address, "brief", { "mq9-ttl": "2" });
      await sendTo(me, created.address, "long");
      await sendTo(me, created.brief, "x");
      return created;
    })();
    await end(broker());
    await using me = await open();
    await until(async () => {
      const { error } = await me.ask(`MSG.QUERY.${brief}`);
      return typeof error === "string" && error.includes("does not exist") ? true : undefined;
    });
    await until(async () => ((await queryAt(me, address)).length === 1 ? true : undefined));
    expect(bodies(await queryAt(me, address))).toEqual(["long"]);
  });

  it("a message that was sent before is known as a repeat", async () => {
    const headers = { "mq9-dedup-id": "order-17" };
    const address = await (async () => {
      await using me = await open();
      const created = await me.create({ ttl: 3600 });
      await sendTo(me, created, "first");
      expect(await sendTo(me, created, "order", headers)).toBe(1);
      return created;
    })();
    await end(broker());
    await using me = await open();
    const repeat = await trySend(me, address, "order", headers);
    expect(repeat).toMatchObject({ error: "", msg_id: 1, duplicate: true });
    const other = await trySend(me, address, "another order", headers);
    expect(other).toMatchObject({ code: 409, reason: "dedup_conflict" });
    expect(ids(await queryAt(me, address))).toEqual([0, 1]);
  });

  it("agents and public mailboxes are found as before", async () => {
    const name = freshName("librarian");
    await (async () => {
      await using me = await open();
      await me.create({ ttl: 3600, public: true, name, desc: "lends books" });
      await me.ask("AGENT.REGISTER", { name, mailbox: name, payload: "lends books" });
    })();
    await end(broker());
    await using me = await open();
    const { agents } = await me.ask("AGENT.DISCOVER", { text: "books" });
    expect(agents).toMatchObject([{ name, mailbox: name }]);
    const feed = await me.read("MAILBOX.MSG.$SYSTEM.PUBLIC.*");
    expect(JSON.parse((await feed.next()).text)).toMatchObject({ mail_id: name });
  });

  it("dead letters stay, and can be put back", async () => {
    const address = await (async () => {
      await using me = await open();
      const created = await me.create({ name: freshName("grave"), ttl: 3600 });
      await sendTo(me, created, "cursed", { trace: "abc" });
      await fetchFrom(me, created, { group_name: "g" });
      const body = { group_name: "g", msg_id: 0, poison: true, reason: "not JSON" };
      expect(await me.ask(`MSG.NACK.${created}`, body)).toMatchObject({ error: "" });
      return created;
    })();
    await end(broker());
    await using me = await open();
    expect(await fetchFrom(me, address, { group_name: "g" })).toEqual([]);
    const dead = await fetchFrom(me, `${address}.dlq`);
    expect(bodies(dead)).toEqual(["cursed"]);
    expect(dead[0]).toMatchObject({
      headers: { trace: "abc" },
      dead: { cause: "poison", reason: "not JSON", msg_id: 0 },
    });
    expect(await me.ask(`MSG.REDRIVE.${address}`)).toMatchObject({ error: "", redriven: 1 });
    expect(bodies(await fetchFrom(me, address, { group_name: "g" }))).toEqual(["cursed"]);
    expect(await fetchFrom(me, `${address}.dlq`)).toEqual([]);
  });
});
