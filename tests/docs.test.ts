// Runs what the documents show: shell lines with the nats CLI, TypeScript and Python snippets, and
// checks that links lead somewhere and that the error table names every error.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { mq9ErrorCodes } from "@mq9/protocol";
import { findPeer, repositoryRoot, runProgram } from "@mq9/testkit";
import { describe, expect, it } from "vitest";
import { useBroker } from "./support/use-broker.ts";

interface Snippet {
  readonly language: string;
  readonly text: string;
}

const pages = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "bench/README.md",
  ...markdownBelow("docs"),
];

function markdownBelow(folder: string): string[] {
  return readdirSync(path.join(repositoryRoot, folder)).flatMap((entry) => {
    const below = `${folder}/${entry}`;
    if (statSync(path.join(repositoryRoot, below)).isDirectory()) return markdownBelow(below);
    return entry.endsWith(".md") ? [below] : [];
  });
}

function read(page: string): string {
  return readFileSync(path.join(repositoryRoot, page), "utf8");
}

function snippets(page: string): Snippet[] {
  return [...read(page).matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language, text]) => ({
    language: language ?? "",
    text: text ?? "",
  }));
}

const broker = useBroker();

/** The documents say port 4222; the broker under test has another. */
function here(text: string): string {
  return text.replaceAll("127.0.0.1:4222", `127.0.0.1:${broker().port}`);
}

describe.each(pages)("%s", (page) => {
  const all = snippets(page);

  it("links to files that exist", () => {
    for (const [, target] of read(page).matchAll(/\]\(([^)#]+)[^)]*\)/g)) {
      if (target === undefined || /^https?:/.test(target)) continue;
      const file = path.join(repositoryRoot, path.dirname(page), target);
      expect(statSync(file).isFile(), `${page} links to ${target}`).toBe(true);
    }
  });

  const shell = all.filter(({ text }) => text.startsWith("# nats\n"));
  const cli = findPeer("nats");
  if (shell.length > 0)
    it.skipIf(cli.path === undefined)(
      `runs its nats commands${cli.path === undefined ? ` (${cli.reason})` : ""}`,
      async () => {
        for (const { text } of shell) {
          const env = {
            ...process.env,
            PATH: `${path.dirname(cli.path ?? "")}:${process.env["PATH"] ?? ""}`,
            NATS_URL: broker().url,
          };
          const result = await runProgram("bash", ["-euo", "pipefail", "-c", text], { env });
          expect(result.code, result.stdout + result.stderr).toBe(0);
          expect(result.stdout + result.stderr).not.toMatch(/"error":"[^"]/);
        }
      },
    );

  const typescript = all.filter(({ language }) => language === "ts");
  if (typescript.length > 0)
    it("runs its TypeScript", async () => {
      for (const { text } of typescript) {
        // Beside the tests, so that it finds the client library that the document installs.
        const folder = await mkdtemp(path.join(repositoryRoot, "tests/snippet-"));
        try {
          await writeFile(path.join(folder, "snippet.ts"), here(text));
          await writeFile(
            path.join(folder, "tsconfig.json"),
            JSON.stringify({
              extends: "../../tsconfig.tests.json",
              compilerOptions: {
                noEmit: false,
                outDir: "out",
                rewriteRelativeImportExtensions: true,
              },
              include: ["snippet.ts"],
            }),
          );
          const tsc = path.join(repositoryRoot, "node_modules/.bin/tsc");
          const compiled = await runProgram(tsc, ["-p", folder], {});
          expect(compiled.code, compiled.stdout).toBe(0);
          const result = await runProgram(
            process.execPath,
            [path.join(folder, "out/snippet.js")],
            {},
          );
          expect(result.code, result.stderr).toBe(0);
          expect(result.stdout).toBe("critical stop the deployment\n");
        } finally {
          await rm(folder, { recursive: true });
        }
      }
    });

  const python = all.filter(({ language }) => language === "python");
  const interpreter = findPeer("python");
  if (python.length > 0)
    it.skipIf(interpreter.path === undefined)(
      `runs its Python${interpreter.path === undefined ? ` (${interpreter.reason})` : ""}`,
      async () => {
        for (const { text } of python) {
          const result = await runProgram(interpreter.path ?? "", ["-c", here(text)], {});
          expect(result.code, result.stderr).toBe(0);
          expect(result.stdout).toBe("critical stop the deployment\n");
        }
      },
    );
});

describe("the protocol reference", () => {
  it("explains every error, and no other", () => {
    const rows = [...read("docs/reference/protocol.md").matchAll(/^\| `(\w+)` \| (\d+) \|/gm)];
    expect(new Set(rows.map(([, code]) => code))).toEqual(new Set(mq9ErrorCodes));
  });
});
