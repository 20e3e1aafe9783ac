// The faults fit the sources as they are, and one of them is planted here and caught.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeCopy, plant, runSuites } from "./run.mjs";
import { sabotages } from "./sabotages.mjs";

const root = join(import.meta.dirname, "../..");

test.each(sabotages)("the fault '$name' can be planted", (sabotage) => {
  const source = readFileSync(join(root, sabotage.file), "utf8");
  expect(plant(source, sabotage)).not.toBe(source);
});

test("a planted fault is caught, and the suite passes without it", async () => {
  const copy = makeCopy();
  try {
    const sabotage = sabotages.find(({ name }) => name === "priorities share one cursor");
    if (sabotage === undefined) throw new Error("the fault is gone");
    const file = join(copy, sabotage.file);
    const source = readFileSync(file, "utf8");
    expect((await runSuites(copy, sabotage.suites)).passed).toBe(true);
    writeFileSync(file, plant(source, sabotage));
    expect((await runSuites(copy, sabotage.suites)).passed).toBe(false);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}, 120_000);
