// Leave to answer: which reply subjects a connection may publish to because it got requests. Exists
// only for connections whose permissions grant it.

import type { ResponseGrant } from "./identity.ts";

interface Grant {
  left: number;
  readonly untilMs: number;
}

/** Reply subjects remembered; the oldest go first. */
const grantsMax = 16_384;

/** The leave of one connection. */
export class ResponseGrants {
  readonly #rule: ResponseGrant;
  readonly #nowMs: () => number;
  /** In order of the requests. */
  readonly #grants = new Map<string, Grant>();

  constructor(rule: ResponseGrant, nowMs: () => number) {
    this.#rule = rule;
    this.#nowMs = nowMs;
  }

  /** Whether the same is granted by both. */
  isLike(other: ResponseGrants | undefined): boolean {
    if (other === undefined) return false;
    const { messagesMax, ttlMs } = this.#rule;
    return messagesMax === other.#rule.messagesMax && ttlMs === other.#rule.ttlMs;
  }

  /** A request with this reply subject was delivered. */
  grant(reply: string): void {
    const { messagesMax, ttlMs } = this.#rule;
    if (this.#grants.size >= grantsMax) {
      const oldest = this.#grants.keys().next();
      if (!oldest.done) this.#grants.delete(oldest.value);
    }
    const untilMs = ttlMs === 0 ? Number.POSITIVE_INFINITY : this.#nowMs() + ttlMs;
    this.#grants.delete(reply);
    this.#grants.set(reply, { left: messagesMax, untilMs });
  }

  /** Uses leave to publish to a subject. @returns false when there is none */
  use(subject: string): boolean {
    const grant = this.#grants.get(subject);
    if (grant === undefined) return false;
    const isValid = this.#nowMs() <= grant.untilMs;
    if (!isValid || --grant.left === 0) this.#grants.delete(subject);
    return isValid;
  }
}
