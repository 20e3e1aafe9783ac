// Reads JWTs as NATS writes them: base64url of a header and of claims, signed with the nkey that the
// claims name as issuer. Verifies form and signature; whether the issuer is trusted is decided elsewhere.
import { isNkey, type NkeyKind } from "@mq9/wire";
import { wrongClaim } from "./claims.ts";
import { type JsonObject, numberOf, objectOf, parseObject, textOf, valueOf } from "./json.ts";
import { verifierOf, verifySignature } from "./signature.ts";

export type ClaimsKind = "operator" | "account" | "user";

/** A JWT whose signature is its issuer's. */
export interface Token {
  /** Public nkey that signed it. */
  readonly issuer: string;
  /** Public nkey that it is about. */
  readonly subject: string;
  readonly name: string;
  /** Unix seconds. */
  readonly issuedAtSeconds: number;
  /** Unix seconds; 0 = never. */
  readonly expiresAtSeconds: number;
  /** Unix seconds; 0 = from ever. */
  readonly notBeforeSeconds: number;
  /** What is special to its kind. */
  readonly claims: JsonObject;
  /** 1 for the form that was written before 2021. */
  readonly version: number;
}

interface KindRule {
  readonly subject: NkeyKind;
  readonly issuer: readonly NkeyKind[];
}

const rules: Readonly<Record<ClaimsKind, KindRule>> = {
  operator: { subject: "O", issuer: ["O"] },
  account: { subject: "A", issuer: ["O"] },
  user: { subject: "U", issuer: ["A"] },
};
const algorithms = ["ed25519-nkey", "ed25519"];
const base64url = /^[A-Za-z0-9_-]+$/;

/** @returns undefined when it is no JWT of the kind, a claim has a wrong type, or its signature is not its issuer's */
export function readToken(text: string, kind: ClaimsKind): Token | undefined {
  const parts = text.trim().split(".");
  const [head = "", body = "", signature = ""] = parts;
  if (parts.length !== 3 || !parts.every((part) => base64url.test(part))) return undefined;
  const header = parseObject(decode(head));
  if (textOf(header, "typ").toUpperCase() !== "JWT") return undefined;
  if (!algorithms.includes(textOf(header, "alg"))) return undefined;
  const content = parseObject(decode(body));
  const claims = objectOf(valueOf(content, "nats"));
  if (content === undefined || claims === undefined) return undefined;
  if (wrongClaim(content, kind) !== undefined) return undefined;
  // The first form told its type beside the claims, and signed the claims alone.
  const version = numberOf(claims, "version") ?? 1;
  const type = textOf(version > 1 ? claims : content, "type");
  if (type !== kind) return undefined;
  const issuer = textOf(content, "iss");
  const subject = textOf(content, "sub");
  if (!isNkey(subject, rules[kind].subject)) return undefined;
  const signed = version > 1 ? `${head}.${body}` : body;
  if (!isSignedBy(issuer, rules[kind].issuer, signed, signature)) return undefined;
  return {
    issuer,
    subject,
    name: textOf(content, "name"),
    issuedAtSeconds: numberOf(content, "iat") ?? 0,
    expiresAtSeconds: numberOf(content, "exp") ?? 0,
    notBeforeSeconds: numberOf(content, "nbf") ?? 0,
    claims,
    version,
  };
}

/** The claim that keeps a text from being a JWT of the kind; undefined = something else does, or nothing. */
export function wrongClaimOf(text: string, kind: ClaimsKind): string | undefined {
  const content = parseObject(decode(text.trim().split(".")[1] ?? ""));
  return content && wrongClaim(content, kind);
}

/** Whether a JWT is valid at an instant (Unix ms). */
export function isInTime(token: Token, nowMs: number): boolean {
  const { expiresAtSeconds, notBeforeSeconds } = token;
  return (
    (expiresAtSeconds === 0 || nowMs < expiresAtSeconds * 1000) && nowMs >= notBeforeSeconds * 1000
  );
}

function isSignedBy(
  issuer: string,
  kinds: readonly NkeyKind[],
  signed: string,
  signature: string,
): boolean {
  for (const kind of kinds) {
    const key = verifierOf(issuer, kind);
    if (key !== undefined) return verifySignature(key, signed, signature);
  }
  return false;
}

function decode(part: string): string {
  return Buffer.from(part, "base64url").toString("utf8");
}
