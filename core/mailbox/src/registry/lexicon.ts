// The word index over registered agents: what was registered under which words, and which agents a
// text finds. Knows nothing of states, owners or filters.
import type { AgentFacts, AgentField } from "@mq9/protocol";
import MiniSearch from "minisearch";
import { skillText } from "./record.ts";
import { wordsOf } from "./words.ts";

/** One agent that a text found. */
export interface LexicalHit {
  readonly name: string;
  readonly score: number;
  /** Fields per matched word of the agent. */
  readonly words: Readonly<Record<string, readonly AgentField[]>>;
}

type Page = { readonly id: string } & Readonly<Record<AgentField, string>>;

/** A name says most, prose least. */
const boost: Readonly<Record<AgentField, number>> = {
  name: 4,
  skills: 2,
  tags: 2.5,
  description: 1,
};
/** A word that only begins so, or nearly reads so, counts less than the word itself. */
const weights = { prefix: 0.5, fuzzy: 0.3 };
const prefixLengthMin = 3;
const fuzzyLengthMin = 4;
/** Words of a query that count; more are prose. */
const queryWordsMax = 16;
/**
 * A word in more fields than this share of all agents has, and in this many, tells nobody apart: it
 * is left out where others of the query do.
 */
const commonShare = 0.1;
const commonMin = 500;

export class Lexicon {
  readonly #index: MiniSearch<Page>;
  /** In how many fields each word is: a query's word among them is no typo. */
  readonly #uses = new Map<string, number>();
  /** What becomes of the uses of the words that are cut now. */
  #counts: 1 | -1 = 1;
  readonly #pages = new Map<string, Page>();

  constructor() {
    this.#index = new MiniSearch<Page>({
      fields: ["name", "description", "skills", "tags"],
      tokenize: (text) => this.#tokenize(text),
      processTerm: (word) => word,
      autoVacuum: false, // pages are removed exactly, which leaves nothing to clean up
      searchOptions: { tokenize: (text) => this.#queryWords(text) },
    });
  }

  /** Indexes an agent, in place of what was indexed under its name. */
  put(name: string, facts: AgentFacts): void {
    this.remove(name);
    const page: Page = {
      id: name,
      name,
      description: facts.description,
      skills: facts.skills.map(skillText).join("\n"),
      tags: facts.tags.join("\n"),
    };
    this.#pages.set(name, page);
    this.#index.add(page);
  }

  remove(name: string): void {
    const page = this.#pages.get(name);
    if (page === undefined) return;
    this.#pages.delete(name);
    this.#counts = -1;
    this.#index.remove(page);
    this.#counts = 1;
  }

  /** Every agent that shares a word with the text, in no order. */
  search(text: string): LexicalHit[] {
    const hits = this.#index.search(text, {
      boost: { ...boost },
      weights,
      prefix: (word) => word.length >= prefixLengthMin,
      fuzzy: (word) => (this.#mayBeTypo(word) ? 1 : false),
    });
    return hits.map(({ id, score, match }) => ({
      name: id as string,
      score,
      words: match as Record<string, AgentField[]>,
    }));
  }

  #tokenize(text: string): string[] {
    const words = wordsOf(text);
    for (const word of new Set(words)) {
      const uses = (this.#uses.get(word) ?? 0) + this.#counts;
      if (uses > 0) this.#uses.set(word, uses);
      else this.#uses.delete(word);
    }
    return words;
  }

  #queryWords(text: string): string[] {
    const words = [...new Set(wordsOf(text))].slice(0, queryWordsMax);
    const commonFrom = Math.max(commonMin, this.#pages.size * commonShare);
    const uses = words.map((word) => this.#uses.get(word) ?? 0);
    if (!uses.some((count) => count > 0 && count < commonFrom)) return words;
    return words.filter((_, i) => (uses[i] as number) < commonFrom);
  }

  /** Digits tell versions apart: `v2` is no misspelt `v3`. */
  #mayBeTypo(word: string): boolean {
    return word.length >= fuzzyLengthMin && !this.#uses.has(word) && !/\p{N}/u.test(word);
  }
}
