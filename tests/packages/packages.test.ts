// What a user gets: each published package packed, installed into an empty project, compiled against in
// strict mode, run, and bundled for a browser.
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { repositoryRoot, startChild, type TempDir, tempDir } from "@mq9/testkit";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { install, type Published, packAll, snippetWith, succeed } from "./published.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

const bin = path.join(repositoryRoot, "node_modules/.bin");
let dir: TempDir;
let packages: readonly Published[];
/** A project with the SDK and what it needs, and one with everything. */
let light: string;
let full: string;

beforeAll(async () => {
  dir = await tempDir("mq9-packages");
  packages = await packAll(path.join(dir.path, "tarballs"));
  light = path.join(dir.path, "light");
  full = path.join(dir.path, "full");
  await install(
    light,
    packages.filter(({ name }) => name === "@mq9/sdk" || name === "@mq9/protocol"),
  );
  await install(full, packages);
});

afterAll(async () => {
  await dir.remove();
});

test("the tools of a user are published, and those of tests are not", () => {
  const names = packages.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["@mq9/sdk", "@mq9/protocol", "@mq9/cli"]));
  expect(names).not.toContain("@mq9/testkit");
});

test("each carries its licence, its words and its sources, and nothing of its tests", () => {
  for (const { name, files } of packages) {
    expect(files, name).toEqual(expect.arrayContaining(["LICENSE", "README.md", "package.json"]));
    expect(files.filter((file) => file.startsWith("dist/")).length, name).toBeGreaterThan(0);
    // The exam of store engines is for whoever writes one.
    const isExam = (file: string): boolean => name === "@mq9/store" && /\/testing\//.test(file);
    const ofTests = files.filter((file) => /\.test\.|\/testing\/|\.tsbuildinfo/.test(file));
    expect(
      ofTests.filter((file) => !isExam(file)),
      name,
    ).toEqual([]);
  }
});

test("publint has nothing to say", async () => {
  for (const { name, tarball } of packages) {
    const bytes = new Uint8Array(readFileSync(tarball)).buffer;
    const { messages } = await publint({ pack: { tarball: bytes }, strict: true });
    expect(messages, name).toEqual([]);
  }
});

/** How a package with one entry says where it is; the others are looked at by another tool. */
const oneEntry = {
  ".": {
    "@mq9/source": "./src/index.ts",
    types: "./dist/index.d.ts",
    default: "./dist/index.js",
  },
  "./package.json": "./package.json",
};

test("types and programs are found by every resolver that knows ES modules", async () => {
  for (const { name, folder, tarball } of packages) {
    const file = path.join(repositoryRoot, folder, "package.json");
    const { exports, imports } = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    // The executable has no types.
    if (name === "@mq9/cli") continue;
    if (JSON.stringify(exports) === JSON.stringify(oneEntry) && imports === undefined) continue;
    await succeed(path.join(bin, "attw"), [tarball, "--profile", "esm-only"], dir.path);
  }
});

describe("the five lines of the README", () => {
  const readme = snippetWith("README.md", "ts", "@mq9/sdk");

  const web = ["ES2022", "DOM", "DOM.Iterable", "DOM.AsyncIterable"];
  test.each([
    ["nodenext", "tsc", { module: "nodenext" }],
    ["bundler", "tsc", { module: "esnext", moduleResolution: "bundler", lib: web }],
    ["nodenext, by the TypeScript before", "docs/node_modules/.bin/tsc", { module: "nodenext" }],
  ] as const)("compile in strict mode: %s", async (label, compiler, options) => {
    const folder = path.join(light, label.replace(/\W+/g, "-"));
    await mkdir(folder);
    await writeFile(path.join(folder, "five-lines.ts"), readme);
    const compilerOptions = {
      target: "es2022",
      strict: true,
      skipLibCheck: false,
      types: [],
      noEmit: true,
      ...options,
    };
    await writeFile(
      path.join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions, files: ["five-lines.ts"] }),
    );
    const tsc = compiler === "tsc" ? path.join(bin, "tsc") : path.join(repositoryRoot, compiler);
    await succeed(tsc, ["-p", folder], folder);
  });

  test("run against the installed broker", async () => {
    const program = path.join(full, "node_modules/.bin/mq9");
    const data = path.join(dir.path, "data");
    const anyDisk = ["--disk-soft-mark", "0", "--disk-hard-mark", "0", "--disk-reserve", "0"];
    const args = ["serve", "--port", "-1", "--data", data, "--log-format", "json", ...anyDisk];
    const broker = startChild(program, args, { cwd: full });
    try {
      const [line] = await broker.waitFor(/^\{.*"msg":"listening".*\}$/m);
      const { host, port } = JSON.parse(line) as { host: string; port: number };
      // Its only types are those it is given: without them it is JavaScript.
      await writeFile(path.join(light, "five-lines.mjs"), readme);
      const env = { MQ9_URL: `nats://${host}:${port}` };
      const { stdout } = await succeed(process.execPath, ["five-lines.mjs"], light, env);
      expect(stdout).toBe("urgent review pull request 12\n");
    } finally {
      broker.process.kill("SIGTERM");
      await broker.ended;
    }
  });
});

test("the installed program says its version", async () => {
  const program = path.join(full, "node_modules/.bin/mq9");
  const { version } = JSON.parse(
    readFileSync(path.join(repositoryRoot, "apps/mq9/package.json"), "utf8"),
  ) as { version: string };
  const { stdout } = await succeed(program, ["--version"], full);
  expect(stdout).toContain(version);
});

test("a bundle of the SDK for browsers holds nothing of Node", async () => {
  await writeFile(path.join(light, "page.js"), 'export { connect } from "@mq9/sdk";\n');
  const { build } = await import("vite");
  const result = await build({
    root: light,
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      modulePreload: false,
      rollupOptions: { input: `${light}/page.js`, preserveEntrySignatures: "strict" },
    },
  });
  const [bundle] = Array.isArray(result) ? result : [result];
  if (bundle === undefined || !("output" in bundle)) throw new Error("nothing was bundled");
  const chunks = bundle.output.filter((part) => part.type === "chunk");
  const modules = chunks.flatMap((chunk) => Object.keys(chunk.modules));
  expect(modules.filter((id) => /transport-node|node:/.test(id))).toEqual([]);
  expect(chunks.flatMap((chunk) => [...chunk.imports])).toEqual([]);
  const code = chunks.map((chunk) => chunk.code).join("");
  expect(code).not.toMatch(/["'`]node:/);
  const zipped = gzipSync(code).length;
  console.log(`the SDK in a browser: ${code.length} bytes, ${zipped} zipped`);
  // Not a target: it says that something large came along.
  expect(zipped).toBeLessThan(100_000);
});
