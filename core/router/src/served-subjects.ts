// Subjects that the server itself answers within accounts: subscriptions with a callback and without
// a connection. Filled through `RouterServices.serve`; asked when a subject is seen for the first
// time, never per message, so that ordinary subjects pay nothing for it.

import { subjectMatches } from "@mq9/wire";
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
  #list: readonly Served[] = [];
  /** First bytes of the patterns: most subjects are ruled out by theirs. */
  readonly #firstBytes = new Set<number>();

  /** @returns takes it out again */
  add(account: string, pattern: string, handler: ServedHandler): () => void {
    const served: Served = { account, pattern, handler };
    this.#list = [...this.#list, served];
    this.#firstBytes.add(pattern.charCodeAt(0));
    return () => {
      this.#list = this.#list.filter((other) => other !== served);
    };
  }

  /** Whether it is served in any account. */
  covers(subject: string): boolean {
    if (!this.#firstBytes.has(subject.charCodeAt(0))) return false;
    return this.#list.some(({ pattern }) => subjectMatches(pattern, subject));
  }

  /** Hands a request to whoever serves its subject in its account. @returns how many took it */
  hand(request: ServedRequest): number {
    let taken = 0;
    for (const { account, pattern, handler } of this.#list) {
      if (account !== everyAccount && account !== request.account) continue;
      if (!subjectMatches(pattern, request.subject)) continue;
      handler(request);
      taken++;
    }
    return taken;
  }
}
