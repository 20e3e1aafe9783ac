#!/usr/bin/env node
// The executable: prepares the process, then hands over to the compiled program. CommonJS on
// purpose: loading an ES module already uses libuv's thread pool, and from then on its size is fixed.
"use strict";

// The store's commits and reads share this pool with everything else; the default of 4 lets a
// compaction that waits for the disk delay a commit.
if (!(Number(process.env.UV_THREADPOOL_SIZE) >= 8)) process.env.UV_THREADPOOL_SIZE = "8";

// Without a listener Node opens its inspector on this signal: a debugger port into the mail.
process.on("SIGUSR1", () => {});

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`mq9 needs Node.js 20.19 or newer; this is ${process.versions.node}`);
} else {
  import("../dist/main.js").then(
    (program) => program.main(process.argv.slice(2), process.argv[1]),
    (error) => {
      if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
      fail(`mq9 is not built yet: run \`npm run build\` first (${error.message})`);
    },
  );
}

function fail(message) {
  process.stderr.write(`error: ${message}\n`);
  process.exitCode = 1;
}
