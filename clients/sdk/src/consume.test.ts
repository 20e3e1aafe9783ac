// The worker behind consume() against a broker that is played by the test: answers come in the order that
// the test wants, which real brokers and networks seldom bring about.
import {
  type AckRequest,
  type FetchResult,
  type MailMessage,
  Mq9Error,
  neverMs,
} from "@mq9/protocol";
import { expect, onTestFinished, test, vi } from "vitest";
import { type Consumer, type ConsumeSource, consume } from "./consume.ts";
import { Pause } from "./consume-retry.ts";
import { Message, partsOf } from "./message.ts";

/** One call of the worker that waits for its answer. */
interface Call<R, T> {
  readonly request: R;
  readonly answer: (result: T) => void;
  readonly fail: (error: Error) => void;
}

/** Calls of one kind in order; `next` waits for one. */
class Calls<R, T> {
  readonly #calls: Call<R, T>[] = [];
  #wake: (() => void) | undefined;

  readonly method = (request: R): Promise<T> =>
    new Promise((answer, fail) => {
      this.#calls.push({ request, answer, fail });
      this.#wake?.();
    });

  get waiting(): number {
    return this.#calls.length;
  }

  async next(): Promise<Call<R, T>> {
    while (this.#calls.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#calls.shift() as Call<R, T>;
  }
}

type Nack = { msgId: number; deliveryCount?: number | undefined; delayMs?: number | undefined };

class Stage {
  readonly fetches = new Calls<{ limit: number; waitMs: number }, FetchResult>();
  readonly acks = new Calls<AckRequest, readonly number[]>();
  readonly nacks = new Calls<Nack, void>();
  readonly extends = new Calls<{ msgId: number }, number>();
  readonly begun: string[] = [];
  readonly aborts: unknown[] = [];
  /** What each handler got, by number and delivery. */
  readonly messages = new Map<string, Message>();
  readonly #gates = new Map<number, (error?: Error) => void>();
  lost = (): void => {};
  back = (): void => {};
  readonly consumer: Consumer;

  constructor(concurrency = 1, leaseMs = 30_000) {
    const source: ConsumeSource<unknown> = {
      mailbox: "m",
      api: {
        fetch: this.fetches.method,
        ack: this.acks.method,
        nack: this.nacks.method,
        extend: this.extends.method,
      },
      message: (parts, settlement) => new Message(partsOf(parts), { settlement }),
      watch: (lost, back) => {
        this.lost = lost;
        this.back = back;
        return () => {};
      },
    };
    this.consumer = consume(
      source,
      async (message, { signal }) => {
        const { msgId, deliveryCount } = message;
        this.messages.set(`${msgId}/${deliveryCount}`, message);
        signal.addEventListener("abort", () => this.aborts.push(signal.reason));
        this.begun.push(`${msgId}/${deliveryCount}`);
        await new Promise<void>((resolve, reject) => {
          this.#gates.set(msgId, (error) => (error === undefined ? resolve() : reject(error)));
        });
      },
      { concurrency, leaseMs, onError: () => {} },
    );
  }

  async finish(msgId: number, error?: Error): Promise<void> {
    this.#gates.get(msgId)?.(error);
    await turn();
  }

  async hand(...messages: MailMessage[]): Promise<void> {
    (await this.fetches.next()).answer({ messages, more: false });
    await turn();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

function mail(msgId: number, deliveryCount = 1): MailMessage {
  return {
    msgId,
    mailbox: "m",
    rank: 2,
    label: "normal",
    createdAtMs: 0,
    expiresAtMs: neverMs,
    key: undefined,
    headers: undefined,
    payload: new Uint8Array(0),
    deliveryCount,
    leaseEndsAtMs: 0,
  };
}

const unknown = (): Mq9Error => new Mq9Error("outcome_unknown", "the connection broke");

test("what finishes while an acknowledgement is under way goes with the next, and all of it is repeated until answered", async () => {
  const stage = new Stage(10);
  await stage.hand(mail(0), mail(1), mail(2), mail(3), mail(4));
  await stage.finish(0);
  const first = await stage.acks.next();
  expect(first.request).toMatchObject({ msgId: 0, alsoMsgIds: [], mode: "one" });
  await stage.finish(1);
  const second = await stage.acks.next();
  for (const msgId of [2, 3, 4]) await stage.finish(msgId);
  expect(stage.acks.waiting).toBe(0); // two are under way
  first.fail(unknown());
  second.answer([1]);
  const third = await stage.acks.next();
  const fourth = await stage.acks.next();
  const asked = [third.request, fourth.request].map((each) => [
    each.msgId,
    ...(each.alsoMsgIds ?? []),
  ]);
  expect(asked).toEqual([[2, 3, 4], [0]]);
  third.answer([2, 3, 4]);
  fourth.answer([0]);
  await turn();
  expect(stage.consumer.stats).toMatchObject({ acked: 5, unconfirmed: 0 });
});

test("one wrong number does not keep the others from being acknowledged", async () => {
  const stage = new Stage(10);
  await stage.hand(mail(0), mail(1));
  await stage.finish(0);
  (await stage.acks.next()).answer([0]);
  await stage.hand(mail(2), mail(3));
  for (const msgId of [1, 2]) void stage.finish(msgId);
  const both = await stage.acks.next();
  both.fail(new Mq9Error("not_delivered", "message 1 was never given"));
  const one = await stage.acks.next();
  expect(one.request).toMatchObject({ msgId: 1, alsoMsgIds: [] });
  one.fail(new Mq9Error("not_delivered", "message 1 was never given"));
  const last = await stage.acks.next();
  expect(last.request.msgId).toBe(2);
  last.answer([2]);
  await turn();
  expect(stage.consumer.stats).toMatchObject({ acked: 2, unconfirmed: 0 });
});

test("what is finished and not confirmed yet is not handled again when it is handed out again", async () => {
  const stage = new Stage();
  await stage.hand(mail(0));
  await stage.finish(0);
  const ack = await stage.acks.next();
  await stage.hand(mail(0, 2));
  // A fetch began before the acknowledgement was confirmed, and brings the message after it.
  const late = await stage.fetches.next();
  ack.answer([0]);
  await turn();
  late.answer({ messages: [mail(0, 3)], more: false });
  await turn();
  expect(stage.begun).toEqual(["0/1"]);
  expect(stage.consumer.stats).toMatchObject({ repeats: 2, acked: 1 });
});

test("a message that came back before its return was answered is handled in its new delivery", async () => {
  const stage = new Stage();
  await stage.hand(mail(0));
  await stage.finish(0, new Error("not yet"));
  const nack = await stage.nacks.next();
  expect(nack.request).toMatchObject({ msgId: 0, deliveryCount: 1 });
  await stage.hand(mail(0, 2));
  expect(stage.begun).toEqual(["0/1"]);
  nack.answer();
  await turn();
  expect(stage.begun).toEqual(["0/1", "0/2"]);
});

test("a message that came again without having been returned is returned in that delivery", async () => {
  const stage = new Stage();
  await stage.hand(mail(0));
  await stage.finish(0, new Error("not yet"));
  const nack = await stage.nacks.next();
  await stage.hand(mail(0, 2)); // its lease had ended with the connection
  nack.fail(new Mq9Error("not_delivered", "it is out in delivery 2 by now"));
  expect((await stage.nacks.next()).request).toMatchObject({ msgId: 0, deliveryCount: 2 });
  expect(stage.begun).toEqual(["0/1"]);
});

test("a handler at work when the connection is lost keeps its message if it is handed to us again", async () => {
  const stage = new Stage();
  await stage.hand(mail(0));
  stage.lost();
  stage.back();
  const again = await stage.fetches.next();
  expect(again.request).toMatchObject({ limit: 1, waitMs: 0 });
  again.answer({ messages: [mail(0, 2)], more: false });
  await turn();
  expect(stage.extends.waiting).toBe(0);
  expect(stage.begun).toEqual(["0/1"]);
  await stage.finish(0, new Error("later"));
  expect((await stage.nacks.next()).request).toMatchObject({ msgId: 0, deliveryCount: 2 });
});

test("a handler that returned its message and goes on is no reason to let the next delivery lie", async () => {
  const stage = new Stage(2);
  await stage.hand(mail(0));
  const returned = stage.messages.get("0/1")?.nack();
  const nack = await stage.nacks.next();
  // A fetch that waits is given the message before the nack is answered.
  await stage.hand(mail(0, 2));
  nack.answer();
  await returned;
  await turn();
  expect(stage.begun).toEqual(["0/1", "0/2"]);
  expect(stage.consumer.stats.running).toBe(2);
});

test("a connection that breaks once more while messages are asked for again does not end their handlers", async () => {
  const stage = new Stage();
  await stage.hand(mail(0));
  stage.lost();
  stage.back();
  const first = await stage.fetches.next();
  stage.lost();
  first.fail(unknown());
  await turn();
  stage.back();
  const second = await stage.fetches.next();
  expect(second.request).toMatchObject({ limit: 1, waitMs: 0 });
  second.answer({ messages: [mail(0, 2)], more: false });
  await turn();
  expect(stage.extends.waiting).toBe(0);
  expect(stage.aborts).toEqual([]);
});

test("what was fetched ahead is forgotten with the connection, and not begun", async () => {
  const stage = new Stage();
  await stage.hand(mail(0), mail(1), mail(2));
  expect(stage.consumer.stats.waiting).toBe(2);
  stage.lost();
  await stage.finish(0);
  expect(stage.begun).toEqual(["0/1"]);
  expect(stage.consumer.stats.waiting).toBe(0);
});

test("a handler hears that its lease ended when it could not be extended for as long as it lasts", async () => {
  const stage = new Stage(1, 1_000);
  await stage.hand(mail(0));
  (await stage.extends.next()).fail(unknown());
  await stage.extends.next(); // one that is never answered
  while (stage.aborts.length === 0) await turn();
  expect(stage.aborts).toMatchObject([{ code: "not_leased" }]);
  await stage.finish(0);
  expect((await stage.acks.next()).request.msgId).toBe(0); // what it finished counts all the same
});

test("a stopped worker hands back what comes after all, and what it had not begun", async () => {
  const stage = new Stage();
  await stage.hand(mail(0), mail(1));
  await stage.finish(0);
  (await stage.acks.next()).answer([0]);
  const late = await stage.fetches.next();
  const stopped = stage.consumer.stop();
  await stage.finish(1);
  (await stage.acks.next()).answer([1]);
  await stopped;
  late.answer({ messages: [mail(2)], more: false });
  expect((await stage.nacks.next()).request).toMatchObject({ msgId: 2, unseen: true });
  expect(stage.begun).toEqual(["0/1", "1/1"]);
});

test("a stopped worker does not say that a message was returned when nobody confirmed it", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const stage = new Stage();
  const fetch = await stage.fetches.next();
  fetch.answer({ messages: [mail(0)], more: false });
  await vi.advanceTimersByTimeAsync(1);
  const returned = stage.messages.get("0/1")?.reject("unreadable");
  const told = expect(returned).rejects.toMatchObject({ code: "outcome_unknown" });
  (await stage.nacks.next()).fail(unknown());
  const stopped = stage.consumer.stop();
  void stage.finish(0);
  for (let seconds = 0; seconds < 20; seconds += 1) {
    await vi.advanceTimersByTimeAsync(1_000);
    if (stage.nacks.waiting > 0) (await stage.nacks.next()).fail(unknown());
  }
  await told;
  await stopped;
  expect(stage.consumer.stats.rejected).toBe(0);
});

test("pauses end together when the connection is back", async () => {
  const pause = new Pause();
  const both = Promise.all([pause.wait(3_600_000), pause.wait(3_600_000)]);
  pause.end();
  await both;
});
