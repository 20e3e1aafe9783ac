// Whoever shows no credentials is the user that is for it, also after a reload that names another one.
import type { AuthConfig } from "@mq9/auth";
import { connectRaw } from "@mq9/testkit";
import { expect, it } from "vitest";
import { brokerInProcess } from "../support/in-process.ts";

const users = (noAuthUser: string): AuthConfig => ({
  accounts: [{ name: "A", users: ["ann", "bea"].map((user) => ({ user, password: user })) }],
  noAuthUser,
});

it("the default user owns nothing of who was it before", async () => {
  await using server = await brokerInProcess({ auth: users("ann") });
  await using client = await connectRaw(server.address.port, { headers: true });
  const ask = async (subject: string, body: string): Promise<string> => {
    client.publish(`$mq9.AI.${subject}`, body, "_INBOX.r");
    return (await client.flush()).map(({ payload }) => payload.toString()).join();
  };
  client.send("SUB _INBOX.r 1");
  await ask("MAILBOX.CREATE", '{"name":"of.ann","ttl":60}');
  expect(await ask("MSG.SEND.of.ann", "mail")).toContain('"msg_id":0');
  expect(await ask("MSG.QUERY.of.ann", "{}")).toContain('"from":"ann"');
  server.broker.reload({ auth: users("bea") });
  expect(await ask("MSG.QUERY.of.ann", "{}")).toContain('"code":404');
  await ask("MAILBOX.CREATE", '{"name":"of.bea","ttl":60}');
  await ask("MSG.SEND.of.bea", "mail");
  expect(await ask("MSG.QUERY.of.bea", "{}")).toContain('"from":"bea"');
});
