// Builds the simulator and starts it: npm run simulate -- --seeds 2000 [--from N] [--trace]
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const tsc = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));
if (process.argv.includes("--no-build")) process.argv.splice(process.argv.indexOf("--no-build"), 1);
else {
  const build = spawnSync(process.execPath, [tsc, "-b", here], { stdio: "inherit" });
  if (build.status !== 0) process.exit(build.status ?? 1);
}
await import("./dist/simulator/src/run.js");
