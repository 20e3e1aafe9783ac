// The long form of the random conversations with this broker and with nats-server.
//
//     npm run differential -- --runs 20000 --seed 7
//
// Without a seed it takes one by chance. A difference prints what was said, both answers and the seed.
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "20000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});

console.log(`seed ${values.seed}, ${values.runs} conversations of each kind`);
const env = { ...process.env, SEED: values.seed, RUNS: values.runs };
const args = ["vitest", "run", "tests/transcripts/differential.test.ts"];
const { status } = spawnSync("npx", args, { env, stdio: "inherit" });
process.exit(status ?? 1);
