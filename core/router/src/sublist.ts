// Index of subscriptions by subject: a trie with `*` and `>` branches, and a cache of results.
// The router keeps one per account; an owner of a space may keep its own. Not aware of connections.

import { hasEmptyToken, hasWildcards } from "@mq9/wire";
import type { Subscription } from "./subscription.ts";

/** The subscriptions that a subject reaches. Never changed once it was handed out. */
export class MatchResult {
  readonly plain: Subscription[] = [];
  /** One list per queue group: each takes one delivery. */
  readonly groups: Subscription[][] = [];
  /** Names of the groups, in the same order. */
  readonly groupNames: string[] = [];
  /** Equal to the generation of the Sublist it came from for as long as it is true. */
  generation: number;

  constructor(generation: number) {
    this.generation = generation;
  }
}

/** A result that is never true, to begin with. */
export const noResult: MatchResult = new MatchResult(0);

/** Subjects kept in the cache; it is cleared when full. */
const cachedSubjectsMax = 8_192;
/** Subscriptions named by all cached results together, so that wide fan-outs stay bounded. */
const cachedReferencesMax = 1_000_000;
/** Publishes under it are each to a subject of their own: not cached, so churn there clears nothing. */
const inboxPrefix = "_INBOX.";

/** Generations are unique among all lists, so a result is never taken for another list's. */
let lastGeneration = 0;

/** Figures of one list, for monitoring. */
export interface SublistStats {
  readonly cached: number;
  readonly inserts: number;
  readonly removes: number;
  /** Searches that were asked for, and those that the cache answered. */
  readonly matches: number;
  readonly hits: number;
  /** Receivers of the cached subjects: the most of one, and all together. */
  readonly fanoutMax: number;
  readonly fanoutSum: number;
}

/** Nodes looked at by all matches of all lists, for who counts work. */
let visited = 0;

/** Nodes that all matches of all lists looked at so far. */
export function nodesVisited(): number {
  return visited;
}

/** Subscriptions of one account or space. */
export class Sublist {
  #inserts = 0;
  #removes = 0;
  #matches = 0;
  #hits = 0;
  #generation = ++lastGeneration;
  #size = 0;
  readonly #root = new Node();
  readonly #cache = new Map<string, MatchResult>();
  #cachedReferences = 0;

  /** A cached result is true while its generation equals this. */
  get generation(): number {
    return this.#generation;
  }

  /** Number of subscriptions. */
  get size(): number {
    return this.#size;
  }

  /** Results at hand. */
  get cached(): number {
    return this.#cache.size;
  }

  /** Looks through the cache, which is bounded. */
  stats(): SublistStats {
    let fanoutMax = 0;
    let fanoutSum = 0;
    for (const { plain, groups } of this.#cache.values()) {
      const fanout = plain.length + groups.length;
      fanoutMax = Math.max(fanoutMax, fanout);
      fanoutSum += fanout;
    }
    return {
      cached: this.#cache.size,
      inserts: this.#inserts,
      removes: this.#removes,
      matches: this.#matches,
      hits: this.#hits,
      fanoutMax,
      fanoutSum,
    };
  }

  /**
   * Adds a subscription.
   * @param pattern where to put it; by default the subject it was made with. Must be valid.
   */
  insert(subscription: Subscription, pattern: string = subscription.subject): void {
    let node = this.#root;
    for (const token of pattern.split(".")) node = node.childFor(token);
    node.add(subscription);
    this.#size++;
    this.#inserts++;
    this.#forget(pattern);
  }

  /** Takes a subscription out. @returns false when it was not there */
  remove(subscription: Subscription, pattern: string = subscription.subject): boolean {
    const tokens = pattern.split(".");
    const path: Node[] = [this.#root];
    for (const token of tokens) {
      const next = (path.at(-1) as Node).child(token);
      if (next === undefined) return false;
      path.push(next);
    }
    if (!(path.at(-1) as Node).delete(subscription)) return false;
    this.#size--;
    this.#removes++;
    for (let depth = tokens.length; depth > 0 && (path[depth] as Node).isEmpty; depth--) {
      (path[depth - 1] as Node).drop(tokens[depth - 1] as string);
    }
    this.#forget(pattern);
    return true;
  }

  /** The subscriptions a subject reaches, from the cache if possible. */
  match(subject: string): MatchResult {
    if (subject.startsWith(inboxPrefix)) return this.matchOnce(subject);
    const known = this.#cache.get(subject);
    if (known !== undefined) {
      if (known.generation === this.#generation) {
        this.#matches++;
        this.#hits++;
        return known;
      }
      this.#drop(subject, known);
    }
    let result = this.matchOnce(subject);
    const references = result.plain.length + result.groups.length;
    if (
      this.#cache.size >= cachedSubjectsMax ||
      this.#cachedReferences + references > cachedReferencesMax
    ) {
      this.forgetResults();
      result = this.matchOnce(subject);
    }
    this.#cachedReferences += references;
    this.#cache.set(subject, result);
    return result;
  }

  /** The subscriptions a subject reaches, not remembered. */
  matchOnce(subject: string): MatchResult {
    this.#matches++;
    const result = new MatchResult(this.#generation);
    if (this.#size !== 0 && !hasEmptyToken(subject)) collect(this.#root, subject, 0, result);
    return result;
  }

  /** Lets go of results, which name subscriptions that may have ended long ago. */
  forgetResults(): void {
    if (this.#cache.size === 0) return;
    this.#cache.clear();
    this.#cachedReferences = 0;
    // What was cached may be held elsewhere too, where a later change would no longer find it.
    this.#generation = ++lastGeneration;
  }

  /** Makes every result that a change at `pattern` can have touched untrue. */
  #forget(pattern: string): void {
    if (pattern.startsWith(inboxPrefix)) return;
    if (hasWildcards(pattern)) {
      this.#generation = ++lastGeneration;
      return;
    }
    const result = this.#cache.get(pattern);
    if (result === undefined) return;
    this.#drop(pattern, result);
  }

  #drop(subject: string, result: MatchResult): void {
    result.generation = 0;
    this.#cache.delete(subject);
    this.#cachedReferences -= result.plain.length + result.groups.length;
  }
}

class Node {
  /** Children by token; the wildcards have fields of their own. */
  #children: Map<string, Node> | undefined = undefined;
  star: Node | undefined = undefined;
  tail: Node | undefined = undefined;
  plain: Subscription[] = [];
  groups: Map<string, Subscription[]> | undefined = undefined;

  get isEmpty(): boolean {
    return (
      this.plain.length === 0 &&
      this.groups === undefined &&
      this.star === undefined &&
      this.tail === undefined &&
      this.#children === undefined
    );
  }

  literal(token: string): Node | undefined {
    return this.#children?.get(token);
  }

  child(token: string): Node | undefined {
    if (token === "*") return this.star;
    if (token === ">") return this.tail;
    return this.literal(token);
  }

  childFor(token: string): Node {
    if (token === "*") return (this.star ??= new Node());
    if (token === ">") return (this.tail ??= new Node());
    this.#children ??= new Map();
    let child = this.#children.get(token);
    if (child === undefined) {
      child = new Node();
      this.#children.set(token, child);
    }
    return child;
  }

  drop(token: string): void {
    if (token === "*") this.star = undefined;
    else if (token === ">") this.tail = undefined;
    else {
      this.#children?.delete(token);
      if (this.#children?.size === 0) this.#children = undefined;
    }
  }

  add(subscription: Subscription): void {
    let list = this.plain;
    if (subscription.queue !== "") {
      this.groups ??= new Map();
      const known = this.groups.get(subscription.queue);
      list = known ?? [];
      if (known === undefined) this.groups.set(subscription.queue, list);
    }
    subscription.slot = list.length;
    list.push(subscription);
  }

  delete(subscription: Subscription): boolean {
    const { queue } = subscription;
    const list = queue === "" ? this.plain : this.groups?.get(queue);
    if (list === undefined) return false;
    // The slot is right unless the owner of a space keeps the subscription in several lists.
    const slot =
      list[subscription.slot] === subscription ? subscription.slot : list.indexOf(subscription);
    if (slot < 0) return false;
    const last = list.pop() as Subscription;
    if (last !== subscription) {
      list[slot] = last;
      last.slot = slot;
    }
    if (queue !== "" && list.length === 0) {
      this.groups?.delete(queue);
      if (this.groups?.size === 0) this.groups = undefined;
    }
    return true;
  }
}

function collect(node: Node, subject: string, start: number, result: MatchResult): void {
  visited++;
  if (node.tail !== undefined) take(node.tail, result);
  const dot = subject.indexOf(".", start);
  const literal = node.literal(dot < 0 ? subject.slice(start) : subject.slice(start, dot));
  if (dot < 0) {
    if (literal !== undefined) take(literal, result);
    if (node.star !== undefined) take(node.star, result);
    return;
  }
  if (literal !== undefined) collect(literal, subject, dot + 1, result);
  if (node.star !== undefined) collect(node.star, subject, dot + 1, result);
}

function take(node: Node, result: MatchResult): void {
  for (const subscription of node.plain) result.plain.push(subscription);
  if (node.groups === undefined) return;
  for (const [name, members] of node.groups) {
    // A group is its name, whatever patterns its members chose.
    const at = result.groupNames.indexOf(name);
    if (at >= 0) {
      for (const member of members) (result.groups[at] as Subscription[]).push(member);
    } else {
      result.groupNames.push(name);
      result.groups.push(members.slice());
    }
  }
}
