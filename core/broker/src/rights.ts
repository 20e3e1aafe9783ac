// What one connection may do with the mailboxes of its account: what authentication says of its user, and
// the tokens it showed. Answers the domain, which asks in the mailbox's turn; the rule itself is the
// domain's. There is one of these per connection where users are configured, and none where not.
import { createHash, timingSafeEqual } from "node:crypto";
import type { MailboxRules, MailRights } from "@mq9/auth";
import {
  allowed,
  type Grant,
  type Guard,
  type Judgement,
  type Principal,
  type Standing,
  type Verbs,
  verbs,
} from "@mq9/mailbox";
import { isKeptName } from "@mq9/protocol";
import { subjectMatches } from "@mq9/wire";
import type { Guesser, Misses } from "./misses.ts";

/** Decisions remembered for one connection. */
const decisionsMax = 1_024;
/** Tokens of one connection; the mailbox whose token was first shown longest ago is forgotten first. */
const tokensMax = 1_024;
/** Mailboxes that one connection used, which it goes on using whatever else it names. */
const metMax = 1_024;
/** Tokens for one mailbox: each is compared with every one that was handed out. */
const tokensOfOneMax = 8;

interface Decision {
  readonly standing: Standing;
  readonly verbs: Verbs;
  /** Exclusive; infinite unless a token with an end counts. */
  readonly untilMs: number;
  /** It was named and answered before. */
  isMet: boolean;
}

/** Where a connection came in. */
export interface Door {
  readonly account: string;
  readonly address: string;
  /** Undefined = nobody counts. */
  readonly misses: Misses | undefined;
  /** Hears of everything that it wanted of a mailbox there is, and had no right to. */
  readonly refused?: ((right: string, mailbox: string) => void) | undefined;
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
  readonly #met = new Set<string>();
  readonly #door: Door | undefined;
  #guesser: Guesser;

  /** @param door where it came in, and what counts the wrong names that it says */
  constructor(user: string, mail: MailRights, nowMs: () => number, door?: Door) {
    this.#user = user;
    this.#mail = mail;
    this.#nowMs = nowMs;
    this.#door = door;
    this.#guesser = guesserOf(user, door);
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
    this.#guesser = guesserOf(user, this.#door);
    this.changed();
  }

  /** Whatever was answered may be wrong from now on. */
  changed(): void {
    this.epoch += 1;
    this.endsAtMs = Number.POSITIVE_INFINITY;
    this.#decisions.clear();
  }

  judge(asked: Verbs, mailbox: Standing, wasMade: boolean): Judgement {
    const known = this.#decisions.get(mailbox.name);
    if (
      known !== undefined &&
      known.isMet &&
      known.standing === mailbox &&
      known.untilMs === Number.POSITIVE_INFINITY &&
      (known.verbs & asked) !== 0
    ) {
      return "allowed";
    }
    return this.#meet(asked, mailbox, wasMade);
  }

  /** A mailbox that it may not have used before. What it may know of by its rules is no guess. */
  #meet(asked: Verbs, mailbox: Standing, wasMade: boolean): Judgement {
    const { name } = mailbox;
    const isAllowed = this.allows(asked, mailbox);
    const isThere = isAllowed && (wasMade || isKeptName(name));
    const misses = this.#door?.misses;
    if (misses !== undefined && !this.#met.has(name) && !this.#knows(mailbox)) {
      if (misses.isSpent(this.#guesser, name)) return "limited";
      if (!isThere) misses.missed(this.#guesser, name);
    }
    if (isThere) this.#remember(name);
    const decision = this.#decisions.get(name);
    if (decision !== undefined) decision.isMet = isThere;
    if (isAllowed) return "allowed";
    if (mailbox.exists) this.#door?.refused?.(wordsOf(asked), name);
    return "absent";
  }

  #knows({ name, owner }: Standing): boolean {
    return (
      this.isOperator || (owner !== undefined && owner === this.#user) || this.ruled(name) !== 0
    );
  }

  #remember(name: string): void {
    if (this.#met.size >= metMax) {
      const [oldest] = this.#met;
      if (oldest !== undefined) this.#met.delete(oldest);
    }
    this.#met.add(name);
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
    const may = allowed(this, mailbox, this.#nowMs());
    const decision: Decision = { standing: mailbox, isMet: false, ...may };
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
    const may = matchesAny(manages, name);
    if (!may) this.#door?.refused?.("create", name);
    return may;
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

function guesserOf(user: string, door: Door | undefined): Guesser {
  return { principal: `${door?.account}\0${user}`, address: door?.address ?? "" };
}

const ruledRights: readonly (keyof MailboxRules & keyof typeof verbs)[] = [
  "send",
  "receive",
  "query",
  "manage",
];

/** For instance `receive query`: any of them would have done. Who may receive may watch. */
function wordsOf(asked: Verbs): string {
  const words = Object.entries(verbs).flatMap(([word, verb]) => {
    if ((asked & verb) === 0) return [];
    return word === "watch" ? ["receive"] : [word];
  });
  return [...new Set(words)].join(" ");
}

function matchesAny(patterns: readonly string[] | undefined, name: string): boolean {
  return patterns?.some((pattern) => subjectMatches(pattern, name)) === true;
}

/** What is kept and compared of a token. */
export function tokenDigest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
