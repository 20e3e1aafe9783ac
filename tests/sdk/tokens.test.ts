// Rights that are handed out: a token given with a mailbox counts for every call about it, for iterations, and
// after a reconnect.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { connect } from "@mq9/sdk";
import { startBroker, tempDir } from "@mq9/testkit";
import { expect, it } from "vitest";

it("a mailbox with a token can be sent to, fetched from and followed, over reconnects", async () => {
  await using folder = await tempDir("mq9-tokens");
  const config = path.join(folder.path, "mq9.conf");
  const users = '{ user: owner, password: "o" }, { user: guest, password: "g" }';
  await writeFile(config, `authorization { users = [ ${users} ] }\n`);
  await using broker = await startBroker({ args: ["-c", config] });
  const as = (user: string): string => broker.url.replace("//", `//${user}:${user[0]}@`);
  await using owner = await connect(as("owner"));
  await using guest = await connect(as("guest"));
  const box = await owner.createMailbox({ name: "private" });
  await box.send("hello");
  expect((await box.info()).owner).toBe("owner");

  await expect(guest.mailbox("private").fetch()).rejects.toMatchObject({ code: "not_found" });
  const { token, grantId } = await box.grant(["receive", "query"], { ttlSeconds: 600 });
  const mine = guest.mailbox("private", { token });
  const [message] = await mine.fetch({ group: "g" });
  expect(message).toMatchObject({ msgId: 0, from: "owner" });
  await message?.ack();
  await expect(mine.drop()).rejects.toMatchObject({ status: 404 });

  const following = mine[Symbol.asyncIterator]();
  expect((await following.next()).value?.text()).toBe("hello");
  const status = guest.status();
  await guest.connection.reconnect();
  while ((await status.next()).value?.type !== "reconnected");
  await box.send("again");
  expect((await following.next()).value?.text()).toBe("again");
  await following.return?.();

  expect(await box.grants()).toMatchObject([
    { grantId, rights: ["receive", "query"], by: "owner" },
  ]);
  expect(await box.revoke(grantId)).toBe(true);
  await expect(mine.fetch({ waitMs: 0 })).rejects.toMatchObject({ status: 404 });
});
