// Makes JWTs as an operator's tools do, with keys of the NATS client library.
import type { nkeys } from "@nats-io/transport-node";

export type KeyPair = ReturnType<typeof nkeys.createUser>;

export interface JwtParts {
  /** Who signs. */
  readonly by: KeyPair;
  /** Public key it is about. */
  readonly about: string;
  readonly claims: Readonly<Record<string, unknown>>;
  /** Unix seconds. */
  readonly issuedAt?: number;
  readonly expiresAt?: number;
  readonly notBefore?: number;
  readonly name?: string;
  /** Default 2; 1 writes the form used before 2021. */
  readonly version?: 1 | 2;
}

export const nowSeconds = (): number => Math.floor(Date.now() / 1000);

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** @param type `operator`, `account` or `user` */
export function jwt(type: string, parts: JwtParts): string {
  const { by, about, claims, version = 2 } = parts;
  const head = part({ typ: "JWT", alg: version === 2 ? "ed25519-nkey" : "ed25519" });
  const body = part({
    jti: `T${Math.random()}`,
    iat: parts.issuedAt ?? nowSeconds() - 60,
    iss: by.getPublicKey(),
    name: parts.name ?? type,
    sub: about,
    ...(parts.expiresAt === undefined ? {} : { exp: parts.expiresAt }),
    ...(parts.notBefore === undefined ? {} : { nbf: parts.notBefore }),
    ...(version === 1 ? { type } : {}),
    nats: version === 2 ? { ...claims, type, version } : claims,
  });
  const signed = version === 2 ? `${head}.${body}` : body;
  const signature = Buffer.from(by.sign(Buffer.from(signed))).toString("base64url");
  return `${head}.${body}.${signature}`;
}

/** Limits of an account in which nothing is limited. */
export const unlimited = {
  subs: -1,
  data: -1,
  payload: -1,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
};

/** Limits of a user in which nothing is limited. */
export const free = { subs: -1, data: -1, payload: -1 };

/** What `nsc generate creds` writes. */
export function creds(userJwt: string, pair: KeyPair): string {
  const seed = Buffer.from(pair.getSeed()).toString();
  return [
    "-----BEGIN NATS USER JWT-----",
    userJwt,
    "------END NATS USER JWT------",
    "",
    "-----BEGIN USER NKEY SEED-----",
    seed,
    "------END USER NKEY SEED------",
    "",
  ].join("\n");
}
