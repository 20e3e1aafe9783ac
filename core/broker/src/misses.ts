// How often somebody may name mailboxes that do not exist, or that it may not see: who guesses names gets
// few answers. Asked for connections of configured users; counts by user and by address, so counts
// outlive connections. Bounded: what was not used for longest is forgotten first.
import { networkOf } from "@mq9/router";

/** Limits; 0 = none. */
export interface MissLimits {
  /** Wrong names of one user at once; then one a second. */
  readonly perUser: number;
  /** Wrong names of all users of one address in a minute. */
  readonly perAddress: number;
}

/** Whose wrong names are counted. */
export interface Guesser {
  /** User and account. */
  readonly principal: string;
  readonly address: string;
}

/** Users, and addresses, that are remembered. */
const entriesMax = 10_000;
/** Wrong names of one user that are known to be wrong: asking for them again is no guess. */
const namesMax = 64;

/** Leave to name wrong mailboxes: earned with time, spent by naming one. */
class Bucket {
  /** Wrong names said lately, the latest last. */
  readonly wrong: Set<string> = new Set();
  #left: number;
  #atMs: number;
  readonly #most: number;
  readonly #perMs: number;

  constructor(most: number, perSecond: number, nowMs: number) {
    this.#left = most;
    this.#most = most;
    this.#perMs = perSecond / 1_000;
    this.#atMs = nowMs;
  }

  isEmpty(nowMs: number): boolean {
    const earned = Math.max(0, nowMs - this.#atMs) * this.#perMs;
    this.#left = Math.min(this.#most, this.#left + earned);
    this.#atMs = nowMs;
    return this.#left < 1;
  }

  spend(): void {
    this.#left -= 1;
  }
}

export class Misses {
  readonly #limits: MissLimits;
  readonly #nowMs: () => number;
  readonly #users = new Map<string, Bucket>();
  readonly #addresses = new Map<string, Bucket>();

  /** @param nowMs of a clock that does not step */
  constructor(limits: MissLimits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** Users remembered at the moment. */
  get size(): number {
    return this.#users.size;
  }

  /** Nothing but names that it used before is answered at the moment, right or wrong. */
  isSpent(guesser: Guesser, name: string): boolean {
    const user = this.#users.get(guesser.principal);
    if (user?.wrong.has(name) === true) return false;
    const nowMs = this.#nowMs();
    if (user?.isEmpty(nowMs) === true) return true;
    return this.#addresses.get(networkOf(guesser.address))?.isEmpty(nowMs) === true;
  }

  /** It named a mailbox that is not there for it. Only after `isSpent` said no. */
  missed({ principal, address }: Guesser, name: string): void {
    const { perUser, perAddress } = this.#limits;
    const nowMs = this.#nowMs();
    const user = perUser === 0 ? undefined : bucketOf(this.#users, principal, perUser, 1, nowMs);
    if (user?.wrong.has(name) === true) return;
    user?.spend();
    if (user !== undefined) remember(user.wrong, name);
    if (perAddress === 0) return;
    bucketOf(this.#addresses, networkOf(address), perAddress, perAddress / 60, nowMs).spend();
  }
}

function bucketOf(
  buckets: Map<string, Bucket>,
  key: string,
  most: number,
  perSecond: number,
  nowMs: number,
): Bucket {
  const bucket = buckets.get(key) ?? new Bucket(most, perSecond, nowMs);
  bucket.isEmpty(nowMs); // counts what it earned meanwhile
  buckets.delete(key); // to the end: it was used
  if (buckets.size >= entriesMax) {
    const [oldest] = buckets.keys();
    if (oldest !== undefined) buckets.delete(oldest);
  }
  buckets.set(key, bucket);
  return bucket;
}

function remember(names: Set<string>, name: string): void {
  if (names.size >= namesMax) {
    const [oldest] = names;
    if (oldest !== undefined) names.delete(oldest);
  }
  names.add(name);
}
