// DISCOVER: which agents fit, in which order, and why. Reads the registry's memory only.
import {
  type AgentFacts,
  type AgentMatch,
  type AgentState,
  type DiscoverRequest,
  type DiscoverResult,
  discoverMax,
  type FoundAgent,
  Mq9Error,
} from "@mq9/protocol";
import type { LexicalHit, Lexicon } from "./lexicon.ts";
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
  readonly searched: Searched;
  readonly entry: Entry;
  /** Undefined in a list. */
  readonly score: number | undefined;
  readonly hit: LexicalHit | undefined;
  readonly lexicalRank: number | undefined;
  readonly vectorRank: number | undefined;
  readonly similarity: number | undefined;
}

/** What one source has, best first. */
interface Ranking {
  readonly found: readonly Candidate[];
  readonly hybrid: boolean;
  readonly note: string | undefined;
}

/**
 * @param sources each with an order of its own; the agents of a later one follow those of an earlier
 * one, because scores of two indexes can not be compared. Lists go by name through all.
 * @throws {Mq9Error} `invalid`, `too_large`
 */
export async function discover(
  sources: readonly [Searched, ...Searched[]],
  request: DiscoverRequest,
): Promise<DiscoverResult> {
  checkPage(request);
  const words = [request.text, request.semantic].filter((text) => text?.trim()).join("\n");
  if (words.length > textLengthMax) {
    throw new Mq9Error("too_large", `a search is at most ${textLengthMax} characters long`);
  }
  const rankings: Ranking[] = [];
  for (const searched of sources) {
    rankings.push(words === "" ? listOf(searched, request) : await rank(searched, request, words));
  }
  const [first] = rankings as [Ranking, ...Ranking[]];
  const found = rankings.length === 1 ? first.found : rankings.flatMap((each) => each.found);
  if (words === "" && rankings.length > 1) {
    (found as Candidate[]).sort((a, b) => compareNames(a.entry, b.entry));
  }
  return {
    agents: pageOf(found, request).map(foundAgent),
    total: found.length,
    mode: first.hybrid ? "hybrid" : "lexical",
    note: first.note,
  };
}

async function rank(searched: Searched, request: DiscoverRequest, words: string): Promise<Ranking> {
  const meaning = await byMeaning(searched, request);
  const lexical = byWords(searched, request, words);
  const hybrid = meaning?.hits !== undefined;
  return {
    found: hybrid ? fuse(searched, lexical, meaning) : lexical,
    hybrid,
    note: meaning?.note,
  };
}

function listOf(searched: Searched, request: DiscoverRequest): Ranking {
  const { roll } = searched;
  const fits = filterOf(searched, request);
  const found: Candidate[] = [];
  for (const name of roll.names()) {
    const entry = roll.get(name) as Entry;
    if (fits(entry)) found.push({ searched, entry, ...unranked });
  }
  return { found, hybrid: false, note: undefined };
}

const unranked = {
  score: undefined,
  hit: undefined,
  lexicalRank: undefined,
  vectorRank: undefined,
  similarity: undefined,
};

function foundAgent(candidate: Candidate): FoundAgent {
  const { searched, entry, score } = candidate;
  const agent = searched.roll.agent(entry, searched.nowMs());
  return { agent, score, why: score === undefined ? undefined : whyOf(candidate) };
}

/** Who shares words with the text, best first. */
function byWords(searched: Searched, request: DiscoverRequest, text: string): Candidate[] {
  const { roll, lexicon } = searched;
  const fits = filterOf(searched, request);
  const found: { entry: Entry; hit: LexicalHit }[] = [];
  for (const hit of lexicon.search(text)) {
    const entry = roll.get(hit.name);
    if (entry !== undefined && fits(entry)) found.push({ entry, hit });
  }
  found.sort((a, b) => b.hit.score - a.hit.score || compareNames(a.entry, b.entry));
  return found.map(({ entry, hit }, i) => ({
    ...unranked,
    searched,
    entry,
    score: hit.score,
    hit,
    lexicalRank: i + 1,
  }));
}

function whyOf({ hit, lexicalRank, vectorRank, similarity }: Candidate): AgentMatch {
  return {
    words: hit?.words ?? {},
    lexicalRank,
    lexicalScore: hit?.score,
    vectorRank,
    similarity,
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
  searched: Searched,
  lexical: readonly Candidate[],
  { hits = [] }: VectorAnswer,
): Candidate[] {
  const fused = new Map<string, Candidate & { readonly score: number }>();
  for (const candidate of lexical) {
    const score = 1 / (fusionDamping + (candidate.lexicalRank as number));
    fused.set(candidate.entry.name, { ...candidate, score });
  }
  hits.forEach(({ name, similarity }, i) => {
    const entry = searched.roll.get(name);
    if (entry === undefined) return; // it left while the model was asked
    const known = fused.get(name);
    const score = (known?.score ?? 0) + 1 / (fusionDamping + i + 1);
    const { hit, lexicalRank } = known ?? { hit: undefined, lexicalRank: undefined };
    fused.set(name, {
      searched,
      entry,
      score,
      hit,
      lexicalRank,
      vectorRank: i + 1,
      similarity,
    });
  });
  return [...fused.values()].sort((a, b) => b.score - a.score || compareNames(a.entry, b.entry));
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
    (skill === undefined || labelsOf(entry).skills.has(skill)) &&
    tags.every((tag) => labelsOf(entry).tags.has(tag));
}

function isNamed({ name }: Entry, wanted: string): boolean {
  return wanted.endsWith("*") ? name.startsWith(wanted.slice(0, -1)) : name === wanted;
}

/** Skills and tags as they are compared; the same facts are asked about again and again. */
interface Labels {
  readonly skills: ReadonlySet<string>;
  readonly tags: ReadonlySet<string>;
}

const labelsByFacts = new WeakMap<AgentFacts, Labels>();

function labelsOf({ facts }: Entry): Labels {
  const known = labelsByFacts.get(facts);
  if (known !== undefined) return known;
  const labels = {
    skills: new Set(facts.skills.flatMap(({ id, name }) => [folded(id), folded(name)])),
    tags: new Set([...facts.tags, ...facts.skills.flatMap(({ tags }) => tags)].map(folded)),
  };
  labelsByFacts.set(facts, labels);
  return labels;
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
