import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { expect, it } from "vitest";
import { connectRaw } from "./raw-client.ts";
import { startBroker } from "./start-broker.ts";

it("a broker stops cleanly, comes back on its port after a kill, and leaves nothing behind", async () => {
  const broker = await startBroker();
  const { port, dataDir } = broker;
  const answers = async () => {
    const client = await connectRaw(port);
    expect(client.info["port"]).toBe(port);
    await client.flush();
    await client.close();
  };
  await answers();
  expect(await broker.stop()).toBe(0);
  await expect(connectRaw(port)).rejects.toThrow("ECONNREFUSED");

  await broker.restart();
  await answers();
  await broker.kill();
  expect(broker.process.signalCode).toBe("SIGKILL");
  await broker.restart();
  await answers();
  expect(broker.logs.match(/"msg":"listening"/g)).toHaveLength(3);

  await broker[Symbol.asyncDispose]();
  expect(existsSync(dataDir)).toBe(false);
}, 90_000);

it("a restart waits for the port when somebody else has it for a moment", async () => {
  await using broker = await startBroker();
  await broker.stop();
  const borrower = createServer().listen(broker.port, "127.0.0.1");
  await once(borrower, "listening");
  const { process: before } = broker;
  const restarted = broker.restart();
  // The first attempt has failed once a second one runs.
  const first = await until(() => (broker.process === before ? undefined : broker.process));
  await until(() => (broker.process === first ? undefined : broker.process));
  borrower.close();
  await restarted;
  const client = await connectRaw(broker.port);
  await client.flush();
  await client.close();
  expect(broker.logs).not.toMatch(/in use/);
}, 90_000);

async function until<T>(question: () => T | undefined): Promise<T> {
  for (;;) {
    const answer = question();
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

it("a broker that can not start is reported with its log", async () => {
  await expect(startBroker({ args: ["--no-such-flag"] })).rejects.toThrow(/no-such-flag/);
}, 90_000);
