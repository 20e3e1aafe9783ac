// The lines of the package's README, as pasted into a file.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { repositoryRoot, runProgram } from "@mq9/testkit";
import { expect, it } from "vitest";
import { useBroker } from "../support/use-broker.ts";

const broker = useBroker();

it("runs as pasted", async () => {
  const readme = await readFile(path.join(repositoryRoot, "clients/sdk/README.md"), "utf8");
  const [, lines = ""] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  expect(lines.trim().split("\n").length).toBeLessThanOrEqual(6);
  const result = await runProgram(process.execPath, ["--input-type=module", "-e", lines], {
    cwd: repositoryRoot,
    env: { MQ9_URL: broker().url },
    timeoutMs: 20_000,
  });
  expect(result).toMatchObject({ stdout: "{ pr: 12 }\n", stderr: "", code: 0 });
});
