// The configuration file layer: YAML or JSON, one flat list of settings. Called once by the serve
// command. Refuses what it does not know, so a misspelled key never goes unnoticed.
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { type Document, parseDocument } from "yaml";
import { z } from "zod";
import { usageError } from "../exit-codes.ts";
import { closest } from "./closest.ts";
import type { Layer } from "./layers.ts";
import { fileKey, settingNames, settingOf } from "./settings.ts";

const fileBytesMax = 1024 * 1024; // a list of a few dozen settings; anything larger is some other file

const schema = z.strictObject(
  Object.fromEntries(
    settingNames.map((name) => [fileKey(name), settingOf(name).kind.schema.optional()]),
  ),
);

/**
 * Reads a configuration file.
 * @param path as the person wrote it; relative to the working directory
 * @throws {ExitError} when it can not be read, is no YAML or JSON, or says something unknown
 */
export function readConfigFile(path: string): Layer {
  return parseConfig(readText(path), path);
}

/** As `readConfigFile`, from text. @param path names the file in messages */
export function parseConfig(text: string, path: string): Layer {
  const document = parseDocument(text, { prettyErrors: true });
  const [problem] = document.errors;
  if (problem !== undefined) {
    const sentence = problem.message.split("\n")[0]?.replace(/:$/, "");
    throw usageError(`configuration file ${path} is no valid YAML or JSON: ${sentence}`);
  }
  const result = schema.safeParse(toPlain(document, path));
  if (!result.success) throw usageError(describe(result.error, path));
  return toLayer(result.data, path);
}

function toPlain(document: Document, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    // Only one thing is left to go wrong: a file that unfolds into millions of values.
    throw usageError(`configuration file ${path}: ${(error as Error).message}`);
  }
}

function toLayer(content: Readonly<Record<string, unknown>>, path: string): Layer {
  const values: Record<string, unknown> = {};
  const sources: Record<string, string> = {};
  for (const name of settingNames) {
    const value = content[fileKey(name)];
    if (value === undefined) continue;
    values[name] = value;
    sources[name] = `file ${path}`;
  }
  return { values, sources };
}

function readText(path: string): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    if (fstatSync(file).size > fileBytesMax) {
      throw usageError(`configuration file ${path} is larger than 1 MiB; is it the right one?`);
    }
    return readFileSync(file, "utf8");
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    closeSync(file);
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

/** One line per thing that is wrong, so that a file is put right in one go. */
function describe(error: z.ZodError, path: string): string {
  const keys = settingNames.map(fileKey);
  const lines = error.issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => {
        const meant = closest(key, keys);
        return `${key}: there is no such setting${meant === undefined ? "" : `; did you mean ${meant}?`}`;
      });
    }
    if (issue.path.length === 0)
      return ["it must be a list of settings, one `key: value` per line"];
    return [`${issue.path.join(".")}: ${issue.message}`];
  });
  return lines.length === 1
    ? `configuration file ${path}: ${lines[0]}`
    : `configuration file ${path}:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}
