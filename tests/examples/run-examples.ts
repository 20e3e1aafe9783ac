// Runs the examples of a language by the commands in their first comments, each against a broker of its
// own, and compares what they print with their last comments. Called by one test file per language.
import { repositoryRoot, runProgram, startBroker } from "@mq9/testkit";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { type Example, examplesIn, type Language, runtimeOf } from "./example-files.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 150_000 });

/** Defines the tests. */
export function testExamples(language: Language): void {
  const runtime = runtimeOf(language);
  const examples = examplesIn(language);

  it("are short, begin with a command and end with what they print", () => {
    for (const { file, command, prints, lines } of examples) {
      expect(lines, file).toBeLessThan(60);
      expect(command, file).toContain(language === "go" ? file.split("/").at(-2) : file);
      expect(prints, file).not.toBe("");
    }
  });

  describe.skipIf(runtime.path === undefined || examples.length === 0)(
    `run ${runtime.reason}`,
    () => {
      beforeAll(async () => {
        // The first build of the client library takes its time; later ones are in Go's cache.
        if (language === "go") await compile(runtime.path ?? "");
      });

      it.each(examples)("$file prints what it says, and again", async (example) => {
        await using broker = await startBroker();
        expect(await run(example, broker.url, runtime.path ?? "")).toBe(example.prints);
        // Whoever tries an example tries it twice.
        expect(await run(example, broker.url, runtime.path ?? "")).toBe(example.prints);
      });
    },
  );
}

/** Runs the command as a reader types it, with the interpreter that the tests found. */
async function run(example: Example, url: string, runtime: string): Promise<string> {
  // Without npx, which only looks for what is there.
  const command = example.command.replace(/\b(?:npx tsx|python)\b/, `"${runtime}"`);
  const { code, stdout, stderr } = await runProgram("bash", ["-euo", "pipefail", "-c", command], {
    cwd: repositoryRoot,
    env: { ...process.env, NATS_URL: url, MQ9_URL: url, PYTHONDONTWRITEBYTECODE: "1" },
    timeoutMs: 40_000,
  });
  if (code !== 0) throw new Error(`${example.command} ended with ${code}\n${stdout}${stderr}`);
  return stdout
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")
    .trimEnd();
}

async function compile(go: string): Promise<void> {
  const cwd = `${repositoryRoot}/examples/go`;
  const { code, stderr } = await runProgram(go, ["vet", "./..."], { cwd, timeoutMs: 140_000 });
  if (code !== 0) throw new Error(stderr);
}
