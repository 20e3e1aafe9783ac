// Runs the executable as a person, a script or an agent does, and holds JSON that it prints against the
// schemas that are shipped with it.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { repositoryRoot } from "@mq9/testkit";
import { z } from "zod";

export const executable: string = path.join(repositoryRoot, "apps/mq9/bin/mq9.js");

/** How one command ended. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The variables that a command looks at are those of the test alone. */
export function cleanEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(MQ9|NATS|NO_COLOR|FORCE)/.test(name),
  );
  return { ...Object.fromEntries(kept), XDG_CONFIG_HOME: "/nonexistent", ...more };
}

/** Runs `mq9` to its end. A command that hangs is killed after 20 s, and ends with null. */
export async function mq9(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = spawn(process.execPath, [executable, ...args], {
    env: cleanEnvironment(options.env),
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.on("error", () => {}); // it may end without having read
  child.stdin.end(options.input ?? "");
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearTimeout(timer);
  return { code, stdout, stderr };
}

/** Splits a command line as a shell does, quotes and all. */
export function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
}

const parsed = new Map<string, z.ZodType>();

function schemaOf(file: string): z.ZodType {
  let schema = parsed.get(file);
  if (schema === undefined) {
    const text = readFileSync(path.join(repositoryRoot, "apps/mq9/schemas", file), "utf8");
    schema = z.fromJSONSchema(JSON.parse(text) as Parameters<typeof z.fromJSONSchema>[0]);
    parsed.set(file, schema);
  }
  return schema;
}

/**
 * Reads what a command printed with --json or --jsonl.
 * @param name of the schema file: `mailbox-ls`, `fetch.line`
 * @throws when it does not fit the schema
 */
export function fitting<T = Record<string, unknown>>(name: string, text: string): T {
  const value: unknown = JSON.parse(text);
  const result = schemaOf(`${name}.json`).safeParse(value);
  if (!result.success) throw new Error(`${text}\n${z.prettifyError(result.error)}`);
  return value as T;
}
