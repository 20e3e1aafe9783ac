// What is trusted in operator mode: the operators' keys, and the accounts whose JWTs they signed. Read
// once, when an authenticator is made.
import { isNkey } from "@mq9/wire";
import type { OperatorConfig } from "./config.ts";
import { AuthConfigError } from "./config-error.ts";
import { type JsonObject, numberOf, objectOf, textOf, textsOf, valueOf } from "./json.ts";
import { readToken, type Token, wrongClaimOf } from "./jwt.ts";
import { readLimits, readRules, type UserLimits } from "./user-limits.ts";

/** A signing key of an account; with a template when it may sign one kind of user only. */
export interface SigningKey {
  readonly key: string;
  readonly template: UserLimits | undefined;
}

/** An account as its JWT describes it. */
export interface TrustedAccount {
  readonly token: Token;
  readonly tags: readonly string[];
  readonly signingKeys: ReadonlyMap<string, SigningKey>;
  /** Unix seconds by public user key, `*` for all: what was issued until then is void. */
  readonly revocations: ReadonlyMap<string, number>;
  readonly defaults: ReturnType<typeof readRules>;
  /** Undefined = no limit, here and below. */
  readonly connectionsMax: number | undefined;
  readonly subscriptionsMax: number | undefined;
  readonly payloadBytesMax: number | undefined;
  readonly refusesBearers: boolean;
}

/** All that is trusted. */
export interface Trust {
  readonly accounts: ReadonlyMap<string, TrustedAccount>;
  /** Public key of the system account, as an operator names it; "" when none does. */
  readonly systemAccount: string;
}

/**
 * Reads operators and accounts.
 * @throws {AuthConfigError} for what is not signed as it has to be
 */
export function readTrust(config: OperatorConfig, where: string): Trust {
  const keys = new Set<string>();
  let systemAccount = "";
  for (const [at, text] of config.operators.entries()) {
    if (isNkey(text, "O")) {
      keys.add(text);
      continue;
    }
    const token = readOperator(text, `${where}.operators[${at}]`);
    const signing = textsOf(token.claims, "signing_keys");
    if (valueOf(token.claims, "strict_signing_key_usage") !== true) keys.add(token.subject);
    for (const key of signing) keys.add(key);
    systemAccount ||= textOf(token.claims, "system_account");
  }
  if (keys.size === 0) {
    throw new AuthConfigError(
      `${where}.operators`,
      "name at least one operator: its JWT or its key",
    );
  }
  const accounts = new Map<string, TrustedAccount>();
  for (const [key, text] of config.accounts) {
    accounts.set(key, readAccount(key, text, keys, `${where}.accounts["${key}"]`));
  }
  return { accounts, systemAccount };
}

function readOperator(text: string, where: string): Token {
  const token = readToken(text, "operator");
  if (token === undefined) {
    assertTypes(text, "operator", where);
    throw new AuthConfigError(
      where,
      "is neither the JWT of an operator with a valid signature nor its public key (O…)",
    );
  }
  const own = [token.subject, ...textsOf(token.claims, "signing_keys")];
  if (!own.includes(token.issuer)) {
    throw new AuthConfigError(where, "is not signed by the operator itself");
  }
  return token;
}

function readAccount(
  key: string,
  text: string,
  trusted: ReadonlySet<string>,
  where: string,
): TrustedAccount {
  const token = readToken(text, "account");
  if (token === undefined) {
    assertTypes(text, "account", where);
    throw new AuthConfigError(where, "is no JWT of an account with a valid signature");
  }
  if (token.subject !== key) {
    throw new AuthConfigError(where, `is the JWT of another account, ${token.subject}`);
  }
  if (!trusted.has(token.issuer)) {
    throw new AuthConfigError(
      where,
      `is signed by ${token.issuer}, which no operator here vouches for`,
    );
  }
  assertPlain(token.claims, where);
  const limits = objectOf(valueOf(token.claims, "limits"));
  return {
    token,
    tags: textsOf(token.claims, "tags"),
    signingKeys: readSigningKeys(token.claims),
    revocations: readRevocations(token.claims),
    defaults: readRules(objectOf(valueOf(token.claims, "default_permissions"))),
    connectionsMax: atLeastNone(limits, "conn"),
    subscriptionsMax: atLeastNone(limits, "subs"),
    payloadBytesMax: atLeastNone(limits, "payload"),
    refusesBearers: valueOf(limits, "disallow_bearer") === true,
  };
}

function assertTypes(text: string, kind: "operator" | "account", where: string): void {
  const claim = wrongClaimOf(text, kind);
  if (claim !== undefined) throw new AuthConfigError(where, `its claim ${claim} has a wrong type`);
}

/** What would be passed over, and let somebody in or keep somebody out otherwise than it says. */
function assertPlain(claims: JsonObject, where: string): void {
  const exports = valueOf(claims, "exports");
  // Every system account comes with these, and everybody can ask them here anyway.
  const ofSystem = (item: unknown) => textOf(objectOf(item), "subject").startsWith("$SYS.");
  const asked: Readonly<Record<string, boolean>> = {
    imports: lengthOf(valueOf(claims, "imports")) > 0,
    exports: Array.isArray(exports) && !exports.every(ofSystem),
    mappings: Object.keys(objectOf(valueOf(claims, "mappings")) ?? {}).length > 0,
    "authorization (auth callout)":
      textsOf(objectOf(valueOf(claims, "authorization")), "auth_users").length > 0,
  };
  for (const [what, isThere] of Object.entries(asked)) {
    if (!isThere) continue;
    throw new AuthConfigError(
      where,
      `has ${what}, which mq9 does not have: accounts share nothing, subjects are not mapped, and nobody else is asked who may come in`,
    );
  }
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

function atLeastNone(limits: JsonObject | undefined, key: string): number | undefined {
  const value = numberOf(limits, key);
  return value === undefined || value < 0 ? undefined : value;
}

function readSigningKeys(claims: JsonObject): ReadonlyMap<string, SigningKey> {
  const keys = new Map<string, SigningKey>();
  const list = valueOf(claims, "signing_keys");
  for (const item of Array.isArray(list) ? list : []) {
    const scope = objectOf(item);
    const key = typeof item === "string" ? item : textOf(scope, "key");
    if (!isNkey(key, "A")) continue;
    if (scope === undefined) keys.set(key, { key, template: undefined });
    // A scope of another kind is not understood, so nobody comes in by it.
    else if (textOf(scope, "kind") === "user_scope") {
      keys.set(key, {
        key,
        template: readLimits(objectOf(valueOf(scope, "template")) ?? {}, false),
      });
    }
  }
  return keys;
}

function readRevocations(claims: JsonObject): ReadonlyMap<string, number> {
  const listed = objectOf(valueOf(claims, "revocations")) ?? {};
  // What can not be read revokes all that there is.
  return new Map(
    Object.entries(listed).map(([key, at]) => [key, typeof at === "number" ? at : Infinity]),
  );
}
