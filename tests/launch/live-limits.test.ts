// Limits that change while a broker runs: for whom, and what they must not do to those who are there.
import { type Broker, OptionsError } from "@mq9/broker";
import { connectRaw, type RawClient } from "@mq9/testkit";
import { beforeEach, expect, test } from "vitest";
import { brokerInProcess } from "../support/in-process.ts";

let broker: Broker;
let port: number;
let early: RawClient;

beforeEach(async () => {
  const running = await brokerInProcess({ limits: { maxPayloadBytes: 1_000 } });
  broker = running.broker;
  port = running.address.port;
  early = await connectRaw(port, { protocol: 1 });
  early.send("SUB _INBOX.1 1");
  await early.flush();
  return async () => {
    await early.close();
    await running[Symbol.asyncDispose]();
  };
});

async function ask(client: RawClient, subject: string, body: string): Promise<unknown> {
  client.publish(`$mq9.AI.${subject}`, body, "_INBOX.1");
  return JSON.parse((await client.readMessage()).payload.toString());
}

test("a larger payload is announced, and taken at once", async () => {
  broker.reload({ limits: { maxPayloadBytes: 5_000 } });
  const info = JSON.parse((await early.readLine()).slice("INFO ".length));
  expect(info.max_payload).toBe(5_000);
  await ask(early, "MAILBOX.CREATE", '{"name":"box"}');
  expect(await ask(early, "MSG.SEND.box", "x".repeat(4_000))).toMatchObject({ error: "" });
});

test("a smaller one is for those who come later", async () => {
  broker.reload({ limits: { maxPayloadBytes: 100 } });
  await ask(early, "MAILBOX.CREATE", '{"name":"box"}');
  early.publish("plain", "x".repeat(900));
  expect(await early.flush()).toEqual([]);
  expect(await ask(early, "MSG.SEND.box", "x".repeat(900))).toMatchObject({
    error: expect.stringContaining("larger than 100 bytes"),
  });
  await using later = await connectRaw(port);
  expect(later.info["max_payload"]).toBe(100);
  later.publish("plain", "x".repeat(101));
  await later.expect("-ERR 'Maximum Payload Violation'");
});

test("quotas and defaults of mailboxes hold from then on", async () => {
  await ask(early, "MAILBOX.CREATE", '{"name":"box"}');
  for (const body of ["1", "2", "3"]) await ask(early, "MSG.SEND.box", body);
  broker.reload({ mailbox: { messagesPerMailboxMax: 2, idempotentCreate: true } });
  expect(await ask(early, "MSG.SEND.box", "4")).toMatchObject({
    error: expect.stringContaining("2"),
  });
  const { messages } = (await ask(early, "MSG.QUERY.box", "{}")) as { messages: unknown[] };
  expect(messages).toHaveLength(3);
  expect(await ask(early, "MAILBOX.CREATE", '{"name":"box"}')).toMatchObject({ error: "" });
  broker.reload({ mailbox: { messagesPerMailboxMax: 0 } });
  expect(await ask(early, "MSG.SEND.box", "4")).toMatchObject({ error: "" });
});

test("what contradicts changes nothing", async () => {
  const wrong = { limits: { maxPayloadBytes: 2_000 }, mailbox: { dedupWindowMs: 1 } };
  expect(() => broker.reload(wrong)).toThrow(OptionsError);
  await using later = await connectRaw(port);
  expect(later.info["max_payload"]).toBe(1_000);
  const pending = { limits: { maxPayloadBytes: 60_000_000 } };
  expect(() => broker.reload(pending)).toThrow(/maxPendingBytes/);
});
