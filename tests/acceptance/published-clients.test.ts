// Every published client of generation 2, by its own shape of each request and its own way to read the
// reply, does what its documents promise, unmodified. No test looks inside a reply: only what the
// client makes of it counts.
import { beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { useBroker } from "../support/use-broker.ts";
import { buildClients, clientKinds } from "./clients/kinds.ts";
import { bytes, type Received, texts } from "./clients/published.ts";
import { collector, everyByte, freshName } from "./support.ts";

const msgIds = (messages: readonly Received[]) => messages.map((message) => message.msgId);
const now = { maxWaitMs: 10 };

describe("published clients of generation 2", () => {
  const broker = useBroker();
  beforeAll(buildClients, 180_000);

  const table = clientKinds.map((kind) => [kind.name, kind] as const);
  describe.each(table)("%s", (_, { reason, acksByDefault, connect }) => {
    const test = it.skipIf(reason !== "");
    const open = () => connect(broker().url);

    test("creates mailboxes with and without a name, and hears of a taken one", async () => {
      await using me = await open();
      const name = freshName("task.queue");
      expect(await me.create({ name, ttl: 60 })).toBe(name);
      await expect(me.create({ name, ttl: 60 })).rejects.toThrow(`mailbox ${name} already exists`);
      const generated = [
        await me.create(),
        await me.create({ ttl: 0 }),
        await me.create({ ttl: 60 }),
      ];
      expect(new Set(generated).size).toBe(3);
      for (const address of generated) expect(await me.send(address, bytes("x"))).toBe(0);
    });

    test("reads back every byte, in order of priority, with numbers and times", async () => {
      await using me = await open();
      const address = await me.create({ ttl: 60 });
      const json = '{"text":"hello"}';
      const began = Math.floor(Date.now() / 1000);
      const sent = [
        await me.send(address, bytes("test")),
        await me.send(address, everyByte, { priority: "urgent" }),
        await me.send(address, bytes(json), { priority: "critical" }),
        await me.send(address, new Uint8Array(), { priority: "normal" }),
        await me.send(address, bytes("dGVzdA=="), { priority: "urgent" }),
      ];
      expect(sent).toEqual([0, 1, 2, 3, 4]);
      const found = await me.fetch(address, { deliver: "earliest", ...now });
      expect(found.map(({ msgId, priority }) => [msgId, priority])).toEqual([
        [2, "critical"],
        [1, "urgent"],
        [4, "urgent"],
        [0, "normal"],
        [3, "normal"],
      ]);
      expect(found[1]?.payload).toEqual(everyByte);
      expect(texts([0, 2, 3, 4].map((place) => found[place] as Received))).toEqual([
        json,
        "dGVzdA==",
        "test",
        "",
      ]);
      for (const { createTime } of found) {
        expect(Number.isInteger(createTime)).toBe(true);
        expect(createTime).toBeGreaterThanOrEqual(began);
        expect(createTime).toBeLessThanOrEqual(began + 30);
      }
    });

    test("fetches as one of a group, acknowledges, and does not see it again", async () => {
      await using me = await open();
      const address = await me.create({ ttl: 60 });
      for (const word of ["a", "b", "c"]) await me.send(address, bytes(word));
      const options = { groupName: "workers", deliver: "earliest", ...now } as const;
      const batch = await me.fetch(address, options);
      expect(texts(batch)).toEqual(["a", "b", "c"]);
      for (const { msgId } of batch) await me.ack(address, "workers", msgId);
      expect(await me.fetch(address, options)).toEqual([]);
      expect(texts(await me.fetch(address, { ...options, groupName: "auditors" }))).toEqual([
        "a",
        "b",
        "c",
      ]);
    });

    test("confirms a whole batch with its last message, whatever the priorities", async () => {
      await using me = await open();
      const address = await me.create({ ttl: 60 });
      await me.send(address, bytes("normal"));
      await me.send(address, bytes("critical"), { priority: "critical" });
      await me.send(address, bytes("urgent"), { priority: "urgent" });
      const options = { groupName: "batches", deliver: "earliest", ...now } as const;
      const batch = await me.fetch(address, options);
      expect(msgIds(batch)).toEqual([1, 2, 0]);
      await me.ack(address, "batches", 0);
      expect(await me.fetch(address, options)).toEqual([]);
    });

    test("acknowledges on another connection than it fetched on", async () => {
      await using me = await open();
      await using other = await open();
      const address = await me.create({ ttl: 60 });
      await me.send(address, bytes("a"));
      await me.send(address, bytes("b"));
      const options = { groupName: "langchain", deliver: "earliest", ...now } as const;
      const batch = await me.fetch(address, options);
      expect(batch).toHaveLength(2);
      await other.ack(address, "langchain", batch[1]?.msgId ?? -1);
      expect(await other.fetch(address, options)).toEqual([]);
      expect(await me.fetch(address, options)).toEqual([]);
    });

    test("takes an acknowledgement without a group as nothing to do", async () => {
      await using me = await open();
      const address = await me.create({ ttl: 60 });
      await me.send(address, bytes("a"));
      await me.ack(address, "", 0);
      expect(texts(await me.fetch(address, { deliver: "earliest", ...now }))).toEqual(["a"]);
    });

    test("never gets more than it asked for, and gets the urgent first", async () => {
      await using me = await open();
      const address = await me.create({ ttl: 60 });
      for (let i = 0; i < 4; i += 1) {
        await me.send(address, bytes(`n${i}`));
        await me.send(address, bytes(`c${i}`), { priority: "critical" });
      }
      const options = { groupName: "few", deliver: "earliest", numMsgs: 3, ...now } as const;
      const seen: string[] = [];
      for (let round = 0; round < 3; round += 1) {
        const batch = await me.fetch(address, options);
        expect(batch.length).toBeLessThanOrEqual(3);
        seen.push(...texts(batch));
        for (const { msgId } of batch) await me.ack(address, "few", msgId);
      }
      expect(seen).toEqual(["c0", "c1", "c2", "c3", "n0", "n1", "n2", "n3"]);
    });

    test("starts at a number or an instant, and again when it insists", async () => {
      await using me = await open();
      const address = await me.create({ ttl: 60 });
      for (const word of ["a", "b", "c", "d"]) await me.send(address, bytes(word));
      const byId = await me.fetch(address, { deliver: "from_id", fromId: 2, ...now });
      expect(texts(byId)).toEqual(["c", "d"]);
      const [{ createTime } = { createTime: 0 }] = byId;
      const byTime = await me.fetch(address, {
        deliver: "from_time",
        fromTime: createTime + 60,
        ...now,
      });
      expect(byTime).toEqual([]);
      const group = { groupName: "again", deliver: "from_id", fromId: 1, ...now } as const;
      for (const { msgId } of await me.fetch(address, group)) await me.ack(address, "again", msgId);
      expect(await me.fetch(address, group)).toEqual([]);
      const restarted = await me.fetch(address, { ...group, forceDeliver: true });
      expect(texts(restarted)).toEqual(["b", "c", "d"]);
    });

    test("is woken by a message while it waits", async () => {
      await using me = await open();
      await using sender = await open();
      const address = await me.create({ ttl: 60 });
      const waiting = me.fetch(address, { groupName: "g", maxWaitMs: 4_500 });
      // The start of a group is its first fetch; the send must come after that.
      await new Promise((resolve) => setTimeout(resolve, 300));
      await sender.send(address, bytes("wake"));
      expect(texts(await waiting)).toEqual(["wake"]);
    });

    test("consumes as one of a group everything once, and leaves nothing behind", async () => {
      await using me = await open();
      const address = await me.create({ ttl: 60 });
      const wanted = Array.from({ length: 25 }, (_, i) => `job ${i}`);
      const seen = collector();
      const options = { groupName: "crew", deliver: "earliest", autoAck: true } as const;
      for (const job of wanted.slice(0, 12)) await me.send(address, bytes(job));
      const consumer = await me.consume(address, seen.handler, options);
      for (const job of wanted.slice(12)) await me.send(address, bytes(job));
      expect(texts(await seen.atLeast(25))).toEqual(wanted);
      await me.send(address, bytes("last"));
      await seen.atLeast(26);
      await consumer.stop();
      expect(texts(seen.messages)).toEqual([...wanted, "last"]);
    });

    test("consumes what is new by default, also what came between two fetches", async () => {
      await using me = await open();
      await using sender = await open();
      const address = await me.create({ ttl: 60 });
      await sender.send(address, bytes("old"));
      const seen = collector();
      // A group starts at its first fetch. It is here once a message got through.
      const consumer = await me.consume(address, seen.handler, { groupName: "new", autoAck: true });
      let hellos = 0;
      await until(async () => {
        await sender.send(address, bytes(`hello ${hellos}`));
        hellos += 1;
        return seen.messages.length > 0 ? true : undefined;
      });
      const wanted = Array.from({ length: 20 }, (_, i) => `n${i}`);
      for (const word of wanted) await sender.send(address, bytes(word));
      await until(async () => (texts(seen.messages).includes("n19") ? true : undefined));
      await consumer.stop();
      const got = texts(seen.messages);
      expect(got).not.toContain("old");
      expect(got.filter((word) => word.startsWith("n"))).toEqual(wanted);
      expect(new Set(got).size).toBe(got.length);
    });

    test("consumes without a group each new message once", async () => {
      await using me = await open();
      const address = await me.create({ ttl: 60 });
      const seen = collector();
      const consumer = await me.consume(address, seen.handler, { autoAck: true });
      let hellos = 0;
      await until(async () => {
        await me.send(address, bytes(`hello ${hellos}`));
        hellos += 1;
        return seen.messages.length > 0 ? true : undefined;
      });
      const wanted = Array.from({ length: 10 }, (_, i) => `n${i}`);
      for (const word of wanted) await me.send(address, bytes(word));
      await until(async () => (texts(seen.messages).includes("n9") ? true : undefined));
      await consumer.stop();
      expect(texts(seen.messages).filter((word) => word.startsWith("n"))).toEqual(wanted);
    });

    test("gets a message again when its handler failed, wherever in its batch it was", async () => {
      await using me = await open();
      const words = ["first", "middle", "last"];
      for (const bad of words) {
        const address = await me.create({ ttl: 60 });
        for (const word of words) await me.send(address, bytes(word));
        const seen = collector(({ payload }, earlier) => {
          const isBad = Buffer.from(payload).toString() === bad;
          if (isBad && earlier === 0) throw new Error("not this time");
        });
        const options = { groupName: "retry", deliver: "earliest", autoAck: true } as const;
        const consumer = await me.consume(address, seen.handler, options);
        await seen.atLeast(3);
        await me.send(address, bytes("end"));
        await until(async () => (texts(seen.messages).includes("end") ? true : undefined));
        await consumer.stop();
        const counts = [...words, "end"].map(
          (word) => texts(seen.messages).filter((other) => other === word).length,
        );
        const expected = [...words, "end"].map((word) => (word === bad ? 2 : 1));
        expect(counts, `${bad} failed`).toEqual(expected);
      }
    });

    test("keeps what was consumed without acknowledgement for the group", async () => {
      const address = await (async () => {
        await using me = await open();
        const created = await me.create({ ttl: 60 });
        await me.send(created, bytes("kept"));
        const seen = collector();
        const consumer = await me.consume(created, seen.handler, {
          groupName: "slow",
          deliver: "earliest",
          ...(acksByDefault ? { autoAck: false } : {}),
        });
        await seen.atLeast(1);
        await consumer.stop();
        return created;
      })();
      await using next = await open();
      const left = await next.fetch(address, {
        groupName: "slow",
        deliver: "earliest",
        maxWaitMs: 4_000,
      });
      expect(texts(left)).toEqual(["kept"]);
    });

    test("keeps only the newest message of a key", async () => {
      await using me = await open();
      const address = await me.create({ ttl: 60 });
      for (let i = 0; i < 5; i += 1) await me.send(address, bytes(`v${i}`), { key: "status" });
      await me.send(address, bytes("other"));
      expect(texts(await me.query(address, { key: "status" }))).toEqual(["v4"]);
      expect(texts(await me.query(address))).toEqual(["v4", "other"]);
      expect(texts(await me.fetch(address, { deliver: "earliest", ...now }))).toEqual([
        "v4",
        "other",
      ]);
    });

    test("queries the newest, and since an instant", async () => {
      await using me = await open();
      const address = await me.create({ ttl: 60 });
      for (let i = 0; i < 5; i += 1) await me.send(address, bytes(`m${i}`), { tags: ["t"] });
      expect(texts(await me.query(address, { limit: 2 }))).toEqual(["m3", "m4"]);
      const [{ createTime } = { createTime: 0 }] = await me.query(address, { limit: 1 });
      expect(await me.query(address, { since: createTime + 60 })).toEqual([]);
      expect(await me.query(address, { since: createTime - 60 })).toHaveLength(5);
    });

    test("deletes one message for every reader, and hears of one that is not there", async () => {
      await using me = await open();
      const address = await me.create({ ttl: 60 });
      for (const word of ["a", "b", "c"]) await me.send(address, bytes(word));
      await me.remove(address, 1);
      expect(texts(await me.query(address))).toEqual(["a", "c"]);
      expect(texts(await me.fetch(address, { deliver: "earliest", ...now }))).toEqual(["a", "c"]);
      await expect(me.remove(address, 1)).rejects.toThrow("message not found");
    });

    test("delays a message, and lets one end before its mailbox", async () => {
      await using me = await open();
      const address = await me.create({ ttl: 60 });
      expect(await me.send(address, bytes("later"), { delay: 1 })).toBe(-1);
      expect(await me.query(address)).toEqual([]);
      expect(await me.fetch(address, { deliver: "earliest", ...now })).toEqual([]);
      const brief = await me.send(address, bytes("brief"), { ttl: 1 });
      expect(brief).toBe(0);
      await until(async () => {
        const found = texts(await me.query(address));
        return found.includes("later") && !found.includes("brief") ? true : undefined;
      });
      expect(texts(await me.fetch(address, { deliver: "earliest", ...now }))).toEqual(["later"]);
    });

    test("registers, is found by word and in the list, changes its card, and leaves", async () => {
      await using me = await open();
      const name = freshName("agent");
      const mailbox = await me.create({ name, ttl: 60 });
      const word = `cartographer${name.replaceAll(".", "")}`;
      await me.register({ name, mailbox, payload: `draws maps, a ${word}` });
      const found = await me.discover({ text: word });
      expect(found).toMatchObject([{ name, mailbox }]);
      expect(await me.discover({ semantic: `who is a ${word}` })).toMatchObject([
        { name, mailbox },
      ]);
      await me.register({ name, mailbox, payload: `sings, no longer a mapmaker ${word}x` });
      expect(await me.discover({ text: `${word}x` })).toMatchObject([{ name, mailbox }]);
      await me.report({ name, mailbox, report_info: "running, processed=1" });
      const listed = await me.discover({ limit: 100 });
      expect(listed.map((agent) => agent["name"])).toContain(name);
      await me.unregister(mailbox);
      expect((await me.discover({ limit: 100 })).map((agent) => agent["name"])).not.toContain(name);
    });

    test("hears of a mailbox that does not exist in the words its documents print", async () => {
      await using me = await open();
      const name = freshName("nobody");
      const sentence = `mailbox ${name} does not exist`;
      await expect(me.send(name, bytes("x"))).rejects.toThrow(sentence);
      await expect(me.fetch(name, now)).rejects.toThrow(sentence);
      await expect(me.query(name)).rejects.toThrow(sentence);
      await expect(me.remove(name, 0)).rejects.toThrow(sentence);
      await expect(me.ack(name, "g", 0)).rejects.toThrow(/mailbox/);
    });
  });

  it("a fetch of the clients' whole five seconds is answered before they give up", async () => {
    const kinds = clientKinds.filter(({ reason }) => reason === "");
    const results = await Promise.all(
      kinds.map(async ({ connect }) => {
        await using me = await connect(broker().url);
        const address = await me.create({ ttl: 60 });
        return await me.fetch(address, { deliver: "earliest", numMsgs: 1, maxWaitMs: 5_000 });
      }),
    );
    expect(results).toEqual(kinds.map(() => []));
  });
});
