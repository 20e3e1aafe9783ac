// Leases as a worker meets them, pulled and pushed: they end by time, are extended, handed back,
// given up and late; and a member that is pushed to answers on the reply subject.
import { connect, type Msg, type NatsConnection } from "nats";
import { describe, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { useBroker } from "../support/use-broker.ts";
import { ackOn, agent, bodies, fetchFrom, freshName, ids, sendTo } from "./support.ts";

const group = (more: object = {}) => ({ group_name: "crew", ...more });
const patient = { config: { num_msgs: 10, max_wait_ms: 5_000 } };

describe("a lease on what was fetched", () => {
  const broker = useBroker();
  const open = () => agent(broker().url);

  it("ends by time, and the message goes to somebody else; a late acknowledgement still counts", async () => {
    await using slow = await open();
    await using next = await open();
    const address = await slow.create();
    await sendTo(slow, address, "job");
    expect(ids(await fetchFrom(slow, address, group({ ack_wait_ms: 1_000 })))).toEqual([0]);
    expect(await fetchFrom(next, address, group())).toEqual([]);
    const [again] = await fetchFrom(next, address, group(patient));
    expect(again).toMatchObject({ msg_id: 0, delivery_count: 2 });
    await ackOn(slow, address, "crew", 0);
    await next[Symbol.asyncDispose]();
    expect(await fetchFrom(slow, address, group())).toEqual([]);
  });

  it("lasts as long as the worker extends it, and a stale worker can not", async () => {
    await using worker = await open();
    await using next = await open();
    const address = await worker.create();
    await sendTo(worker, address, "long job");
    await fetchFrom(worker, address, group({ ack_wait_ms: 1_000 }));
    const extend = { group_name: "crew", msg_id: 0, ack_wait_ms: 1_000, delivery_count: 1 };
    for (let i = 0; i < 4; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const reply = await worker.ask(`MSG.EXTEND.${address}`, extend);
      expect(reply).toMatchObject({ error: "", lease_ends_at_ms: expect.any(Number) });
      expect(await fetchFrom(next, address, group())).toEqual([]);
    }
    expect(ids(await fetchFrom(next, address, group(patient)))).toEqual([0]);
    const late = await worker.ask(`MSG.EXTEND.${address}`, extend);
    expect(late).toMatchObject({ code: 404, reason: "not_delivered" });
    const back = { group_name: "crew", msg_id: 0, delivery_count: 1 };
    expect(await worker.ask(`MSG.NACK.${address}`, back)).toMatchObject({
      reason: "not_delivered",
    });
  });

  it("handed back is free at once, or after the time the worker names", async () => {
    await using worker = await open();
    await using next = await open();
    const address = await worker.create();
    for (const body of ["now", "later"]) await sendTo(worker, address, body);
    await fetchFrom(worker, address, group());
    const nack = (msg_id: number, delay_ms: number) =>
      worker.ask(`MSG.NACK.${address}`, { group_name: "crew", msg_id, delay_ms });
    expect(await nack(1, 1_500)).toMatchObject({ error: "" });
    expect(await nack(0, 0)).toMatchObject({ error: "" });
    expect(bodies(await fetchFrom(next, address, group()))).toEqual(["now"]);
    const receipt = await next.ask(`MSG.RECEIPT.${address}.1`);
    expect(receipt).toMatchObject({ groups: [{ group_name: "crew", state: "deferred" }] });
    const rest = await fetchFrom(next, address, group({ ...patient, held: "kept" }));
    expect(bodies(rest)).toEqual(["later"]);
  });

  it("is for one fetch: what a connection holds is kept back when it says so", async () => {
    await using worker = await open();
    const address = await worker.create();
    for (const body of ["a", "b"]) await sendTo(worker, address, body);
    const one = { config: { num_msgs: 1, max_wait_ms: 0 } };
    expect(bodies(await fetchFrom(worker, address, group(one)))).toEqual(["a"]);
    expect(bodies(await fetchFrom(worker, address, group({ ...one, held: "kept" })))).toEqual([
      "b",
    ]);
    expect(bodies(await fetchFrom(worker, address, group()))).toEqual(["a", "b"]);
  });

  it("fetches beyond the number that may wait are refused, the others go on", async () => {
    await using me = await open();
    await using sender = await open();
    const address = await me.create();
    const body = { deliver: "earliest", config: { num_msgs: 1, max_wait_ms: 10_000 } };
    const replies = Array.from({ length: 65 }, () => me.ask(`MSG.FETCH.${address}`, body));
    const refused = await Promise.race(replies);
    expect(refused).toMatchObject({ code: 429, reason: "quota_exceeded", messages: [] });
    await sendTo(sender, address, "for all who read");
    const all = await Promise.all(replies);
    const served = all.filter(({ messages }) => (messages as unknown[]).length === 1);
    expect(served).toHaveLength(64);
  });
});

describe("members that are pushed to", () => {
  const broker = useBroker();

  /** A worker whose messages wait until the test answers them. */
  async function member(address: string): Promise<{ nc: NatsConnection; mail: Msg[] }> {
    const nc = await connect({ servers: broker().url });
    const mail: Msg[] = [];
    nc.subscribe(`$mq9.AI.MSG.PUSH.${address}`, {
      queue: "crew",
      callback: (_, message) => void mail.push(message),
    });
    await nc.flush();
    return { nc, mail };
  }
  const words = (mail: readonly Msg[]) => mail.map((message) => message.string());

  it("share the work with those who fetch, answer for it, and leave the rest when they vanish", async () => {
    await using me = await agent(broker().url);
    const address = await me.create({ name: freshName("pushed"), ttl: 600 });
    const first = await member(address);
    for (const body of ["done", "returned", "poison", "held"]) await sendTo(me, address, body);
    await until(async () => (first.mail.length === 4 ? true : undefined));
    expect(words(first.mail)).toEqual(["done", "returned", "poison", "held"]);
    const [done, returned, poison] = first.mail;
    expect(done?.headers?.get("mq9-delivery-count")).toBe("1");
    const answer = async (message: Msg | undefined, word: string) => {
      const reply = await first.nc.request(message?.reply ?? "", word, { timeout: 5_000 });
      expect(reply.json()).toMatchObject({ error: "" });
    };
    // Somebody who pulls in the same group gets nothing that is out.
    expect(await fetchFrom(me, address, group())).toEqual([]);
    await answer(done, "+ACK");
    await answer(poison, "+TERM can not be read");
    await answer(returned, '-NAK {"delay":0}');
    await until(async () => (first.mail.length === 5 ? true : undefined));
    expect(first.mail[4]?.string()).toBe("returned");
    expect(first.mail[4]?.headers?.get("mq9-delivery-count")).toBe("2");
    first.mail[4]?.respond("");
    await first.nc.flush();
    const dead = await fetchFrom(me, `${address}.dlq`);
    expect(dead).toMatchObject([{ payload: "poison", dead: { reason: "can not be read" } }]);

    const second = await member(address);
    await first.nc.close();
    await until(async () => (second.mail.length === 1 ? true : undefined));
    expect(words(second.mail)).toEqual(["held"]);
    second.mail[0]?.respond("");
    await second.nc.flush();
    await second.nc.drain();
    expect(await fetchFrom(me, address, group())).toEqual([]);
    expect(await me.ask(`MAILBOX.INFO.${address}`)).toMatchObject({ messages: 4 });
  });

  it("get each message once however many they are, across a crash of the broker", async () => {
    let address = "";
    {
      await using me = await agent(broker().url);
      address = await me.create({ ttl: 600 });
      for (let i = 0; i < 100; i += 1) await sendTo(me, address, `${i}`);
    }
    const members = [await member(address), await member(address), await member(address)];
    const total = () => members.reduce((sum, { mail }) => sum + mail.length, 0);
    await until(async () => (total() >= 100 ? true : undefined));
    const all = members.flatMap(({ mail }) => words(mail));
    expect(all.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    // Each answers for half of what it has; the other halves are open when the broker dies.
    const answered = new Set<string>();
    for (const { nc, mail } of members) {
      for (const message of mail.slice(0, Math.floor(mail.length / 2))) {
        await nc.request(message.reply ?? "", "+ACK", { timeout: 5_000 });
        answered.add(message.string());
      }
      mail.length = 0;
    }
    await broker().kill();
    await broker().restart();
    await until(async () => (total() >= 100 - answered.size ? true : undefined));
    const again = members.flatMap(({ mail }) => words(mail));
    expect(again.filter((word) => answered.has(word))).toEqual([]);
    expect(new Set(again).size).toBe(100 - answered.size);
    for (const { nc } of members) await nc.close();
  });
});
