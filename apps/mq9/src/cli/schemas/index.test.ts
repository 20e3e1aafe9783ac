// The shipped schemas are those of the commands, and every command that prints JSON has one.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { catalog } from "../catalog.ts";
import { commandSchemas, schemaFiles } from "./index.ts";

const folder = path.join(import.meta.dirname, "../../../schemas");

it("are shipped as they are; write them with: node scripts/cli-schemas.mjs", () => {
  const shipped = Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name), "utf8")]),
  );
  expect(shipped).toEqual(schemaFiles());
});

it("belong to commands that print JSON, and each of these has one", async () => {
  const specs = (await Promise.all(catalog.map((entry) => entry.load()))).flat();
  const printing = specs.filter(({ output }) => output !== "text").map((spec) => spec.path);
  expect(Object.keys(commandSchemas)).toEqual(expect.arrayContaining(printing));
  // A command whose only form is JSON may have one, too.
  expect(specs.map((spec) => spec.path)).toEqual(
    expect.arrayContaining(Object.keys(commandSchemas)),
  );
});

it("describe commands that have an example and a summary that reads as a clause", async () => {
  for (const entry of catalog) {
    for (const spec of await entry.load()) {
      expect(spec.path.split(" ")[0]).toBe(entry.name);
      expect(spec.examples.length, spec.path).toBeGreaterThan(0);
      for (const [, line] of spec.examples) expect(line).toContain(`mq9 ${spec.path}`);
      expect(spec.summary, spec.path).toMatch(/^[a-z].*[^.]$/);
    }
  }
});
