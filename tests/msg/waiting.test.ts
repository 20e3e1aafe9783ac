// FETCHes that wait: what wakes them, how many there may be, and what a connection that waits can do.
import { connectRaw, type RawClient, startBroker } from "@mq9/testkit";
import { expect, it } from "vitest";
import { agent } from "../support/mail.ts";
import { useBroker } from "../support/use-broker.ts";
import { fetchFrom, payloads, sendTo } from "./talk.ts";

const broker = useBroker();

const long = { config: { num_msgs: 10, max_wait_ms: 60_000 } };

function ask(raw: RawClient, subject: string, body: object): void {
  raw.publish(`$mq9.AI.${subject}`, JSON.stringify(body), "answers");
}

it("wakes when a message comes, whoever sends it and in whichever generation", async () => {
  await using a = await agent(broker().url);
  await using b = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "wake" });
  for (const [i, subject] of [
    "MSG.SEND.wake",
    "MAILBOX.MSG.wake.critical",
    "INBOX.wake.normal",
  ].entries()) {
    const waiting = fetchFrom(a, "wake", { group_name: "g", deliver: "earliest", ...long });
    b.send(subject, `m${i}`);
    expect(payloads(await waiting)).toEqual([`m${i}`]);
    await a.ask("MSG.ACK.wake", { group_name: "g", msg_id: i });
  }
});

it("answers empty a little before the time is over", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "quiet" });
  // The request itself gives up after a second.
  const reply = await a.nc.request(
    "$mq9.AI.MSG.FETCH.quiet",
    JSON.stringify({ config: { num_msgs: 1, max_wait_ms: 1000 } }),
    { timeout: 1000 },
  );
  expect(reply.json()).toEqual({ error: "", messages: [] });
});

it("holds no PONG back, and no other request", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "alive" });
  await using raw = await connectRaw(broker().port);
  raw.send("SUB answers 1");
  ask(raw, "MSG.FETCH.alive", { group_name: "g", ...long });
  raw.send("PING");
  await raw.expect("PONG");
  ask(raw, "MSG.QUERY.alive", {});
  expect((await raw.readMessage()).payload.toString()).toBe('{"error":"","messages":[]}');
});

it("refuses the one beyond the limit of its connection, and no other", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "many" });
  await using raw = await connectRaw(broker().port);
  raw.send("SUB answers 1");
  for (let i = 0; i < 65; i += 1) ask(raw, "MSG.FETCH.many", long);
  const refused = JSON.parse((await raw.readMessage()).payload.toString()) as object;
  expect(refused).toEqual({
    error: "the limit of 64 waiting FETCHes of one connection is reached",
    code: 429,
    reason: "quota_exceeded",
    messages: [],
  });
  expect(await raw.flush()).toEqual([]);
  await sendTo(a, "many", "x");
  for (let i = 0; i < 64; i += 1) {
    expect((await raw.readMessage()).payload.toString()).toContain('"payload":"x"');
  }
  ask(raw, "MSG.FETCH.many", { deliver: "earliest", ...long });
  expect((await raw.readMessage()).payload.toString()).toContain('"payload":"x"');
});

it("frees what a connection held when it goes, and gives nothing to who is gone", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "gone" });
  await sendTo(a, "gone", "held");
  const group = { group_name: "g", deliver: "earliest" };
  const holder = await agent(broker().url);
  expect(payloads(await fetchFrom(holder, "gone", group))).toEqual(["held"]);
  const waiter = await agent(broker().url);
  waiter.nc.publish("$mq9.AI.MSG.FETCH.gone", JSON.stringify({ ...group, ...long }), {
    reply: "nowhere",
  });
  await waiter.flush();
  expect(await fetchFrom(a, "gone", { ...group, config: { max_wait_ms: 0 } })).toEqual([]);
  await waiter.nc.close();
  await holder.nc.close();
  const rows = await fetchFrom(a, "gone", { ...group, ...long });
  expect(rows).toMatchObject([{ payload: "held", delivery_count: 2 }]);
});

it("shows a connection again what it did not acknowledge, unless it says that it keeps it", async () => {
  await using a = await agent(broker().url);
  await using b = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "again" });
  for (const text of ["x", "y"]) await sendTo(a, "again", text);
  const one = { group_name: "g", deliver: "earliest", config: { num_msgs: 1, max_wait_ms: 0 } };
  expect(payloads(await fetchFrom(a, "again", one))).toEqual(["x"]);
  expect(payloads(await fetchFrom(a, "again", one))).toEqual(["x"]);
  expect(payloads(await fetchFrom(a, "again", { ...one, held: "kept" }))).toEqual(["y"]);
  expect(await fetchFrom(b, "again", one)).toEqual([]);
  expect(await a.ask("MSG.NACK.again", { group_name: "g", msg_id: 1, delay_ms: 0 })).toEqual({
    error: "",
  });
  expect(payloads(await fetchFrom(b, "again", one))).toEqual(["y"]);
  expect(
    await b.ask("MSG.EXTEND.again", { group_name: "g", msg_id: 1, ack_wait_ms: 60_000 }),
  ).toMatchObject({ error: "", lease_ends_at_ms: expect.any(Number) as unknown });
  expect(
    await b.ask("MSG.NACK.again", { group_name: "g", msg_id: 1, delivery_count: 1 }),
  ).toMatchObject({
    reason: "not_delivered",
  });
});

it("moves what nobody can handle to the dead letters, and back", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "work" });
  await sendTo(a, "work", "bad", { "x-trace": "1" });
  await fetchFrom(a, "work", { group_name: "g", deliver: "earliest" });
  await a.ask("MSG.NACK.work", {
    group_name: "g",
    msg_id: 0,
    poison: true,
    reason: "no such file",
  });
  const dead = await fetchFrom(a, "work.dlq", { deliver: "earliest" });
  expect(dead).toMatchObject([
    {
      payload: "bad",
      headers: { "x-trace": "1" },
      dead: {
        mail_address: "work",
        msg_id: 0,
        group_name: "g",
        cause: "poison",
        reason: "no such file",
        deliveries: 1,
      },
    },
  ]);
  const mails = await a.read("MAILBOX.MSG.work.dlq");
  const mail = await mails.next();
  expect(mail.header("mq9-dead-mailbox")).toBe("work");
  expect(mail.header("mq9-dead-reason")).toBe("no such file");
  expect(mail.header("mq9-dead-deliveries")).toBe("1");
  expect(await a.ask("MSG.REDRIVE.work", {})).toEqual({ error: "", redriven: 1 });
  const back = await fetchFrom(a, "work", { group_name: "g" });
  expect(payloads(back)).toEqual(["bad"]);
});

it("keeps nothing for a request that nobody waits for any more", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "abandoned" });
  await using raw = await connectRaw(broker().port);
  const group = { group_name: "g", deliver: "earliest" };
  // its subscriptions for the answers are gone before the message comes
  for (let i = 0; i < 25; i += 1) ask(raw, "MSG.FETCH.abandoned", { ...group, ...long });
  raw.publish("$mq9.AI.MSG.FETCH.abandoned", JSON.stringify({ ...group, ...long }));
  await raw.flush();
  await sendTo(a, "abandoned", "job");
  expect(await fetchFrom(a, "abandoned", { ...group, ...long })).toMatchObject([
    { payload: "job", delivery_count: 26 }, // told, but it does not count: twenty are the limit
  ]);
});

it("that only looks gives nothing back that others took meanwhile, when nobody hears its answer", async () => {
  await using a = await agent(broker().url);
  await using worker = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "glanced" });
  await using raw = await connectRaw(broker().port);
  ask(raw, "MSG.FETCH.glanced", { group_name: "g", deliver: "earliest", look: true, ...long });
  raw.send("PING");
  await raw.expect("PONG");
  const waiting = fetchFrom(worker, "glanced", { group_name: "g", deliver: "earliest", ...long });
  await worker.nc.flush();
  await sendTo(a, "glanced", "job");
  expect(payloads(await waiting)).toEqual(["job"]);
  const soon = { group_name: "g", deliver: "earliest", config: { max_wait_ms: 200 } };
  expect(payloads(await fetchFrom(a, "glanced", soon))).toEqual([]);
});

it("is answered before the broker stops", async () => {
  await using stopping = await startBroker();
  await using a = await agent(stopping.url);
  await a.ask("MAILBOX.CREATE", { name: "last" });
  await using raw = await connectRaw(stopping.port);
  raw.send("SUB answers 1");
  ask(raw, "MSG.FETCH.last", { group_name: "g", ...long });
  ask(raw, "MSG.FETCH.last", long);
  raw.send("PING");
  await raw.expect("PONG");
  const stopped = stopping.stop();
  for (let i = 0; i < 2; i += 1) {
    expect((await raw.readMessage()).payload.toString()).toBe('{"error":"","messages":[]}');
  }
  expect(await stopped).toBe(0);
});

it("leases to nobody's connection where that was asked for, and what waits ends with its own", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "handed.on" });
  const body = { group_name: "g", deliver: "earliest", detached: true, ack_wait_ms: 60_000 };
  {
    await using waits = await agent(broker().url);
    void fetchFrom(waits, "handed.on", { ...body, ...long }).catch(() => {});
    await waits.nc.flush();
  }
  await sendTo(a, "handed.on", "job");
  {
    await using other = await agent(broker().url);
    expect(payloads(await fetchFrom(other, "handed.on", body))).toEqual(["job"]);
  }
  const soon = { ...body, config: { max_wait_ms: 0 } };
  expect(payloads(await fetchFrom(a, "handed.on", soon))).toEqual([]);
  expect(await a.ask("MSG.ACK.handed.on", { group_name: "g", msg_id: 0, ack_mode: "one" })).toEqual(
    {
      error: "",
      acked: [0],
    },
  );
});
