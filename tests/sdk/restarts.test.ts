// The broker dies and comes back under a client that goes on: what was accepted is there, what was not is
// sent again, and iterations go on where they were.
import { connect, type Message } from "@mq9/sdk";
import { startBroker } from "@mq9/testkit";
import { describe, expect, it } from "vitest";

describe.each(["kill", "stop"] as const)("a broker that goes by %s", (how) => {
  it("comes back with everything that was sent through it, once", async () => {
    await using broker = await startBroker();
    await using mq9 = await connect({ url: broker.url, timeoutMs: 60_000 });
    const box = await mq9.createMailbox({ name: "reviews" });
    const seen: string[] = [];
    const total = 300;
    const reading = (async () => {
      for await (const message of box) {
        seen.push(message.text());
        if (seen.length === total) return;
      }
    })();
    let numbers: number[] = [];
    const sending = (async () => {
      for (let sent = 0; sent < total; sent += 10) {
        const batch = Array.from({ length: 10 }, (_, i) => box.send(`m${sent + i}`));
        numbers = numbers.concat((await Promise.all(batch)).map(({ msgId }) => msgId));
        if (sent === 100) {
          await (how === "kill" ? broker.kill() : broker.stop());
          void broker.restart();
        }
      }
    })();
    await Promise.all([sending, reading]);
    expect(new Set(numbers).size).toBe(total);
    expect(new Set(seen).size).toBe(total);
    expect(seen).toHaveLength(total);
    const stored: Message[] = [];
    for await (const message of box.list()) stored.push(message);
    expect(stored.map(({ msgId }) => msgId).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: total }, (_, i) => i),
    );
  }, 60_000);
});

it("a broker that is away when a client begins is waited for by nobody, and said clearly", async () => {
  const broker = await startBroker();
  await broker[Symbol.asyncDispose]();
  await expect(connect(broker.url)).rejects.toMatchObject({
    code: "unreachable",
    message: `no broker at ${broker.url}: nobody listens there. Is it running? Start it with: mq9 serve`,
  });
});

it("tells what happens to the connection, and ends when it is closed", async () => {
  await using broker = await startBroker();
  const mq9 = await connect(broker.url);
  const told: string[] = [];
  const telling = (async () => {
    for await (const event of mq9.status()) {
      told.push(event.type);
      if (event.type === "reconnected") await mq9.close();
    }
  })();
  await broker.kill();
  await broker.restart();
  await telling;
  expect(told.filter((type) => type !== "reconnecting")).toEqual([
    "disconnected",
    "reconnected",
    "closed",
  ]);
  await expect(mq9.closed).resolves.toBeUndefined();
  await expect(mq9.mailbox("x").send("y")).rejects.toMatchObject({ code: "closed" });
}, 30_000);
