// The whole broker on a disk that fails: what its clients are told, how it ends or goes on, and what
// is there afterwards. The calls are made to fail by the shim of ./images, beneath the real store.
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { connectRaw, type RawClient, startBroker, tempDir } from "@mq9/testkit";
import { describe, expect, it } from "vitest";
import { buildShim, shimProblem } from "./images/src/shim.ts";

const problem = shimProblem();
const exitDisk = 74;

type Reply = Record<string, unknown>;

async function connect(port: number): Promise<RawClient> {
  const client = await connectRaw(port, { headers: true, no_responders: true });
  client.send("SUB _INBOX.t.* 1");
  await client.flush();
  return client;
}

async function ask(client: RawClient, subject: string, body: string): Promise<Reply> {
  client.publish(subject, body, "_INBOX.t.1");
  const { payload } = await client.readMessage();
  return JSON.parse(payload.toString());
}

const send = (client: RawClient, body: string): Promise<Reply> =>
  ask(client, "$mq9.AI.MAILBOX.MSG.box", body);

/** A broker whose k-th call fails, counted from when `arm` is called. */
async function brokerWith(fault: string) {
  const folder = await tempDir("disk-errors");
  const dataDir = path.join(folder.path, "data");
  const armed = path.join(folder.path, "armed");
  const env = {
    LD_PRELOAD: buildShim(),
    MQ9_SHIM_ROOT: dataDir,
    MQ9_SHIM_FAULT: fault,
    MQ9_SHIM_ARM: armed,
  };
  const broker = await startBroker({ dataDir, env });
  const client = await connect(broker.port);
  await ask(client, "$mq9.AI.MAILBOX.CREATE", '{"ttl":600,"public":true,"name":"box"}');
  return { folder, dataDir, broker, client, arm: () => writeFile(armed, "") };
}

/** What a broker on a healthy disk finds. */
async function bodiesIn(dataDir: string): Promise<string[]> {
  await using broker = await startBroker({ dataDir });
  await using client = await connect(broker.port);
  const listed = await ask(client, "$mq9.AI.MAILBOX.LIST.box", '{"payload":true}');
  return (listed["messages"] as { payload: string }[]).map(({ payload }) => payload);
}

/** Sends until one is not accepted. */
async function sendUntilRefused(
  client: RawClient,
  most: number,
): Promise<{ accepted: string[]; refused: { body: string; reply: Reply } }> {
  const accepted: string[] = [];
  for (let at = 0; at < most; at += 1) {
    const body = `message ${at} ${"x".repeat(at * 37)}`;
    const reply = await send(client, body);
    if (reply["msg_id"] === undefined) return { accepted, refused: { body, reply } };
    accepted.push(body);
  }
  throw new Error(`none of ${most} messages was refused`);
}

describe.skipIf(problem !== undefined)(`a disk error (${problem ?? "made to happen"})`, () => {
  it.each([["sync 1 EIO once"], ["sync 4 EIO on"], ["write 3 EIO once"]])(
    "%s ends the broker with code 74, and nothing accepted is missing",
    async (fault) => {
      const t = await brokerWith(fault);
      await using _ = t.folder;
      await t.arm();
      const { accepted, refused } = await sendUntilRefused(t.client, 50);
      // What was written and not synced may surface after a restart: nobody can say that it was refused.
      expect(refused.reply).toMatchObject({ code: 500, reason: "unknown" });
      await expect.poll(() => t.broker.process.exitCode, { timeout: 5000 }).toBe(exitDisk);
      await t.client.close();

      const found = await bodiesIn(t.dataDir);
      expect([accepted, [...accepted, refused.body]]).toContainEqual(found);
    },
    60_000,
  );

  it.each([["write 1 ENOSPC once"], ["write 4 ENOSPC short"], ["write 2 EDQUOT once"]])(
    "%s is survived: the store is verified, sends go on, and a kill loses nothing",
    async (fault) => {
      const t = await brokerWith(fault);
      await using _ = t.folder;
      await t.arm();
      const { accepted, refused } = await sendUntilRefused(t.client, 50);
      expect(refused.reply).toMatchObject({ reason: "unknown" });
      // `short` and `on` fail for ever: room comes back with another life of the broker only.
      const heals = fault.endsWith("once");
      const later: string[] = [];
      if (heals) {
        await expect
          .poll(async () => (await send(t.client, "back"))["msg_id"], { timeout: 5000 })
          .toBeTypeOf("number");
        later.push("back");
        for (let at = 0; at < 100; at += 1) {
          const body = `later ${at}`;
          expect(await send(t.client, body)).toHaveProperty("msg_id");
          later.push(body);
        }
        expect(t.broker.process.exitCode).toBeNull();
      }
      await t.broker.kill();
      await t.client.close();

      const found = await bodiesIn(t.dataDir);
      const whole = [...accepted, ...later];
      const withUnknown = [...accepted, refused.body, ...later];
      expect([whole, withUnknown]).toContainEqual(found);
      expect(readFileSync(path.join(t.dataDir, "FORMAT"), "utf8")).toContain('"engine":"leveldb"');
    },
    60_000,
  );
});
