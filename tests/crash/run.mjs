// Builds the crash harness and starts it: npm run crash -- --kills 200 [--seed N] [--keep FOLDER]
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const tsc = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));
const build = spawnSync(process.execPath, [tsc, "-b", here], { stdio: "inherit" });
if (build.status !== 0) process.exit(build.status ?? 1);
await import("./dist/crash/src/run.js");
