// Builds the long forms and starts them: npm run stress -- [storm idle sessions stuck fanout attacks …] [--idle 100000]
// A hundred thousand connections need as many open files: raise `ulimit -n` first.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const tsc = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));
const build = spawnSync(process.execPath, [tsc, "-b", here], { stdio: "inherit" });
if (build.status !== 0) process.exit(build.status ?? 1);
await import("./dist/run.js");
