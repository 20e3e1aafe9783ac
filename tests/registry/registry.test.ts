// The registry over real sockets: bodies in the shape of every published client, the list, the
// search by words and by meaning, events, and what a restart leaves.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { connectRaw, type RunningBroker, startBroker } from "@mq9/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Agent, agent, type Reply } from "../support/mail.ts";
import { useBroker } from "../support/use-broker.ts";

type Item = Readonly<Record<string, unknown>>;

const broker = useBroker();

async function items(me: Agent, body: unknown = {}): Promise<readonly Item[]> {
  const reply = await me.ask("AGENT.DISCOVER", body);
  expect(reply["error"]).toBe("");
  return reply["agents"] as Item[];
}

const card = {
  name: "ignored",
  description: "Reads invoices",
  version: "2.0",
  skills: [{ id: "ocr", name: "OCR", description: "Reads scans", tags: ["vision"] }],
};

describe("the bodies of the published clients", () => {
  it.each([
    ["a flat card", { name: "flat.agent", mailbox: "flat.box", payload: "reads invoices" }],
    ["a mailbox alone", { mailbox: "alone.box", payload: "reads invoices" }],
    [
      "name, mailbox, prose and a card",
      { name: "a2a.agent", mailbox: "a2a.box", payload: card.description, agent_card: card },
    ],
    [
      "a card as text with its mailbox as a URI",
      {
        name: "text.agent",
        payload: JSON.stringify({ ...card, mailbox: "mq9://broker/text.box" }),
      },
    ],
    ["a card as the body", { ...card, name: "Card Agent", url: "mq9://host/card.box" }],
    [
      "a card of version 1.0",
      {
        ...card,
        name: "Newer Agent",
        supportedInterfaces: [{ url: "mq9://host/newer.box", protocolBinding: "MQ9" }],
      },
    ],
  ])("%s is registered, found, reported for and unregistered by mailbox", async (_, body) => {
    await using me = await agent(broker().url);
    expect(await me.ask("AGENT.REGISTER", body)).toMatchObject({ error: "", created: true });
    const [found, ...others] = await items(me, { text: "invoices", limit: 20, page: 1 });
    expect(others).toEqual([]);
    const mailbox = found?.["mailbox"] as string;
    const name = found?.["name"] as string;
    expect(mailbox).toMatch(/^[a-z0-9]+\.box$/);
    expect(name).toBe("name" in body ? body.name : mailbox);
    expect(found).toMatchObject({ agent_id: name, state: "active", last_seen: expect.any(Number) });
    expect(typeof found?.["agent_info"]).toBe("string");
    expect(found?.["payload"]).toBeDefined();
    const report = { name, mailbox, report_info: "running, processed=3" };
    expect(await me.ask("AGENT.REPORT", report)).toMatchObject({ error: "" });
    expect((await items(me, { semantic: "invoices" }))[0]).toMatchObject({
      report: { report_info: "running, processed=3" },
    });
    expect(await me.ask("AGENT.UNREGISTER", { mailbox })).toMatchObject({ error: "", found: true });
    expect(await me.ask("AGENT.UNREGISTER", { mailbox })).toMatchObject({
      error: "",
      found: false,
    });
    expect(await items(me)).toEqual([]);
  });

  it("errors are replies with a text and a code", async () => {
    await using me = await agent(broker().url);
    expect(await me.ask("AGENT.REGISTER", {})).toMatchObject({
      error: "agent name must not be empty",
      code: 400,
    });
    expect(await me.ask("AGENT.REPORT", { name: "nobody" })).toMatchObject({ code: 404 });
    expect(await me.ask("AGENT.DISCOVER", "{")).toMatchObject({ code: 400, agents: [] });
    expect(await me.ask("AGENT.WATCH", {})).toMatchObject({ code: 403 });
  });

  it("a request without a reply subject is carried out, and raw frames get raw replies", async () => {
    await using raw = await connectRaw(broker().port);
    raw.send("SUB inbox 1");
    const body = JSON.stringify({ name: "raw.agent", mailbox: "raw.box", payload: "quiet" });
    raw.publish("$mq9.AI.AGENT.REGISTER", body);
    raw.publish("$mq9.AI.AGENT.DISCOVER", "", "inbox");
    const { payload } = await raw.readMessage();
    const reply = JSON.parse(String(payload)) as Reply;
    expect(reply).toMatchObject({ error: "", agents: [{ name: "raw.agent", payload: "quiet" }] });
    await using me = await agent(broker().url);
    await me.ask("AGENT.UNREGISTER", { name: "raw.agent" });
  });
});

describe("the registry", () => {
  it("shows an agent whose mailbox was dropped as gone, and only when asked", async () => {
    await using me = await agent(broker().url);
    await me.create({ name: "short.box", ttl: 60 });
    await me.ask("AGENT.REGISTER", { name: "short", mailbox: "short.box" });
    expect(await items(me, { name: "short" })).toHaveLength(1);
    expect(await me.ask("MAILBOX.DROP.short.box")).not.toHaveProperty("code");
    expect(await items(me, { name: "short" })).toEqual([]);
    expect(await items(me, { name: "short", state: "gone" })).toMatchObject([{ state: "gone" }]);
    await me.ask("AGENT.UNREGISTER", { name: "short" });
  });

  it("takes public mailboxes described by a card for agents when asked to", async () => {
    await using me = await agent(broker().url);
    const desc = JSON.stringify({ ...card, name: "Open Agent", description: "Sells tulips" });
    await me.create({ ttl: 60, public: true, name: "open.box", desc });
    await me.create({ ttl: 60, public: true, name: "plain.box", desc: "tulips, but no card" });
    expect(await items(me, { text: "tulips" })).toEqual([]);
    const found = await items(me, { text: "tulips", include_public: true });
    expect(found).toMatchObject([{ name: "Open Agent", mailbox: "open.box", state: "active" }]);
    await me.ask("AGENT.REGISTER", { name: "closer", mailbox: "closer.box" });
    const all = await items(me, { include_public: true });
    expect(all.map(({ name }) => name)).toEqual(["Open Agent", "closer"]);
    await me.ask("AGENT.REGISTER", { name: "opened", mailbox: "open.box" });
    const once = await items(me, { include_public: true });
    expect(once.map(({ name }) => name)).toEqual(["closer", "opened"]);
    await me.ask("AGENT.UNREGISTER", { name: "opened" });
    expect(await items(me, { include_public: true })).toHaveLength(2);
    await me.ask("MAILBOX.DROP.open.box");
    expect(await items(me, { include_public: true })).toMatchObject([{ name: "closer" }]);
    await me.ask("AGENT.UNREGISTER", { name: "closer" });
  });

  it("tells who is there, then what changes", async () => {
    await using me = await agent(broker().url);
    await me.ask("AGENT.REGISTER", { name: "early", mailbox: "early.box" });
    await using other = await agent(broker().url);
    const events = await other.read("AGENT.WATCH");
    const next = async (): Promise<Item> => JSON.parse((await events.next()).text) as Item;
    expect(await next()).toMatchObject({ event: "registered", name: "early", replayed: true });
    expect(await next()).toEqual({ event: "listed", agents: 1 });
    await me.ask("AGENT.REGISTER", { name: "late", payload: "comes later" });
    expect(await next()).toMatchObject({ event: "registered", agent: { payload: "comes later" } });
    await me.ask("AGENT.UNREGISTER", { name: "late" });
    expect(await next()).toEqual({ event: "unregistered", name: "late", mailbox: "" });
    await me.ask("AGENT.UNREGISTER", { name: "early" });
    expect(await next()).toMatchObject({ event: "unregistered", name: "early" });
  });

  it("keeps its agents over a crash and a clean stop, reports too", async () => {
    await using me = await agent(broker().url);
    await me.ask("AGENT.REGISTER", { name: "kept", mailbox: "kept.box", payload: "stays" });
    await broker().kill();
    await broker().restart();
    await using again = await agent(broker().url);
    expect(await items(again, { text: "stays" })).toMatchObject([{ name: "kept" }]);
    await again.ask("AGENT.REPORT", { name: "kept", load: 0.5 });
    await broker().restart();
    await using last = await agent(broker().url);
    expect(await items(last)).toMatchObject([{ name: "kept", report: { load: 0.5 } }]);
    await last.ask("AGENT.UNREGISTER", { name: "kept" });
  });

  it("shows nobody a hidden character of another's card", async () => {
    await using me = await agent(broker().url);
    const evil = { description: "Nice\u200b agent\u202e \u{e0049}\u{e0067}nore", __proto__x: 1 };
    await me.ask("AGENT.REGISTER", { name: "evil", payload: JSON.stringify(evil), ...evil });
    const reply = await me.nc.request("$mq9.AI.AGENT.DISCOVER", '{"name":"evil"}');
    expect(reply.string()).not.toMatch(/[\u200b\u202e]|[\u{e0000}-\u{e007f}]|\\u200b|\\u202e/u);
    expect(reply.string()).toContain('"description":"Nice agent nore"');
    await me.ask("AGENT.UNREGISTER", { name: "evil" });
  });
});

describe("the search by meaning", () => {
  let endpoint: Server;
  let withModel: RunningBroker;

  beforeAll(async () => {
    endpoint = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { input } = JSON.parse(Buffer.concat(chunks).toString()) as { input: string[] };
        response.end(JSON.stringify({ data: input.map(meaningOf) }));
      });
    });
    await new Promise<void>((listening) => endpoint.listen(0, "127.0.0.1", listening));
    const { port } = endpoint.address() as AddressInfo;
    withModel = await startBroker({
      args: ["--embeddings-url", `http://127.0.0.1:${port}/v1`, "--embeddings-model", "tiny"],
      env: { MQ9_EMBEDDINGS_KEY: "not-for-logs" },
    });
  });

  afterAll(async () => {
    await withModel?.[Symbol.asyncDispose]();
    endpoint.closeAllConnections();
    endpoint.close();
  });

  it("finds what words do not, and goes by words alone when the endpoint is gone", async () => {
    await using me = await agent(withModel.url);
    await me.ask("AGENT.REGISTER", { name: "garage", payload: "repairs any automobile" });
    await me.ask("AGENT.REGISTER", { name: "kitchen", payload: "cooks dinner" });
    expect(await items(me, { text: "car" })).toEqual([]);
    const reply = await me.ask("AGENT.DISCOVER", { semantic: "a car that broke", explain: true });
    expect(reply).toMatchObject({ error: "", mode: "hybrid" });
    expect((reply["agents"] as Item[])[0]).toMatchObject({
      name: "garage",
      why: { fields: ["meaning"], vector_rank: 1 },
    });
    endpoint.closeAllConnections();
    await new Promise((closed) => endpoint.close(closed));
    const words = await me.ask("AGENT.DISCOVER", { semantic: "dinner" });
    expect(words).toMatchObject({ mode: "lexical", agents: [{ name: "kitchen" }] });
    expect(words["note"]).toContain("words alone");
    expect(withModel.logs).not.toContain("not-for-logs");
  });
});

/** A model that knows two meanings. */
function meaningOf(text: string, index: number): { index: number; embedding: number[] } {
  const about = (words: RegExp): number => (words.test(text) ? 1 : 0.01);
  return { index, embedding: [about(/\b(?:car|automobile)\b/), about(/\b(?:dinner|soup)\b/)] };
}
