// consume() and work() against real brokers: what handlers make of messages, and what becomes of both when
// the broker dies or the network is cut.
import { connect, type Mailbox, type Message, type Mq9, Mq9Error, Reject } from "@mq9/sdk";
import { startBroker } from "@mq9/testkit";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type BrokerInProcess, brokerInProcess } from "../support/in-process.ts";
import { eventually } from "./eventually.ts";

let server: BrokerInProcess;
let count = 0;

beforeAll(async () => {
  server = await brokerInProcess();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function client(url = `nats://127.0.0.1:${server.address.port}`): Promise<Mq9> {
  const mq9 = await connect(url);
  onTestFinished(() => mq9.close());
  return mq9;
}

async function mailboxWith(mq9: Mq9, ...texts: string[]): Promise<Mailbox> {
  count += 1;
  const box = await mq9.createMailbox({ name: `work-${count}` });
  for (const text of texts) await box.send(text);
  return box;
}

const numbers = (many: number): string[] => Array.from({ length: many }, (_, n) => String(n));
const quiet = { onError: () => {} };

/** A promise and what resolves it. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

test("two consumers of one connection never handle one message at a time, though it is cut", async () => {
  const mq9 = await client();
  const box = await mailboxWith(mq9, ...numbers(200));
  const seen: string[] = [];
  const handler = async (message: Message): Promise<void> => {
    seen.push(message.text());
    await new Promise((resolve) => setTimeout(resolve, 30));
  };
  const consumers = [1, 2].map(() => box.consume(handler, { ...quiet, concurrency: 10 }));
  const acked = (): number => consumers.reduce((sum, { stats }) => sum + stats.acked, 0);
  for (const reached of [20, 60, 100, 140]) {
    await eventually(() => acked() >= reached);
    await mq9.connection.reconnect();
  }
  await eventually(() => acked() >= 200);
  await Promise.all(consumers.map(async (consumer) => await consumer.stop()));
  expect(seen.toSorted()).toEqual(numbers(200).toSorted());
});

describe("a handler", () => {
  test("that returns acknowledges its message", async () => {
    const mq9 = await client();
    const box = await mailboxWith(mq9, ...numbers(300));
    const seen: string[] = [];
    const consumer = box.consume((message) => {
      seen.push(message.text());
    });
    await eventually(() => consumer.stats.acked === 300);
    await consumer.stop();
    expect(seen).toEqual(numbers(300));
    expect(await box.fetch({ group: "default", waitMs: 0 })).toEqual([]);
    expect(consumer.stats).toMatchObject({
      fetched: 300,
      handled: 300,
      unconfirmed: 0,
      waiting: 0,
    });
  });

  test("that throws gets its message again, and the last failure makes a dead letter", async () => {
    const mq9 = await client();
    const box = await mailboxWith(mq9, "bad", "good");
    const seen: string[] = [];
    const errors: string[] = [];
    const consumer = box.consume(
      (message) => {
        seen.push(`${message.text()} ${message.deliveryCount}`);
        if (message.text() === "bad") throw new Error("no way");
      },
      { retries: { max: 2, backoffMs: 1 }, onError: (error) => errors.push(String(error)) },
    );
    await eventually(async () => (await box.deadLetters.list()).length === 1);
    await consumer.stop();
    expect(seen.filter((each) => each.startsWith("bad"))).toEqual(["bad 1", "bad 2", "bad 3"]);
    expect(seen).toContain("good 1");
    expect(errors).toEqual(Array.from({ length: 3 }, () => "Error: no way"));
  });

  test("that rejects gives its message to the dead letters with the reason", async () => {
    const mq9 = await client();
    const box = await mailboxWith(mq9, "a", "b");
    const consumer = box.consume(async (message) => {
      if (message.text() === "a") throw new Reject("nonsense");
      await message.reject("by hand");
    });
    await eventually(() => consumer.stats.rejected === 2);
    await consumer.stop();
    const dead = await box.deadLetters.list();
    expect(new Set(dead.map((each) => each.dead?.reason))).toEqual(
      new Set(["by hand", "nonsense"]),
    );
  });

  test("that settles its message by hand is believed", async () => {
    const mq9 = await client();
    const box = await mailboxWith(mq9, "a");
    const deliveries: number[] = [];
    const consumer = box.consume(async (message) => {
      deliveries.push(message.deliveryCount ?? 0);
      if (deliveries.length === 1) await message.nack({ delayMs: 0 });
    });
    await eventually(() => consumer.stats.acked === 1);
    await consumer.stop();
    expect(deliveries).toEqual([1, 2]);
  });

  test("runs beside so many others as concurrency says, and no more", async () => {
    const mq9 = await client();
    const box = await mailboxWith(mq9, ...numbers(20));
    const { opened, open } = gate();
    let running = 0;
    let most = 0;
    const consumer = box.consume(
      async () => {
        running += 1;
        most = Math.max(most, running);
        await opened;
        running -= 1;
      },
      { concurrency: 5 },
    );
    await eventually(() => running === 5);
    open();
    await eventually(() => consumer.stats.acked === 20);
    await consumer.stop();
    expect(most).toBe(5);
  });

  test("keeps its message for as long as it runs", async () => {
    const mq9 = await client();
    const box = await mailboxWith(mq9, "long");
    const other = await client();
    const { opened, open } = gate();
    const consumer = box.consume(
      async (_message, { signal }) => {
        await opened;
        expect(signal.aborted).toBe(false);
      },
      { leaseMs: 1_000 },
    );
    await eventually(() => consumer.stats.running === 1);
    const [stolen] = await other.mailbox(box.name).fetch({ group: "default", waitMs: 2_500 });
    expect(stolen).toBeUndefined();
    open();
    await consumer.stop();
    expect(consumer.stats).toMatchObject({ acked: 1, leasesLost: 0 });
  });

  test("is told when its lease is lost", async () => {
    const mq9 = await client();
    const box = await mailboxWith(mq9, "contested");
    let reason: unknown;
    const consumer = box.consume(
      async (message, { signal }) => {
        if (message.deliveryCount !== 1) return;
        // Somebody else says that we are done with it.
        await mq9.api.nack({ mailbox: box.name, group: "default", msgId: 0, delayMs: 60_000 });
        await new Promise((resolve) => {
          signal.addEventListener("abort", resolve);
        });
        reason = signal.reason;
      },
      { leaseMs: 1_000, ...quiet },
    );
    await eventually(() => reason !== undefined);
    await consumer.stop();
    expect(reason).toBeInstanceOf(Mq9Error);
    expect(reason).toMatchObject({ code: "not_leased" });
    expect(consumer.stats.leasesLost).toBe(1);
  });
});

describe("stopping", () => {
  test("lets handlers finish and hands the rest back at once, as if never delivered", async () => {
    const mq9 = await client();
    const box = await mailboxWith(mq9, ...numbers(200));
    const { opened, open } = gate();
    let finished = 0;
    let isFast = true;
    const consumer = box.consume(async () => {
      // Fast ones first, so that much is fetched ahead.
      if (!isFast) await opened;
      finished += 1;
      if (finished === 100) isFast = false;
    });
    await eventually(() => finished === 100 && consumer.stats.waiting > 0);
    const stopped = consumer.stop();
    const rest = await (await client())
      .mailbox(box.name)
      .fetch({ group: "default", waitMs: 2_000 });
    expect(rest.length).toBeGreaterThan(0);
    open();
    await stopped;
    expect(finished).toBe(101);
    expect(consumer.stats).toMatchObject({ acked: 101, running: 0, waiting: 0 });
    expect((await box.info()).groups[0]).toMatchObject({ unsettled: 99 });
  });

  test("follows a signal, the closing client, and a mailbox that ends", async () => {
    const mq9 = await client();
    const box = await mailboxWith(mq9, "a");
    const controller = new AbortController();
    const one = box.consume(() => {}, { signal: controller.signal });
    await eventually(() => one.stats.acked === 1);
    controller.abort();
    await one.done;
    const draining = await connect(`nats://127.0.0.1:${server.address.port}`);
    const two = draining.mailbox(box.name).consume(() => {});
    await draining.drain();
    await two.done;
    const three = box.consume(() => {}, quiet);
    await box.drop();
    await expect(three.done).rejects.toMatchObject({
      code: expect.stringMatching(/not_found|expired/),
    });
  });

  test("after a while tells handlers to end", async () => {
    const mq9 = await client();
    const box = await mailboxWith(mq9, "a");
    let reason: unknown;
    const consumer = box.consume(async (_message, { signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      reason = signal.reason;
    });
    await eventually(() => consumer.stats.running === 1);
    await consumer.stop({ graceMs: 10 });
    expect(reason).toMatchObject({ code: "aborted" });
  });
});

describe("work", () => {
  test("is a loop whose messages are settled by hand", async () => {
    const mq9 = await client();
    const box = await mailboxWith(mq9, "a", "b", "c");
    const seen: string[] = [];
    for await (const message of box.work({ group: "g" })) {
      seen.push(`${message.text()} ${message.deliveryCount}`);
      if (message.text() === "a" && message.deliveryCount === 1) {
        await message.nack({ delayMs: 0 });
        continue;
      }
      await message.ack();
      if (seen.length === 4) break;
    }
    expect(new Set(seen)).toEqual(new Set(["a 1", "a 2", "b 1", "c 1"]));
    expect((await box.info()).groups).toMatchObject([{ group: "g", leased: 0, unsettled: 0 }]);
  });
});

describe("when the broker", () => {
  test("is killed and comes back, everything is handled, and nothing twice that was finished here", async () => {
    await using broker = await startBroker();
    const mq9 = await client(broker.url);
    const box = await mq9.createMailbox({ name: "jobs" });
    const sender = await client(broker.url);
    const many = 600;
    for (const text of numbers(many / 2)) await sender.mailbox("jobs").send(text);
    const finished = new Map<string, number>();
    const { opened, open } = gate();
    let signal: AbortSignal | undefined;
    const consumer = box.consume(
      async (message: Message, context) => {
        if (message.text() === "40") {
          signal = context.signal;
          await opened; // over the death of the broker
        } else if (Number(message.text()) % 50 === 0) {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        finished.set(message.text(), (finished.get(message.text()) ?? 0) + 1);
      },
      { concurrency: 4, ...quiet },
    );
    await eventually(() => finished.size >= 60);
    await broker.kill();
    await broker.restart();
    for (const text of numbers(many).slice(many / 2)) await sender.mailbox("jobs").send(text);
    await eventually(() => finished.size === many - 1);
    expect(signal?.aborted).toBe(false); // it was handed to us again, and not handled again
    open();
    await eventually(() => finished.size === many);
    await consumer.stop();
    expect([...finished].filter(([, times]) => times > 1)).toEqual([]);
    expect((await box.info()).groups).toMatchObject([{ unsettled: 0 }]);
  });
});
