// Subscriptions that follow a pattern of names: how many one connection may have.
import { connectRaw } from "@mq9/testkit";
import { it } from "vitest";
import { useBroker } from "../support/use-broker.ts";

const broker = useBroker();

it("64 of one connection may follow a pattern; another takes the place of one that ended", async () => {
  await using client = await connectRaw(broker().port);
  for (let sid = 1; sid <= 64; sid += 1) {
    client.send(`SUB $mq9.AI.INBOX.m-status${sid}-*.normal ${sid}`);
  }
  await client.flush();
  const another = "SUB $mq9.AI.INBOX.m-status-*.normal 65";
  client.send(another);
  await client.expect(/^-ERR 'Permissions Violation for Subscription to/);
  client.send("UNSUB 1");
  client.send(another);
  await client.flush();
});
