// Two accounts use the same names for everything at the same time and never see each other: every
// word of one is looked for in everything the other is told, whatever the operation.
import type { AuthConfig } from "@mq9/auth";
import { connect, headers, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BrokerInProcess, brokerInProcess } from "../support/in-process.ts";
import { until } from "../support/until.ts";

const words = ["ALPHA", "BRAVO"] as const;
const everything = { send: [">"], receive: [">"], query: [">"], manage: [">"] };
const auth: AuthConfig = {
  sharedInboxes: true, // so that each hears all there is to hear in its account
  accounts: words.map((name) => ({
    name,
    users: [{ user: name, password: name, mailboxes: everything }],
  })),
};

/** One account: a connection that listens to all it can, and one that acts. */
class World {
  readonly word: string;
  readonly listener: NatsConnection;
  readonly actor: NatsConnection;
  /** Everything the account was told, by the subscription or request it came from. */
  readonly heard: Map<string, string[]> = new Map();

  constructor(word: string, listener: NatsConnection, actor: NatsConnection) {
    this.word = word;
    this.listener = listener;
    this.actor = actor;
  }

  static async enter(word: string, port: number): Promise<World> {
    const options = { servers: `127.0.0.1:${port}`, user: word, pass: word, name: word };
    return new World(word, await connect(options), await connect(options));
  }

  listen(subject: string, queue?: string, answer = false): void {
    const label = `SUB ${subject}${queue === undefined ? "" : ` ${queue}`}`;
    this.listener.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, msg) => {
        if (error !== null) {
          this.note(label, `refused: ${error.message}`);
          return;
        }
        const names = msg.headers?.keys() ?? [];
        const block = names.map((name) => `${name}:${msg.headers?.values(name).join()}`);
        this.note(label, [msg.subject, ...block, msg.string()].join(" "));
        if (answer) msg.respond(`answer of ${this.word}`);
      },
    });
  }

  async ask(subject: string, body: unknown = {}): Promise<Record<string, unknown>> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const reply = await this.actor.request(subject, text, { timeout: 10_000 });
    this.note(`REQ ${subject}`, reply.string());
    return reply.string().startsWith("{") ? reply.json<Record<string, unknown>>() : {};
  }

  mq9(tail: string, body?: unknown): Promise<Record<string, unknown>> {
    return this.ask(`$mq9.AI.${tail}`, body);
  }

  note(label: string, text: string): void {
    const texts = this.heard.get(label) ?? [];
    texts.push(text);
    this.heard.set(label, texts);
  }

  /** Where a word was told, by subscription or request. */
  whereHeard(word: string): string[] {
    return [...this.heard]
      .filter(([, texts]) => texts.some((text) => text.includes(word)))
      .map(([label]) => label);
  }

  async flush(): Promise<void> {
    await this.actor.flush();
    await this.listener.flush();
  }
}

const plain = [">", "*.*", "core.*", "_INBOX.>", "$SYS.>", "$mq9.>"];
const mail = [
  "$mq9.AI.#",
  "$mq9.AI.>",
  "$mq9.AI.BROADCAST.#",
  "$mq9.AI.BROADCAST.pipeline.*",
  "$mq9.AI.AGENT.WATCH",
  "$mq9.AI.MAILBOX.MSG.$SYSTEM.PUBLIC.*",
  "$mq9.AI.PUBLIC.LIST",
  "$mq9.AI.MAILBOX.MSG.reviewer.*",
  "$mq9.AI.MAILBOX.reviewer.*",
  "$mq9.AI.INBOX.reviewer.urgent",
  "$mq9.AI.MSG.PUSH.desk",
  "$mq9.AI.STATUS.desk",
];

let server: BrokerInProcess;
const worlds: World[] = [];
const pair = (): readonly [World, World] => {
  const [alpha, bravo] = worlds;
  if (alpha === undefined || bravo === undefined) throw new Error("no worlds");
  return [alpha, bravo];
};
/** Both do the same, one after the other. */
async function each(act: (world: World) => unknown): Promise<void> {
  for (const world of worlds) await act(world);
}

beforeAll(async () => {
  server = await brokerInProcess({ auth, tap: true });
  for (const word of words) worlds.push(await World.enter(word, server.address.port));
  await each((world) =>
    world.mq9("MAILBOX.CREATE", { ttl: 3600, public: true, name: "reviewer", desc: world.word }),
  );
  await each((world) => world.mq9("MAILBOX.CREATE", { name: "desk" }));
  await each(async (world) => {
    for (const subject of [...plain, ...mail]) world.listen(subject);
    world.listen("work.*", "workers");
    world.listen("svc.*", "services", true);
    world.listen("$mq9.AI.MAILBOX.MSG.reviewer.*", "workers");
    world.listen("$mq9.AI.BROADCAST.pipeline.*", "workers");
    await world.flush();
  });
});

afterAll(async () => {
  await each((world) => Promise.all([world.actor.close(), world.listener.close()]));
  await server[Symbol.asyncDispose]();
});

const operations: readonly (readonly [string, (world: World) => unknown])[] = [
  ["publishing", ({ actor, word }) => actor.publish("core.a", word)],
  ["publishing to a queue", ({ actor, word }) => actor.publish("work.a", word)],
  ["publishing to an inbox", ({ actor, word }) => actor.publish("_INBOX.known.1", word)],
  ["publishing to $SYS", ({ actor, word }) => actor.publish("$SYS.own", word)],
  [
    "publishing with a reply",
    ({ actor, word }) => actor.publish("core.b", word, { reply: "core.back" }),
  ],
  ["requests", (world) => world.ask("svc.echo", world.word)],
  [
    "a mailbox of generation 0",
    (world) => world.mq9("MAILBOX.CREATE", { type: "standard", ttl: 3600 }),
  ],
  ["a list of mailboxes", (world) => world.mq9("MAILBOX.LIST")],
  [
    "sending to an inbox",
    ({ actor, word }) => actor.publish("$mq9.AI.INBOX.reviewer.urgent", word),
  ],
  [
    "sending to a mailbox",
    ({ actor, word }) => actor.publish("$mq9.AI.MAILBOX.MSG.reviewer.urgent", word),
  ],
  [
    "sending in the short form",
    ({ actor, word }) => actor.publish("$mq9.AI.MAILBOX.reviewer.low", word),
  ],
  ["sending with a reply", (world) => world.mq9("MSG.SEND.desk", world.word)],
  [
    "sending with headers",
    ({ actor, word }) => {
      const block = headers();
      block.set("mq9-key", "same");
      block.set("mq9-tags", word);
      block.set("mq9-dedup-id", "same");
      actor.publish("$mq9.AI.MSG.SEND.desk", word, { headers: block });
    },
  ],
  ["listing mail", (world) => world.mq9("MAILBOX.LIST.reviewer")],
  ["querying mail of generation 0", (world) => world.mq9("MAILBOX.QUERY.reviewer")],
  ["querying mail", (world) => world.mq9("MSG.QUERY.desk")],
  ["looking at a mailbox", (world) => world.mq9("MAILBOX.INFO.desk")],
  [
    "fetching in a group",
    (world) => world.mq9("MSG.FETCH.desk", { group_name: "g", deliver: "earliest" }),
  ],
  [
    "fetching without a group",
    (world) => world.mq9("MSG.FETCH.desk", { deliver: "earliest", encoding: "utf8" }),
  ],
  [
    "settling",
    (world) => world.mq9("MSG.ACK.desk", { group_name: "g", mail_address: "desk", msg_id: 0 }),
  ],
  ["giving back", (world) => world.mq9("MSG.NACK.desk", { group_name: "g", msg_id: 1 })],
  ["extending", (world) => world.mq9("MSG.EXTEND.desk", { group_name: "g", msg_id: 1 })],
  ["a receipt", (world) => world.mq9("MSG.RECEIPT.desk.0")],
  ["scheduled mail", (world) => world.mq9("MSG.SCHEDULED.desk")],
  ["cancelling", (world) => world.mq9("MSG.CANCEL.desk.0")],
  ["redriving", (world) => world.mq9("MSG.REDRIVE.desk", { group_name: "g" })],
  ["renewing", (world) => world.mq9("MAILBOX.RENEW.desk", { ttl: 7200 })],
  [
    "registering",
    (world) =>
      world.mq9("AGENT.REGISTER", {
        name: "helper",
        mailbox: "desk",
        payload: `does ${world.word}`,
      }),
  ],
  [
    "reporting",
    (world) => world.mq9("AGENT.REPORT", { name: "helper", mailbox: "desk", report: world.word }),
  ],
  ["discovering", (world) => world.mq9("AGENT.DISCOVER", { text: "", include_public: true })],
  ["discovering by text", (world) => world.mq9("AGENT.DISCOVER", { text: "does" })],
  ["the public directory", (world) => world.mq9("MAILBOX.LIST.$SYSTEM.PUBLIC")],
  ["the public directory of generation 0", (world) => world.mq9("MAILBOX.QUERY.$SYSTEM.PUBLIC")],
  [
    "fetching the directory",
    (world) => world.mq9("MSG.FETCH.$SYSTEM.PUBLIC", { deliver: "earliest", encoding: "utf8" }),
  ],
  ["broadcasting", ({ actor, word }) => actor.publish("$mq9.AI.BROADCAST.pipeline.complete", word)],
  ["a status", ({ actor, word }) => actor.publish("$mq9.AI.STATUS.desk", word)],
  ["what nobody serves", ({ actor, word }) => actor.publish("$mq9.AI.OTHER.thing", word)],
  ["who the server says one is", (world) => world.ask("$SYS.REQ.USER.INFO", "")],
];

describe("two accounts", () => {
  test.each(operations)("do not see each other's %s", async (_name, act) => {
    await each((world) => act(world));
    await each((world) => world.flush());
    const [alpha, bravo] = pair();
    expect(alpha.whereHeard("BRAVO")).toEqual([]);
    expect(bravo.whereHeard("ALPHA")).toEqual([]);
  });

  test("each hear themselves on everything they listen to, so that silence means something", async () => {
    const [alpha, bravo] = pair();
    // The first reaches nothing by design, taps are for operators: see below.
    const silent = ["$mq9.>", "$mq9.AI.#", "$mq9.AI.>"];
    const listened = [...plain, ...mail].filter((subject) => !silent.includes(subject));
    for (const world of [alpha, bravo]) {
      const labels = listened.map((subject) => `SUB ${subject}`);
      await until(async () => {
        const own = world.whereHeard(world.word);
        return labels.every((label) => own.includes(label)) ? true : undefined;
      }).catch(() => {});
      expect(world.whereHeard(world.word)).toEqual(expect.arrayContaining(labels));
      expect(world.whereHeard(world.word)).toEqual(
        expect.arrayContaining([
          "SUB work.* workers",
          "SUB svc.* services",
          "REQ svc.echo",
          "REQ $mq9.AI.AGENT.DISCOVER",
          "REQ $mq9.AI.MAILBOX.LIST.reviewer",
        ]),
      );
    }
  });

  test("are closed to the tap of an operator, which shows its own account", async () => {
    const ops = { name: "OPS", users: [{ user: "ops", password: "ops", mailboxes: everything }] };
    const accounts = [...(auth.accounts ?? []), ops];
    await using other = await brokerInProcess({
      auth: { accounts, systemAccount: "OPS" },
      tap: true,
    });
    const servers = `127.0.0.1:${other.address.port}`;
    const tapping = await connect({ servers, user: "ops", pass: "ops" });
    const seen: string[] = [];
    for (const subject of ["$mq9.AI.#", "$mq9.AI.>"]) {
      tapping.subscribe(subject, { callback: (_error, msg) => void seen.push(msg.string()) });
    }
    await tapping.flush();
    const alpha = await connect({ servers, user: "ALPHA", pass: "ALPHA" });
    alpha.publish("$mq9.AI.BROADCAST.pipeline.complete", "ALPHA");
    await alpha.flush();
    tapping.publish("$mq9.AI.BROADCAST.pipeline.complete", "own");
    await tapping.flush();
    await Promise.all([tapping.close(), alpha.close()]);
    expect(seen).toEqual(["own", "own"]);
  });

  test("each keep their own when the other removes what has the same name", async () => {
    const [alpha, bravo] = pair();
    const count = async (world: World) => {
      const { messages } = await world.mq9("MSG.QUERY.desk");
      return (messages as readonly unknown[]).length;
    };
    const before = await count(bravo);
    expect(before).toBeGreaterThan(0);
    for (let at = 0; at < 3; at++) await alpha.mq9("MSG.SEND.desk", `ALPHA ${at}`);
    expect(await count(bravo)).toBe(before);
    await alpha.mq9("MSG.DELETE.desk.0");
    await alpha.mq9("MSG.PURGE.desk");
    expect(await count(alpha)).toBe(0);
    expect(await count(bravo)).toBe(before);
    await alpha.mq9("AGENT.UNREGISTER", { name: "helper", mailbox: "desk" });
    const found = await bravo.mq9("AGENT.DISCOVER", { text: "does" });
    expect(found["agents"]).toHaveLength(1);
    await alpha.mq9("MAILBOX.DROP.desk");
    expect((await alpha.mq9("MAILBOX.INFO.desk"))["error"]).not.toBe("");
    expect((await bravo.mq9("MAILBOX.INFO.desk"))["error"]).toBe("");
    expect(await count(bravo)).toBe(before);
  });

  test.each([
    ["MAILBOX.QUERY", {}],
    ["MAILBOX.LIST", {}],
    ["MAILBOX.INFO", {}],
    ["MAILBOX.RENEW", {}],
    ["MAILBOX.DROP", {}],
    ["MAILBOX.DELETE", {}, ".0"],
    ["MSG.SEND", { a: 1 }],
    ["MSG.FETCH", { group_name: "g", deliver: "earliest", config: { max_wait_ms: 1 } }],
    ["MSG.ACK", { group_name: "g", msg_id: 0 }],
    ["MSG.NACK", { group_name: "g", msg_id: 0 }],
    ["MSG.EXTEND", { group_name: "g", msg_id: 0 }],
    ["MSG.QUERY", {}],
    ["MSG.DELETE", {}, ".0"],
    ["MSG.PURGE", {}],
    ["MSG.SCHEDULED", {}],
    ["MSG.RECEIPT", {}, ".0"],
    ["MSG.CANCEL", {}, ".0"],
    ["MSG.REDRIVE", { group_name: "g" }],
  ])("%s of the other's mailbox is as of one that never was", async (verb, body, tail = "") => {
    const [alpha, bravo] = pair();
    const made = await alpha.mq9("MAILBOX.CREATE", { ttl: 3600 });
    const id = String(made["mail_id"]);
    await alpha.mq9(`MSG.SEND.${id}`, "ALPHA secret");
    const other = `${id.slice(0, -6)}zzzzzz`;
    const answer = async (name: string) =>
      JSON.stringify(await bravo.mq9(`${verb}.${name}${tail}`, body)).replaceAll(name, "<name>");
    expect(await answer(id)).toBe(await answer(other));
    const kept = await alpha.mq9(`MSG.QUERY.${id}`);
    expect(kept["messages"]).toHaveLength(1);
  });
});
