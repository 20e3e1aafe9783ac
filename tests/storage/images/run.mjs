// Builds the crash images and starts them: npm run images -- --count 500 --seed 1
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const tsc = fileURLToPath(new URL("../../../node_modules/typescript/bin/tsc", import.meta.url));
const build = spawnSync(process.execPath, [tsc, "-b", here], { stdio: "inherit" });
if (build.status !== 0) process.exit(build.status ?? 1);
await import("./dist/run.js");
