// Which claims of a JWT have which type. Called when one is read: a claim that is known and has another
// type makes the whole JWT void, since to pass over it could allow what it was there to forbid.
import { type JsonObject, objectOf } from "./json.ts";
import type { ClaimsKind } from "./jwt.ts";

/** Says what is wrong with a value: the path below it, "" for itself; undefined = nothing. */
type Rule = (value: unknown) => string | undefined;

/** Absent and null are the same, as to whoever writes such JWTs. */
function orNone(isGood: (value: unknown) => boolean): Rule {
  return (value) => (value === undefined || value === null || isGood(value) ? undefined : "");
}

const text: Rule = orNone((value) => typeof value === "string");
const flag: Rule = orNone((value) => typeof value === "boolean");
const whole: Rule = orNone((value) => Number.isSafeInteger(value));
const texts: Rule = orNone(isTexts);
const list: Rule = orNone(Array.isArray);
const block: Rule = orNone((value) => objectOf(value) !== undefined);
/** A list, or one text with commas. */
const networks: Rule = orNone((value) => typeof value === "string" || isTexts(value));

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** An object; keys that are not named may hold anything. */
function object(rules: Readonly<Record<string, Rule>>): Rule {
  const names = new Map(Object.keys(rules).map((name) => [name.toLowerCase(), name]));
  return (value) => {
    if (value === undefined || value === null) return undefined;
    const found = objectOf(value);
    if (found === undefined) return "";
    for (const [key, item] of Object.entries(found)) {
      const name = names.get(key.toLowerCase());
      if (name === undefined) continue;
      // Elsewhere keys are the same in upper and lower case: it would be meant, and not be seen.
      const problem = name === key ? rules[name]?.(item) : "";
      if (problem !== undefined) return problem === "" ? key : `${key}.${problem}`;
    }
    return undefined;
  };
}

function listOf(rule: Rule): Rule {
  return (value) => {
    const problem = list(value);
    if (problem !== undefined || !Array.isArray(value)) return problem;
    for (const [at, item] of value.entries()) {
      const wrong = item === null ? "" : rule(item);
      if (wrong !== undefined) return wrong === "" ? String(at) : `${at}.${wrong}`;
    }
    return undefined;
  };
}

const subjects = object({ allow: texts, deny: texts });
const permissions = { pub: subjects, sub: subjects, resp: object({ max: whole, ttl: whole }) };
const userLimits = {
  ...permissions,
  subs: whole,
  data: whole,
  payload: whole,
  src: networks,
  times: listOf(object({ start: text, end: text })),
  times_location: text,
  allowed_connection_types: texts,
  bearer_token: flag,
  proxy_required: flag,
};
const own = { type: text, version: whole, tags: texts };

const scope = object({ kind: text, key: text, template: object(userLimits) });
const signingKey: Rule = (value) => (typeof value === "string" ? undefined : scope(value));

const kinds: Readonly<Record<ClaimsKind, Rule>> = {
  operator: object({
    ...own,
    signing_keys: texts,
    system_account: text,
    strict_signing_key_usage: flag,
  }),
  account: object({
    ...own,
    limits: object({
      conn: whole,
      subs: whole,
      payload: whole,
      disallow_bearer: flag,
    }),
    signing_keys: listOf(signingKey),
    revocations: block, // times that can not be read revoke all that there is
    default_permissions: object(permissions),
    exports: listOf(object({ subject: text })),
    imports: list,
    mappings: block,
    authorization: object({ auth_users: texts }),
  }),
  user: object({ ...own, ...userLimits, issuer_account: text }),
};

/** What stands beside them. A time that can not be read must not count as none: that would be without end. */
const around = object({
  iss: text,
  sub: text,
  name: text,
  type: text,
  iat: whole,
  exp: whole,
  nbf: whole,
});

/**
 * Looks at the types of everything that is read of a JWT, by its kind.
 * @returns the claim that has another type than it must, for instance `nats.pub.deny`
 */
export function wrongClaim(content: JsonObject, kind: ClaimsKind): string | undefined {
  const outer = around(content);
  if (outer !== undefined) return outer;
  const inner = kinds[kind](content["nats"]);
  return inner === undefined ? undefined : inner === "" ? "nats" : `nats.${inner}`;
}
