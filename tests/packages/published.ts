// Packs every package that is published and installs the tarballs into empty projects, as a user would
// get them. Packages that are not ours come from npm's cache, or from the registry.
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { repositoryRoot, runProgram } from "@mq9/testkit";
import { layers } from "../architecture/layers.ts";

/** A package that is published. */
export interface Published {
  readonly name: string;
  /** From the root of the repository. */
  readonly folder: string;
  /** The tarball. */
  readonly tarball: string;
  /** Paths inside it. */
  readonly files: readonly string[];
}

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
}

interface PackedRow {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

function isPublished(folder: string): boolean {
  const text = readFileSync(path.join(repositoryRoot, folder, "package.json"), "utf8");
  return (JSON.parse(text) as Manifest).private !== true;
}

/** Packs them all into `target`. */
export async function packAll(target: string): Promise<readonly Published[]> {
  await mkdir(target, { recursive: true });
  const rows = layers.filter(({ folder }) => isPublished(folder));
  const args = ["pack", "--json", "--silent", "--pack-destination", target];
  for (const { folder } of rows) args.push("-w", folder);
  const { stdout } = await succeed("npm", args, repositoryRoot);
  const packed = JSON.parse(stdout.slice(stdout.indexOf("["))) as PackedRow[];
  return rows.map(({ name, folder }) => {
    const row = packed.find((one) => one.name === name);
    if (row === undefined) throw new Error(`npm did not pack ${name}`);
    const files = row.files.map((file) => file.path);
    return { name, folder, tarball: path.join(target, path.basename(row.filename)), files };
  });
}

/** An empty project with these packages installed. */
export async function install(folder: string, packages: readonly Published[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const dependencies = packages.map(({ name, tarball }) => [name, `file:${tarball}`] as const);
  const manifest = { name: "empty", private: true, type: "module" };
  const text = JSON.stringify({ ...manifest, dependencies: Object.fromEntries(dependencies) });
  await writeFile(path.join(folder, "package.json"), text);
  const quiet = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--silent"];
  await succeed("npm", ["install", ...quiet], folder);
}

/** Runs a program that must succeed. */
export async function succeed(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly stdout: string }> {
  const result = await runProgram(command, args, { cwd, env: { ...process.env, ...env } });
  if (result.code !== 0) {
    throw new Error(`${command} ${args.join(" ")}\n${result.stdout}${result.stderr}`);
  }
  return result;
}

/** The first snippet of a document in that language that holds the text. */
export function snippetWith(document: string, language: string, text: string): string {
  const page = readFileSync(path.join(repositoryRoot, document), "utf8");
  const blocks = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  const found = blocks.find((block) => block[1] === language && block[2]?.includes(text));
  if (found?.[2] === undefined) throw new Error(`${document} shows no ${language} with ${text}`);
  return found[2];
}
