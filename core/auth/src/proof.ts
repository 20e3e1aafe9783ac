// What let a connection in, kept with its identity so that the next rules can be asked without the
// secret. Printing one shows nothing.
import type { Token } from "./jwt.ts";

/** How somebody proved to be who it is. */
export type ProofKind =
  | "nothing"
  | "default"
  | "token"
  | "password"
  | "nkey"
  | "certificate"
  | "jwt";

export class Proof {
  readonly kind: ProofKind;
  readonly #secret: Buffer | undefined;
  readonly #token: Token | undefined;

  private constructor(kind: ProofKind, secret: Buffer | undefined, token: Token | undefined) {
    this.kind = kind;
    this.#secret = secret;
    this.#token = token;
  }

  /** Nothing was shown: everybody comes in, or (`default`) is one certain user. */
  static ofNobody(kind: "nothing" | "default"): Proof {
    return new Proof(kind, undefined, undefined);
  }

  /** @param secret digest of the secret as configured, which has to be the same later */
  static ofSecret(kind: "token" | "password", secret: Buffer): Proof {
    return new Proof(kind, secret, undefined);
  }

  static ofKey(kind: "nkey" | "certificate"): Proof {
    return new Proof(kind, undefined, undefined);
  }

  static ofToken(token: Token): Proof {
    return new Proof("jwt", undefined, token);
  }

  get secret(): Buffer | undefined {
    return this.#secret;
  }

  get token(): Token | undefined {
    return this.#token;
  }
}
