// Who may do what with a mailbox: the one rule, and the seam through which every command asks it. It is
// asked in the mailbox's turn, before anything of the mailbox is read. Decides nothing about who
// somebody is: that is the caller's business.
import { deadLetterSuffix, isKeptName, Mq9Error, mailboxNotFound } from "@mq9/protocol";
import { isGeneratedName } from "./generated-name.ts";

/** What can be done with a mailbox. Combined by `|`: any of them will do. */
export const verbs = {
  send: 1,
  /** Taking its mail, settling and removing it. */
  receive: 2,
  query: 4,
  manage: 8,
  /** Taking its mail, or seeing what it is, as everybody may with a public one. */
  watch: 16,
} as const;

/** A set of `verbs`. */
export type Verbs = number;

/** All of them. */
export const everyVerb: Verbs = 31;
/** Seeing that a mailbox exists and what it is. */
export const seeing: Verbs = verbs.receive | verbs.query | verbs.manage | verbs.watch;

/** A token that gives rights on one life of a mailbox to whoever shows it. */
export interface Grant {
  readonly id: string;
  /** SHA-256 of the token. */
  readonly digest: Uint8Array;
  readonly verbs: Verbs;
  readonly createdAtMs: number;
  /** `neverMs` = with the mailbox. */
  readonly expiresAtMs: number;
  /** Who handed it out; undefined = nobody was signed in. */
  readonly by: string | undefined;
}

/**
 * What the rule has to know of a mailbox. Another object whenever any of it changes, so that decisions
 * can be kept by it.
 */
export interface Standing {
  readonly name: string;
  /** False: there is no mailbox of that name, or it was dropped. */
  readonly exists: boolean;
  /** Undefined = it was made when nobody signed in. */
  readonly owner: string | undefined;
  readonly public: boolean;
  readonly grants: readonly Grant[];
}

/** Whoever asks, as the rule has to know it. */
export interface Principal {
  readonly user: string;
  /** May do everything in its account. */
  readonly isOperator: boolean;
  /** Everybody of the account may send to a mailbox whose name he knows. */
  readonly sendsToAnyone: boolean;
  /** What it was given by name, without regard to what exists. */
  ruled(name: string): Verbs;
  /** It showed the token of this grant. */
  holds(name: string, grant: Grant): boolean;
}

/** What a principal may do with a mailbox, and until when at the latest that is so. */
export interface Allowed {
  readonly verbs: Verbs;
  /** Exclusive; infinite unless a token with an end counts. */
  readonly untilMs: number;
}

/** Whether this principal may do any of these with the mailbox. */
export function can(who: Principal, asked: Verbs, mailbox: Standing, nowMs: number): boolean {
  return (allowed(who, mailbox, nowMs).verbs & asked) !== 0;
}

/** The rule. */
export function allowed(who: Principal, mailbox: Standing, nowMs: number): Allowed {
  const { name } = mailbox;
  // The broker's own are for everybody to read; that nobody writes to them is the commands' business.
  if (who.isOperator || isKeptName(name)) return { verbs: everyVerb, untilMs: never };
  if (who.user !== "" && mailbox.owner === who.user) return { verbs: everyVerb, untilMs: never };
  const given = granted(who, mailbox, nowMs);
  if (name.endsWith(deadLetterSuffix)) {
    // Dead letters are as private as the mailbox they come from is to manage.
    const origin = name.slice(0, -deadLetterSuffix.length);
    const manages = ((who.ruled(origin) | who.ruled(name)) & verbs.manage) !== 0;
    return manages ? { verbs: everyVerb, untilMs: never } : given;
  }
  let has = who.ruled(name) | given.verbs;
  if ((has & verbs.receive) !== 0) has |= verbs.watch;
  if (who.sendsToAnyone || isGeneratedName(name)) has |= verbs.send;
  if (mailbox.public) has |= verbs.watch | verbs.query;
  return { verbs: has, untilMs: given.untilMs };
}

const never = Number.POSITIVE_INFINITY;

function granted(who: Principal, mailbox: Standing, nowMs: number): Allowed {
  let has = 0;
  let untilMs = never;
  for (const grant of mailbox.grants) {
    if (nowMs >= grant.expiresAtMs || !who.holds(mailbox.name, grant)) continue;
    has |= grant.verbs;
    untilMs = Math.min(untilMs, grant.expiresAtMs);
  }
  if ((has & verbs.receive) !== 0) has |= verbs.watch;
  return { verbs: has, untilMs };
}

/** What a command on a mailbox that somebody named comes to: `limited` says nothing of the mailbox. */
export type Judgement = "allowed" | "absent" | "limited";

/** Asked by every command for one connection, so that what a right's end means is known here alone. */
export interface Guard {
  /**
   * Somebody names this mailbox to do one of these with it. Counts what he may not know of.
   * @param wasMade there is or was a mailbox of that name
   */
  judge(asked: Verbs, mailbox: Standing, wasMade: boolean): Judgement;
  allows(asked: Verbs, mailbox: Standing): boolean;
  /** Grows with every change of what it may answer about the same standing. */
  readonly epoch: number;
  /** When something that it answered ends by itself; infinite when nothing does. */
  readonly endsAtMs: number;
}

/** A mailbox and who asks for it. */
export interface Asked {
  /** `<account>/<name>`. */
  readonly key: string;
  /** Undefined = everything is allowed. */
  readonly guard: Guard | undefined;
  readonly verbs: Verbs;
}

/** A reader's right to take mail of one mailbox, asked at every delivery and answered from memory. */
export class Pass {
  readonly #slot: Barrable;
  readonly #guard: Guard;
  #standing: Standing | undefined;
  #epoch = -1;
  #isOpen = false;

  constructor(slot: Barrable, guard: Guard) {
    this.#slot = slot;
    this.#guard = guard;
  }

  /** It is this connection's, and does not let anything through. */
  isClosedTo(guard: Guard): boolean {
    return this.#guard === guard && !this.isOpen;
  }

  get isOpen(): boolean {
    const { standing } = this.#slot;
    const { epoch, endsAtMs } = this.#guard;
    const isTimed = endsAtMs !== Number.POSITIVE_INFINITY;
    if (isTimed || standing !== this.#standing || epoch !== this.#epoch) {
      this.#standing = standing;
      this.#epoch = epoch;
      this.#isOpen = this.#guard.allows(verbs.watch, standing);
    }
    return this.#isOpen;
  }
}

/** The same, or the key alone where the broker itself asks. */
export type Target = Asked | string;

export function keyOf(at: Target): string {
  return typeof at === "string" ? at : at.key;
}

interface Barrable {
  readonly name: string;
  readonly standing: Standing;
  /** Of the mailbox that has or had the name. */
  readonly record?: unknown;
}

/** Why somebody is refused who must not know whether the mailbox exists; undefined = he is not. */
export function barred(slot: Barrable, at: Target): Mq9Error | undefined {
  if (typeof at === "string" || at.guard === undefined) return undefined;
  return refusalFor(slot, at.guard, at.verbs);
}

/** The same where somebody asks for certain. */
export function refusalFor(slot: Barrable, guard: Guard, asked: Verbs): Mq9Error | undefined {
  const judgement = guard.judge(asked, slot.standing, slot.record !== undefined);
  if (judgement === "allowed") return undefined;
  return judgement === "absent" ? mailboxNotFound(slot.name) : tooManyMisses(slot.name);
}

function tooManyMisses(name: string): Mq9Error {
  return new Mq9Error(
    "quota_exceeded",
    `mailbox ${name} is not looked for: too many mailboxes were named that do not exist; those in use are served, ask for others again in a second`,
  );
}

/** To him who wants a name it is taken, and he hears nothing else of the mailbox that has it. */
export function isTaken(
  { standing }: Pick<Barrable, "standing">,
  guard: Guard | undefined,
): boolean {
  return guard !== undefined && !guard.allows(seeing, standing);
}
