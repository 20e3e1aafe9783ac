// What one connection may do with the mailboxes of its account: what authentication says of its user, and
// the tokens it showed. Answers the domain, which asks in the mailbox's turn; the rule itself is the
// domain's. There is one of these per connection where users are configured, and none where not.
import { createHash, timingSafeEqual } from "node:crypto";
import type { MailboxRules, MailRights } from "@mq9/auth";
import {
  allowed,
  type Grant,
  type Guard,
  type Principal,
  type Standing,
  type Verbs,
  verbs,
} from "@mq9/mailbox";
import { subjectMatches } from "@mq9/wire";

/** Decisions remembered for one connection. */
const decisionsMax = 1_024;
/** Tokens of one connection; the mailbox whose token was first shown longest ago is forgotten first. */
const tokensMax = 1_024;
/** Tokens for one mailbox: each is compared with every one that was handed out. */
const tokensOfOneMax = 8;

interface Decision {
  readonly standing: Standing;
  readonly verbs: Verbs;
  /** Exclusive; infinite unless a token with an end counts. */
  readonly untilMs: number;
}

export class Rights implements Guard, Principal {
  epoch = 0;
  /** When the first right ends that was asked for and that has an end. */
  endsAtMs: number = Number.POSITIVE_INFINITY;
  #user: string;
  #mail: MailRights;
  readonly #nowMs: () => number;
  readonly #decisions = new Map<string, Decision>();
  /** Digests of the tokens that were shown, by mailbox. */
  readonly #shown = new Map<string, Buffer[]>();
  #tokens = 0;

  constructor(user: string, mail: MailRights, nowMs: () => number) {
    this.#user = user;
    this.#mail = mail;
    this.#nowMs = nowMs;
  }

  get user(): string {
    return this.#user;
  }

  get isOperator(): boolean {
    return this.#mail.isOperator;
  }

  get sendsToAnyone(): boolean {
    return this.#mail.sendTo === "anyone";
  }

  /** It is somebody else now, or may do other things. */
  become(user: string, mail: MailRights): void {
    this.#user = user;
    this.#mail = mail;
    this.changed();
  }

  /** Whatever was answered may be wrong from now on. */
  changed(): void {
    this.epoch += 1;
    this.endsAtMs = Number.POSITIVE_INFINITY;
    this.#decisions.clear();
  }

  allows(asked: Verbs, mailbox: Standing): boolean {
    const known = this.#decisions.get(mailbox.name);
    if (known !== undefined && known.standing === mailbox) {
      if (known.untilMs === Number.POSITIVE_INFINITY || this.#nowMs() < known.untilMs) {
        return (known.verbs & asked) !== 0;
      }
    }
    return (this.#decide(mailbox).verbs & asked) !== 0;
  }

  #decide(mailbox: Standing): Decision {
    const decision: Decision = { standing: mailbox, ...allowed(this, mailbox, this.#nowMs()) };
    if (this.#decisions.size >= decisionsMax) this.#decisions.clear();
    this.#decisions.set(mailbox.name, decision);
    if (decision.untilMs < this.endsAtMs) this.endsAtMs = decision.untilMs;
    return decision;
  }

  ruled(name: string): Verbs {
    const { mailboxes } = this.#mail;
    if (mailboxes === undefined) return 0;
    let has = 0;
    for (const right of ruledRights) {
      if (matchesAny(mailboxes[right], name)) has |= verbs[right];
    }
    return has;
  }

  /**
   * Whether it may make a mailbox of that name, if it is free. A list of what it manages is all that it
   * may make; without one it takes what is free.
   */
  mayCreate(name: string | undefined): boolean {
    const manages = this.#mail.mailboxes?.manage;
    if (name === undefined || manages === undefined || this.isOperator) return true;
    return matchesAny(manages, name);
  }

  holds(name: string, { digest }: Grant): boolean {
    const shown = this.#shown.get(name);
    if (shown === undefined) return false;
    let found = false;
    for (const known of shown) {
      if (known.length === digest.length && timingSafeEqual(known, digest)) found = true;
    }
    return found;
  }

  /** Some token was shown for the mailbox: what it is worth is found out where the mailbox is. */
  hasShown(name: string): boolean {
    return this.#shown.has(name);
  }

  /** A token was shown for a mailbox. It counts for the life of the connection, unless many others follow. */
  show(name: string, token: string): void {
    const digest = tokenDigest(token);
    const shown = this.#shown.get(name) ?? [];
    if (shown.some((known) => known.equals(digest))) return;
    if (this.#tokens >= tokensMax) this.#forgetOldest();
    if (shown.length >= tokensOfOneMax) {
      shown.shift();
      this.#tokens -= 1;
    }
    shown.push(digest);
    this.#shown.set(name, shown);
    this.#tokens += 1;
    this.#decisions.delete(name);
  }

  #forgetOldest(): void {
    for (const [name, shown] of this.#shown) {
      this.#shown.delete(name);
      this.#decisions.delete(name);
      this.#tokens -= shown.length;
      shown.length = 0;
      return;
    }
  }
}

const ruledRights: readonly (keyof MailboxRules & keyof typeof verbs)[] = [
  "send",
  "receive",
  "query",
  "manage",
];

function matchesAny(patterns: readonly string[] | undefined, name: string): boolean {
  return patterns?.some((pattern) => subjectMatches(pattern, name)) === true;
}

/** What is kept and compared of a token. */
export function tokenDigest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
