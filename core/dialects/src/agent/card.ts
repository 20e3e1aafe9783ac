// What a registration says, whatever shape it has: the flat body of the published clients, a card of
// either version of A2A as the body itself, or a card as text or object inside it.
import { type AgentFacts, type AgentSkill, isMailboxName } from "@mq9/protocol";
import { field, type JsonObject } from "../json.ts";
import { brief, descriptionMax, jsonWithin, skillsMax } from "./shown.ts";

const nothing: JsonObject = {};
/** Where a card may lie inside a body, the most explicit first. */
const cardFields = ["agent_card", "card", "payload", "agent_info"] as const;

/** The card inside a body; empty when there is none. */
export function cardWithin(body: JsonObject): JsonObject {
  for (const name of cardFields) {
    const card = asObject(field(body, name));
    if (card !== undefined) return card;
  }
  return nothing;
}

/** The value as an object, also when it is the JSON text of one. */
export function asObject(value: unknown): JsonObject | undefined {
  const inner = typeof value === "string" ? jsonWithin(value) : value;
  if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return undefined;
  return inner as JsonObject;
}

/** The name a body or its card gives the agent, as written. */
export function nameWithin(body: JsonObject): string | undefined {
  const card = cardWithin(body);
  return textOf(body, "name") ?? textOf(body, "agent_id") ?? textOf(card, "name");
}

/** The first mailbox a body or its card names; undefined when none of them can be one. */
export function mailboxWithin(body: JsonObject): string | undefined {
  for (const source of [body, cardWithin(body)]) {
    const mq9 = asObject(field(asObject(field(source, "metadata")) ?? nothing, "mq9")) ?? nothing;
    const texts = [
      textOf(source, "mailbox"),
      textOf(source, "mail_address"),
      textOf(source, "mail_id"),
      textOf(mq9, "mailbox"),
      textOf(mq9, "mail_address"),
      ...urlsOf(source).filter((url) => mq9Uri.test(url)),
    ];
    const found = texts.map((text) => mailboxOf(text)).find((name) => name !== undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

const mq9Uri = /^mq9s?:\/\/[^/]*\/([^?#]+)/i;

/** The mailbox a text names, alone or as `mq9://broker/name`; undefined when it can be none. */
export function mailboxOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const name = mq9Uri.exec(text.trim())?.[1] ?? text.trim();
  return isMailboxName(name) ? name : undefined;
}

/** What search, filters and lists need of a body. */
export function factsOf(body: JsonObject): AgentFacts {
  const card = cardWithin(body);
  const sources = [body, card];
  const first = (name: string): string | undefined =>
    sources.map((source) => textOf(source, name)).find((text) => text !== undefined);
  const payload = field(body, "payload");
  const prose = typeof payload === "string" && jsonWithin(payload) === undefined ? payload : "";
  const description =
    first("description") ?? first("capability_description") ?? first("desc") ?? prose;
  const version = first("version");
  const [url] = sources.flatMap(urlsOf);
  return {
    description: brief(description, descriptionMax),
    skills: skillsOf(sources),
    tags: unique(sources.flatMap(tagsOf)),
    ...(version === undefined ? {} : { version: brief(version, wordMax) }),
    ...(url === undefined ? {} : { url: brief(url, urlMax) }),
  };
}

const wordMax = 64;
const nameMax = 128;
const proseMax = 1_024;
const urlMax = 2_048;
const tagsMax = 64;
const examplesMax = 16;

function skillsOf(sources: readonly JsonObject[]): AgentSkill[] {
  for (const source of sources) {
    // Some cards list what they can do as plain words, under either name.
    const listed = listOf(field(source, "skills"));
    const skills = listed.length > 0 ? listed : listOf(field(source, "capabilities"));
    const read = skills.slice(0, skillsMax).flatMap((skill) => skillOf(skill) ?? []);
    if (read.length > 0) return read;
  }
  return [];
}

function skillOf(skill: unknown): AgentSkill | undefined {
  if (typeof skill === "string") {
    return { id: brief(skill, nameMax), name: "", description: "", tags: [], examples: [] };
  }
  const read = asObject(skill);
  if (read === undefined) return undefined;
  return {
    id: brief(textOf(read, "id") ?? "", nameMax),
    name: brief(textOf(read, "name") ?? "", nameMax),
    description: brief(textOf(read, "description") ?? "", proseMax),
    tags: unique(tagsOf(read)),
    examples: listOf(field(read, "examples"))
      .filter((example) => typeof example === "string")
      .slice(0, examplesMax)
      .map((example) => brief(example, proseMax)),
  };
}

/** Tags as a list or as one text with commas. */
function tagsOf(source: JsonObject): string[] {
  const tags = field(source, "tags");
  const words = typeof tags === "string" ? tags.split(",") : listOf(tags);
  return words
    .filter((tag) => typeof tag === "string")
    .map((tag) => brief(tag, wordMax).trim())
    .filter((tag) => tag !== "");
}

/** Where a card says it is reached: `url` of version 0.3, the interfaces of 1.0. */
function urlsOf(source: JsonObject): string[] {
  const interfaces = [
    ...listOf(field(source, "supportedInterfaces")),
    ...listOf(field(source, "additionalInterfaces")),
  ];
  const urls = [textOf(source, "url"), textOf(source, "endpoint")];
  for (const one of interfaces) urls.push(textOf(asObject(one) ?? nothing, "url"));
  return urls.filter((url) => url !== undefined);
}

function unique(tags: readonly string[]): string[] {
  return [...new Set(tags)].slice(0, tagsMax);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

/** A text that is not empty. */
function textOf(source: JsonObject, name: string): string | undefined {
  const value = field(source, name);
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}
