// Builds the crash harness and starts it: npm run crash -- --kills 200 [--seed N] [--keep FOLDER]
// Many kills are made in runs of a hundred, each with the next seed: what one run saw is judged at once,
// and has to fit into memory.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const tsc = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));
const killsOfRun = 100;

const build = spawnSync(process.execPath, [tsc, "-b", here], { stdio: "inherit" });
if (build.status !== 0) process.exit(build.status ?? 1);

const args = process.argv.slice(2);
const kills = Number(valueOf("--kills") ?? 0);
if (kills <= killsOfRun || args.includes("--keep")) {
  await import("./dist/crash/src/run.js");
} else {
  const program = fileURLToPath(new URL("./dist/crash/src/run.js", import.meta.url));
  const seed = Number(valueOf("--seed") ?? Math.floor(Math.random() * 1_000_000));
  let failed = 0;
  for (let done = 0, run = 0; done < kills; done += killsOfRun, run += 1) {
    const some = String(Math.min(killsOfRun, kills - done));
    const words = [program, "--kills", some, "--seed", String(seed + run)];
    if (spawnSync(process.execPath, words, { stdio: "inherit" }).status !== 0) failed += 1;
  }
  console.log(`${kills} kills from seed ${seed}: ${failed} runs failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

function valueOf(name) {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args[at + 1];
}
