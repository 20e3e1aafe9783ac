// The configuration file layer: which dialect a file is written in, what it says, and everything that
// is wrong with it at once. Called at the start and at every reload. Refuses what it does not know,
// so a misspelled key never goes unnoticed.
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import { usageError } from "../exit-codes.ts";
import { parseNatsConfig } from "../nats-config/parse.ts";
import { ConfigError, type ConfigMap, placeText } from "../nats-config/tree.ts";
import { Findings } from "./blocks.ts";
import type { Layer } from "./layers.ts";
import { mapServerFile } from "./server-file.ts";
import { parseYamlConfig } from "./yaml-tree.ts";

const fileBytesMax = 8 * 1024 * 1024; // tens of thousands of users; anything larger is some other file

/** How a file is written. */
type Dialect = "nats" | "yaml" | "either";

/** What a file says, and what in it has no effect. */
export interface FileLayer extends Layer {
  readonly remarks: readonly string[];
}

/** Environment variables a file may refer to. */
export type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Reads a configuration file.
 * @param path as the person wrote it; relative to the working directory. `/dev/stdin` works for
 * whatever standard input is
 * @throws {ExitError} when it can not be read, is malformed, or says something unknown
 */
export function readConfigFile(path: string, variables: Variables = {}): FileLayer {
  return parseConfig(readText(path), path, variables);
}

/** As `readConfigFile`, from text. @param path names the file in messages, its ending the dialect */
export function parseConfig(text: string, path: string, variables: Variables = {}): FileLayer {
  const findings = new Findings();
  const { map, flat } = parseText(text, path, variables);
  const { values, places, blocks } = mapServerFile(map, flat, findings);
  if (findings.problems.length > 0) throw usageError(describe(findings.problems, path));
  const sources = Object.fromEntries(
    Object.entries(places).map(([name, { file, line }]) => [name, `file ${file}:${line}`]),
  );
  return { values, sources, blocks, remarks: findings.remarks };
}

interface Parsed {
  readonly map: ConfigMap;
  readonly flat: boolean;
}

function parseText(text: string, path: string, environment: Variables): Parsed {
  const dialect = dialectOf(path);
  const readNats = () => parseNatsConfig(text, path, { readFile: readText, environment });
  try {
    if (dialect === "yaml") return { map: parseYamlConfig(text, path), flat: true };
    if (dialect === "nats") return { map: readNats(), flat: false };
    return { map: parseEither(text, path, readNats), flat: true };
  } catch (error) {
    if (error instanceof ConfigError) throw usageError(describe([error], path));
    throw error;
  }
}

/** What starts a nats-server gives its files all kinds of names, so its dialect is tried first. */
function parseEither(text: string, path: string, readNats: () => ConfigMap): ConfigMap {
  try {
    return readNats();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    try {
      return parseYamlConfig(text, path);
    } catch {
      throw error; // in the words of the dialect that was tried first
    }
  }
}

function dialectOf(path: string): Dialect {
  switch (extname(path).toLowerCase()) {
    case ".conf":
    case ".cfg":
      return "nats";
    case ".yaml":
    case ".yml":
    case ".json":
      return "yaml";
    default:
      return "either";
  }
}

function readText(path: string): string {
  let file: number;
  try {
    // Opened by name, standard input would have to be a file or a pipe; it may be a socket.
    file = path === "/dev/stdin" ? 0 : openSync(path, "r");
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    const tooLarge = usageError(
      `configuration file ${path} is larger than 8 MiB; is it the right one?`,
    );
    if (fstatSync(file).size > fileBytesMax) throw tooLarge;
    const text = readFileSync(file, "utf8");
    if (text.length > fileBytesMax) throw tooLarge;
    return text;
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    if (file !== 0) closeSync(file);
  }
}

function unreadable(path: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return usageError(`there is no configuration file ${path}`);
  if (code === "EISDIR") return usageError(`configuration file ${path} is a folder`);
  if (code === "EACCES")
    return usageError(`configuration file ${path} may not be read by this user`);
  return error;
}

/** Mistakes that are told at once. */
const problemsMax = 10;

/** One line per thing that is wrong, so that a file is put right in one go. */
function describe(problems: readonly ConfigError[], path: string): string {
  const inOrder = problems.toSorted((a, b) => orderOf(a, path) - orderOf(b, path));
  const lines = inOrder.map(({ place, message }) => `${placeText(place)}: ${message}`);
  if (lines.length === 1) return `configuration file ${lines[0]}`;
  const left = lines.length - problemsMax;
  const more = left > 0 ? [`and ${left} more`] : [];
  const told = [...lines.slice(0, problemsMax), ...more].map((line) => `  ${line}`);
  return `configuration file ${path}:\n${told.join("\n")}`;
}

/** Those of the file itself come first. */
function orderOf({ place }: ConfigError, path: string): number {
  return place.line + (place.file === path ? 0 : 1_000_000);
}
