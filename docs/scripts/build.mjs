// Builds the site: the tables, the API reference, then the pages, into docs/.vitepress/dist. With `--dev`
// the last step serves them instead and follows changes.
import { spawn, spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const docs = fileURLToPath(new URL("..", import.meta.url));
const { resolve } = createRequire(join(docs, "package.json"));

/** Runs a script with this Node and ends with its code if it fails, or if it complains and goes on. */
function run(script, ...args) {
  const { status, error, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd: docs,
    stdio: ["inherit", "inherit", "pipe"],
    encoding: "utf8",
  });
  if (error) throw error;
  process.stderr.write(stderr);
  // A page that throws while it is rendered is left out, and the build goes on.
  if (status !== 0 || /^\w*Error: /m.test(stderr)) process.exit(status || 1);
}

run("scripts/tables.mjs");
run(join(dirname(resolve("typedoc/package.json")), "bin/typedoc"), "--options", "typedoc.json");
const vitepress = join(dirname(resolve("vitepress/package.json")), "bin/vitepress.js");
if (process.argv.includes("--dev")) {
  spawn(process.execPath, [vitepress, "dev", "."], { cwd: docs, stdio: "inherit" });
} else {
  run(vitepress, "build", ".");
}
