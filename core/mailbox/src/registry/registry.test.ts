import {
  type AgentEvent,
  type AgentFacts,
  type AgentSink,
  type DiscoverRequest,
  Mq9Error,
  type RegisterRequest,
  type RegistryApi,
  registryName,
} from "@mq9/protocol";
import { asciiBytes } from "@mq9/store/testing";
import { expect, test } from "vitest";
import { Rig, textOf } from "../testing/rig.ts";

const noFacts: AgentFacts = { description: "", skills: [], tags: [] };

/** Asks the registry as one agent would, and settles. */
class Agents {
  readonly rig: Rig;
  readonly #account: string;

  constructor(rig: Rig, account = "acme") {
    this.rig = rig;
    this.#account = account;
  }

  get api(): RegistryApi {
    return this.rig.mailboxes.registry(this.#account);
  }

  register(
    name: string,
    { body = name, ...more }: Partial<Omit<RegisterRequest, "body">> & { body?: string } = {},
  ): Promise<string> {
    return this.#tell(async () => {
      const request = { name, body: asciiBytes(body), facts: noFacts, ...more };
      const { agent, created } = await this.api.register(request);
      return `${created ? "created" : "updated"} ${agent.state}`;
    });
  }

  unregister(reference: { name?: string; mailbox?: string; by?: string }): Promise<string> {
    return this.#tell(async () => String((await this.api.unregister(reference)).found));
  }

  report(
    reference: { name?: string; mailbox?: string; by?: string },
    body = "ok",
  ): Promise<string> {
    const request = { ...reference, body: asciiBytes(body) };
    return this.#tell(async () => (await this.api.report(request)).state);
  }

  /** Names found, each with its state when that is not `active`. */
  find(request: Partial<DiscoverRequest> = {}): Promise<string> {
    return this.#tell(async () => {
      const { agents } = await this.api.discover({ limit: 20, page: 1, ...request });
      return agents
        .map(({ agent: { name, state } }) => (state === "active" ? name : `${name}:${state}`))
        .join(" ");
    });
  }

  async #tell(ask: () => Promise<string>): Promise<string> {
    return this.rig.outcome(ask());
  }
}

async function open(options: Parameters<typeof Rig.open>[0] = {}): Promise<Agents> {
  return new Agents(await Rig.open(options));
}

/** A watcher that writes down `kind name`, with a `*` for what was there before. */
class Watching implements AgentSink {
  readonly #got: string[] = [];
  room: number = Number.POSITIVE_INFINITY;
  #resume: (() => void) | undefined;

  deliver(event: AgentEvent, replayed: boolean): boolean {
    if (this.#resume !== undefined) this.#got.push("overrun");
    const what =
      event.kind === "listed"
        ? event.agents
        : event.kind === "dropped"
          ? event.events
          : event.agent.name;
    this.#got.push(`${event.kind} ${what}${replayed ? "*" : ""}`);
    this.room -= 1;
    return this.room > 0;
  }

  onceWritable(resume: () => void): void {
    this.#resume = resume;
  }

  read(): void {
    this.room = Number.POSITIVE_INFINITY;
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  take(): string[] {
    return this.#got.splice(0);
  }
}

const minuteMs = 60_000;

test("an agent is registered, updated and unregistered", async () => {
  const agents = await open();
  expect(await agents.register("a", { body: "one" })).toBe("created active");
  expect(await agents.register("b", { mailbox: "box.b" })).toBe("created active");
  expect(await agents.register("a", { body: "two" })).toBe("updated active");
  expect(await agents.find()).toBe("a b");
  const { agents: found } = await agents.api.discover({ name: "a", limit: 1, page: 1 });
  expect(textOf(found[0]?.agent.body as Uint8Array)).toBe("two");
  expect(await agents.unregister({ mailbox: "box.b" })).toBe("true");
  expect(await agents.unregister({ name: "b" })).toBe("false");
  expect(await agents.find()).toBe("a");
});

test("a registration is answered after it is durable", async () => {
  const agents = await open();
  const release = agents.rig.holdDisk();
  const pending = agents.register("a");
  expect(await pending).toBe("hangs");
  await release();
  expect(await agents.find()).toBe("a");
});

test("commands take effect in the order of the calls, whatever has to be looked up first", async () => {
  const agents = await open();
  const { api } = agents;
  const request = { body: asciiBytes("x"), facts: noFacts };
  const ended = Promise.all([
    api.register({ name: "a", mailbox: "never.read.before", ...request }),
    api.register({ name: "b", ...request }),
    api.report({ name: "a", body: asciiBytes("{}") }),
    api.unregister({ name: "b" }),
    api.discover({ limit: 20, page: 1 }),
  ]);
  await agents.rig.settle();
  const [, , reported, unregistered, { agents: found }] = await ended;
  expect([reported.name, unregistered.found, found.map(({ agent }) => agent.name)]).toEqual([
    "a",
    true,
    ["a"],
  ]);
});

test("agents survive a crash, with the time of their first registration", async () => {
  const agents = await open();
  const startMs = agents.rig.nowMs;
  await agents.register("a", { body: "one", mailbox: "box", facts: facts({ tags: ["x"] }) });
  agents.rig.nowMs += 5_000;
  await agents.register("a", { body: "two", mailbox: "box", facts: facts({ tags: ["y"] }) });
  await agents.register("b");
  await agents.unregister({ name: "b" });
  await agents.rig.crash();
  expect(await agents.find()).toBe("a");
  expect(await agents.find({ tags: ["y"] })).toBe("a");
  const result = agents.api.discover({ limit: 1, page: 1 });
  await agents.rig.settle();
  const agent = (await result).agents[0]?.agent;
  expect(agent?.registeredAtMs).toBe(startMs);
  expect(agent?.lastSeenAtMs).toBe(startMs + 5_000);
  expect(textOf(agent?.body as Uint8Array)).toBe("two");
});

test("the registry is read at its first use, and a few agents at a time", async () => {
  const agents = await open();
  for (let i = 0; i < 100; i += 1) await agents.register(`a${i}`);
  await agents.rig.crash();
  expect(agents.rig.store.calls("messages")).toBe(0);
  expect((await agents.find({ limit: 1000 })).split(" ").length).toBe(100);
  const calls = agents.rig.store.calls("messages");
  expect(calls).toBeGreaterThan(6);
  await agents.find();
  expect(agents.rig.store.calls("messages")).toBe(calls);
});

test("accounts do not see each other", async () => {
  const agents = await open();
  await agents.register("a");
  const others = new Agents(agents.rig, "other");
  expect(await others.find()).toBe("");
  expect(await others.register("a")).toBe("created active");
});

test("only its owner replaces, unregisters or reports for an agent, when both are known", async () => {
  const agents = await open();
  await agents.register("a", { by: "ann", mailbox: "box" });
  expect(await agents.register("a", { by: "bob" })).toBe("forbidden");
  expect(await agents.unregister({ name: "a", by: "bob" })).toBe("forbidden");
  expect(await agents.unregister({ mailbox: "box", by: "bob" })).toBe("forbidden");
  expect(await agents.report({ name: "a", by: "bob" })).toBe("forbidden");
  expect(await agents.report({ name: "a", by: "ann" })).toBe("active");
  expect(await agents.register("a", { body: "new", mailbox: "box" })).toBe("updated active");
  expect(await agents.register("a", { by: "bob" })).toBe("forbidden");
  await agents.register("free");
  expect(await agents.register("free", { by: "bob" })).toBe("updated active");
  expect(await agents.register("free", { by: "ann" })).toBe("forbidden");
});

test("a name that reads like another agent's is refused, whatever its letters are", async () => {
  const agents = await open();
  await agents.register("payroll");
  expect(await agents.register("pаyroll")).toBe("forbidden"); // with a Cyrillic a
  expect(await agents.register("ｐayroll")).toBe("forbidden"); // full width
  expect(await agents.register("Payroll")).toBe("created active");
  await agents.unregister({ name: "payroll" });
  expect(await agents.register("pаyroll")).toBe("created active");
});

test("names and bodies have limits, and so has the number of agents", async () => {
  const agents = await open({ agentsMax: 2, agentBytesMax: 10, reportBytesMax: 3 });
  expect(await agents.register("")).toBe("invalid");
  expect(await agents.register("n".repeat(129), { body: "" })).toBe("invalid");
  expect(await agents.register("a", { body: "x".repeat(11) })).toBe("too_large");
  expect(await agents.register("a")).toBe("created active");
  expect(await agents.register("b")).toBe("created active");
  expect(await agents.register("c")).toBe("quota_exceeded");
  expect(await agents.register("a", { body: "again" })).toBe("updated active");
  expect(await agents.report({ name: "a" }, "four")).toBe("too_large");
});

test("an agent that never reported is active as long as its mailbox lives", async () => {
  const agents = await open();
  await agents.rig.create("box", { ttlSeconds: 600 });
  await agents.register("a", { mailbox: "box" });
  agents.rig.nowMs += 599_000;
  expect(await agents.find()).toBe("a");
  agents.rig.nowMs += 1_000;
  expect(await agents.find()).toBe("");
  expect(await agents.find({ states: ["gone"] })).toBe("a:gone");
  await agents.rig.crash();
  expect(await agents.find({ states: ["gone"] })).toBe("a:gone");
  await agents.rig.create("box");
  expect(await agents.find()).toBe("a");
});

test("an agent whose mailbox is dropped is gone at once, and renewing keeps it", async () => {
  const agents = await open();
  for (const name of ["x", "y"]) await agents.rig.create(name, { ttlSeconds: 60 });
  await agents.register("ax", { mailbox: "x" });
  await agents.register("ay", { mailbox: "y" });
  await agents.rig.outcome(agents.rig.account.drop("x"));
  await agents.rig.outcome(agents.rig.account.renew("y", 0));
  agents.rig.nowMs += 120_000;
  expect(await agents.find()).toBe("ay");
  await agents.rig.crash();
  expect(await agents.find()).toBe("ay");
});

test("an agent may name a mailbox that is not there yet", async () => {
  const agents = await open();
  await agents.register("a", { mailbox: "later" });
  expect(await agents.find()).toBe("a");
  await agents.rig.create("later", { ttlSeconds: 60 });
  agents.rig.nowMs += 60_000;
  expect(await agents.find()).toBe("");
});

test("a mailbox that was seen and is forgotten ended, also after a restart", async () => {
  const agents = await open({ graceMs: 1_000, nameMemoryMs: 2_000 });
  await agents.register("a", { mailbox: "later" });
  await agents.rig.create("later", { ttlSeconds: 120 });
  agents.rig.nowMs += 61_000;
  await agents.rig.outcome(agents.rig.mailboxes.tick());
  agents.rig.nowMs += 120_000;
  await agents.rig.outcome(agents.rig.mailboxes.tick());
  await agents.rig.crash();
  expect(await agents.rig.outcome(agents.rig.account.info("later"))).toBe("not_found");
  expect(await agents.find({ states: ["gone"] })).toBe("a:gone");
});

test("after its first report an agent is stale when three are missed, and gone after a day", async () => {
  const agents = await open();
  await agents.register("a", { mailbox: "box" });
  expect(await agents.report({ mailbox: "box" })).toBe("active");
  agents.rig.nowMs += 89_999;
  expect(await agents.find()).toBe("a");
  agents.rig.nowMs += 1;
  expect(await agents.find()).toBe("a:stale");
  agents.rig.nowMs += 86_400_000 - 90_000;
  expect(await agents.find()).toBe("");
  expect(await agents.report({ name: "a" })).toBe("active");
  expect(await agents.find()).toBe("a");
  expect(await agents.report({ name: "b" })).toBe("not_found");
});

test("the time a broker was down counts as nobody's silence", async () => {
  const agents = await open();
  await agents.register("a");
  await agents.report({ name: "a" }, "busy");
  agents.rig.mailboxes.writeLast();
  await agents.rig.settle();
  agents.rig.nowMs += 3_600_000;
  await agents.rig.restart();
  expect(await agents.find()).toBe("a");
  const result = agents.api.discover({ limit: 1, page: 1 });
  await agents.rig.settle();
  expect(textOf((await result).agents[0]?.agent.report as Uint8Array)).toBe("busy");
  agents.rig.nowMs += 90_000;
  expect(await agents.find()).toBe("a:stale");
});

test("a report is on disk a minute later", async () => {
  const agents = await open();
  await agents.register("a");
  await agents.report({ name: "a" }, "one");
  agents.rig.nowMs += minuteMs - 1;
  await agents.rig.outcome(agents.rig.mailboxes.tick());
  await agents.report({ name: "a" }, "two");
  expect(await reportOnDisk(agents)).toBe("none");
  agents.rig.nowMs += 1;
  await agents.rig.outcome(agents.rig.mailboxes.tick());
  await agents.rig.settle();
  expect(await reportOnDisk(agents)).toBe("two");
});

async function reportOnDisk({ rig }: Agents): Promise<string> {
  const record = await rig.memory.mailbox(`acme/${registryName}`);
  const range = { rank: 2 as const, afterSeq: -1, limit: 10, bytesMax: 1_000_000 };
  const [stored] = await rig.memory.messages(record?.number ?? -1, range);
  const text = textOf(stored?.payload ?? new Uint8Array(0));
  return /(one|two)$/.exec(text)?.[0] ?? "none";
}

test("clients can not write, read about or end the mailbox that keeps the agents", async () => {
  const { rig } = await open();
  expect(await rig.create(registryName)).toBe("forbidden");
  await rig.outcome(
    rig.mailboxes.registry("acme").register({ name: "a", body: asciiBytes("x"), facts: noFacts }),
  );
  expect(await rig.send(registryName, "x")).toBe("forbidden");
  expect(await rig.outcome(rig.account.drop(registryName))).toBe("forbidden");
  expect(await rig.outcome(rig.account.renew(registryName, 0))).toBe("forbidden");
  expect(await rig.outcome(rig.account.remove({ mailbox: registryName, msgId: 0 }))).toBe(
    "forbidden",
  );
  expect(await rig.outcome(rig.account.list({ after: "", limit: 10 }))).toEqual([]);
});

test("the list goes by name, a page at a time", async () => {
  const agents = await open();
  for (const name of ["d", "b", "a", "c", "e"]) await agents.register(name);
  expect(await agents.find({ limit: 2 })).toBe("a b");
  expect(await agents.find({ limit: 2, page: 3 })).toBe("e");
  expect(await agents.find({ limit: 2, page: 4 })).toBe("");
  expect(await agents.find({ limit: 0 })).toBe("invalid");
  expect(await agents.find({ page: 0 })).toBe("invalid");
});

test("filters hold together", async () => {
  const agents = await open();
  await agents.register("pdf.one", { facts: facts({ tags: ["Docs"], skill: "extract" }) });
  await agents.register("pdf.two", { facts: facts({ tags: ["docs", "slow"], skill: "Extract" }) });
  await agents.register("ocr", { facts: facts({ tags: ["slow"], skill: "read" }) });
  expect(await agents.find({ skill: "EXTRACT" })).toBe("pdf.one pdf.two");
  expect(await agents.find({ tags: ["docs", "slow"] })).toBe("pdf.two");
  expect(await agents.find({ name: "pdf.*" })).toBe("pdf.one pdf.two");
  expect(await agents.find({ name: "pdf" })).toBe("");
  expect(await agents.find({ tags: ["skilled"], name: "ocr" })).toBe("ocr");
});

test("a watcher hears who is there, then what changes", async () => {
  const agents = await open();
  await agents.rig.create("box", { ttlSeconds: 3600 });
  await agents.register("a", { mailbox: "box" });
  const watching = new Watching();
  const watch = agents.api.watch(watching);
  await agents.rig.settle();
  expect(watching.take()).toEqual(["registered a*", "listed 1*"]);
  await agents.register("b");
  await agents.register("b");
  await agents.register("b", { body: "new" });
  await agents.report({ name: "b" });
  expect(watching.take()).toEqual(["registered b", "updated b"]);
  agents.rig.nowMs += 120_000;
  await agents.rig.outcome(agents.rig.mailboxes.tick());
  await agents.report({ name: "b" });
  await agents.rig.outcome(agents.rig.account.drop("box"));
  await agents.unregister({ name: "b" });
  expect(watching.take()).toEqual(["stale b", "active b", "gone a", "unregistered b"]);
  watch.end();
  await agents.register("c");
  expect(watching.take()).toEqual([]);
});

test("a watcher that does not keep up is told so, and hears what comes later", async () => {
  const agents = await open();
  for (let i = 0; i < 3; i += 1) await agents.register(`a${i}`);
  const watching = new Watching();
  watching.room = 2;
  agents.api.watch(watching);
  await agents.rig.settle();
  expect(watching.take()).toEqual(["registered a0*", "registered a1*"]);
  for (let i = 0; i < 1100; i += 1) await agents.register("b", { body: String(i) });
  watching.read();
  await agents.rig.settle();
  expect(watching.take()).toEqual(["registered a2*", "listed 3*", "dropped 1100"]);
  await agents.register("c");
  expect(watching.take()).toEqual(["registered c"]);
});

test("watchers have a limit", async () => {
  const agents = await open({ watchersMax: 1 });
  const watch = agents.api.watch(new Watching());
  expect(() => agents.api.watch(new Watching())).toThrow(Mq9Error);
  watch.end();
  agents.api.watch(new Watching());
});

test("what failed to become durable is not registered once the store is back", async () => {
  const agents = await open();
  await agents.register("a");
  await agents.report({ name: "a" });
  agents.rig.store.plant("commit", 1, { kind: "fail", code: "full" });
  expect(await agents.register("b")).toBe("unknown");
  expect(await agents.find()).toBe("storage_failed");
  agents.rig.nowMs += 89_000;
  await agents.rig.reopen();
  expect(await agents.find()).toBe("a");
  expect(await agents.register("b")).toBe("created active");
});

function facts({ tags = [] as string[], skill = "" }): AgentFacts {
  const skills = [{ id: skill, name: "", description: "", tags: ["skilled"], examples: [] }];
  return { description: "", skills, tags };
}
