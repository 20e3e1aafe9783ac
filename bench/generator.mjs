// The load generator: a process of its own that runs one job and sends back what it measured.
// Started by `generate` below (in the process of run.mjs), once for every step.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/**
 * Runs one job in a fresh process.
 * @param {{ load: string }} job `load` is `<file>.<function>`, the rest is for that function
 */
export async function generate(job) {
  const child = start(job);
  try {
    return await child.result;
  } finally {
    child.stop();
  }
}

/** Starts a job; `result` resolves with what its function returned. */
export function start(job) {
  const child = fork(fileURLToPath(import.meta.url), [], { stdio: ["ignore", 2, 2, "ipc"] });
  const result = new Promise((resolve, reject) => {
    child.once("message", ({ result, error }) =>
      error ? reject(new Error(error)) : resolve(result),
    );
    child.once("exit", (code) => reject(new Error(`the generator of ${job.load} ended (${code})`)));
  });
  child.send(job);
  return { result, stop: () => child.kill("SIGKILL") };
}

const loads = {
  core: () => import("./load-core.mjs"),
  durable: () => import("./load-durable.mjs"),
  log: () => import("./load-log.mjs"),
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const answer = (message) => process.send(message, () => {});
  process.once("uncaughtException", (error) => answer({ error: error.message }));
  process.once("disconnect", () => process.exit());
  process.once("message", async (job) => {
    try {
      const [file, name] = job.load.split(".");
      answer({ result: (await (await loads[file]())[name](job)) ?? {} });
    } catch (error) {
      answer({ error: `${job.load}: ${error.message}` });
    }
  });
}
