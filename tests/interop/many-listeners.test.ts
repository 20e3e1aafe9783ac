// Many listeners on one subject, and a client that asks faster than it is answered.
import { connectRaw } from "@mq9/testkit";
import { expect, it } from "vitest";
import { useBroker } from "../support/use-broker.ts";

const broker = useBroker();

it("lets a thousand agents listen to one broadcast", async () => {
  await using client = await connectRaw(broker().port, { headers: true });
  for (let sid = 1; sid <= 1_000; sid += 1) {
    client.send(`SUB $mq9.AI.BROADCAST.system.capability ${sid}`);
  }
  await client.flush();
  client.publish("$mq9.AI.BROADCAST.system.capability", "here");
  expect(await client.flush()).toHaveLength(1_000);
});

it("lets every agent follow the directory", async () => {
  await using client = await connectRaw(broker().port, { headers: true });
  for (let sid = 1; sid <= 600; sid += 1) client.send(`SUB $mq9.AI.PUBLIC.LIST ${sid}`);
  await client.flush();
  client.publish("$mq9.AI.MAILBOX.CREATE", '{"ttl":60,"public":true,"name":"listed"}');
  const seen = new Set<string>();
  while (seen.size < 600) seen.add((await client.readMessage()).sid);
});

it("refuses a reader too many and keeps the connection", async () => {
  await using client = await connectRaw(broker().port, { headers: true });
  for (let sid = 1; sid <= 256; sid += 1) client.send(`SUB $mq9.AI.MAILBOX.MSG.crowd ${sid}`);
  await client.flush();
  client.send("SUB $mq9.AI.MAILBOX.MSG.crowd 257");
  await client.expect(
    /^-ERR 'Permissions Violation for Subscription to "\$mq9\.AI\.MAILBOX\.MSG\.crowd"'/,
  );
  await client.flush();
});

it("answers every one of many requests sent at once", async () => {
  await using client = await connectRaw(broker().port, { headers: true });
  client.send("SUB _INBOX.many.* 1");
  const asked = 2_000;
  for (let i = 0; i < asked; i += 1) {
    client.publish("$mq9.AI.MAILBOX.CREATE", '{"ttl":60}', `_INBOX.many.${i}`);
  }
  const replies = await client.flush();
  expect(new Set(replies.map(({ subject }) => subject)).size).toBe(asked);
});
