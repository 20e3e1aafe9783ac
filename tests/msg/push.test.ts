// Push of generation 2: to one reader as it is, and to the members of a group with a lease on each message.
import { connectRaw, type RawClient, type RawMessage } from "@mq9/testkit";
import { expect, it } from "vitest";
import { type Agent, agent } from "../support/mail.ts";
import { useBroker } from "../support/use-broker.ts";
import { fetchFrom, payloads, sendTo } from "./talk.ts";

const broker = useBroker();

async function mailbox(a: Agent, name: string, ...texts: string[]): Promise<void> {
  await a.ask("MAILBOX.CREATE", { name });
  for (const text of texts) await sendTo(a, name, text);
}

/** A worker of one group; `max` ends its subscription after so many messages. */
async function worker(name: string, group: string, max?: number): Promise<RawClient> {
  const raw = await connectRaw(broker().port, { headers: true });
  // in one write, as clients flush them
  raw.send(
    `SUB $mq9.AI.MSG.PUSH.${name} ${group} 1`,
    ...(max === undefined ? [] : [`UNSUB 1 ${max}`]),
  );
  return raw;
}

const text = (message: RawMessage): string => message.payload.toString();
const shown = (message: RawMessage): string =>
  `${text(message)} ${/mq9-delivery-count: (\d+)/.exec(message.headers ?? "")?.[1] ?? "-"}`;

it("replays what is stored by priority, then goes on live", async () => {
  await using a = await agent(broker().url);
  await mailbox(a, "plain", "n", "m");
  await sendTo(a, "plain", "c", { "mq9-priority": "critical", "mq9-tags": "t" });
  const mails = await a.read("MSG.PUSH.plain");
  const [first, ...rest] = await mails.take(3);
  expect(first?.subject).toBe("$mq9.AI.MSG.PUSH.plain");
  expect(first?.text).toBe("c");
  expect(first?.header("mq9-tags")).toBe("t");
  expect(first?.header("mq9-priority")).toBe("critical");
  expect(rest.map((mail) => mail.text)).toEqual(["n", "m"]);
  await sendTo(a, "plain", "live");
  expect((await mails.next()).text).toBe("live");
});

it("hands each message to one member, which answers on the reply subject", async () => {
  await using a = await agent(broker().url);
  await mailbox(a, "jobs.of.all", "one");
  await using w = await worker("jobs.of.all", "a2a.workers");
  const one = await w.readMessage();
  expect(shown(one)).toBe("one 1");
  expect(one.reply).toBe("$mq9.AI.MSG.ACK.jobs.of.all.=a2a=2Eworkers.0.1");
  await using v = await worker("jobs.of.all", "a2a.workers");
  expect(await v.flush()).toEqual([]);
  w.publish(one.reply, "");
  expect(await w.flush()).toEqual([]);
  expect(await a.ask("MSG.RECEIPT.jobs.of.all.0", "")).toMatchObject({
    groups: [{ group_name: "a2a.workers", state: "acked" }],
  });
});

it("shares its group with those that fetch", async () => {
  await using a = await agent(broker().url);
  await mailbox(a, "shared", "pulled");
  const group = { group_name: "g", deliver: "earliest", config: { max_wait_ms: 0 } };
  expect(payloads(await fetchFrom(a, "shared", group))).toEqual(["pulled"]);
  await using w = await worker("shared", "g");
  expect(await w.flush()).toEqual([]);
  await a.ask("MSG.NACK.shared", { group_name: "g", msg_id: 0, delay_ms: 0 });
  const pushed = await w.readMessage();
  expect(shown(pushed)).toBe("pulled 2");
  expect(await fetchFrom(a, "shared", group)).toEqual([]);
  w.publish(pushed.reply, "+ACK", "nowhere");
  await w.flush();
  await w.close();
  expect(await fetchFrom(a, "shared", group)).toEqual([]);
});

it("returns, extends and gives up messages by the words workers know", async () => {
  await using a = await agent(broker().url);
  await mailbox(a, "words", "job");
  await using w = await worker("words", "g");
  const first = await w.readMessage();
  w.publish(first.reply, '-NAK {"delay":0}');
  const second = await w.readMessage();
  expect(shown(second)).toBe("job 2");
  w.send("SUB answers 2");
  w.publish(second.reply, "+WPI", "answers");
  expect(text(await w.readMessage())).toMatch(/^\{"error":"","lease_ends_at_ms":\d+\}$/);
  // the answer for an earlier delivery moves nothing
  w.publish(first.reply, "-NAK", "answers");
  expect(text(await w.readMessage())).toContain('"reason":"not_delivered"');
  w.publish(second.reply, "what?", "answers");
  expect(text(await w.readMessage())).toContain('"reason":"invalid"');
  w.publish(second.reply, "+TERM it is broken");
  expect(await w.flush()).toEqual([]);
  const [dead] = await fetchFrom(a, "words.dlq", { deliver: "earliest" });
  expect(dead).toMatchObject({ payload: "job", dead: { cause: "poison", reason: "it is broken" } });
});

it("gives what a vanished member held to the others at once", async () => {
  await using a = await agent(broker().url);
  await mailbox(a, "vanish", "job");
  const w = await worker("vanish", "g");
  expect(shown(await w.readMessage())).toBe("job 1");
  await using v = await worker("vanish", "g");
  expect(await v.flush()).toEqual([]);
  await w.close();
  expect(shown(await v.readMessage())).toBe("job 2");
});

it("leaves a member that unsubscribed what it works on", async () => {
  await using a = await agent(broker().url);
  await mailbox(a, "leave", "first", "second");
  await using w = await worker("leave", "g", 1);
  const job = await w.readMessage();
  expect(shown(job)).toBe("first 1");
  await using v = await worker("leave", "g");
  expect(shown(await v.readMessage())).toBe("second 1");
  expect(await v.flush()).toEqual([]);
  w.publish(job.reply, "");
  await w.flush();
  expect(await a.ask("MSG.RECEIPT.leave.0", "")).toMatchObject({ groups: [{ state: "acked" }] });
  await w.close();
  expect(await v.flush()).toEqual([]);
});

it("ends the wait of a member that unsubscribes", async () => {
  await using a = await agent(broker().url);
  await mailbox(a, "idle");
  await using w = await worker("idle", "g");
  await w.flush();
  w.send("UNSUB 1");
  await w.flush();
  await sendTo(a, "idle", "for another");
  expect(await w.flush()).toEqual([]);
  await using v = await worker("idle", "g");
  expect(shown(await v.readMessage())).toBe("for another 1");
});

it("has at most 64 messages out with one member, and goes on as they are answered for", async () => {
  await using a = await agent(broker().url);
  await mailbox(a, "flood");
  for (let i = 0; i < 70; i += 1) a.send("MSG.SEND.flood", `${i}`);
  await a.flush();
  await using w = await worker("flood", "g");
  const got: RawMessage[] = [];
  while (got.length < 64) got.push(await w.readMessage());
  expect(await w.flush()).toEqual([]);
  for (const message of got.slice(0, 2)) w.publish(message.reply, "");
  // one of them is acknowledged as pulling workers do, on another connection
  await a.ask("MSG.ACK.flood", { group_name: "g", msg_id: 2, ack_mode: "one" });
  const more = [await w.readMessage(), await w.readMessage(), await w.readMessage()];
  expect(more.map(text)).toEqual(["64", "65", "66"]);
  expect(await w.flush()).toEqual([]);
});

it("may be subscribed to before its mailbox is made", async () => {
  await using a = await agent(broker().url);
  await using w = await worker("early", "g");
  await w.flush();
  await mailbox(a, "early", "hello");
  const hello = await w.readMessage();
  expect(shown(hello)).toBe("hello 1");
  w.publish(hello.reply, "");
  await w.flush();
  // and lives on when the mailbox begins anew
  await a.ask("MAILBOX.DROP.early", "");
  await mailbox(a, "early", "again");
  expect(text(await w.readMessage())).toBe("again");
});

it("waits for a member that reads slowly, and loses nothing by it", async () => {
  await using a = await agent(broker().url);
  await mailbox(a, "slow");
  const large = Buffer.alloc(400_000, "x");
  for (let i = 0; i < 40; i += 1) {
    large.write(String(i).padStart(2, "0"));
    a.nc.publish("$mq9.AI.MSG.SEND.slow", Uint8Array.from(large));
  }
  await a.flush();
  await using w = await worker("slow", "g");
  // Others are served while its output is full.
  expect(await a.ask("MSG.RECEIPT.slow.39", "")).toMatchObject({ state: "stored" });
  const got: string[] = [];
  while (got.length < 40) {
    const message = await w.readMessage();
    got.push(message.payload.subarray(0, 2).toString());
    w.publish(message.reply, "");
  }
  expect(got).toEqual(Array.from({ length: 40 }, (_, i) => String(i).padStart(2, "0")));
  expect(await w.flush()).toEqual([]);
  expect(await a.ask("MAILBOX.INFO.slow", "")).toMatchObject({
    groups: [{ leased: 0, unsettled: 0 }],
  });
});

it("follows the directory in a group, from before there is anything in it", async () => {
  await using a = await agent(broker().url);
  await using w = await worker("$SYSTEM.PUBLIC", "g");
  expect(await w.flush()).toEqual([]);
  await a.ask("MAILBOX.CREATE", { ttl: 60, public: true, name: "listed" });
  expect(JSON.parse(text(await w.readMessage()))).toMatchObject({ mail_address: "listed" });
});
