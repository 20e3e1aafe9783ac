// Decides whether an offered password fits a secret: counts what is wrong, lets slow checks through a
// gate, and remembers what was right, so that a crowd that reconnects is not verified one by one.
import { digestOf, sameDigest } from "./digest.ts";
import { Gate } from "./gate.ts";
import type { Secret } from "./secret.ts";
import type { Attempt, Throttle } from "./throttle.ts";

/** What somebody offers. */
export interface Offer {
  /** "" for a token. */
  readonly user: string;
  readonly secret: string;
  readonly address: string;
}

/** Checks passwords of one authenticator. */
export class PasswordCheck {
  readonly #throttle: Throttle;
  readonly #gate = new Gate();
  /** What was right last, by what it was right for. */
  readonly #right = new Map<Secret, Buffer>();
  /** Checks under way, by who offers what: the same offer made twice is verified once. */
  readonly #open = new Map<string, Promise<boolean | undefined>>();

  /** @param throttle of the server, which outlives what it counts for */
  constructor(throttle: Throttle) {
    this.#throttle = throttle;
    throttle.secretsChanged();
  }

  /**
   * @param secret what it has to fit; of somebody else when the user is not known, so that the work
   * is the same
   * @param isKnown the user exists and the secret is its own
   * @returns whether it fits and the user is known; a promise only when verifying is slow
   */
  check(secret: Secret, isKnown: boolean, offer: Offer): boolean | Promise<boolean> {
    const offered = digestOf(offer.secret);
    const attempt = this.#throttle.begin(offer.user, offer.address, offered);
    if (attempt === undefined) return false;
    if (!secret.isSlow) return conclude(attempt, secret.matchesDigest(offered) && isKnown);
    if (isKnown) {
      // Never for others: a quick answer would tell that somebody has this password.
      const right = this.#right.get(secret);
      if (right !== undefined && sameDigest(right, offered)) return conclude(attempt, true);
    }
    const verifying = this.#verify(secret, offer, offered);
    if (verifying === undefined) {
      attempt.abandoned();
      return false;
    }
    return verifying.then((fits) => {
      if (fits === undefined) {
        attempt.abandoned(); // it was not wrong
        return false;
      }
      if (fits && isKnown) this.#right.set(secret, offered);
      return conclude(attempt, fits && isKnown);
    });
  }

  #verify(secret: Secret, offer: Offer, offered: Buffer): Promise<boolean | undefined> | undefined {
    const key = `${digestOf(offer.user).toString("latin1")}${offered.toString("latin1")}`;
    const open = this.#open.get(key);
    if (open !== undefined) return open;
    const verifying = this.#gate.pass(() => secret.verify(offer.secret));
    if (verifying === undefined) return undefined;
    this.#open.set(key, verifying);
    return verifying.finally(() => this.#open.delete(key));
  }
}

function conclude(attempt: Attempt, fits: boolean): boolean {
  if (fits) attempt.succeeded();
  else attempt.failed();
  return fits;
}
