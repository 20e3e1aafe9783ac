import { existsSync } from "node:fs";
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

it("a broker that can not start is reported with its log", async () => {
  await expect(startBroker({ args: ["--no-such-flag"] })).rejects.toThrow(/no-such-flag/);
});
