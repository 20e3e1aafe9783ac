// Holds docs/internals/dependencies.md against the manifests of what is published.
import { readFileSync } from "node:fs";
import path from "node:path";
import { repositoryRoot } from "@mq9/testkit";
import { expect, test } from "vitest";
import { layers } from "../architecture/layers.ts";
import { readPage } from "./snippets.ts";

interface Manifest {
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

interface Guest {
  readonly version: string;
  readonly license: string;
}

function read<Shape>(file: string): Shape {
  return JSON.parse(readFileSync(path.join(repositoryRoot, file), "utf8")) as Shape;
}

/** Licences that Apache-2.0 can be combined with and that ask for nothing but their text. */
const allowed: ReadonlySet<string> = new Set(["MIT", "ISC", "BSD-3-Clause", "Apache-2.0"]);

const needed = new Set(
  layers
    .map(({ folder }) => read<Manifest>(`${folder}/package.json`))
    .filter((manifest) => manifest.private !== true)
    .flatMap((manifest) => [
      ...Object.keys(manifest.dependencies ?? {}),
      ...Object.keys(manifest.peerDependencies ?? {}),
    ])
    .filter((name) => !name.startsWith("@mq9/")),
);
// Only whoever writes a store engine needs these, for its exam.
for (const name of ["vitest", "fast-check"]) needed.delete(name);

const rows = new Map(
  [...readPage("docs/internals/dependencies.md").matchAll(/^\| `([^`]+)` \| ([^|]+) \|/gm)].map(
    ([, name = "", licence = ""]) => [name, licence.trim()],
  ),
);

test("every runtime dependency has a line, and no line is left over", () => {
  expect([...rows.keys()].toSorted()).toEqual([...needed].toSorted());
});

test.each([...needed])("%s has the licence that its line says, and a free one", (name) => {
  const { license } = read<Guest>(`node_modules/${name}/package.json`);
  expect(rows.get(name)).toBe(license);
  expect(allowed.has(license)).toBe(true);
});
