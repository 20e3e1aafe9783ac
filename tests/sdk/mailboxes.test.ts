// What the objects of the SDK do against a broker that is well: mailboxes, messages, agents, broadcasts.
import { connect, InvalidDataError, type Message, type Mq9 } from "@mq9/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useBroker } from "../support/use-broker.ts";

const broker = useBroker();
let mq9: Mq9;
beforeAll(async () => {
  mq9 = await connect(broker().url, { agent: "tester" });
});
afterAll(async () => await mq9.drain());

async function take<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of items) {
    taken.push(item);
    if (taken.length === count) break;
  }
  return taken;
}

const texts = (messages: readonly Message[]): string[] => messages.map((each) => each.text());

describe("a mailbox", () => {
  it("is made with what was asked for, handed out again, or refused", async () => {
    const options = { name: "made", ttlSeconds: 600, public: true, desc: "for tests" };
    const box = await mq9.createMailbox(options);
    expect(await box.info()).toMatchObject({ ...options, kind: "standard" });
    expect((await mq9.createMailbox({ name: "made" })).name).toBe("made");
    await expect(mq9.createMailbox({ name: "made", ifExists: "fail" })).rejects.toMatchObject({
      code: "exists",
      status: 409,
      retriable: false,
    });
    const unnamed = await mq9.createMailbox();
    expect(await unnamed.info()).toMatchObject({ ttlSeconds: 86_400, public: false });
    const latest = await mq9.createMailbox({ name: "status", kind: "latest" });
    await latest.send("old");
    await latest.send("new");
    expect(texts(await latest.fetch())).toEqual(["new"]);
  });

  it("refuses what makes no sense before or behind the wire", async () => {
    const box = await mq9.createMailbox({ name: "strict" });
    const code = async (promise: Promise<unknown>): Promise<unknown> =>
      await promise.then(
        () => "done",
        (error: { code: string }) => error.code,
      );
    expect(await code(box.send("x", { priority: "soon" as "low" }))).toBe("invalid");
    expect(await code(box.send("x", { delayMs: 1_500 }))).toBe("invalid");
    expect(await code(box.send("x", { headers: { "a b": "c" } }))).toBe("invalid");
    expect(await code(box.send("x", { headers: { a: "b\r\nc: d" } }))).toBe("invalid");
    expect(await code(box.send("x", { ttlSeconds: 0.5 }))).toBe("invalid");
    expect(await code(box.send("x".repeat(1_100_000)))).toBe("too_large");
    await expect(box.send(1n)).rejects.toBeInstanceOf(InvalidDataError);
    expect(await code(mq9.send("nobody", "x"))).toBe("not_found");
    expect(await code(mq9.createMailbox({ name: "a b" }))).toBe("invalid");
    expect(await code(box.fetch({ group: "g", leaseMs: 5 }))).toBe("invalid");
    expect(await box.fetch()).toEqual([]);
  });

  it("is read in the order of priority, filtered, replayed, paged, and by number", async () => {
    const box = await mq9.createMailbox({ name: "read" });
    await box.send("low", { priority: "low" });
    await box.send("critical", { priority: "critical", tags: ["t"] });
    for (let i = 0; i < 3; i += 1) await box.send(`normal ${i}`, { key: `k${i}` });
    expect(texts(await take(box, 2))).toEqual(["critical", "normal 0"]);
    expect(texts(await take(box.messages({ priority: "low" }), 1))).toEqual(["low"]);
    const replay: string[] = [];
    for await (const message of box.messages({ replayOnly: true })) replay.push(message.text());
    expect(replay).toEqual(["critical", "normal 0", "normal 1", "normal 2", "low"]);
    expect(texts(await box.query({ tags: ["t"] }))).toEqual(["critical"]);
    expect(texts(await box.query({ key: "k1" }))).toEqual(["normal 1"]);
    expect(texts(await take(box.list(), 9))).toEqual([
      ...replay.slice(1, 4).toReversed(),
      "critical",
      "low",
    ]);
    expect((await box.get(1))?.text()).toBe("critical");
    await box.delete(1);
    expect(await box.get(1)).toBeUndefined();
    expect(texts(await box.fetch({ from: { msgId: 4 } }))).toEqual(["normal 2"]);
    expect(await box.fetch({ from: new Date(Date.now() + 60_000), waitMs: 0 })).toEqual([]);
    expect(await box.purge()).toBe(4);
    const stop = new AbortController();
    const reading = take(box.messages({ signal: stop.signal }), 1);
    stop.abort();
    expect(await reading).toEqual([]);
  });

  it("hands out work, takes it back, and keeps what nobody can do", async () => {
    const box = await mq9.createMailbox({ name: "work" });
    await box.send({ job: 1 }, { replyTo: "answers", headers: { "x-run": "7" } });
    const [first] = await box.fetch({ group: "g" });
    expect(first).toMatchObject({ deliveryCount: 1, group: "g", replyTo: "answers" });
    expect(first?.headers.get("X-Run")).toBe("7");
    expect(first?.value).toEqual({ job: 1 });
    const leaseEndsAt = await first?.extend(120_000);
    expect(leaseEndsAt?.getTime()).toBeGreaterThan(Date.now() + 100_000);
    await first?.nack({ delayMs: 0, reason: "busy" });
    const [second] = await box.fetch({ group: "g" });
    expect(second?.deliveryCount).toBe(2);
    await second?.reject("makes no sense");
    const [letter] = await box.deadLetters.list();
    expect(letter?.dead).toMatchObject({ cause: "poison", reason: "makes no sense", msgId: 0 });
    expect(await box.deadLetters.retry(letter?.msgId)).toBe(1);
    expect(await box.deadLetters.list()).toEqual([]);
    const [third] = await box.fetch({ group: "g" });
    await third?.ack();
    expect(await box.receipt(0)).toMatchObject({ groups: [{ group: "g", state: "acked" }] });
    expect(await mq9.mailbox("never").deadLetters.list()).toEqual([]);
  });

  it("a fetch that is given up gives back what it takes", async () => {
    const box = await mq9.createMailbox({ name: "given-up" });
    const stop = new AbortController();
    // What nobody began with does not count: it is no dead letter.
    const once = { group: "g", deliveriesMax: 1 } as const;
    const fetching = box.fetch({ ...once, waitMs: 20_000, signal: stop.signal });
    // The broker knows of it before it ends.
    await expect.poll(async () => (await box.info()).groups[0]?.waiting).toBe(1);
    stop.abort();
    await expect(fetching).rejects.toMatchObject({ code: "aborted" });
    await box.send("for the next");
    await using other = await connect(broker().url);
    const [message] = await other.mailbox("given-up").fetch({ ...once, waitMs: 10_000 });
    expect(message?.text()).toBe("for the next");
  });

  it("a look that is given up leaves alone what others took meanwhile", async () => {
    const box = await mq9.createMailbox({ name: "looked-at" });
    const stop = new AbortController();
    const how = { group: "g", waitMs: 20_000 };
    // The broker hears of the look first.
    const looking = box.fetch({ ...how, look: true, signal: stop.signal });
    const taking = box.fetch(how);
    await expect.poll(async () => (await box.info()).groups[0]?.waiting).toBe(1);
    stop.abort();
    await expect(looking).rejects.toMatchObject({ code: "aborted" });
    await box.send("work");
    expect(texts(await taking)).toEqual(["work"]);
    expect(await box.receipt(0)).toMatchObject({ groups: [{ state: "leased", deliveryCount: 1 }] });
    expect(await box.fetch({ ...how, waitMs: 200 })).toEqual([]);
  });

  it("a fetch that is given up does not hold up who leaves", async () => {
    const box = await mq9.createMailbox({ name: "left-behind" });
    const other = await connect(broker().url);
    const stop = new AbortController();
    const fetching = other
      .mailbox("left-behind")
      .fetch({ group: "g", waitMs: 60_000, signal: stop.signal });
    await expect.poll(async () => (await box.info()).groups[0]?.waiting).toBe(1);
    stop.abort();
    await expect(fetching).rejects.toMatchObject({ code: "aborted" });
    await other.drain();
    await expect.poll(async () => (await box.info()).groups[0]?.waiting).toBe(0);
  });

  it("shares messages in a group of loops, each acknowledged when its loop goes on", async () => {
    const box = await mq9.createMailbox({ name: "shared" });
    for (let i = 0; i < 10; i += 1) await box.send(`m${i}`);
    const got = await take(box.messages({ group: "g" }), 4);
    expect(got.slice(0, 3).map(({ settled }) => settled)).toEqual(["acked", "acked", "acked"]);
    const rest = await box.fetch({ group: "g" });
    expect(texts(rest).toSorted()).toEqual(["m3", "m4", "m5", "m6", "m7", "m8", "m9"]);
  });
});

describe("the client", () => {
  it("lists mailboxes by the beginning of their names", async () => {
    for (const name of ["list", "list.a", "list.b", "lisu"]) await mq9.createMailbox({ name });
    const names: string[] = [];
    for await (const info of mq9.mailboxes({ prefix: "list" })) names.push(info.name);
    expect(names).toEqual(["list", "list.a", "list.b"]);
    const all: string[] = [];
    for await (const info of mq9.mailboxes()) all.push(info.name);
    expect(all).toEqual(expect.arrayContaining(["list", "lisu"]));
  });

  it("tells of public mailboxes, those to come too", async () => {
    await mq9.createMailbox({ name: "known", public: true, desc: "was there" });
    const entries = mq9.directory();
    const seen: string[] = [];
    for await (const { mailId, desc } of entries) {
      seen.push(`${mailId}: ${desc}`);
      if (seen.at(-1) === "known: was there") {
        await mq9.createMailbox({ name: "new", public: true, desc: "came later" });
      }
      if (seen.at(-1) === "new: came later") break;
    }
    expect(seen.slice(-1)).toEqual(["new: came later"]);
  });

  it("broadcasts to whoever listens, alone or in groups", async () => {
    const ears = [mq9.onBroadcast("build.*"), mq9.onBroadcast("build.done", { group: "g" })];
    const other = mq9.onBroadcast("build.done", { group: "g" });
    const heard = ears.map(async (ear) => (await ear.next()).value as Message);
    const third = other.next();
    await mq9.flush();
    for (let i = 0; i < 8; i += 1) await mq9.broadcast("build", "done", { run: i });
    const [all] = await Promise.all(heard);
    expect(all).toMatchObject({ msgId: -1, value: { run: 0 } });
    await third;
    for (const ear of [...ears, other]) await ear.return?.();
    await expect(mq9.broadcast("build", "*", "x")).rejects.toMatchObject({ code: "invalid" });
  });

  it("registers, reports, finds, lists, watches and forgets agents", async () => {
    const watched: string[] = [];
    const register = async (): Promise<void> => {
      const agent = await mq9.agents.register(
        {
          ...{ name: "linter", mailbox: "lint", description: "checks code style", tags: ["ts"] },
          skills: [{ id: "lint", name: "lint", tags: ["code"] }],
        },
        { report: () => ({ load: 0.5 }) },
      );
      expect(agent).toMatchObject({ name: "linter", created: true });
      const { agents, total } = await mq9.agents.find("code style");
      expect(total).toBe(1);
      expect(agents[0]).toMatchObject({
        name: "linter",
        mailbox: "lint",
        state: "active",
        tags: ["ts"],
      });
      expect(agents[0]?.skills[0]?.name).toBe("lint");
      await expect
        .poll(async () => (await mq9.agents.get("linter"))?.card["report"])
        .toMatchObject({
          load: 0.5,
        });
      expect(await mq9.agents.get("lint")).toBeUndefined();
      expect((await take(mq9.agents.list(), 1)).map(({ name }) => name)).toEqual(["linter"]);
      expect((await mq9.agents.find({ skill: "lint", tags: ["ts"] })).agents).toHaveLength(1);
      await agent.unregister();
    };
    const watching = (async () => {
      for await (const change of mq9.agents.watch()) {
        watched.push(change.type);
        if (change.type === "unregistered") return;
        if (change.type === "listed") await register();
      }
    })();
    await watching;
    expect(watched).toEqual(expect.arrayContaining(["listed", "registered", "unregistered"]));
    await expect(mq9.agents.report("linter")).rejects.toMatchObject({ code: "not_found" });
  });

  it("waits for answers under way before it drains, and is over then", async () => {
    const own = await connect(broker().url);
    const box = await own.createMailbox({ name: "drained" });
    const sent = Promise.all(Array.from({ length: 50 }, (_, i) => box.send(`m${i}`)));
    await own.drain();
    expect(await sent).toHaveLength(50);
    expect(await own.closed).toBeUndefined();
    await own.drain();
    await expect(box.info()).rejects.toMatchObject({ code: "closed" });
    const iterating = box[Symbol.asyncIterator]();
    await expect(iterating.next()).rejects.toMatchObject({ code: "closed" });
  });
});
