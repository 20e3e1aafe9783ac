// request() and reply(): what both sides get, and that neither side's death, nor the broker's, loses an
// answer or asks twice.
import path from "node:path";
import { connect, type Mq9, Mq9Error, Reject, RemoteError, RequestTimeoutError } from "@mq9/sdk";
import { type Child, repositoryRoot, startChild } from "@mq9/testkit";
import { describe, expect, onTestFinished, test } from "vitest";
import { useBroker } from "../support/use-broker.ts";
import { eventually } from "./eventually.ts";

const broker = useBroker();
const quiet = { onError: () => {} };
let count = 0;

async function client(agent?: string): Promise<Mq9> {
  const mq9 = await connect({ url: broker().url, ...(agent === undefined ? {} : { agent }) });
  onTestFinished(() => mq9.drain());
  return mq9;
}

async function freshMailbox(mq9: Mq9): Promise<string> {
  count += 1;
  return (await mq9.createMailbox({ name: `ask-${count}` })).name;
}

function party(...words: string[]): Child {
  const program = path.join(repositoryRoot, "tests/sdk-work/party.mjs");
  const child = startChild(process.execPath, [program, ...words]);
  onTestFinished(async () => {
    child.process.kill("SIGKILL");
    await child.ended;
  });
  return child;
}

describe("a request", () => {
  test("gets what the replier returns, whatever it is", async () => {
    const mq9 = await client();
    const name = await freshMailbox(mq9);
    const replier = mq9.mailbox(name).reply((message) => {
      return message.text() === "json" ? { a: [1] } : message.text().toUpperCase();
    });
    const asker = await client("asker-1");
    expect((await asker.request(name, "hello")).text()).toBe("HELLO");
    expect((await asker.request(name, "json")).value).toEqual({ a: [1] });
    await replier.stop();
    // Answered requests have no further use.
    await eventually(async () => (await mq9.mailbox(name).info()).messages === 0);
  });

  test("of many at once each get their own answer from several repliers of one group", async () => {
    const [mq9, other, asker] = [await client(), await client(), await client()];
    const name = await freshMailbox(mq9);
    const counts = [0, 0];
    for (const [place, each] of [mq9, other].entries()) {
      each.mailbox(name).reply(
        async (message) => {
          counts[place] = (counts[place] ?? 0) + 1;
          await new Promise((resolve) => setTimeout(resolve, 5));
          return `re ${message.text()}`;
        },
        { group: "r", concurrency: 4 },
      );
    }
    const words = Array.from({ length: 60 }, (_, n) => `q${n}`);
    const answers = await Promise.all(words.map((word) => asker.request(name, word)));
    expect(answers.map((answer) => answer.text())).toEqual(words.map((word) => `re ${word}`));
    expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(60);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });

  test("is answered with a failure when the replier throws, at once or after its retries", async () => {
    const mq9 = await client();
    const name = await freshMailbox(mq9);
    let tries = 0;
    const replier = mq9.mailbox(name).reply(
      (message) => {
        tries += 1;
        if (message.text() === "reject") throw new Reject("not mine");
        throw new Mq9Error("forbidden", "not for you");
      },
      { retries: { max: 2, backoffMs: 1 }, ...quiet },
    );
    const refused = await mq9.request(name, "reject").catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RemoteError);
    expect(refused).toMatchObject({ code: "remote", remoteCode: "rejected", message: "not mine" });
    expect(tries).toBe(1);
    const failed = await mq9.request(name, "fail").catch((error: unknown) => error);
    expect(failed).toMatchObject({ remoteCode: "forbidden", message: "not for you" });
    expect(tries).toBe(4);
    await replier.stop();
    expect((await mq9.mailbox(name).deadLetters.list()).map((each) => each.text())).toEqual([
      "reject",
    ]);
  });

  test("that nobody answers ends with what is known, and goes on when asked again", async () => {
    const mq9 = await client();
    const name = await freshMailbox(mq9);
    const options = { requestId: "order-1", timeoutMs: 1_000 };
    const late = await mq9.request(name, "?", options).catch((error: unknown) => error);
    expect(late).toBeInstanceOf(RequestTimeoutError);
    expect(late).toMatchObject({ code: "timeout", requestId: "order-1", msgId: 0 });
    expect((late as Error).message).toMatch(
      /stored as message 0, and nobody has fetched there yet/,
    );

    const [held] = await mq9.mailbox(name).fetch({ group: "default" });
    const second = await mq9.request(name, "?", options).catch((error: unknown) => error);
    expect((second as Error).message).toMatch(/group default: leased \(delivery 1\)/);
    await held?.nack({ delayMs: 0 });

    mq9.mailbox(name).reply(() => "late, but true");
    // From another client, as after a restart: the answer may be there already or still come.
    const answer = await (await client()).request(name, "?", { ...options, timeoutMs: 10_000 });
    expect(answer.text()).toBe("late, but true");
    const again = await (await client()).request(name, "?", { ...options, timeoutMs: 10_000 });
    expect(again.msgId).toBe(answer.msgId);
    expect((await mq9.mailbox(name).info()).nextId).toBe(1); // sent once
  });

  test("without an id can be gone on with by the id that its error tells, from anywhere", async () => {
    const mq9 = await client();
    const name = await freshMailbox(mq9);
    const late = await mq9.request(name, "?", { timeoutMs: 700 }).catch((error: unknown) => error);
    expect(late).toBeInstanceOf(RequestTimeoutError);
    const { requestId } = late as RequestTimeoutError;
    mq9.mailbox(name).reply(() => "after all");
    const answer = await (await client()).request(name, "?", { requestId });
    expect(answer.text()).toBe("after all");
    expect((await mq9.mailbox(name).info()).nextId).toBe(1);
  });

  test("stops waiting on a signal, and its answer is there later", async () => {
    const mq9 = await client("asker-2");
    const name = await freshMailbox(mq9);
    const controller = new AbortController();
    const asking = mq9.request(name, "?", { requestId: "gone", signal: controller.signal });
    await eventually(async () => (await mq9.mailbox(name).info()).messages === 1);
    controller.abort();
    await expect(asking).rejects.toMatchObject({ code: "aborted" });
    mq9.mailbox(name).reply(() => "here");
    await eventually(async () => (await mq9.mailbox("asker-2.replies").info()).messages === 1);
    expect((await mq9.request(name, "?", { requestId: "gone" })).text()).toBe("here");
  });

  test("with other bytes under the same id is refused", async () => {
    const mq9 = await client();
    const name = await freshMailbox(mq9);
    const options = { requestId: "twice", timeoutMs: 1_000 };
    await mq9.request(name, "a", options).catch(() => {});
    await mq9.mailbox(name).delete(0);
    await expect(mq9.request(name, "b", options)).rejects.toMatchObject({ code: "dedup_conflict" });
  });

  test("a late answer disturbs nobody who asks after it", async () => {
    const mq9 = await client("asker-3");
    const name = await freshMailbox(mq9);
    await expect(mq9.request(name, "first", { timeoutMs: 500 })).rejects.toMatchObject({
      code: "timeout",
    });
    mq9.mailbox(name).reply((message) => `re ${message.text()}`);
    expect((await mq9.request(name, "second")).text()).toBe("re second");
  });

  test("can be answered by hand", async () => {
    const mq9 = await client();
    const name = await freshMailbox(mq9);
    const asking = mq9.request(name, "by hand?");
    for await (const message of mq9.mailbox(name).work()) {
      await message.reply({ yes: true });
      await message.ack();
      break;
    }
    expect((await asking).json()).toEqual({ yes: true });
  });

  test("of others is answered whatever its id and however long the mailbox's name", async () => {
    const mq9 = await client();
    const answers = await mq9.createMailbox({ name: await freshMailbox(mq9) });
    const box = await mq9.createMailbox({ name: "q".repeat(128) });
    await box.send("no id", { replyTo: answers.name });
    const long = "i".repeat(500);
    await box.send("long id", { replyTo: answers.name, headers: { "correlation-id": long } });
    const replier = box.reply((message) => `to ${message.text()}`, { onError: () => {} });
    const [first, second] = [
      ...(await answers.fetch({ group: "g", limit: 1, waitMs: 5_000 })),
      ...(await answers.fetch({ group: "g", limit: 1, waitMs: 5_000 })),
    ];
    await replier.stop();
    expect(new Set([first?.text(), second?.text()])).toEqual(new Set(["to long id", "to no id"]));
    expect([first?.correlationId, second?.correlationId]).toContain(long);
  });
});

describe("nothing is lost or asked twice when", () => {
  async function questions(): Promise<Mq9> {
    const mq9 = await client();
    await mq9.createMailbox({ name: "questions" });
    await mq9.mailbox("questions").purge();
    return mq9;
  }

  test("the replier is killed in the middle: another one answers", async () => {
    const mq9 = await questions();
    const dying = party("answer", broker().url, "hang");
    await dying.waitFor(/ready/);
    const asking = mq9.request("questions", "how much?", { timeoutMs: 20_000 });
    await dying.waitFor(/handling how much\? 1/);
    dying.process.kill("SIGKILL");
    const next = party("answer", broker().url, "seven");
    await next.waitFor(/handling how much\? 2/);
    expect((await asking).text()).toMatch(/^seven by/);
  });

  test("the asker is killed in the middle: its next life finds the answer", async () => {
    const mq9 = await questions();
    const asker = party("ask", broker().url, "question-1", "20000");
    const box = mq9.mailbox("questions");
    await eventually(async () => (await box.info()).messages === 1);
    asker.process.kill("SIGKILL");
    await asker.ended;
    let asked = 0;
    const replier = box.reply(() => {
      asked += 1;
      return "meanwhile";
    });
    await eventually(async () => asked === 1 && (await box.info()).messages === 0);
    const next = party("ask", broker().url, "question-1", "20000");
    await next.waitFor(/answer meanwhile/);
    await replier.stop();
    expect(asked).toBe(1);
  });

  test("both are killed and the broker too", async () => {
    const mq9 = await questions();
    const asker = party("ask", broker().url, "question-2", "30000");
    const dying = party("answer", broker().url, "hang");
    await dying.waitFor(/handling/);
    asker.process.kill("SIGKILL");
    dying.process.kill("SIGKILL");
    await broker().kill();
    await broker().restart();
    const next = party("ask", broker().url, "question-2", "30000");
    await next.waitFor(/asking/);
    const replier = party("answer", broker().url, "eight");
    await next.waitFor(/answer eight/);
    await replier.waitFor(/handling/);
    expect(replier.stdout.match(/handling/g)).toHaveLength(1);
    expect((await mq9.mailbox("questions").info()).nextId).toBeLessThanOrEqual(3);
  });

  test("the broker is killed while a request waits", async () => {
    const mq9 = await questions();
    const asking = mq9.request("questions", "still there?", { timeoutMs: 20_000 });
    await eventually(async () => (await mq9.mailbox("questions").info()).messages === 1);
    await broker().kill();
    await broker().restart();
    party("answer", broker().url, "nine");
    expect((await asking).text()).toMatch(/^nine/);
  });
});
