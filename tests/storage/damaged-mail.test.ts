// One damaged record in the store of a whole broker: it is never served, its mailbox and its readers
// go on without it, the log names it, and nobody else notices.
import path from "node:path";
import { connectRaw, type RawClient, startBroker, tempDir } from "@mq9/testkit";
import { ClassicLevel } from "classic-level";
import { expect, it } from "vitest";

type Reply = Record<string, unknown>;

async function ask(client: RawClient, subject: string, body = "{}"): Promise<Reply> {
  client.publish(subject, body, "_INBOX.t.1");
  const { payload } = await client.readMessage();
  return JSON.parse(payload.toString());
}

async function connect(port: number): Promise<RawClient> {
  const client = await connectRaw(port, { headers: true, no_responders: true });
  client.send("SUB _INBOX.t.* 1");
  await client.flush();
  return client;
}

/** Flips a bit of every record in whose key or value this text stands, and lets LevelDB seal it as if it were right. */
async function damageRecordsWith(dataDir: string, text: string): Promise<number> {
  const level = new ClassicLevel<Buffer, Buffer>(path.join(dataDir, "store"), {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
  });
  let damaged = 0;
  for await (const [key, value] of level.iterator()) {
    if (!key.includes(text) && !value.includes(text)) continue;
    const at = Math.max(1, value.indexOf(text));
    value[at] = (value[at] as number) ^ 1;
    await level.put(key, value);
    damaged += 1;
  }
  await level.close();
  return damaged;
}

it("a damaged message is left out for every reader, and named in the log; the rest is served", async () => {
  await using folder = await tempDir("damaged-mail");
  const dataDir = path.join(folder.path, "data");
  {
    await using broker = await startBroker({ dataDir });
    await using client = await connect(broker.port);
    for (const name of ["box", "other"]) {
      await ask(client, "$mq9.AI.MAILBOX.CREATE", `{"ttl":600,"public":true,"name":"${name}"}`);
      for (const body of ["one", "two", "three", "four"]) {
        expect(await ask(client, `$mq9.AI.MAILBOX.MSG.${name}`, `${name}-${body}`)).toHaveProperty(
          "msg_id",
        );
      }
    }
    await broker.stop();
  }
  expect(await damageRecordsWith(dataDir, "box-two")).toBe(1);

  await using broker = await startBroker({ dataDir });
  await using client = await connect(broker.port);
  const bodies = async (name: string) => {
    const { messages } = await ask(client, `$mq9.AI.MAILBOX.LIST.${name}`, '{"payload":true}');
    return (messages as { payload: string }[]).map(({ payload }) => payload);
  };
  const left = ["box-one", "box-three", "box-four"];
  expect(await bodies("box")).toEqual(left);
  expect(await bodies("other")).toHaveLength(4);

  for (const subscription of [
    "SUB $mq9.AI.MAILBOX.MSG.box.* 7",
    "SUB $mq9.AI.MAILBOX.MSG.box.* g 8",
  ]) {
    await using reader = await connectRaw(broker.port, { headers: true });
    reader.send(subscription);
    const got: string[] = [];
    while (got.length < left.length) got.push((await reader.readMessage()).payload.toString());
    expect(got).toEqual(left);
    expect(await ask(client, "$mq9.AI.MAILBOX.MSG.box", subscription)).toHaveProperty("msg_id");
    expect((await reader.readMessage()).payload.toString()).toBe(subscription);
    left.push(subscription);
  }

  // Asked for by its number it is refused, with words that say why.
  const removed = await ask(client, "$mq9.AI.MAILBOX.DELETE.box.1");
  expect(removed).toMatchObject({ reason: "storage_failed" });
  expect(JSON.stringify(removed)).toContain("damaged");
  expect(broker.logs).toMatch(/message 1 of mailbox number \d+ is damaged[^\n]*box/);
  expect(broker.process.exitCode).toBeNull();
});

it("a mailbox whose group position is damaged is closed with a reason, and the others go on", async () => {
  await using folder = await tempDir("damaged-mail");
  const dataDir = path.join(folder.path, "data");
  {
    await using broker = await startBroker({ dataDir });
    await using client = await connect(broker.port);
    for (const name of ["box", "other"]) {
      await ask(client, "$mq9.AI.MAILBOX.CREATE", `{"ttl":600,"public":true,"name":"${name}"}`);
      await ask(client, `$mq9.AI.MAILBOX.MSG.${name}`, "mail");
    }
    await using worker = await connectRaw(broker.port, { headers: true });
    worker.send("SUB $mq9.AI.MAILBOX.MSG.box.* q-of-workers 8");
    expect((await worker.readMessage()).payload.toString()).toBe("mail");
    await broker.stop();
  }
  expect(await damageRecordsWith(dataDir, "q:q-of-workers")).toBe(1);

  await using broker = await startBroker({ dataDir });
  await using client = await connect(broker.port);
  // Where the group stood nobody knows: to go on would repeat or skip mail.
  for (const command of ["LIST.box", "MSG.box", "DELETE.box.0"]) {
    const refused = await ask(client, `$mq9.AI.MAILBOX.${command}`);
    expect(refused).toMatchObject({ reason: "storage_failed" });
    expect(JSON.stringify(refused)).toContain("damaged");
  }
  expect(broker.logs).toMatch(/q-of-workers[^\n]*damaged[^\n]*box/);
  expect(await ask(client, "$mq9.AI.MAILBOX.MSG.other", "more")).toHaveProperty("msg_id");
  const { messages } = await ask(client, "$mq9.AI.MAILBOX.LIST.other");
  expect(messages).toHaveLength(2);
});
