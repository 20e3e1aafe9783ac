// Fills in the template of a scoped signing key: `{{name()}}` and its like in subjects become what
// the JWTs of the user and of its account say.
import type { PermissionRules, SubjectRules } from "@mq9/router";
import { isValidSubject, toWireSubject } from "@mq9/wire";

/** What a template may refer to. */
export interface TemplateValues {
  readonly name: string;
  readonly subject: string;
  readonly accountName: string;
  readonly accountSubject: string;
  /** `name:value`. */
  readonly tags: readonly string[];
  readonly accountTags: readonly string[];
}

/** Subjects that one entry of a template may become. */
const expansionsMax = 256;
const variable = /\{\{\s*([a-z-]+)\(([^(){}]*)\)\s*\}\}/i;

/**
 * Fills in rules. An allowed subject that can not be filled in is left out; a denied one makes the
 * whole template useless, since leaving it out would allow more.
 * @returns undefined when the template can not be used for this user
 */
export function fillRules(
  rules: PermissionRules | undefined,
  values: TemplateValues,
): { readonly rules: PermissionRules | undefined } | undefined {
  if (rules === undefined) return { rules };
  const publish = fillSubjects(rules.publish, values);
  const subscribe = fillSubjects(rules.subscribe, values);
  if (publish === null || subscribe === null) return undefined;
  return {
    rules: {
      ...rules,
      ...(publish === undefined ? {} : { publish }),
      ...(subscribe === undefined ? {} : { subscribe }),
    },
  };
}

/** Null when a denied subject can not be filled in. */
function fillSubjects(
  rules: SubjectRules | undefined,
  values: TemplateValues,
): SubjectRules | undefined | null {
  if (rules === undefined) return undefined;
  const deny: string[] = [];
  for (const entry of rules.deny ?? []) {
    const filled = fill(entry, values);
    if (filled.length === 0) return null;
    deny.push(...filled);
  }
  // Where everything that was allowed fell away nothing is, and not everything.
  const allow = rules.allow?.flatMap((entry) => fill(entry, values));
  return { ...(allow === undefined ? {} : { allow }), ...(deny.length > 0 ? { deny } : {}) };
}

/** All subjects that an entry becomes; none when it can not be filled in. */
function fill(entry: string, values: TemplateValues): readonly string[] {
  let open = [entry];
  for (;;) {
    const match = variable.exec(open[0] ?? "");
    if (match === null) break;
    const [whole, name = "", argument = ""] = match;
    const found = lookUp(name.toLowerCase(), argument.trim().toLowerCase(), values);
    if (found.length * open.length > expansionsMax) return [];
    open = open.flatMap((text) => found.map((value) => text.replace(whole, () => value)));
  }
  const isWhole = (text: string) =>
    !text.includes("{{") && text.split(" ").every((part) => isValidSubject(toWireSubject(part)));
  return open.every(isWhole) ? open : [];
}

function lookUp(name: string, argument: string, values: TemplateValues): readonly string[] {
  if (name === "tag") return taggedWith(values.tags, argument);
  if (name === "account-tag") return taggedWith(values.accountTags, argument);
  if (argument !== "") return [];
  if (name === "name") return literal(values.name);
  if (name === "subject") return literal(values.subject);
  if (name === "account-name") return literal(values.accountName);
  if (name === "account-subject") return literal(values.accountSubject);
  return [];
}

function taggedWith(tags: readonly string[], name: string): readonly string[] {
  const head = `${name}:`;
  return tags
    .filter((tag) => tag.toLowerCase().startsWith(head))
    .flatMap((tag) => literal(tag.slice(head.length)));
}

/** A value must not bring a wildcard with it, nor another variable. */
function literal(value: string): readonly string[] {
  const isSafe = value !== "" && !/[*>\s{}]/.test(value);
  return isSafe ? [value] : [];
}
