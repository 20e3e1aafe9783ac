// The long form of the model tests: random commands against the domain and its reference models.
//
//     npm run model -- --runs 20000 --seed 7
//
// Without a seed it takes one by chance. A failure prints the shrunk commands, the seed and the path;
// `--seed 7 --path 2897:0:1 --only pull` runs that one case again (`push` is the other model).
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "20000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    path: { type: "string" },
    only: { type: "string" },
  },
});
const files = {
  push: "core/mailbox/src/model.test.ts",
  pull: "core/mailbox/src/model-pull.test.ts",
};
const chosen = values.only === undefined ? Object.values(files) : [files[values.only]];
if (chosen.includes(undefined))
  throw new Error(`--only is one of ${Object.keys(files).join(", ")}`);

console.log(`seed ${values.seed}, ${values.runs} runs of each model`);
const env = { ...process.env, SEED: values.seed, RUNS: values.runs };
if (values.path !== undefined) env["REPLAY"] = values.path;
const { status } = spawnSync("npx", ["vitest", "run", ...chosen], { env, stdio: "inherit" });
process.exit(status ?? 1);
