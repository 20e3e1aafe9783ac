// Contexts: connections kept under a name, so that nobody types a URL and credentials twice. One JSON
// file each, readable by its owner alone. Ours are read and written here (`mq9 context` writes); those
// of the nats command line are read, never written.
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { closest } from "../config/closest.ts";
import { CliError, misuse } from "./exit-codes.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What a context file holds. Paths begin at the folder of the file, or at `~`. */
export interface Context {
  readonly description?: string | undefined;
  readonly url?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** Path of a .creds file. */
  readonly creds?: string | undefined;
  /** Path of a file with a seed. */
  readonly nkey?: string | undefined;
  readonly tlsCa?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  /** Where answers arrive, for users whose rights name a prefix of their own. */
  readonly inboxPrefix?: string | undefined;
  /** The name of the agent that works there. */
  readonly agent?: string | undefined;
}

/** Fields of a context, in the order people see them. */
export const contextFields: readonly (keyof Context)[] = [
  "description",
  "url",
  "user",
  "password",
  "token",
  "creds",
  "nkey",
  "tlsCa",
  "tlsCert",
  "tlsKey",
  "inboxPrefix",
  "agent",
];

/** Fields that nobody may read over a shoulder. */
export const secretContextFields: readonly (keyof Context)[] = ["password", "token"];

/** Where contexts lie: `<config>/mq9/context/<name>.json`; the name of the chosen one in `<config>/mq9/context.txt`. */
export function contextFolder(env: Environment): string {
  return path.join(configFolder(env), "mq9", "context");
}

/** The file that names the context in use. */
export function selectionFile(env: Environment): string {
  return path.join(configFolder(env), "mq9", "context.txt");
}

function configFolder(env: Environment): string {
  const set = env["XDG_CONFIG_HOME"];
  return set !== undefined && path.isAbsolute(set) ? set : path.join(homedir(), ".config");
}

/** Whether the text can name a context: it becomes a file name. */
export function isContextName(name: string): boolean {
  return /^[A-Za-z0-9][\w.@-]{0,63}$/.test(name);
}

/** The context that was chosen for good; undefined = none. */
export function selectedContext(env: Environment): string | undefined {
  try {
    const name = readFileSync(selectionFile(env), "utf8").trim();
    return name === "" ? undefined : name;
  } catch {
    // best effort: a selection that can not be read is none.
    return undefined;
  }
}

/**
 * Reads a context: ours, else one of that name of the nats command line.
 * @throws {CliError} when there is none, or it can not be read
 */
export function readContext(
  name: string,
  env: Environment,
  known: readonly string[] = [],
): Context {
  if (!isContextName(name)) throw misuse(`${name} can not be the name of a context`);
  const own = path.join(contextFolder(env), `${name}.json`);
  const ofNats = path.join(configFolder(env), "nats", "context", `${name}.json`);
  const found = readIfThere(own);
  if (found !== undefined) return resolvePaths(contextOf(found, own), path.dirname(own));
  const foreign = readIfThere(ofNats);
  if (foreign !== undefined)
    return resolvePaths(contextOfNats(foreign, ofNats), path.dirname(ofNats));
  const near = closest(name, known);
  throw new CliError("notFound", `there is no context ${name}`, {
    hint:
      near === undefined
        ? `Make it with: mq9 context create ${name} --url nats://host:4222`
        : `Did you mean ${near}?`,
  });
}

function readIfThere(file: string): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new CliError("error", `${file} can not be read: ${(error as Error).message}`);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch {
    // said below, in one sentence for both
  }
  throw new CliError("error", `${file} is no JSON object`, { hint: "Correct it or remove it." });
}

function contextOf(fields: Readonly<Record<string, unknown>>, file: string): Context {
  const context: Record<string, string> = {};
  for (const [key, value] of Object.entries(fields)) {
    const known = contextFields.find((field) => field === key);
    if (known === undefined || typeof value !== "string") {
      const near = known ?? closest(key, contextFields);
      throw new CliError("error", `${file}: ${key} means nothing here`, {
        hint: known === undefined ? near && `Did you mean ${near}?` : `${key} has to be a text.`,
      });
    }
    context[known] = value;
  }
  return context;
}

/** The words of the nats command line for the same things. */
const natsFields: Readonly<Record<string, keyof Context>> = {
  description: "description",
  url: "url",
  user: "user",
  password: "password",
  token: "token",
  creds: "creds",
  nkey: "nkey",
  ca: "tlsCa",
  cert: "tlsCert",
  key: "tlsKey",
  inbox_prefix: "inboxPrefix",
};

function contextOfNats(fields: Readonly<Record<string, unknown>>, file: string): Context {
  const context: Partial<Record<keyof Context, string>> = {};
  for (const [theirs, ours] of Object.entries(natsFields)) {
    const value = fields[theirs];
    if (typeof value === "string" && value !== "") context[ours] = value;
  }
  if (context.url === undefined) {
    throw new CliError("error", `${file} names no url`, { hint: "Add one, or use --url." });
  }
  return context;
}

const pathFields: readonly (keyof Context)[] = ["creds", "nkey", "tlsCa", "tlsCert", "tlsKey"];

function resolvePaths(context: Context, folder: string): Context {
  const resolved: Partial<Record<keyof Context, string>> = { ...context } as Record<string, string>;
  for (const field of pathFields) {
    const value = context[field];
    if (value === undefined) continue;
    resolved[field] = value.startsWith("~/")
      ? path.join(homedir(), value.slice(2))
      : path.resolve(folder, value);
  }
  return resolved;
}
