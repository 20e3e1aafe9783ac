// DISCOVER: which agents fit, in which order, and why. Reads the registry's memory only.
import {
  type AgentMatch,
  type AgentSkill,
  type AgentState,
  type DiscoverRequest,
  type DiscoverResult,
  discoverMax,
  type FoundAgent,
  Mq9Error,
} from "@mq9/protocol";
import type { Lexicon } from "./lexicon.ts";
import type { Entry } from "./record.ts";
import type { Roll } from "./roll.ts";
import type { VectorAnswer, Vectors } from "./vectors.ts";

/** What is searched. */
export interface Searched {
  readonly roll: Roll;
  readonly lexicon: Lexicon;
  /** Undefined = no model is configured. */
  readonly vectors: Vectors | undefined;
  nowMs(): number;
}

/** Longest text that is searched for. */
const textLengthMax = 4_096;
const presentStates: readonly AgentState[] = ["active", "stale"];

/** One agent that fits, before the page is cut. */
interface Candidate {
  readonly entry: Entry;
  readonly score: number;
  readonly why: AgentMatch;
}

/** @throws {Mq9Error} `invalid` */
export async function discover(
  searched: Searched,
  request: DiscoverRequest,
): Promise<DiscoverResult> {
  checkPage(request);
  const words = [request.text, request.semantic].filter((text) => text?.trim()).join("\n");
  if (words === "") return listByName(searched, request);
  if (words.length > textLengthMax) {
    throw new Mq9Error("too_large", `a search is at most ${textLengthMax} characters long`);
  }
  const meaning = await byMeaning(searched, request);
  const { roll, lexicon } = searched;
  const fits = filterOf(searched, request);
  const candidates = new Map<string, Candidate>();
  lexicon
    .search(words)
    .flatMap((hit) => {
      const entry = roll.get(hit.name);
      return entry !== undefined && fits(entry) ? [{ entry, hit }] : [];
    })
    .sort((a, b) => b.hit.score - a.hit.score || compareNames(a.entry, b.entry))
    .forEach(({ entry, hit }, i) => {
      const why = {
        words: hit.words,
        lexicalRank: i + 1,
        lexicalScore: hit.score,
        vectorRank: undefined,
        similarity: undefined,
      };
      candidates.set(entry.name, { entry, score: hit.score, why });
    });
  const hybrid = meaning?.hits !== undefined;
  const found = hybrid ? fuse(searched, candidates, meaning) : [...candidates.values()];
  found.sort((a, b) => b.score - a.score || compareNames(a.entry, b.entry));
  const nowMs = searched.nowMs();
  return {
    agents: pageOf(found, request).map(
      ({ entry, score, why }): FoundAgent => ({ agent: roll.agent(entry, nowMs), score, why }),
    ),
    total: found.length,
    mode: hybrid ? "hybrid" : "lexical",
    note: meaning?.note,
  };
}

/** What is near in meaning; undefined = nobody asked for meaning. */
async function byMeaning(
  searched: Searched,
  request: DiscoverRequest,
): Promise<VectorAnswer | undefined> {
  if (!request.semantic?.trim()) return undefined;
  if (searched.vectors === undefined) {
    return { hits: undefined, note: "no embedding model is configured: found by words alone" };
  }
  const fits = filterOf(searched, request);
  return searched.vectors.search(request.semantic, (name) => {
    const entry = searched.roll.get(name);
    return entry !== undefined && fits(entry);
  });
}

/** Lets a first place among many weigh little more than a second. */
const fusionDamping = 60;

/**
 * Reciprocal rank fusion: the two orders meet by places, because their scores can not be compared.
 */
function fuse(
  { roll }: Searched,
  lexical: ReadonlyMap<string, Candidate>,
  { hits = [] }: VectorAnswer,
): Candidate[] {
  const fused = new Map<string, Candidate>();
  for (const [name, { entry, why }] of lexical) {
    fused.set(name, { entry, why, score: 1 / (fusionDamping + (why.lexicalRank as number)) });
  }
  hits.forEach(({ name, similarity }, i) => {
    const entry = roll.get(name);
    if (entry === undefined) return; // it left while the model was asked
    const known = fused.get(name);
    const why = { ...(known?.why ?? noWords), vectorRank: i + 1, similarity };
    fused.set(name, { entry, why, score: (known?.score ?? 0) + 1 / (fusionDamping + i + 1) });
  });
  return [...fused.values()];
}

const noWords: AgentMatch = {
  words: {},
  lexicalRank: undefined,
  lexicalScore: undefined,
  vectorRank: undefined,
  similarity: undefined,
};

function listByName(searched: Searched, request: DiscoverRequest): DiscoverResult {
  const { roll } = searched;
  const fits = filterOf(searched, request);
  const found: Entry[] = [];
  for (const name of roll.names()) {
    const entry = roll.get(name) as Entry;
    if (fits(entry)) found.push(entry);
  }
  const nowMs = searched.nowMs();
  const agents = pageOf(found, request).map(
    (entry): FoundAgent => ({ agent: roll.agent(entry, nowMs), score: undefined, why: undefined }),
  );
  return { agents, total: found.length, mode: "lexical", note: undefined };
}

function filterOf(searched: Searched, request: DiscoverRequest): (entry: Entry) => boolean {
  const nowMs = searched.nowMs();
  const states = new Set<AgentState>(request.states ?? presentStates);
  const skill = request.skill === undefined ? undefined : folded(request.skill);
  const tags = request.tags?.map(folded) ?? [];
  const { name } = request;
  return (entry) =>
    states.has(searched.roll.state(entry, nowMs)) &&
    (name === undefined || isNamed(entry, name)) &&
    (skill === undefined || entry.facts.skills.some((own) => isSkill(own, skill))) &&
    (tags.length === 0 || carriesAll(entry, tags));
}

function isNamed({ name }: Entry, wanted: string): boolean {
  return wanted.endsWith("*") ? name.startsWith(wanted.slice(0, -1)) : name === wanted;
}

function isSkill(skill: AgentSkill, wanted: string): boolean {
  return folded(skill.id) === wanted || folded(skill.name) === wanted;
}

function carriesAll({ facts }: Entry, wanted: readonly string[]): boolean {
  const own = new Set([...facts.tags, ...facts.skills.flatMap(({ tags }) => tags)].map(folded));
  return wanted.every((tag) => own.has(tag));
}

function folded(text: string): string {
  return text.trim().normalize("NFKC").toLowerCase();
}

function compareNames(a: Entry, b: Entry): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function pageOf<T>(all: readonly T[], { limit, page }: DiscoverRequest): readonly T[] {
  return all.slice((page - 1) * limit, page * limit);
}

function checkPage({ limit, page }: DiscoverRequest): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > discoverMax) {
    throw new Mq9Error("invalid", `limit must be a whole number from 1 to ${discoverMax}`);
  }
  if (!Number.isInteger(page) || page < 1) {
    throw new Mq9Error("invalid", "page must be a whole number from 1");
  }
}
