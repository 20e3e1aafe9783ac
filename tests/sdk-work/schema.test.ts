// Typed mailboxes: what schemas of zod and valibot, quick and slow ones, let through on both sides, and what
// the compiler knows of it.
import {
  type Consumer,
  connect,
  InvalidDataError,
  type Mailbox,
  type Message,
  type Mq9,
  RemoteError,
} from "@mq9/sdk";
import * as v from "valibot";
import {
  afterAll,
  beforeAll,
  describe,
  expect,
  expectTypeOf,
  onTestFinished,
  test,
  vi,
} from "vitest";
import { z } from "zod";
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

async function client(): Promise<Mq9> {
  const mq9 = await connect(`nats://127.0.0.1:${server.address.port}`);
  onTestFinished(() => mq9.drain());
  return mq9;
}

function freshName(): string {
  count += 1;
  return `typed-${count}`;
}

interface Order {
  item: string;
  count: number;
}

const zodOrder = z.object({ item: z.string(), count: z.number().int() });
const valibotOrder = v.object({ item: v.string(), count: v.pipe(v.number(), v.integer()) });

test("a handler that sends what fits no schema is called again; what itself came and fits none is not", async () => {
  const mq9 = await client();
  const orders = await mq9.createMailbox({ name: freshName(), schema: zodOrder });
  const plain = await mq9.createMailbox({ name: freshName() });
  await plain.send("no order");
  await plain.send("{", { headers: { "content-type": "application/json" } });
  const counts = new Map<number, number>();
  const consumer = plain.consume(
    async (message) => {
      counts.set(message.msgId, (counts.get(message.msgId) ?? 0) + 1);
      if (message.msgId === 1) message.json();
      else if (counts.get(0) === 1) await orders.send("no order" as unknown as Order);
    },
    { onError: () => {}, retries: { max: 3, backoffMs: 0 } },
  );
  await eventually(() => counts.get(0) === 2 && counts.get(1) === 1);
  await consumer.stop();
  const dead = await plain.deadLetters.list();
  expect(dead.map(({ dead: letter }) => [letter?.msgId, letter?.reason])).toEqual([
    [1, expect.stringMatching(/^is no JSON/)],
  ]);
});

describe.each([
  ["zod", zodOrder],
  ["valibot", valibotOrder],
] as const)("a schema of %s", (_library, schema) => {
  test("checks what is sent, and says what is wrong with it", async () => {
    const mq9 = await client();
    const box: Mailbox<Order> = await mq9.createMailbox<Order>({ name: freshName(), schema });
    await box.send({ item: "pen", count: 2 });
    const wrong = await box.send({ item: "pen", count: 1.5 }).catch((error: unknown) => error);
    expect(wrong).toBeInstanceOf(InvalidDataError);
    expect(wrong).toMatchObject({ code: "invalid_data", issues: [{ path: "count" }] });
    expect((wrong as Error).message).toMatch(
      /^data for typed-\d+ does not fit its schema: count: /,
    );
    expect((await box.info()).messages).toBe(1);
  });

  test("checks what is received: value is typed, and what does not fit goes to the dead letters", async () => {
    const mq9 = await client();
    const name = freshName();
    await mq9.createMailbox({ name });
    await mq9.send(name, { item: 7 });
    await mq9.send(name, "no JSON");
    await mq9.send(name, { item: "pen", count: 2 });
    const box = mq9.mailbox<Order>(name, { schema });
    const [first] = await box.fetch({ waitMs: 0 });
    expect(() => first?.value).toThrow(InvalidDataError);
    const seen: Order[] = [];
    const printed = vi.spyOn(console, "error").mockImplementation(() => {});
    const consumer = box.consume((message) => void seen.push(message.value));
    await eventually(() => consumer.stats.rejected === 2 && seen.length === 1);
    await consumer.stop();
    expect(printed.mock.calls).toHaveLength(2);
    const line = /^mq9: message \d of \S+ does not fit its schema: /;
    for (const call of printed.mock.calls) expect(call).toEqual([expect.stringMatching(line)]);
    printed.mockRestore();
    expect(seen).toEqual([{ item: "pen", count: 2 }]);
    const reasons = (await box.deadLetters.list()).map((each) => each.dead?.reason);
    expect(reasons).toHaveLength(2);
    for (const reason of reasons) expect(reason).toMatch(/does not fit its schema/);
  });
});

test("a schema that takes its time is waited for", async () => {
  const mq9 = await client();
  const schema = z.string().refine(async (text) => text !== "bad");
  const box = await mq9.createMailbox<string>({ name: freshName(), schema });
  await expect(box.send("bad")).rejects.toMatchObject({ code: "invalid_data" });
  await box.send("good");
  await mq9.send(box.name, "bad");
  const seen: string[] = [];
  const consumer = box.consume((message) => void seen.push(message.value), { onError: () => {} });
  await eventually(() => consumer.stats.handled === 2);
  await consumer.stop();
  expect(seen).toEqual(["good"]);
  const [direct] = await box.fetch({ waitMs: 0 });
  expect(() => direct?.value).toThrow(/takes its time/);
});

test("questions and answers are checked on both sides", async () => {
  const mq9 = await client();
  const name = freshName();
  const schema = z.object({ n: z.number() });
  const box = await mq9.createMailbox<{ n: number }>({ name, schema });
  box.reply((message) => (message.value.n > 2 ? "odd" : message.value.n + 1), {
    answerSchema: z.number(),
    onError: () => {},
  });
  const answer = await box.request({ n: 1 }, { schema: z.number() });
  expect(answer.value).toBe(2);
  const refused = await mq9.request(name, { n: "x" }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(RemoteError);
  expect(refused).toMatchObject({ remoteCode: "invalid_data" });
  await expect(mq9.request(name, { n: 3 })).rejects.toMatchObject({ remoteCode: "invalid_data" });
  await expect(box.request({ n: 1 }, { schema: z.string() })).rejects.toThrow(InvalidDataError);
});

test("the compiler knows what a mailbox holds", () => {
  const typed = (mq9: Mq9): void => {
    const box = mq9.mailbox("orders", { schema: zodOrder });
    expectTypeOf(box).toEqualTypeOf<Mailbox<Order>>();
    expectTypeOf(mq9.mailbox("orders", { schema: valibotOrder })).toEqualTypeOf<Mailbox<Order>>();
    expectTypeOf<Parameters<typeof box.send>[0]>().toEqualTypeOf<Order>();
    // @ts-expect-error -- no order
    void box.send({ item: "pen" });
    expectTypeOf(box.fetch()).resolves.toEqualTypeOf<Message<Order>[]>();
    const consumer = box.consume((message) => {
      expectTypeOf(message.value).toEqualTypeOf<Order>();
    });
    expectTypeOf(consumer).toEqualTypeOf<Consumer>();
    box.reply((message) => {
      expectTypeOf(message.value.count).toBeNumber();
    });
    const asked = box.request({ item: "pen", count: 1 }, { schema: z.object({ at: z.number() }) });
    expectTypeOf(asked).resolves.toEqualTypeOf<Message<{ at: number }>>();
    mq9.mailbox("any").consume((message) => {
      expectTypeOf(message).toEqualTypeOf<Message>();
    });
  };
  expect(typed).toBeTypeOf("function");
});
