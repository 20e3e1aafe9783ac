import { type Agent, type FoundAgent, Mq9Error } from "@mq9/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Caller, Exchange } from "../dialect.ts";
import { defaultDialectOptions } from "../options.ts";
import { openRequest } from "../requests.ts";
import { parsePublish, parseSubscribe } from "../subjects.ts";
import { decodeText, encodeText } from "../utf8.ts";
import type { AgentVerb } from "./exchange.ts";
import { foundItem } from "./item.ts";
import { shown, visible } from "./shown.ts";
import { renderAgentEvent } from "./watch.ts";

const caller: Caller = { clientName: "", generation: undefined };

function open(verb: AgentVerb, body: unknown): Exchange {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return openRequest({ verb }, encodeText(text), caller, defaultDialectOptions);
}

/** Name and mailbox of a registration, or why it is refused. */
function registered(body: unknown): string {
  const exchange = open("register", body);
  if (exchange.op === "refused") return errorOf(exchange.refusal);
  if (exchange.op !== "register") return exchange.op;
  return `${exchange.operation.name} @ ${exchange.operation.mailbox ?? "-"}`;
}

function factsOf(body: unknown): object {
  const exchange = open("register", body);
  return exchange.op === "register" ? exchange.operation.facts : {};
}

function errorOf(bytes: Uint8Array): string {
  return (JSON.parse(decodeText(bytes) ?? "") as { error: string }).error;
}

function json(bytes: Uint8Array): Record<string, unknown> {
  return JSON.parse(decodeText(bytes) ?? "") as Record<string, unknown>;
}

const card03 = {
  name: "Geo Agent",
  description: "Plans routes",
  url: "https://geo.example/a2a",
  version: "1.2.0",
  capabilities: { streaming: true },
  skills: [
    {
      id: "route",
      name: "Route planner",
      description: "Plans",
      tags: ["maps"],
      examples: ["A to B"],
    },
  ],
};

const card10 = {
  name: "Geo Agent",
  description: "Plans routes",
  version: "1.2.0",
  supportedInterfaces: [{ url: "mq9://broker.example/geo.agent", protocolBinding: "MQ9" }],
  skills: card03.skills,
};

describe("REGISTER", () => {
  test("takes the bodies of the published clients", () => {
    expect(registered({ name: "a", mailbox: "box.a", payload: "does things" })).toBe("a @ box.a");
    expect(registered({ mailbox: "box.a" })).toBe("box.a @ box.a");
    expect(registered({ name: "a", mailbox: "box.a", payload: "x", agent_card: card03 })).toBe(
      "a @ box.a",
    );
  });

  test("takes name and payload alone, the payload a card with a mailbox as text or object", () => {
    const card = { ...card03, mailbox: "mq9://demo.example/geo.agent" };
    expect(registered({ name: "geo", payload: JSON.stringify(card) })).toBe("geo @ geo.agent");
    expect(registered({ name: "geo", payload: card })).toBe("geo @ geo.agent");
    expect(registered({ payload: JSON.stringify(card) })).toBe("Geo Agent @ geo.agent");
    const meta = { ...card03, metadata: { mq9: { mail_address: "mq9s://x/geo.two" } } };
    expect(registered({ name: "geo", payload: meta })).toBe("geo @ geo.two");
  });

  test("takes a card of either version as the body", () => {
    expect(registered(card03)).toBe("Geo Agent @ -");
    expect(registered(card10)).toBe("Geo Agent @ geo.agent");
    expect(registered({ agent_card: card10 })).toBe("Geo Agent @ geo.agent");
  });

  test("reads the same facts from every shape", () => {
    const facts = {
      description: "Plans routes",
      version: "1.2.0",
      skills: [
        {
          id: "route",
          name: "Route planner",
          description: "Plans",
          tags: ["maps"],
          examples: ["A to B"],
        },
      ],
      tags: [],
      url: "https://geo.example/a2a",
    };
    for (const body of [
      card03,
      { name: "g", payload: card03 },
      { name: "g", payload: JSON.stringify(card03) },
      { name: "g", payload: "prose", agent_card: card03 },
    ]) {
      expect(factsOf(body)).toEqual(facts);
    }
    expect(factsOf({ name: "g", payload: "just prose", tags: "a, b,,a" })).toEqual({
      description: "just prose",
      skills: [],
      tags: ["a", "b"],
    });
    expect(factsOf({ name: "g", capabilities: ["sing", "dance"] })).toMatchObject({
      skills: [{ id: "sing" }, { id: "dance" }],
    });
  });

  test("refuses what names nobody, or hides something in the name", () => {
    expect(registered({})).toBe("agent name must not be empty");
    expect(registered({ name: "  " })).toBe("agent name must not be empty");
    expect(registered({ name: "a\u200bb" })).toContain("hidden characters");
    expect(registered({ name: "a\nb" })).toContain("hidden characters");
    expect(registered({ name: "\u{e0041}" })).toContain("hidden characters");
    expect(registered({ name: "n".repeat(129) })).toContain("longer than 128");
    expect(registered({ name: "a", mailbox: "no such *" })).toContain("mailbox is no name");
    expect(registered("[]")).toContain("AGENT.REGISTER payload");
    expect(registered("{")).toContain("AGENT.REGISTER payload");
  });

  test("keeps long cards within bounds", () => {
    const skills = Array.from({ length: 100 }, (_, i) => ({ id: `s${i}`, tags: ["t".repeat(99)] }));
    const facts = factsOf({ name: "a", description: "d".repeat(5000), skills }) as Agent["facts"];
    expect(facts.description.length).toBe(2048);
    expect(facts.skills.length).toBe(64);
    expect(facts.skills[0]?.tags[0]?.length).toBe(64);
  });

  test("says what became of it", () => {
    const exchange = open("register", { name: "a", mailbox: "box" });
    if (exchange.op !== "register") throw new Error(exchange.op);
    expect(json(exchange.succeed({ agent: agentOf("{}"), created: true }))).toEqual({
      error: "",
      name: "a",
      mailbox: "box.a",
      created: true,
      state: "active",
    });
    expect(json(exchange.fail(new Mq9Error("forbidden", "no")))).toEqual({
      error: "no",
      code: 403,
      reason: "forbidden",
    });
  });
});

describe("UNREGISTER and REPORT", () => {
  test("name an agent by name or by mailbox", () => {
    const reference = (verb: AgentVerb, body: unknown): unknown => open(verb, body).operation;
    expect(reference("unregister", { mailbox: "mq9://x/box.a" })).toEqual({ mailbox: "box.a" });
    expect(reference("unregister", { name: "a" })).toEqual({ name: "a" });
    expect(reference("report", { name: "a", mailbox: "b", report_info: "ok" })).toMatchObject({
      name: "a",
    });
    expect(reference("report", { mailbox: "b", load: 0.5 })).toMatchObject({ mailbox: "b" });
    expect(open("report", {}).op).toBe("refused");
    expect(open("unregister", { mailbox: "" }).op).toBe("refused");
  });

  test("answer an unknown agent as its clients need it", () => {
    const exchange = open("unregister", { mailbox: "gone" });
    if (exchange.op !== "unregister") throw new Error(exchange.op);
    expect(json(exchange.succeed({ found: false }))).toEqual({ error: "", found: false });
  });
});

describe("DISCOVER", () => {
  const asked = (body: unknown): unknown => open("discover", body).operation;

  test("takes the fields of every client", () => {
    const plain = { includePublic: false, limit: 20, page: 1 };
    expect(asked("")).toEqual(plain);
    expect(asked({ limit: 0, page: 0 })).toEqual(plain);
    expect(asked({ text: "pdf", limit: 10, page: 2 })).toMatchObject({
      text: "pdf",
      limit: 10,
      page: 2,
    });
    expect(asked({ semantic: "find me" })).toMatchObject({ semantic: "find me" });
    expect(asked({ query: "find me", limit: 5 })).toMatchObject({ semantic: "find me", limit: 5 });
    expect(asked({ query: null, limit: 5 })).toMatchObject({ semantic: undefined });
    expect(asked({ limit: 1e9 })).toMatchObject({ limit: 1000 });
  });

  test("takes our own filters as text or list", () => {
    expect(asked({ skill: "x", tag: "a", tags: ["b"], name: "n*", state: "stale" })).toMatchObject({
      skill: "x",
      tags: ["b", "a"],
      name: "n*",
      states: ["stale"],
    });
    expect(asked({ tags: "a, b", state: ["any"] })).toMatchObject({
      tags: ["a", "b"],
      states: ["active", "stale", "gone"],
    });
  });

  test.each([
    { limit: -1 },
    { page: 1.5 },
    { text: 5 },
    { state: "asleep" },
    { tags: [1] },
    { tags: {} },
    { explain: "yes" },
  ])("refuses %j", (body) => {
    const exchange = open("discover", body);
    expect(exchange.op).toBe("refused");
    if (exchange.op !== "refused") return;
    expect(json(exchange.refusal)).toMatchObject({ code: 400, agents: [] });
  });

  test("shows the body with its card laid open, and what the registry knows", () => {
    const body = { name: "ignored", mailbox: "mq9://x/box.a", payload: card03, extra: 1 };
    expect(foundItem(found(JSON.stringify(body)), false)).toEqual({
      ...card03,
      name: "a",
      mailbox: "box.a",
      extra: 1,
      payload: card03,
      agent_id: "a",
      agent_info: JSON.stringify(card03),
      description: "says what it does",
      registered_at: 1,
      last_seen: 2,
      state: "active",
      score: 1.5,
      why: ["name", "tags", "meaning"],
    });
    expect(foundItem(found("{}"), true)["why"]).toEqual({
      fields: ["name", "tags", "meaning"],
      words: { x: ["name"], y: ["name", "tags"] },
      lexical_rank: 1,
      lexical_score: 7,
      vector_rank: 2,
      similarity: 0.5,
    });
  });

  test("shows a payload to clients that print it, and the latest report", () => {
    const item = foundItem({ ...found('{"name":"a"}'), score: undefined, why: undefined }, false);
    expect(item["payload"]).toBe("says what it does");
    expect(item).not.toHaveProperty("score");
    const reported = { ...agentOf("{}"), report: encodeText('{"report_info":"busy\u202e"}') };
    const { report } = foundItem({ agent: reported, score: undefined, why: undefined }, false);
    expect(report).toEqual({ report_info: "busy" });
  });

  test("cuts a reply that grows too long, and says so", () => {
    const exchange = openRequest({ verb: "discover" }, encodeText('{"limit":3}'), caller, {
      ...defaultDialectOptions,
      replyBytesMax: 600,
    });
    if (exchange.op !== "discover") throw new Error(exchange.op);
    const agents = [found("{}"), found("{}"), found("{}")];
    const reply = json(exchange.succeed({ agents, total: 3, mode: "lexical", note: undefined }));
    expect(reply).toMatchObject({ error: "", total: 3, page: 1, limit: 3, more: true, cut: true });
    expect((reply["agents"] as unknown[]).length).toBeLessThan(3);
  });
});

describe("what strangers are shown", () => {
  test("holds no hidden characters, also where an escape within JSON text hides them", () => {
    expect(visible("ig\u200bno\u202ere \u{e0049}this\u0007\ufe0f\u00ad\u0085\u3164")).toBe(
      "ignore this",
    );
    expect(visible("tabs\tand\nlines stay: ä 字 🚀")).toBe("tabs\tand\nlines stay: ä 字 🚀");
    const inner = JSON.stringify({ a: "x\u200by", ["k\u200b"]: [1] });
    expect(shown({ payload: inner })).toEqual({ payload: '{"a":"xy","k":[1]}' });
    const escaped = String.raw`{"a": "x\u200by"}`;
    expect(shown(escaped)).toBe('{"a":"xy"}');
    expect(shown('{ "a": 1 }')).toBe('{ "a": 1 }');
  });

  test("holds no key that reaches a prototype", () => {
    const tricky = '{"__proto__":{"x":1},"constructor":{"prototype":{}},"a":{"__proto__":2,"b":3}}';
    const result = shown(JSON.parse(tricky));
    expect(JSON.stringify(result)).toBe('{"a":{"b":3}}');
    expect(shown(tricky)).toBe('{"a":{"b":3}}');
    expect(shown({ ["__pro\u200bto__"]: 1 })).toEqual({});
    expect(registered('{"__proto__":{"name":"x","mailbox":"box"}}')).toBe(
      "agent name must not be empty",
    );
    expect(({} as Record<string, unknown>)["x"]).toBe(undefined);
  });

  test("is not deeper than sixteen levels", () => {
    let deep: unknown = "bottom";
    for (let i = 0; i < 1000; i += 1) deep = [deep];
    expect(JSON.stringify(shown(deep)).length).toBeLessThan(50);
  });

  const hiddenCharacter = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}]/u;
  const text = fc.string({ unit: "binary" });

  test("never holds a hidden character, whatever was written", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), text, (value, name) => {
        for (const one of [value, { [name]: value }, JSON.stringify({ [name]: [value] })]) {
          const result = shown(one);
          const flat = typeof result === "string" ? result : JSON.stringify(result, undefined, 1);
          expect(flat).not.toMatch(hiddenCharacter);
          expect(JSON.stringify(result) ?? "").not.toMatch(/\\u(?:200b|202e|feff|d[89a-f])/);
        }
      }),
    );
  });

  test("is the same when it is shown again", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
        expect(shown(shown(value))).toEqual(shown(value));
      }),
    );
  });

  test("no body breaks a request, and every refusal is a reply", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<AgentVerb>("register", "unregister", "report", "discover"),
        fc.oneof(fc.json({ stringUnit: "binary" }), fc.string()),
        (verb, body) => {
          const exchange = open(verb, body);
          if (exchange.op === "refused") expect(errorOf(exchange.refusal)).not.toBe("");
          else expect(exchange.op).toBe(verb);
        },
      ),
    );
  });

  test("whatever is registered can be shown", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (body) => {
        const item = foundItem(found(JSON.stringify(body)), true);
        expect(item["name"]).toBe("a");
        expect(Object.hasOwn(item, "__proto__")).toBe(false);
        expect(JSON.parse(JSON.stringify(item))).toBeDefined();
      }),
    );
  });
});

describe("WATCH", () => {
  test("tells events as JSON", () => {
    const agent = agentOf('{"name":"a"}');
    const told = (event: Parameters<typeof renderAgentEvent>[0], replayed = false): unknown => {
      const { subject, payload } = renderAgentEvent(event, replayed);
      expect(subject).toBe("$mq9.AI.AGENT.WATCH");
      return json(payload);
    };
    const who = { name: "a", mailbox: "box.a" };
    expect(told({ kind: "registered", agent }, true)).toMatchObject({
      event: "registered",
      replayed: true,
      ...who,
      state: "active",
      agent: who,
    });
    expect(told({ kind: "stale", agent })).not.toHaveProperty("replayed");
    expect(told({ kind: "unregistered", agent })).toEqual({ event: "unregistered", ...who });
    expect(told({ kind: "listed", agents: 3 }, true)).toEqual({ event: "listed", agents: 3 });
    expect(told({ kind: "dropped", events: 7 })).toEqual({
      event: "dropped",
      events: 7,
      hint: "more were dropped: list again",
    });
  });
});

test("the subjects of the registry", () => {
  const published = (word: string): unknown => {
    const target = parsePublish(`$mq9.AI.AGENT.${word}`, defaultDialectOptions);
    return target.kind === "request" ? target.command.verb : target.kind;
  };
  const words = ["REGISTER", "UNREGISTER", "REPORT", "DISCOVER", "WATCH", "OTHER", "REPORT.x"];
  expect(words.map(published)).toEqual([
    "register",
    "unregister",
    "report",
    "discover",
    "refused",
    "plain",
    "plain",
  ]);
  const subscribed = (word: string): string =>
    parseSubscribe(`$mq9.AI.AGENT.${word}`, defaultDialectOptions).kind;
  expect(["WATCH", "OTHER", ">"].map(subscribed)).toEqual(["agents", "plain", "plain"]);
});

function agentOf(body: string): Agent {
  return {
    name: "a",
    mailbox: "box.a",
    owner: undefined,
    body: encodeText(body),
    facts: { description: "says what it does", skills: [], tags: [] },
    registeredAtMs: 1_900,
    lastSeenAtMs: 2_900,
    state: "active",
    report: undefined,
  };
}

function found(body: string): FoundAgent {
  return {
    agent: agentOf(body),
    score: 1.5,
    why: {
      words: { x: ["name"], y: ["name", "tags"] },
      lexicalRank: 1,
      lexicalScore: 7,
      vectorRank: 2,
      similarity: 0.5,
    },
  };
}
