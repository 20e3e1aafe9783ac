// Keeps the direction of imports: each package reaches only what its row in ./layers.ts allows, says
// so in its package.json and tsconfig, and holds no file that nobody uses.
import { describe, expect, test } from "vitest";
import { compiledWithNodeTypes, type LayerRow, layers, testTools } from "./layers.ts";
import {
  builtFolders,
  packageOf,
  readPackage,
  type SourceFile,
  specifiersOf,
  targetOf,
  type WorkspacePackage,
  workspaceFolders,
} from "./sources.ts";

const folders = workspaceFolders();
const packages = new Map(folders.map((folder) => [folder, readPackage(folder)]));
const rows = layers.filter((row) => packages.has(row.folder));
const workspaceNames = new Set(layers.map((row) => row.name));
const isRelative = (specifier: string): boolean => specifier.startsWith(".");
const isOwn = (specifier: string): boolean => specifier.startsWith("#");
const isNode = (specifier: string): boolean => specifier.startsWith("node:");

/** Package names that files import, without Node's own, relative ones and the package itself. */
function importedPackages(files: readonly SourceFile[], own: string): Set<string> {
  const specifiers = files.flatMap((file) => file.specifiers);
  const outside = specifiers
    .filter((name) => !isRelative(name) && !isNode(name) && !isOwn(name))
    .map(packageOf);
  return new Set(outside.filter((name) => name !== own));
}

test("every package of the workspace has a row in the table and is built", () => {
  expect(folders.toSorted()).toEqual(layers.map((row) => row.folder).toSorted());
  expect(builtFolders().toSorted()).toEqual(folders.toSorted());
});

describe.each(rows)("$folder", (row: LayerRow) => {
  const pack = packages.get(row.folder) as WorkspacePackage;
  const shipped = pack.files.filter((file) => !file.forTests);

  test("is described: a README, a description and the name of its row", () => {
    expect(pack.name).toBe(row.name);
    expect(pack.hasReadme).toBe(true);
    expect(pack.description.length).toBeGreaterThan(10);
  });

  test("has the files that its exports and executables start from", () => {
    const paths = new Set(pack.files.map((file) => file.path));
    expect(pack.entries.length).toBeGreaterThan(0);
    expect(pack.entries.filter((path) => !paths.has(path))).toEqual([]);
  });

  test("imports only what its row allows", () => {
    const tools = new Set([...testTools, ...row.workspace]);
    const wrong = pack.files.flatMap((file) =>
      [...importedPackages([file], row.name)]
        .filter((name) => !allows(row, name) && !(file.forTests && tools.has(name)))
        .map((name) => `${file.path} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  test("declares what it imports, and no workspace package beyond its row", () => {
    const imported = importedPackages(shipped, row.name);
    const declared = new Set(pack.dependencies);
    expect([...imported].filter((name) => !declared.has(name))).toEqual([]);
    const foreign = pack.allDependencies.filter((name) => workspaceNames.has(name));
    expect(foreign.filter((name) => !row.workspace.includes(name))).toEqual([]);
  });

  test("its tsconfig refers to the packages it imports and stays within its row", () => {
    const imported = importedPackages(pack.files, row.name);
    const needed = layers.filter((other) => imported.has(other.name)).map((other) => other.folder);
    expect(needed.filter((folder) => !pack.references.includes(folder))).toEqual([]);
    const allowed = layers.filter((other) => row.workspace.includes(other.name));
    const allowedFolders = allowed.map((other) => other.folder);
    expect(pack.references.filter((folder) => !allowedFolders.includes(folder))).toEqual([]);
  });

  test("stays inside its folder with relative imports, which end in .ts and exist", () => {
    const paths = new Set(pack.files.map((file) => file.path));
    const wrong = pack.files.flatMap((file) =>
      file.specifiers
        .filter(isRelative)
        .map((specifier) => targetOf(file.path, specifier))
        .filter((target) => target.startsWith(`${row.folder}/src/`) === false || !paths.has(target))
        .map((target) => `${file.path} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test("keeps out of Node where it is pure", () => {
    if (row.platform !== "pure") return;
    const wrong = shipped.filter((file) => file.specifiers.some(isNode)).map((file) => file.path);
    expect(wrong).toEqual([]);
    const config = compiledWithNodeTypes.includes(row.folder) ? "tsconfig.base" : "tsconfig.pure";
    expect(pack.extendedConfig).toBe(`${config}.json`);
  });

  test("has no default export", () => {
    const hasDefault = /^[ \t]*export\s+default\b|^[ \t]*export\s*\{[^}]*\bas\s+default\b/m;
    const wrong = pack.files.filter((file) => hasDefault.test(file.text)).map((file) => file.path);
    expect(wrong).toEqual([]);
  });

  test("has no file that nobody imports", () => {
    const tests = pack.files.filter((file) => file.path.endsWith(".test.ts"));
    const used = reachable(pack.files, [...pack.entries, ...tests.map((file) => file.path)]);
    expect(pack.files.map((file) => file.path).filter((path) => !used.has(path))).toEqual([]);
  });

  test("has no file that only tests import among those it ships", () => {
    const used = reachable(pack.files, pack.entries);
    expect(shipped.map((file) => file.path).filter((path) => !used.has(path))).toEqual([]);
  });

  test("ships no file that imports one made for tests", () => {
    const forTests = new Set(pack.files.filter((file) => file.forTests).map((file) => file.path));
    const wrong = shipped.filter((file) =>
      file.specifiers.some((specifier) => forTests.has(targetOf(file.path, specifier))),
    );
    expect(wrong.map((file) => file.path)).toEqual([]);
  });
});

describe("the reader of imports", () => {
  test("sees every form an import can take", () => {
    const text = [
      'import { a } from "one";',
      "import type {\n  b,\n} from 'two';",
      'import "three";',
      'export { c } from "four";',
      'export * from "five";',
      'const six = await import("six");',
      'new Worker(new URL("./seven.ts", import.meta.url));',
    ].join("\n");
    const words = ["one", "two", "three", "four", "five", "six", "./seven.ts"];
    expect(specifiersOf(text).toSorted()).toEqual(words.toSorted());
  });

  test("takes no word in a comment or a string for an import", () => {
    const text = ' * import { x } from "no";\nconst s = "import y from z";\n// export from\n';
    expect(specifiersOf(text)).toEqual([]);
  });
});

function allows(row: LayerRow, name: string): boolean {
  if (workspaceNames.has(name)) return row.workspace.includes(name);
  return row.npm === "any" || row.npm.includes(name);
}

/** Paths that a chain of relative imports leads to from `starts`. */
function reachable(files: readonly SourceFile[], starts: readonly string[]): Set<string> {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const seen = new Set<string>();
  const waiting = [...starts];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const file = byPath.get(path);
    if (file === undefined || seen.has(path)) continue;
    seen.add(path);
    for (const specifier of file.specifiers.filter(isRelative)) {
      waiting.push(targetOf(path, specifier));
    }
  }
  return seen;
}
