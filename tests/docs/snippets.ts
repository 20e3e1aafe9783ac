// The snippets of a document and the folder they are run in. Shell snippets that begin with `# nats` or
// `# mq9` are run; TypeScript and Python is, unless a comment before it says `<!-- not run: why -->`.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { findPeer, type ProgramResult, repositoryRoot, runProgram } from "@mq9/testkit";

/** One fenced block. */
export interface Snippet {
  readonly page: string;
  readonly language: string;
  readonly text: string;
  /** Why it is not run; undefined = it is. */
  readonly notRun: string | undefined;
  /** What it must print, where its comments `prints: …` say so. */
  readonly prints: string | undefined;
}

/** Every document with snippets or links, from the root. */
export function allPages(): string[] {
  const root = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "AGENTS.md"];
  const packages = ["core", "edges", "stores", "clients", "apps"].flatMap((layer) =>
    readdirSync(path.join(repositoryRoot, layer)).map((name) => `${layer}/${name}/README.md`),
  );
  return [...root, "bench/README.md", ...packages, ...markdownBelow("docs")].filter((page) =>
    statSync(path.join(repositoryRoot, page), { throwIfNoEntry: false })?.isFile(),
  );
}

const notOurs: ReadonlySet<string> = new Set(["node_modules", "generated", ".vitepress", "public"]);

function markdownBelow(folder: string): string[] {
  return readdirSync(path.join(repositoryRoot, folder)).flatMap((entry) => {
    if (notOurs.has(entry)) return [];
    const below = `${folder}/${entry}`;
    if (statSync(path.join(repositoryRoot, below)).isDirectory()) return markdownBelow(below);
    return entry.endsWith(".md") ? [below] : [];
  });
}

/** The text of a document. */
export function readPage(page: string): string {
  return readFileSync(path.join(repositoryRoot, page), "utf8");
}

/** READMEs of packages that users do not call themselves. */
const isInside = /^(?:core\/(?!protocol\/)|edges\/|stores\/)/;

/** The fenced blocks of a document. */
export function snippetsOf(page: string): Snippet[] {
  const blocks = /(?:^<!-- not run: (.+) -->\n+)?^```(\w+)\n([\s\S]*?)^```$/gm;
  return [...readPage(page).matchAll(blocks)].map(([, notRun, language = "", text = ""]) => {
    const prints = [...text.matchAll(/(?:\/\/|#) prints: (.*)$/gm)].map(([, line]) => `${line}\n`);
    const shown = prints.length === 0 ? undefined : prints.join("");
    const reason =
      notRun ?? (isInside.test(page) ? "a fragment for readers of the code" : undefined);
    return { page, language, text, notRun: reason, prints: shown };
  });
}

/** Where snippets run: beside the tests, so that they find the packages that documents install. */
export interface Workshop extends AsyncDisposable {
  readonly folder: string;
  /** Runs one snippet against the broker at that address. */
  run(snippet: Snippet, url: string): Promise<ProgramResult>;
}

/**
 * Compiles the TypeScript of all snippets at once.
 * @throws with the compiler's words when one does not compile
 */
export async function openWorkshop(snippets: readonly Snippet[]): Promise<Workshop> {
  const folder = await mkdtemp(path.join(repositoryRoot, "tests/snippets-"));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const programs = new Map<string, string>();
  for (const snippet of snippets.filter(({ language }) => language === "ts")) {
    const name = `${snippet.page.replace(/\W+/g, "-")}-${programs.size}`;
    await writeFile(path.join(folder, `${name}.ts`), snippet.text);
    programs.set(keyOf(snippet), path.join(folder, `out/${name}.js`));
  }
  await mkdir(path.join(folder, "bin"));
  await symlink(path.join(repositoryRoot, "apps/mq9/bin/mq9.js"), path.join(folder, "bin/mq9"));
  if (programs.size > 0) {
    const config = { extends: "../../tsconfig.tests.json", compilerOptions, include: ["*.ts"] };
    await writeFile(path.join(folder, "tsconfig.json"), JSON.stringify(config));
    const tsc = path.join(repositoryRoot, "node_modules/.bin/tsc");
    const compiled = await runProgram(tsc, ["-p", folder], {});
    if (compiled.code !== 0) {
      await remove();
      throw new Error(compiled.stdout);
    }
  }
  return {
    folder,
    run: (snippet, url) =>
      runSnippet(snippet, { url, folder, program: programs.get(keyOf(snippet)) }),
    [Symbol.asyncDispose]: remove,
  };
}

function keyOf({ page, text }: Snippet): string {
  return `${page}\n${text}`;
}

const compilerOptions = {
  noEmit: false,
  outDir: "out",
  rootDir: ".",
  rewriteRelativeImportExtensions: true,
  noUnusedLocals: false,
  // As a user has them: the declarations of the packages, not their sources.
  customConditions: [],
};

interface Place {
  readonly url: string;
  readonly folder: string;
  readonly program: string | undefined;
}

/** Documents name no address, or port 4222: the broker under test has another. */
async function runSnippet(
  snippet: Snippet,
  { url, folder, program }: Place,
): Promise<ProgramResult> {
  const { host } = new URL(url);
  const nats = findPeer("nats").path ?? "";
  const home = await mkdtemp(path.join(folder, "home-"));
  const env = {
    ...process.env,
    PATH: [path.join(folder, "bin"), path.dirname(nats), process.env["PATH"]].join(":"),
    HOME: home,
    XDG_CONFIG_HOME: home,
    NO_COLOR: "1",
    NATS_URL: url,
    MQ9_URL: url,
  };
  const text = snippet.text.replaceAll("127.0.0.1:4222", host);
  if (snippet.language === "sh") {
    return await runProgram("bash", ["-euo", "pipefail", "-c", text], { env, cwd: home });
  }
  if (snippet.language === "python") {
    return await runProgram(findPeer("python").path ?? "", ["-c", text], { env, cwd: home });
  }
  const here = readFileSync(program ?? "", "utf8").replaceAll("127.0.0.1:4222", host);
  await writeFile(program ?? "", here);
  return await runProgram(process.execPath, [program ?? ""], { env, cwd: home });
}

/** Why the snippet can not run: the tool that it needs is not there; undefined = it can. */
export function missingFor({ language, text }: Snippet): string | undefined {
  const isNats = language === "sh" && text.startsWith("# nats\n");
  if (!isNats && language !== "python") return undefined;
  const { path: found, reason } = findPeer(isNats ? "nats" : "python");
  return found === undefined ? reason : undefined;
}

/** Whether the documents say that it is run. */
export function isRun({ language, text, notRun }: Snippet): boolean {
  if (notRun !== undefined) return false;
  if (language === "sh") return /^# (?:nats|mq9)\n/.test(text);
  return language === "ts" || language === "python";
}
