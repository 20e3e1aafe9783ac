// How headers of a publish decide what becomes of a message, whichever generation's subject it goes to.

import { connectRaw } from "@mq9/testkit";
import { headers as newHeaders } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { type Agent, agent, type Reply } from "../support/mail.ts";
import { useBroker } from "../support/use-broker.ts";
import { fetchFrom, payloads, queryOf, sendTo } from "./talk.ts";

const broker = useBroker();

async function requestWith(
  a: Agent,
  subject: string,
  fields: Readonly<Record<string, string>>,
): Promise<Reply> {
  const headers = newHeaders();
  for (const [name, value] of Object.entries(fields)) headers.append(name, value);
  const reply = await a.nc.request(`$mq9.AI.${subject}`, "x", { timeout: 10_000, headers });
  return reply.json<Reply>();
}

const subjects = [
  "MSG.SEND.all",
  "MAILBOX.MSG.all",
  "MAILBOX.MSG.all.urgent",
  "INBOX.all.normal",
  "MAILBOX.all.low",
];

describe.each(subjects)("a publish to %s", (subject) => {
  it("keeps a key, and the newest message of it", async () => {
    await using a = await agent(broker().url);
    await a.ask("MAILBOX.CREATE", { name: "all", idempotent: true });
    await a.ask("MSG.PURGE.all", {});
    await requestWith(a, subject, { "mq9-key": "k", "mq9-tags": "t" });
    await requestWith(a, subject, { "MQ9-Key": "k", "mq9-tags": "t" });
    const rows = await queryOf(a, "all", { tags: ["t"] });
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ key: "k", tags: ["t"] });
  });

  it("is stored once under one id", async () => {
    await using a = await agent(broker().url);
    await a.ask("MAILBOX.CREATE", { name: "all", idempotent: true });
    const id = { "mq9-dedup-id": `id ${subject}` };
    const first = await requestWith(a, subject, id);
    expect(first).not.toHaveProperty("duplicate");
    expect(await requestWith(a, subject, id)).toEqual({ ...first, duplicate: true });
    expect(await requestWith(a, subject, { "Nats-Msg-Id": `id ${subject}` })).toMatchObject({
      code: 409,
    });
  });

  it("is refused for a time that makes no sense", async () => {
    await using a = await agent(broker().url);
    await a.ask("MAILBOX.CREATE", { name: "all", idempotent: true });
    for (const ttl of ["0", "-1", "1.5", "x"]) {
      expect(await requestWith(a, subject, { "mq9-ttl": ttl })).toMatchObject({
        error: "invalid mq9-ttl: it must be a whole number of seconds from 1 to 31536000",
        code: 400,
      });
    }
    expect(await requestWith(a, subject, { "mq9-delay": "60", "mq9-ttl": "60" })).toMatchObject({
      code: 400,
    });
  });
});

it("takes the priority of the subject before that of a header", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "words" });
  const critical = { "mq9-priority": "critical" };
  await requestWith(a, "MAILBOX.MSG.words.urgent", critical);
  await requestWith(a, "MAILBOX.MSG.words", critical);
  await requestWith(a, "INBOX.words.normal", critical);
  await requestWith(a, "MSG.SEND.words", critical);
  await requestWith(a, "MSG.SEND.words.urgent", critical);
  await requestWith(a, "MSG.SEND.words", { "mq9-priority": "soon" });
  expect((await queryOf(a, "words")).map((row) => row.priority)).toEqual([
    "urgent",
    "critical",
    "normal",
    "critical",
    "urgent",
    "normal",
  ]);
});

it("finds the mailbox whose name ends like a priority", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "order.urgent" });
  await requestWith(a, "MSG.SEND.order.urgent", { "mq9-priority": "critical" });
  await a.ask("MSG.SEND.order.urgent", "y");
  expect((await queryOf(a, "order.urgent")).map((row) => row.priority)).toEqual([
    "critical",
    "normal",
  ]);
});

it("delays a message, lists it, and takes it back", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "later" });
  const reply = await sendTo(a, "later", "soon", { "mq9-delay": "1", "mq9-priority": "urgent" });
  expect(reply).toMatchObject({
    error: "",
    msg_id: -1,
    scheduled_id: expect.any(Number) as unknown,
  });
  const never = await sendTo(a, "later", "never", { "mq9-delay": "3600" });
  expect(await queryOf(a, "later")).toEqual([]);
  expect(await a.ask("MSG.SCHEDULED.later", "")).toMatchObject({
    error: "",
    scheduled: [
      { scheduled_id: reply["scheduled_id"], payload: "soon", msg_id: -1, priority: "urgent" },
      { payload: "never" },
    ],
  });
  const cancel = `MSG.CANCEL.later.${String(never["scheduled_id"])}`;
  expect(await a.ask(cancel, "")).toEqual({ error: "", canceled: true });
  expect(await a.ask(cancel, "")).toMatchObject({ error: "message not found", canceled: false });
  const rows = await fetchFrom(a, "later", { deliver: "earliest", config: { max_wait_ms: 9000 } });
  expect(rows).toMatchObject([{ msg_id: 0, payload: "soon", priority: "urgent" }]);
  expect(await a.ask("MSG.SCHEDULED.later", "")).toMatchObject({ scheduled: [] });
});

it("lets a message end before its mailbox does", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "short" });
  await sendTo(a, "short", "x", { "mq9-ttl": "1" });
  const [row] = await queryOf(a, "short");
  expect(row).toMatchObject({ expires_at: expect.any(Number) as unknown });
  await expect.poll(() => queryOf(a, "short"), { timeout: 10_000 }).toEqual([]);
});

it("passes on the headers of other layers, and no sender's word in the broker's name", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "forged" });
  await sendTo(a, "forged", "x", {
    "mq9-from": "somebody",
    "MQ9-Msg-Id": "99",
    "mq9-reply-to": "m-1",
    "mq9-a2a-method": "SendMessage",
  });
  const [row] = await queryOf(a, "forged");
  // Whoever sends the number of a message along passes that message on.
  const kept = { "mq9-reply-to": "m-1", "mq9-a2a-method": "SendMessage", "mq9-hops": "2" };
  expect(row?.headers).toEqual(kept);
  const lines = Object.entries(kept).map(([name, value]) => `${name}: ${value}\r\n`);
  expect(Buffer.from(row?.["header"] as number[]).toString()).toBe(
    `NATS/1.0\r\n${lines.join("")}\r\n`,
  );
  const mails = await a.read("MAILBOX.MSG.forged.*");
  const mail = await mails.next();
  expect(mail.header("mq9-from")).toBeUndefined();
  expect(mail.header("mq9-msg-id")).toBe("0");
});

it("refuses a publish without a reply as servers refuse publishes", async () => {
  await using raw = await connectRaw(broker().port, { headers: true });
  const block = "NATS/1.0\r\nmq9-ttl: 0\r\n\r\n";
  raw.send(`HPUB $mq9.AI.MSG.SEND.x ${block.length} ${block.length + 1}`, `${block}x`, "PING");
  await raw.expect(`-ERR 'Permissions Violation for Publish to "$mq9.AI.MSG.SEND.x"'`, "PONG");
});

it("fetches what was sent before on the same connection, answered or not", async () => {
  await using a = await agent(broker().url);
  await a.ask("MAILBOX.CREATE", { name: "order" });
  for (let i = 0; i < 50; i += 1) a.send("MSG.SEND.order", `${i}`);
  const rows = await fetchFrom(a, "order", {
    deliver: "earliest",
    config: { num_msgs: 100, max_wait_ms: 0 },
  });
  expect(payloads(rows)).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`));
});
