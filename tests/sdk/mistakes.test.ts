// What programs do wrong: numbers that are none, errors that can not be shown, listeners that fail, signals
// that fired before. None of it may hang, take more than was asked for, or end a process.
import {
  type Consumer,
  connect,
  type Mailbox,
  type Mq9,
  Mq9Error,
  type RequestTimeoutError,
} from "@mq9/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { useBroker } from "../support/use-broker.ts";

const broker = useBroker();
let mq9: Mq9;
let box: Mailbox;
const unhandled: unknown[] = [];
const hear = (error: unknown): void => void unhandled.push(error);

beforeAll(async () => {
  mq9 = await connect(broker().url);
  process.on("unhandledRejection", hear);
});
beforeEach(async () => {
  box = await mq9.createMailbox();
});
afterEach(() => {
  expect(unhandled.splice(0)).toEqual([]);
});
afterAll(async () => {
  process.off("unhandledRejection", hear);
  await mq9.drain();
});

async function settled(consumer: Consumer): Promise<void> {
  await vi.waitFor(() => {
    const { acked, returned, rejected } = consumer.stats;
    expect(acked + returned + rejected).toBeGreaterThan(0);
  }, 5_000);
  await consumer.stop();
}

const wrong = [Number.NaN, Number.POSITIVE_INFINITY, "5" as unknown as number];

describe("a number that is none", () => {
  it.each(wrong)("is refused before anything is sent: %s", async (value) => {
    await box.send("kept");
    const calls: Record<string, () => unknown> = {
      purge: () => box.purge({ beforeId: value }),
      delete: () => box.delete(value),
      receipt: () => box.receipt(value),
      cancel: () => box.cancel(value),
      query: () => box.query({ limit: value }),
      fetch: () => box.fetch({ limit: value, waitMs: 0 }),
      lease: () => box.fetch({ group: "g", leaseMs: value, waitMs: 0 }),
      create: () => mq9.createMailbox({ ttlSeconds: value }),
      concurrency: () => box.consume(() => {}, { concurrency: value }),
      fairEvery: () => box.consume(() => {}, { fairEvery: value }),
      request: () => box.request("when?", { timeoutMs: value }),
      deadline: () => box.request("when?", { deadline: new Date(Number.NaN) }),
    };
    for (const [name, call] of Object.entries(calls)) {
      const error = await Promise.resolve()
        .then(call)
        .catch((reason: unknown) => reason);
      expect(error, name).toBeInstanceOf(Mq9Error);
      expect((error as Mq9Error).code, name).toBe("invalid");
    }
    expect(await box.info()).toMatchObject({ messages: 1 });
  });

  it("names no message of another mailbox", async () => {
    const other = await mq9.createMailbox({ name: `${box.name}.1` });
    for (let count = 0; count < 6; count += 1) await other.send("kept");
    await expect(box.delete(1.5)).rejects.toMatchObject({ code: "invalid" });
    expect(await other.info()).toMatchObject({ messages: 6 });
  });

  it.each([Number.NaN, 0, -1])("is no timeout: %s", async (timeoutMs) => {
    await expect(box.send("x", { timeoutMs })).rejects.toMatchObject({ code: "invalid" });
    await expect(connect({ url: broker().url, timeoutMs })).rejects.toMatchObject({
      code: "invalid",
    });
    expect(await box.info()).toMatchObject({ messages: 0 });
  });

  it("may be a timeout without end", async () => {
    expect(await box.send("x", { timeoutMs: Number.POSITIVE_INFINITY })).toEqual({ msgId: 0 });
  });

  it("is a deadline that is past: nothing is asked", async () => {
    const past = box.request("late", { deadline: new Date(0) });
    await expect(past).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringContaining("its deadline is past"),
    } satisfies Partial<RequestTimeoutError>);
    expect(await box.info()).toMatchObject({ messages: 0 });
  });
});

describe("a handler", () => {
  const unreadable = new Error("unreadable");
  Object.defineProperty(unreadable, "message", {
    get() {
      throw new Error("not even its message");
    },
  });
  it.each([
    ["undefined", undefined],
    ["an object without a prototype", Object.create(null)],
    ["a symbol", Symbol("why")],
    ["an error whose message can not be read", unreadable],
    ["an error whose message is no text", Object.assign(new Error(), { message: { a: 1 } })],
  ])("may throw %s", async (_, thrown) => {
    await box.send("x");
    const consumer = box.consume(
      () => {
        throw thrown;
      },
      { retries: { max: 0 }, onError: () => {} },
    );
    await settled(consumer);
    expect(await box.deadLetters.list()).toHaveLength(1);
  });

  it("is retried as the broker does where its backoff fails", async () => {
    await box.send("x");
    const errors: unknown[] = [];
    const consumer = box.consume(
      (message) => {
        if (message.deliveryCount === 1) throw new Error("once");
      },
      {
        retries: {
          backoffMs: () => {
            throw new Error("no backoff");
          },
        },
        onError: (error) => errors.push((error as Error).message),
      },
    );
    await vi.waitFor(() => expect(consumer.stats.acked).toBe(1), 5_000);
    await consumer.stop();
    expect(errors).toEqual(["once", "no backoff"]);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("deaf");
      },
    ],
    ["rejects", async () => await Promise.reject(new Error("deaf"))],
  ])("goes on though its onError %s", async (_, onError) => {
    const printed = vi.spyOn(console, "error").mockImplementation(() => {});
    await box.send("x");
    const consumer = box.consume(
      () => {
        throw new Error("told nobody");
      },
      // oxlint-disable-next-line typescript/no-misused-promises -- programs do that
      { retries: { max: 0 }, onError },
    );
    await settled(consumer);
    const told = printed.mock.calls.map(([, error]) => (error as Error).message);
    printed.mockRestore();
    expect(told).toEqual(["told nobody", "deaf"]);
  });
});

describe("what else is got wrong", () => {
  it("a signal that fired before: loops end quietly", async () => {
    await box.send("x");
    const signal = AbortSignal.abort();
    const loops = [
      box.messages({ signal }),
      box.messages({ signal, group: "g" }),
      box.messages({ signal, replayOnly: true }),
      box.work({ signal }),
    ];
    for (const loop of loops) for await (const message of loop) expect(message).toBeUndefined();
  });

  it("a report that can not be made ends no process", async () => {
    const registration = await mq9.agents.register(
      { name: "reporter" },
      {
        report: () => {
          throw new Error("nothing to say");
        },
      },
    );
    await registration.unregister();
  });

  it("views of bytes are bytes", async () => {
    await box.send(new Uint16Array([1, 2]));
    await box.send(new DataView(new Uint8Array([7, 8, 9]).buffer, 1));
    const bytes = (await box.fetch()).map(({ data }) => [...data]);
    expect(bytes).toEqual([
      [1, 0, 2, 0],
      [8, 9],
    ]);
  });

  it("a client that is closed says so everywhere", async () => {
    const gone = await connect(broker().url);
    const its = gone.mailbox(box.name);
    await gone.close();
    const closed = { code: "closed" };
    const loops = [
      its.messages(),
      its.messages({ group: "g" }),
      gone.agents.watch(),
      gone.directory(),
    ];
    for (const loop of loops) await expect(loop.next()).rejects.toMatchObject(closed);
    expect(() => gone.onBroadcast("a.b")).toThrow(Mq9Error);
    await expect(its.send("x")).rejects.toMatchObject(closed);
    expect(() => its.consume(() => {})).toThrow(/closed/);
    await expect(its.request("x")).rejects.toMatchObject(closed);
    await gone.drain();
  });

  it("headers and patterns that can not be sent are refused in our words", async () => {
    const headers = { count: 5 } as unknown as Record<string, string>;
    await expect(box.send("x", { headers })).rejects.toMatchObject({ code: "invalid" });
    expect(() => mq9.onBroadcast("a b")).toThrow(Mq9Error);
  });
});
