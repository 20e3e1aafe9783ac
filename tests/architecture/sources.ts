// Reads the workspace's packages and their sources for the architecture test. Finds imports with
// regular expressions: enough for code that the formatter has been over, and no dependency.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the repository. */
export const root: string = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** One source file and what it reaches for. */
export interface SourceFile {
  /** Path from the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** Every specifier of an import, re-export, dynamic import or `new URL("./x", import.meta.url)`. */
  readonly specifiers: readonly string[];
  /** Left out of the build, or part of an exam that others run (`testing/`). */
  readonly forTests: boolean;
}

/** One workspace package as its own files describe it. */
export interface WorkspacePackage {
  readonly folder: string;
  readonly name: string;
  readonly description: string;
  readonly hasReadme: boolean;
  readonly dependencies: readonly string[];
  /** Dependencies of every sort. */
  readonly allDependencies: readonly string[];
  /** Folders its tsconfig refers to, from the root. */
  readonly references: readonly string[];
  /** The tsconfig it extends, from the root. */
  readonly extendedConfig: string;
  /** Source files the outside starts from: `exports` and `bin`. */
  readonly entries: readonly string[];
  readonly files: readonly SourceFile[];
}

const staticImport = /^[ \t]*(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']/gm;
const bareImport = /^[ \t]*import\s*["']([^"']+)["']/gm;
const dynamicImport = /\bimport\(\s*["']([^"']+)["']\s*\)/g;
const urlOfModule = /new URL\(\s*["'](\.{1,2}\/[^"']+)["']\s*,\s*import\.meta\.url/g;

/** Every module specifier in a text, in no particular order, each once. */
export function specifiersOf(text: string): string[] {
  const found = new Set<string>();
  for (const pattern of [staticImport, bareImport, dynamicImport, urlOfModule]) {
    for (const match of text.matchAll(pattern)) found.add(match[1] as string);
  }
  return [...found];
}

/** The package part of a specifier: `@mq9/store/testing` and `@mq9/store` are both `@mq9/store`. */
export function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] as string);
}

/** Where a relative specifier of a file points, as a path from the root. */
export function targetOf(file: string, specifier: string): string {
  return slashed(relative(root, resolve(root, dirname(file), specifier)));
}

/** Folders of every package of code that the root package.json names as a workspace; docs has none. */
export function workspaceFolders(): string[] {
  const { workspaces } = readJson("package.json") as { workspaces: string[] };
  return workspaces
    .flatMap((entry) =>
      entry.endsWith("/*")
        ? readdirSync(join(root, entry.slice(0, -2))).map((name) => `${entry.slice(0, -1)}${name}`)
        : [entry],
    )
    .filter((folder) => folder !== "docs" && existsSync(join(root, folder, "package.json")));
}

/** Folders that the root tsconfig builds. */
export function builtFolders(): string[] {
  return referencesOf("tsconfig.json");
}

export function readPackage(folder: string): WorkspacePackage {
  const manifest = readJson(`${folder}/package.json`) as Manifest;
  const config = readJson(`${folder}/tsconfig.json`) as { extends: string; exclude?: string[] };
  return {
    folder,
    name: manifest.name,
    description: manifest.description ?? "",
    hasReadme: existsSync(join(root, folder, "README.md")),
    dependencies: Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }),
    allDependencies: Object.keys({
      ...manifest.dependencies,
      ...manifest.devDependencies,
      ...manifest.peerDependencies,
    }),
    references: referencesOf(`${folder}/tsconfig.json`),
    extendedConfig: targetOf(`${folder}/tsconfig.json`, config.extends),
    entries: entriesOf(folder, manifest),
    files: sourceFiles(folder, config.exclude ?? []),
  };
}

interface Manifest {
  name: string;
  description?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  exports?: Record<string, string | Record<string, string>>;
  imports?: Record<string, Record<string, Record<string, string>>>;
  bin?: Record<string, string>;
}

/** Sources named by `exports`, without the manifest itself; and what each `bin` file imports from `dist`, read as its source. */
function entriesOf(folder: string, manifest: Manifest): string[] {
  const exported = Object.values(manifest.exports ?? {})
    .map((target) => (typeof target === "string" ? target : (target["@mq9/source"] ?? "")))
    .filter((target) => target !== "./package.json");
  // What the package names for itself, by platform.
  const own = Object.values(manifest.imports ?? {}).flatMap((byPlatform) =>
    Object.values(byPlatform).map((target) => target["@mq9/source"] ?? ""),
  );
  const launched = Object.values(manifest.bin ?? {}).flatMap((bin) =>
    existsSync(join(root, folder, bin)) ? sourcesBehind(folder, bin) : [bin],
  );
  const paths = [...exported, ...own, ...launched].map((path) => slashed(join(folder, path)));
  return [...paths, ...startedByScripts().filter((path) => path.startsWith(`${folder}/`))];
}

/** Sources that scripts of the repository begin with, which make documents of them. */
function startedByScripts(): string[] {
  const scripts = readdirSync(join(root, "scripts")).filter((name) => name.endsWith(".mjs"));
  return scripts.flatMap((name) =>
    specifiersOf(readFileSync(join(root, "scripts", name), "utf8"))
      .filter((specifier) => specifier.startsWith("."))
      .map((specifier) => targetOf(`scripts/${name}`, specifier))
      .map((path) => path.replace("/dist/", "/src/").replace(/\.js$/, ".ts")),
  );
}

function sourcesBehind(folder: string, bin: string): string[] {
  const text = readFileSync(join(root, folder, bin), "utf8");
  return specifiersOf(text)
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => slashed(relative(folder, targetOf(join(folder, bin), specifier))))
    .map((path) => path.replace(/^dist\//, "src/").replace(/\.js$/, ".ts"));
}

// `excluded` is what the build leaves out; only whole folders (`src/x/**`) are of interest here.
function sourceFiles(folder: string, excluded: readonly string[]): SourceFile[] {
  const source = `${folder}/src`;
  if (!existsSync(join(root, source))) return [];
  const folders = excluded.filter((pattern) => /^[^*]+\*\*$/.test(pattern));
  const leftOut = folders.map((pattern) => `${folder}/${pattern.slice(0, -2)}`);
  return readdirSync(join(root, source), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => {
      const path = slashed(join(source, name));
      const text = readFileSync(join(root, path), "utf8");
      const forTests =
        path.endsWith(".test.ts") ||
        path.includes("/testing/") ||
        leftOut.some((start) => path.startsWith(start));
      return { path, text, specifiers: specifiersOf(text), forTests };
    });
}

function referencesOf(config: string): string[] {
  const { references = [] } = readJson(config) as { references?: { path: string }[] };
  return references.map(({ path }) => targetOf(config, path));
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(root, path), "utf8"));
}

function slashed(path: string): string {
  return path.split(sep).join("/");
}
