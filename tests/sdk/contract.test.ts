// One contract, two implementations: the domain itself, and the SDK through a broker. Where the wire tells
// less than the domain knows (instants are whole seconds), the contract asks for what both can tell.
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { Mailboxes } from "@mq9/mailbox";
import {
  allRanks,
  type CreateRequest,
  type MailboxApi,
  type MailMessage,
  neverMs,
  type PriorityLabel,
  type SendRequest,
} from "@mq9/protocol";
import { connect } from "@mq9/sdk";
import { MemoryStore } from "@mq9/store";
import { describe, expect, it } from "vitest";
import { brokerInProcess } from "../support/in-process.ts";

interface World extends AsyncDisposable {
  readonly api: MailboxApi;
}

async function domain(): Promise<World> {
  const store = new MemoryStore();
  let timer: NodeJS.Timeout | undefined;
  const tick = async (): Promise<void> => wakeAt(await mailboxes.tick());
  const wakeAt = (atMs: number): void => {
    clearTimeout(timer);
    const waitMs = Math.min(Math.max(0, atMs - Date.now()), 60_000);
    timer = setTimeout(() => void tick(), waitMs).unref();
  };
  const mailboxes = new Mailboxes({
    store,
    clock: { nowMs: () => Date.now() },
    random: { uuid: randomUUID, bytes: (count) => randomBytes(count) },
    defer: (run) => setImmediate(run),
    digest: (parts) => {
      const hash = createHash("sha256");
      for (const part of parts) hash.update(part);
      return hash.digest();
    },
    directoryBody: ({ name }) => Buffer.from(name),
    wakeAt,
    storeFailed: (error) => {
      throw error;
    },
  });
  mailboxes.opened(await store.open());
  return {
    api: mailboxes.account("acme"),
    [Symbol.asyncDispose]: async () => {
      clearTimeout(timer);
      await store.close();
    },
  };
}

async function wire(): Promise<World> {
  const broker = await brokerInProcess();
  const mq9 = await connect(`nats://127.0.0.1:${broker.address.port}`);
  return {
    api: mq9.api,
    [Symbol.asyncDispose]: async () => {
      await mq9.close();
      await broker[Symbol.asyncDispose]();
    },
  };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = ({ payload }: MailMessage): string => new TextDecoder().decode(payload);

const box: CreateRequest = {
  name: "box",
  nameStyle: "compact",
  kind: "standard",
  ttlSeconds: 0,
  public: false,
  ifExists: "fail",
};

function mail(payload: string, more: Partial<SendRequest> = {}): SendRequest {
  return { mailbox: "box", label: "normal", payload: bytes(payload), ...more };
}

const earliest = { at: "earliest" } as const;
const fetching = { mailbox: "box", start: earliest, limit: 100, waitMs: 0 };
const inGroup = { ...fetching, group: "g" };

describe.each([
  ["the domain", domain],
  ["the SDK", wire],
] as const)("%s", (_name, open) => {
  const check = (what: string, body: (api: MailboxApi) => Promise<void>): void => {
    it(what, async () => {
      await using world = await open();
      await body(world.api);
    });
  };
  const withBox = (what: string, body: (api: MailboxApi) => Promise<void>): void =>
    check(what, async (api) => {
      await api.create(box);
      await body(api);
    });
  const fails = async (promise: Promise<unknown>, code: string): Promise<void> => {
    await expect(promise).rejects.toMatchObject({ code });
  };

  check("makes mailboxes, hands out or refuses a name that is taken", async (api) => {
    const { mailbox, created } = await api.create({ ...box, ttlSeconds: 60, desc: "mine" });
    expect(created).toBe(true);
    expect(mailbox).toMatchObject({ name: "box", kind: "standard", ttlSeconds: 60, public: false });
    expect(mailbox.expiresAtMs - mailbox.createdAtMs).toBe(60_000);
    await fails(api.create(box), "exists");
    expect(await api.create({ ...box, ifExists: "return" })).toMatchObject({ created: false });
    await fails(api.create({ ...box, name: "$SYSTEM.PUBLIC" }), "forbidden");
    await fails(api.create({ ...box, name: "a..b" }), "invalid");
    const unnamed = await api.create({ ...box, name: undefined });
    expect(unnamed.mailbox.name).not.toBe("");
    const open = await api.create({ ...box, name: "open", public: true, desc: "seen" });
    expect(open.mailbox).toMatchObject({ public: true, desc: "seen", expiresAtMs: neverMs });
    const latest = await api.create({ ...box, name: "latest", kind: "latest" });
    expect(latest.mailbox.kind).toBe("latest");
    await fails(api.create({ ...box, name: "latest", kind: "latest" }), "exists");
    await fails(api.create({ ...box, name: "open", public: true }), "exists");
  });

  withBox("tells of mailboxes, gives them a new life, lists and ends them", async (api) => {
    await api.send(mail("x"));
    expect(await api.inspect("box")).toMatchObject({ messages: 1, nextId: 1, scheduled: 0 });
    expect(await api.renew("box", 100)).toMatchObject({ name: "box", ttlSeconds: 100 });
    expect((await api.info("box")).ttlSeconds).toBe(100);
    for (const name of ["c", "a", "b"]) await api.create({ ...box, name });
    const names = async (after: string, limit: number): Promise<string[]> =>
      (await api.list({ after, limit })).map(({ name }) => name);
    expect(await names("", 3)).toEqual(["a", "b", "box"]);
    expect(await names("box", 9)).toEqual(["c"]);
    await api.drop("box");
    await fails(api.info("box"), "not_found");
    await fails(api.drop("box"), "not_found");
    await fails(api.send(mail("y")), "not_found");
  });

  withBox("keeps order by priority and number, and everything a sender said", async (api) => {
    const labels: readonly PriorityLabel[] = [
      "low",
      "normal",
      "high",
      "urgent",
      "critical",
      "notify",
    ];
    for (const label of labels) await api.send(mail(label, { label }));
    const { messages } = await api.fetch(fetching);
    expect(messages.map(text)).toEqual(["critical", "high", "urgent", "normal", "low", "notify"]);
    expect(messages.map(({ label }) => label)).toEqual(messages.map(text));
    expect(messages.map(({ rank }) => rank)).toEqual([0, 1, 1, 2, 3, 3]);
    const headers = bytes("NATS/1.0\r\nX-One: a\r\nx-one: b\r\n\r\n");
    const said = { headers, key: "k", tags: ["x", "y"], ttlSeconds: 60 };
    const { msgId } = await api.send(mail("said", said));
    const { messages: found } = await api.query({
      ...{ mailbox: "box", checkToken: false, unreadOnly: false, limit: 10 },
      ...{ order: "newest", key: "k" },
    });
    expect(found).toMatchObject([{ msgId, key: "k", tags: ["x", "y"], mailbox: "box" }]);
    expect(new TextDecoder().decode(found[0]?.headers)).toContain("X-One: a\r\nx-one: b\r\n");
    expect(found[0]?.expiresAtMs).toBeLessThan(Date.now() + 61_000);
    const binary = Uint8Array.from({ length: 256 }, (_, i) => i);
    await api.send({ ...mail(""), payload: binary, label: "critical" });
    expect((await api.fetch({ ...fetching, limit: 2 })).messages[1]?.payload).toEqual(
      expect.objectContaining({ length: 256 }),
    );
    expect([...((await api.fetch({ ...fetching, limit: 2 })).messages[1]?.payload ?? [])]).toEqual([
      ...binary,
    ]);
  });

  withBox("stores a dedup id once, and the newest of a key", async (api) => {
    const first = await api.send(mail("x", { dedupId: "d" }));
    expect(first.msgId).toBe(0);
    expect(await api.send(mail("x", { dedupId: "d" }))).toMatchObject({
      msgId: 0,
      duplicate: true,
    });
    await fails(api.send(mail("other", { dedupId: "d" })), "dedup_conflict");
    await api.send(mail("old", { key: "k" }));
    await api.send(mail("new", { key: "k" }));
    expect((await api.fetch(fetching)).messages.map(text)).toEqual(["x", "new"]);
  });

  withBox("delays messages, lists and cancels what waits", async (api) => {
    const { msgId, scheduledId = -1 } = await api.send(mail("later", { delayMs: 3_600_000 }));
    expect(msgId).toBe(-1);
    const request = { mailbox: "box", afterId: -1, limit: 10 };
    expect(await api.scheduled(request)).toMatchObject([{ scheduledId, message: { msgId: -1 } }]);
    await api.cancel({ mailbox: "box", scheduledId });
    await fails(api.cancel({ mailbox: "box", scheduledId }), "message_not_found");
    expect(await api.scheduled(request)).toEqual([]);
  });

  withBox("leases to a group, settles, and counts deliveries", async (api) => {
    for (const each of ["a", "b", "c"]) await api.send(mail(each));
    const got = (await api.fetch({ ...inGroup, limit: 2, held: "kept" })).messages;
    expect(got).toMatchObject([
      { msgId: 0, deliveryCount: 1 },
      { msgId: 1, deliveryCount: 1 },
    ]);
    expect(got[0]?.leaseEndsAtMs).toBeGreaterThan(Date.now());
    const one = { mailbox: "box", group: "g", msgId: 0 };
    expect(await api.ack({ ...one, mode: "one" })).toEqual([0]);
    expect(await api.ack({ ...one, mode: "one" })).toEqual([]);
    await fails(api.ack({ ...one, msgId: 99, mode: "one" }), "not_delivered");
    const second = { ...one, msgId: 1 };
    expect(await api.extend({ ...second, leaseMs: 60_000 })).toBeGreaterThan(Date.now() + 50_000);
    await api.nack({ ...second, delayMs: 0, reason: "not now" });
    await fails(api.extend({ ...second, deliveryCount: 1 }), "not_delivered");
    const again = (await api.fetch({ ...inGroup, held: "kept" })).messages;
    expect(again).toMatchObject([
      { msgId: 1, deliveryCount: 2 },
      { msgId: 2, deliveryCount: 1 },
    ]);
    expect(await api.receipt({ mailbox: "box", msgId: 1 })).toMatchObject({
      state: "stored",
      groups: [{ group: "g", state: "leased", deliveryCount: 2 }],
    });
    expect(await api.ack({ ...second, alsoMsgIds: [2], mode: "one" })).toEqual([1, 2]);
    await fails(api.receipt({ mailbox: "box", msgId: 3 }), "message_not_found");
  });

  withBox("puts poison among the dead letters, and back", async (api) => {
    await api.send(mail("bad"));
    await api.fetch(inGroup);
    const one = { mailbox: "box", group: "g", msgId: 0 };
    await api.nack({ ...one, poison: true, reason: "makes no sense" });
    const dead = (await api.fetch({ ...fetching, mailbox: "box.dlq" })).messages;
    expect(dead.map(text)).toEqual(["bad"]);
    expect(dead[0]?.dead).toMatchObject({
      ...{ mailbox: "box", msgId: 0, group: "g", deliveries: 1 },
      ...{ cause: "poison", reason: "makes no sense" },
    });
    expect(await api.redrive({ mailbox: "box", limit: 10 })).toBe(1);
    expect((await api.fetch(inGroup)).messages.map(text)).toEqual(["bad"]);
  });

  withBox(
    "waits for a first message, begins where it is told, looks without taking",
    async (api) => {
      const waiting = api.fetch({ ...inGroup, waitMs: 5_000 });
      await new Promise((resolve) => setTimeout(resolve, 50));
      await api.send(mail("a"));
      expect((await waiting).messages.map(text)).toEqual(["a"]);
      await api.send(mail("b"));
      await api.send(mail("c"));
      const look = { ...fetching, group: "other", look: true };
      expect((await api.fetch(look)).messages.map(text)).toEqual(["a", "b", "c"]);
      const from = { at: "id", msgId: 1 } as const;
      expect((await api.fetch({ ...fetching, start: from })).messages.map(text)).toEqual([
        "b",
        "c",
      ]);
      const cut = await api.fetch({ ...fetching, limit: 1 });
      expect(cut).toMatchObject({ more: true, messages: [{ msgId: 0 }] });
      await fails(api.fetch({ ...fetching, mailbox: "nobody" }), "not_found");
    },
  );

  withBox("finds by tags and pages, removes one and all", async (api) => {
    for (let i = 0; i < 5; i += 1)
      await api.send(mail(`m${i}`, { tags: i % 2 === 0 ? ["even"] : ["odd"] }));
    const newest = {
      ...{ mailbox: "box", checkToken: false, unreadOnly: false, countUnread: false },
      order: "newest",
    } as const;
    const even = await api.query({ ...newest, tags: ["even"], limit: 2 });
    expect(even.messages.map(text)).toEqual(["m2", "m4"]);
    expect(even.more).toBe(true);
    const before = await api.query({ ...newest, beforeId: 2, limit: 2 });
    expect(before.messages.map(text)).toEqual(["m0", "m1"]);
    const either = await api.query({ ...newest, tags: ["even", "odd"], tagsMode: "any", limit: 9 });
    expect(either.messages).toHaveLength(5);
    await api.remove({ mailbox: "box", msgId: 4 });
    await fails(api.remove({ mailbox: "box", msgId: 4 }), "message_not_found");
    expect(await api.purge({ mailbox: "box", beforeId: 2 })).toBe(2);
    expect(await api.purge({ mailbox: "box" })).toBe(2);
  });

  withBox("pushes what is stored in order, then what arrives, to whoever has room", async (api) => {
    await api.send(mail("low", { label: "low" }));
    await api.send(mail("urgent", { label: "urgent" }));
    const got: string[] = [];
    let resume: (() => void) | undefined;
    let told: () => void = () => {};
    const until = async (count: number): Promise<void> => {
      while (got.length < count) {
        await new Promise<void>((resolve) => {
          told = resolve;
        });
      }
    };
    const subscription = api.subscribe({
      mailbox: "box",
      match: "exact",
      ranks: allRanks,
      sink: {
        deliver: (message, replayed) => {
          got.push(`${text(message)} ${replayed}`);
          told();
          return got.length !== 2;
        },
        onceWritable: (callback) => {
          resume = callback;
        },
      },
    });
    await until(2);
    expect(got).toEqual(["urgent true", "low true"]);
    await api.send(mail("live"));
    expect(got).toHaveLength(2);
    resume?.();
    await until(3);
    expect(got[2]).toMatch(/^live /);
    subscription.end("unsubscribed");
    await api.send(mail("nobody hears"));
    expect(got).toHaveLength(3);
  });
});
