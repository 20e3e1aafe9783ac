// Subjects that the server itself answers within accounts: subscriptions with a callback and without
// a connection. Filled through `RouterServices.serve`; asked when a subject is seen for the first
// time, never per message, so that ordinary subjects pay nothing for it.

import { hasEmptyToken, hasWildcards, subjectMatches } from "@mq9/wire";
import type { Client } from "./subject-space.ts";

/** One publish to a served subject. Views stay valid for as long as they are held. */
export interface ServedRequest {
  readonly client: Client;
  /** The account it was published in. */
  readonly account: string;
  /** As published. */
  readonly subject: string;
  /** "" when no answer is asked for. */
  readonly reply: string;
  readonly headers: Buffer | undefined;
  readonly payload: Buffer;
}

/** Hears of publishes to a served subject. Must not throw. */
export type ServedHandler = (request: ServedRequest) => void;

/** Stands for every account in `serve`. */
export const everyAccount = "*";

interface Served {
  /** Name of an account, or `*`. */
  readonly account: string;
  /** May hold wildcards after its first token. */
  readonly pattern: string;
  readonly handler: ServedHandler;
}

/** What the server answers itself. */
export class ServedSubjects {
  /** Those without wildcards, by subject. */
  readonly #literal = new Map<string, Served[]>();
  #patterns: readonly Served[] = [];
  /** First bytes of the patterns: most subjects are ruled out by theirs. */
  readonly #firstBytes = new Set<number>();

  /** @returns takes it out again */
  add(account: string, pattern: string, handler: ServedHandler): () => void {
    const served: Served = { account, pattern, handler };
    this.#firstBytes.add(pattern.charCodeAt(0));
    if (hasWildcards(pattern)) {
      this.#patterns = [...this.#patterns, served];
      return () => {
        this.#patterns = this.#patterns.filter((other) => other !== served);
      };
    }
    this.#literal.set(pattern, [...(this.#literal.get(pattern) ?? []), served]);
    return () => {
      const left = (this.#literal.get(pattern) ?? []).filter((other) => other !== served);
      if (left.length === 0) this.#literal.delete(pattern);
      else this.#literal.set(pattern, left);
    };
  }

  /** Whether it is served in any account. */
  covers(subject: string): boolean {
    if (!this.#firstBytes.has(subject.charCodeAt(0))) return false;
    if (this.#literal.has(subject)) return true;
    return this.#patterns.some((served) => isCovered(served, subject));
  }

  /** Hands a request to whoever serves its subject in its account. @returns how many took it */
  hand(request: ServedRequest): number {
    const { account, subject } = request;
    const patterns = this.#patterns.filter((served) => isCovered(served, subject));
    let taken = 0;
    for (const served of [...(this.#literal.get(subject) ?? []), ...patterns]) {
      if (served.account !== everyAccount && served.account !== account) continue;
      served.handler(request);
      taken++;
    }
    return taken;
  }
}

/** A subject with an empty token matches nothing, here as elsewhere. */
function isCovered({ pattern }: Served, subject: string): boolean {
  return subjectMatches(pattern, subject) && !hasEmptyToken(subject);
}
