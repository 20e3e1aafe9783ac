import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { referencePage } from "./reference.ts";

it("is what docs/reference/cli.md says; write it with: node scripts/cli-reference.mjs", async () => {
  const file = path.join(import.meta.dirname, "../../../../docs/reference/cli.md");
  expect(readFileSync(file, "utf8")).toBe(await referencePage());
});
