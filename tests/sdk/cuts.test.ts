// The network breaks in the middle of every call, once before the request arrives and once after: what was
// asked for is so exactly once, or the error says what is known.
import { connect, type Mq9Error, OutcomeUnknownError } from "@mq9/sdk";
import { describe, expect, it } from "vitest";
import { useBroker } from "../support/use-broker.ts";
import { type Case, cases, texts } from "./calls.ts";
import { CutProxy } from "./cut-proxy.ts";

const broker = useBroker();

let made = 0;

describe.each(["request", "answer"] as const)("when the %s is lost with the connection", (lost) => {
  it.each(Object.keys(cases))("%s", async (name) => {
    const { prepare, call, after, lostAnswer, lostRequest } = cases[name] as Case;
    await using proxy = await CutProxy.start(broker().port);
    await using mq9 = await connect(proxy.url);
    made += 1;
    const box = await mq9.createMailbox({ name: `cut-${made}` });
    const prepared = await prepare?.(box, mq9);
    const cut = lost === "request" ? proxy.loseRequest() : proxy.loseAnswer();
    const outcome = call(box, mq9, prepared).then(
      (value) => ({ value, error: undefined }),
      (error: unknown) => ({ value: undefined, error }),
    );
    await cut;
    const { value, error } = await outcome;
    const expected = lost === "request" ? lostRequest : lostAnswer;
    if (expected === "unknown") {
      expect(error).toBeInstanceOf(OutcomeUnknownError);
      expect((error as Error).message).toMatch(/lost|may have happened|broke/);
      return;
    }
    expect(error).toBeUndefined();
    await after?.(box, value, lost);
  });
});

describe("while there is no connection", () => {
  it("a call waits for it and is done then", async () => {
    await using proxy = await CutProxy.start(broker().port);
    await using mq9 = await connect(proxy.url);
    const box = await mq9.createMailbox();
    const status = mq9.status();
    proxy.refuse();
    expect((await status.next()).value).toMatchObject({ type: "disconnected" });
    const sent = Promise.all([box.send("a"), box.send("b")]);
    proxy.restore();
    expect((await sent).map(({ msgId }) => msgId)).toEqual([0, 1]);
    expect(await texts(box)).toEqual(["a", "b"]);
  });

  it("a call ends at its deadline, having done nothing, and says so", async () => {
    await using proxy = await CutProxy.start(broker().port);
    await using mq9 = await connect({ url: proxy.url, timeoutMs: 300 });
    const box = await mq9.createMailbox();
    const status = mq9.status();
    proxy.refuse();
    await status.next();
    const error = await box.send("never").catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: "unreachable", retriable: true });
    expect((error as Mq9Error).message).toMatch(
      /^send to \S+ was not sent: nats:\S+ has been out of reach since .*Z\. Nothing has happened$/,
    );
    proxy.restore();
    await expect.poll(() => texts(box).catch(() => "away")).toEqual([]);
  });

  it("a signal ends a call at once", async () => {
    await using proxy = await CutProxy.start(broker().port);
    await using mq9 = await connect(proxy.url);
    const box = await mq9.createMailbox();
    const status = mq9.status();
    proxy.refuse();
    await status.next();
    const stop = new AbortController();
    const sent = box.send("never", { signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(sent).rejects.toMatchObject({
      code: "aborted",
      message: expect.stringContaining("before it was sent") as string,
    });
  });
});

describe("a send whose answer does not come", () => {
  it("ends with a dedup id that makes sending again safe", async () => {
    await using proxy = await CutProxy.start(broker().port);
    await using mq9 = await connect({ url: proxy.url, timeoutMs: 1_000 });
    const box = await mq9.createMailbox();
    proxy.silence();
    const error = await box.send("x").catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    const { dedupId, retriable } = error as OutcomeUnknownError;
    expect(retriable).toBe(true);
    proxy.cut();
    proxy.restore();
    const { msgId } = await box.send("x", { dedupId });
    expect(msgId).toBe(0);
    expect(await texts(box)).toEqual(["x"]);
  });

  it("goes out again over a new connection when the old one turns out to be dead", async () => {
    await using proxy = await CutProxy.start(broker().port);
    await using mq9 = await connect({ url: proxy.url, timeoutMs: 30_000 });
    const box = await mq9.createMailbox();
    proxy.silence();
    expect(await box.send("x")).toMatchObject({ msgId: 0 });
    expect(await texts(box)).toEqual(["x"]);
  });
});

describe("an iteration over a mailbox", () => {
  it("goes on after a cut: nothing is lost, nothing comes twice", async () => {
    await using proxy = await CutProxy.start(broker().port);
    await using mq9 = await connect(proxy.url);
    await using other = await connect(broker().url);
    const box = await mq9.createMailbox();
    const sender = other.mailbox(box.name);
    for (const priority of ["low", "critical", "normal", "urgent"] as const) {
      await sender.send(priority, { priority });
    }
    const got: string[] = [];
    let sent = 0;
    for await (const message of box) {
      got.push(message.text());
      if (got.length % 4 === 0 && sent < 12) {
        proxy.cut();
        for (let i = 0; i < 4; i += 1, sent += 1) await sender.send(`later ${sent}`);
      }
      if (got.length === 16) break;
    }
    expect(got.slice(0, 4)).toEqual(["critical", "urgent", "normal", "low"]);
    expect(new Set(got).size).toBe(16);
  });

  it("in a group hands over each message once, also to a loop that is slower than a cut", async () => {
    await using proxy = await CutProxy.start(broker().port);
    await using mq9 = await connect(proxy.url);
    const box = await mq9.createMailbox();
    for (let i = 0; i < 20; i += 1) await box.send(`m${i}`);
    const got: string[] = [];
    const status = mq9.status();
    for await (const message of box.messages({ group: "g" })) {
      got.push(message.text());
      if (got.length === 5) {
        proxy.cut();
        while ((await status.next()).value?.type !== "reconnected");
      }
      if (got.length === 20) {
        await message.ack();
        break;
      }
    }
    expect(got.toSorted()).toEqual(Array.from({ length: 20 }, (_, i) => `m${i}`).toSorted());
    const states = await Promise.all(
      got.map(async (_, i) => (await box.receipt(i)).groups[0]?.state),
    );
    expect(states).toEqual(got.map(() => "acked"));
  });

  it("in a group does not hand over what others were given while the connection was away", async () => {
    await using proxy = await CutProxy.start(broker().port);
    await using mq9 = await connect(proxy.url);
    await using other = await connect(broker().url);
    const box = await mq9.createMailbox();
    const theirs = other.mailbox(box.name);
    for (let i = 0; i < 20; i += 1) await box.send(`m${i}`);
    const got: string[] = [];
    const status = mq9.status();
    for await (const message of box.messages({ group: "g" })) {
      got.push(message.text());
      if (got.length > 1) break;
      proxy.refuse();
      while ((await status.next()).value?.type !== "disconnected");
      let taken = 0;
      while (taken < 20) {
        for (const each of await theirs.fetch({ group: "g", waitMs: 5_000 })) {
          taken += 1;
          await each.ack();
        }
      }
      proxy.restore();
      while ((await status.next()).value?.type !== "reconnected");
      await theirs.send("last");
    }
    expect(got).toEqual(["m0", "last"]);
  });
});
