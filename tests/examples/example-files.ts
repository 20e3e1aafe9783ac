// Finds the examples and reads from each what its comments promise: the command that runs it, and
// what it prints.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { findPeer, type Peer, repositoryRoot } from "@mq9/testkit";

/** One runnable file below examples/. */
export interface Example {
  /** Path from the root of the repository. */
  readonly file: string;
  /** As its first comment says, typed in the root of the repository. */
  readonly command: string;
  /** As its last comment says, without blanks at line ends. */
  readonly prints: string;
  readonly lines: number;
}

/** `typescript`, `python` and `go` are the languages that examples are written in. */
export type Language = "typescript" | "python" | "go";

/** All examples of a language, by name. */
export function examplesIn(language: Language): Example[] {
  return filesOf(language).map((file) => {
    const source = readFileSync(path.join(repositoryRoot, file), "utf8");
    return { file, ...commentsOf(source, language === "python" ? "#" : "//") };
  });
}

function filesOf(language: Language): string[] {
  const below = (folder: string, accept: (name: string) => boolean) =>
    readdirSync(path.join(repositoryRoot, folder))
      .filter(accept)
      .map((name) => `${folder}/${name}`);
  if (language === "python") return below("examples/python", (name) => name.endsWith(".py"));
  if (language === "typescript") return below("examples", (name) => name.endsWith(".ts"));
  const isProgram = (name: string) => !name.includes(".") && name !== "mq9";
  return below("examples/go", isProgram).map((folder) => `${folder}/main.go`);
}

function commentsOf(source: string, mark: string): Omit<Example, "file"> {
  const lines = source.trimEnd().split("\n");
  const isComment = (line: string) => line === mark || line.startsWith(`${mark} `);
  const text = (line: string) => line.slice(mark.length + 1).trimEnd();
  const last = lines.findLastIndex((line) => !isComment(line)) + 1;
  return {
    command: text(lines[0] ?? ""),
    prints: lines.slice(last).map(text).join("\n"),
    lines: lines.length,
  };
}

/** What runs a language's examples. */
export function runtimeOf(language: Language): Peer {
  if (language === "typescript") {
    return { path: path.join(repositoryRoot, "node_modules/.bin/tsx"), reason: "" };
  }
  return findPeer(language);
}
