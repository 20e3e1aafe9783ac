import type { AgentFacts, DiscoverRequest, DiscoverResult } from "@mq9/protocol";
import { asciiBytes } from "@mq9/store/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Rig } from "../testing/rig.ts";
import { Lexicon } from "./lexicon.ts";
import { skeletonOf } from "./look-alike.ts";
import { decodeAgent, encodeAgent } from "./record.ts";
import type { Embed } from "./vectors.ts";
import { wordsOf } from "./words.ts";

type Registered = Readonly<Record<string, Partial<AgentFacts>>>;

async function registered(agents: Registered, embed?: Embed): Promise<Rig> {
  const rig = await Rig.open({}, embed === undefined ? {} : { embed });
  const registry = rig.mailboxes.registry("acme");
  for (const [name, facts] of Object.entries(agents)) {
    const full: AgentFacts = { description: "", skills: [], tags: [], ...facts };
    await rig.outcome(registry.register({ name, body: asciiBytes(name), facts: full }));
  }
  return rig;
}

async function discover(rig: Rig, request: Partial<DiscoverRequest>): Promise<DiscoverResult> {
  const pending = rig.mailboxes.registry("acme").discover({ limit: 20, page: 1, ...request });
  await rig.settle();
  return pending;
}

async function names(rig: Rig, request: Partial<DiscoverRequest>): Promise<string[]> {
  return (await discover(rig, request)).agents.map(({ agent }) => agent.name);
}

function skill(id: string, description = ""): AgentFacts["skills"] {
  return [{ id, name: "", description, tags: [], examples: [] }];
}

const office: Registered = {
  "pdf-extractor": { description: "Turns invoices into JSON", skills: skill("extract_tables") },
  translator: { description: "Translates documents, PDF included", tags: ["language"] },
  WeatherOracle: { description: "Forecasts rain", skills: skill("forecast", "of the week") },
  翻译助手: { description: "把文档翻译成英文" },
};

test("words are found in names, skills, tags and descriptions, names first", async () => {
  const rig = await registered(office);
  expect(await names(rig, { text: "pdf" })).toEqual(["pdf-extractor", "translator"]);
  expect(await names(rig, { text: "FORECAST" })).toEqual(["WeatherOracle"]);
  expect(await names(rig, { text: "weather" })).toEqual(["WeatherOracle"]);
  expect(await names(rig, { text: "language" })).toEqual(["translator"]);
  expect(await names(rig, { text: "zebra" })).toEqual([]);
});

test("beginnings and small typos are found, numbers are taken by the letter", async () => {
  const rig = await registered({ ...office, "gpt-40": {}, "gpt-41": {} });
  expect(await names(rig, { text: "trans" })).toEqual(["translator"]);
  expect(await names(rig, { text: "wether" })).toEqual(["WeatherOracle"]);
  expect(await names(rig, { text: "invoces" })).toEqual(["pdf-extractor"]);
  expect((await names(rig, { text: "gpt 41" }))[0]).toBe("gpt-41");
});

test("scripts without spaces are found by a part of a sentence", async () => {
  const rig = await registered(office);
  expect(await names(rig, { text: "翻译" })).toEqual(["翻译助手"]);
  expect(await names(rig, { text: "英文" })).toEqual(["翻译助手"]);
});

test("a found agent comes with a score and the reason", async () => {
  const rig = await registered(office);
  const { agents, total, mode, note } = await discover(rig, { text: "json pdf" });
  expect({ total, mode, note }).toEqual({ total: 2, mode: "lexical", note: undefined });
  expect(agents[0]?.agent.name).toBe("pdf-extractor");
  expect(agents[0]?.why).toMatchObject({
    lexicalRank: 1,
    words: { json: ["description"], pdf: ["name"] },
  });
  expect(agents[0]?.score).toBeGreaterThan(agents[1]?.score as number);
});

test("agents that fit equally well come by name", async () => {
  const same = { description: "the same words" };
  const rig = await registered({ c: same, a: same, b: same });
  expect(await names(rig, { text: "words" })).toEqual(["a", "b", "c"]);
  expect(await names(rig, { text: "words", limit: 1, page: 2 })).toEqual(["b"]);
});

test("what an agent said before is not found any more", async () => {
  const rig = await registered({ a: { description: "apples" }, b: { description: "apples" } });
  const registry = rig.mailboxes.registry("acme");
  const facts = { description: "pears", skills: [], tags: [] };
  await rig.outcome(registry.register({ name: "a", body: asciiBytes("new"), facts }));
  await rig.outcome(registry.unregister({ name: "b" }));
  expect(await names(rig, { text: "apples" })).toEqual([]);
  expect(await names(rig, { text: "pears" })).toEqual(["a"]);
});

/** Three meanings, each a direction: a model that knows a few words. */
const meanings: Readonly<Record<string, number>> = {
  car: 0,
  automobile: 0,
  vehicle: 0,
  soup: 1,
  dinner: 1,
  rain: 2,
  weather: 2,
};

const fewWords: Embed = async (texts) =>
  texts.map((text) => {
    const vector = new Float32Array(4).fill(0.01);
    for (const word of wordsOf(text)) {
      const direction = meanings[word];
      if (direction !== undefined) vector[direction] = (vector[direction] as number) + 1;
    }
    return vector;
  });

const trades: Registered = {
  garage: { description: "repairs any automobile" },
  kitchen: { description: "cooks dinner" },
  station: { description: "reports rain" },
};

test("meaning finds what words do not, and says how near it is", async () => {
  const rig = await registered(trades, fewWords);
  expect(await names(rig, { text: "car" })).toEqual([]);
  const { agents, mode, note } = await discover(rig, { semantic: "car" });
  expect({ mode, note }).toEqual({ mode: "hybrid", note: undefined });
  expect(agents[0]?.agent.name).toBe("garage");
  expect(agents[0]?.why).toMatchObject({ vectorRank: 1, lexicalRank: undefined });
  expect(agents[0]?.why?.similarity).toBeGreaterThan(0.9);
});

test("an agent near in words and in meaning comes before one near in one of them", async () => {
  const rig = await registered({ ...trades, menu: { description: "soup words alone" } }, fewWords);
  const { agents } = await discover(rig, { text: "menu soup", semantic: "soup" });
  expect(agents[0]?.agent.name).toBe("menu");
  expect(agents[0]?.why).toMatchObject({ lexicalRank: 1, vectorRank: 2 });
  expect(agents[1]?.agent.name).toBe("kitchen");
});

test("a changed agent gets a new vector, and filters hold for meaning too", async () => {
  const rig = await registered(trades, fewWords);
  await discover(rig, { semantic: "car" });
  const facts = { description: "makes soup", skills: [], tags: ["food"] };
  const registry = rig.mailboxes.registry("acme");
  await rig.outcome(registry.register({ name: "garage", body: asciiBytes("new"), facts }));
  const { agents } = await discover(rig, { semantic: "car", name: "garage" });
  expect(agents[0]?.why?.similarity).toBeLessThan(0.5);
  expect(await names(rig, { semantic: "dinner", tags: ["food"] })).toEqual(["garage"]);
});

test("without a model the answer is by words and says so", async () => {
  const rig = await registered(office);
  const { agents, mode, note } = await discover(rig, { semantic: "rain forecast" });
  expect(agents[0]?.agent.name).toBe("WeatherOracle");
  expect(mode).toBe("lexical");
  expect(note).toContain("no embedding model");
});

test("a model that fails is left alone for a while, and asked again later", async () => {
  let calls = 0;
  let works = false;
  const rig = await registered(trades, (texts, when) => {
    calls += 1;
    return works ? fewWords(texts, when) : Promise.reject(new Error("connection refused"));
  });
  const failed = await discover(rig, { semantic: "dinner" });
  expect(failed.mode).toBe("lexical");
  expect(failed.note).toContain("could not be asked");
  expect(failed.agents[0]?.agent.name).toBe("kitchen");
  works = true;
  const asked = calls;
  expect((await discover(rig, { semantic: "dinner" })).mode).toBe("lexical");
  expect(calls).toBe(asked);
  rig.nowMs += 10_000;
  expect((await discover(rig, { semantic: "dinner" })).mode).toBe("hybrid");
});

const text = fc.string({ unit: "grapheme", maxLength: 40 });

test("whatever an agent says, its own name finds it and nothing is left of it afterwards", () => {
  fc.assert(
    fc.property(fc.uniqueArray(text, { minLength: 1, maxLength: 8 }), text, (all, description) => {
      const lexicon = new Lexicon();
      for (const name of all) lexicon.put(name, { description, skills: [], tags: [] });
      for (const name of all) {
        const found = lexicon.search(name).map((hit) => hit.name);
        if (wordsOf(name).length > 0) expect(found).toContain(name);
      }
      for (const name of all) lexicon.remove(name);
      for (const name of all) expect(lexicon.search(name)).toEqual([]);
    }),
  );
});

test("a stored agent is read back as it was", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme" }),
      fc.option(fc.string(), { nil: undefined }),
      fc.uint8Array(),
      fc.option(fc.uint8Array(), { nil: undefined }),
      (name, mailbox, body, report) => {
        const agent = {
          name,
          mailbox,
          owner: mailbox,
          facts: { description: name, skills: skill("s"), tags: [name] },
          body,
          report,
          registeredAtMs: 1,
          lastSeenAtMs: 2,
          mailboxKnown: true,
        };
        expect(decodeAgent(encodeAgent(agent))).toEqual(agent);
      },
    ),
  );
});

test("bytes of another format are nobody", () => {
  expect(decodeAgent(new Uint8Array(0))).toBe(undefined);
  expect(decodeAgent(new Uint8Array(20).fill(2))).toBe(undefined);
});

test("names of ASCII letters look like themselves alone", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme-ascii" }), (name) => {
      expect(skeletonOf(name)).toBe(name);
    }),
  );
  expect(skeletonOf("аdmіn")).toBe("admin");
  expect(skeletonOf("Αlpha")).toBe("Alpha");
});

test("a word that many agents have gives way to those that tell them apart", () => {
  const lexicon = new Lexicon();
  for (let i = 0; i < 600; i += 1) {
    const description = i === 7 ? "shared rare" : "shared";
    lexicon.put(`n${i}`, { description, skills: [], tags: [] });
  }
  expect(lexicon.search("shared rare").map((hit) => hit.name)).toEqual(["n7"]);
  expect(lexicon.search("shared").length).toBe(600);
  expect(lexicon.search("shared nothing").length).toBe(600);
});
