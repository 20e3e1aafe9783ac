// Plants one fault after the other in a copy of the sources and runs the tests that must notice it.
// A suite that passes with the fault in place is worth nothing, and this says so.
//
//   npm run sabotage                     every fault
//   npm run sabotage -- --only lease     those whose name holds the word
import { spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { sabotages } from "./sabotages.mjs";

const root = resolve(import.meta.dirname, "../..");
const skipped = new Set(["node_modules", "dist", ".git", ".peers", "mq9-data", "results"]);
const limitMs = 180_000;

/** A copy of the sources whose packages refer to each other and not to the originals. */
export function makeCopy() {
  const copy = mkdtempSync(join(tmpdir(), "mq9-sabotage-"));
  cpSync(root, copy, { recursive: true, filter: (from) => !skipped.has(basename(from)) });
  mkdirSync(join(copy, "node_modules/@mq9"), { recursive: true });
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name !== "@mq9" && name !== "mq9" && name !== ".vite") {
      symlinkSync(join(root, "node_modules", name), join(copy, "node_modules", name));
    }
  }
  for (const layer of ["core", "stores", "edges", "clients", "apps"]) {
    for (const name of readdirSync(join(root, layer))) link(copy, join(layer, name));
  }
  link(copy, "testkit");
  return copy;
}

function link(copy, folder) {
  let name;
  try {
    name = JSON.parse(readFileSync(join(copy, folder, "package.json"), "utf8")).name;
  } catch {
    return; // not a package
  }
  const place = join(copy, "node_modules", name);
  mkdirSync(dirname(place), { recursive: true });
  symlinkSync(relative(dirname(place), join(copy, folder)), place);
}

/** The file with the fault in it. Throws when the line it is planted in is not there, or is there twice. */
export function plant(source, { name, find, put }) {
  const parts = source.split(find);
  if (parts.length !== 2) {
    throw new Error(
      `'${name}' is out of date: its line occurs ${parts.length - 1} times, not once`,
    );
  }
  return parts.join(put);
}

/** Builds a copy, for suites that start programs. */
function build(copy) {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-b"], {
    cwd: copy,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the copy does not build:\n${stdout}`);
}

/** Runs suites of a copy. @returns {Promise<{ passed: boolean, output: string }>} */
export function runSuites(copy, suites) {
  return new Promise((done) => {
    const child = spawn(
      process.execPath,
      [
        join(root, "node_modules/vitest/vitest.mjs"),
        "run",
        "--bail",
        "1",
        "--testTimeout",
        "15000",
        ...suites,
      ],
      { cwd: copy, detached: true, env: { ...process.env, CI: "1", NO_COLOR: "1" } },
    );
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        output = (output + chunk).slice(-20_000);
      });
    }
    const timer = setTimeout(() => process.kill(-Number(child.pid), "SIGKILL"), limitMs);
    child.on("close", (code) => {
      clearTimeout(timer);
      done({ passed: code === 0, output });
    });
  });
}

async function main() {
  const { values } = parseArgs({ options: { only: { type: "string", default: "" } } });
  const chosen = sabotages.filter(({ name }) => name.includes(values.only));
  const copy = makeCopy();
  let missed = 0;
  try {
    const all = [...new Set(chosen.flatMap(({ suites }) => suites))];
    process.stdout.write(`${chosen.length} faults, ${all.length} suites\n`);
    if (chosen.some((sabotage) => sabotage.built)) build(copy);
    const healthy = await runSuites(copy, all);
    if (!healthy.passed) {
      process.stdout.write(`the suites fail without any fault:\n${healthy.output}\n`);
      process.exitCode = 2;
      return;
    }
    for (const sabotage of chosen) {
      const file = join(copy, sabotage.file);
      const source = readFileSync(file, "utf8");
      writeFileSync(file, plant(source, sabotage));
      if (sabotage.built) build(copy);
      const { passed } = await runSuites(copy, sabotage.suites);
      writeFileSync(file, source);
      if (sabotage.built) build(copy);
      if (passed) missed += 1;
      process.stdout.write(`${passed ? "MISSED" : "caught"}  ${sabotage.name}\n`);
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  process.stdout.write(`${chosen.length - missed} of ${chosen.length} caught\n`);
  if (missed > 0) process.exitCode = 1;
}

if (process.argv[1] === import.meta.filename) await main();
