// The simulator as a program: plays seeds one after the other, each twice now and then, and prints
// every one that fails with the command that plays it again. Called by ../run.mjs.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { patchPlatform } from "./patches.ts";
import { describePlan, type Feature } from "./plan.ts";
import { type Adjust, type Outcome, simulate, watchRejections } from "./simulation.ts";

const { values } = parseArgs({
  options: {
    /** How many seeds, and the first of them. */
    seeds: { type: "string" },
    from: { type: "string" },
    /** Prints what happened, line by line. */
    trace: { type: "boolean" },
    /** Writes the history of a failing seed to this folder. */
    keep: { type: "string" },
    /** Every how many seeds one is played twice, to compare; 0 = never. */
    twice: { type: "string" },
    /** Makes a failure smaller: features to leave out, and less time. */
    without: { type: "string" },
    torment: { type: "string" },
    /** Breaks the disk's promise on purpose, which the simulator has to notice. */
    sabotage: { type: "string" },
  },
});

const seeds = Number(values.seeds ?? 100);
const from = Number(values.from ?? 1);
const twiceEvery = Number(values.twice ?? 20);
const startedAt = machineMs();

patchPlatform();
watchRejections();

const totals: Record<string, number> = {};
let failed = 0;
for (let seed = from; seed < from + seeds; seed += 1) {
  const outcome = await simulate(seed, { keepTrace: values.trace === true, adjust });
  for (const [name, count] of Object.entries(outcome.counts)) {
    totals[name] = (totals[name] ?? 0) + count;
  }
  totals["events"] = (totals["events"] ?? 0) + outcome.events;
  const problems = [...outcome.problems];
  if (twiceEvery > 0 && (seed - from) % twiceEvery === 0) {
    const again = await simulate(seed, { adjust });
    if (again.hash !== outcome.hash) problems.push("the same seed went another way");
    totals["played twice"] = (totals["played twice"] ?? 0) + 1;
  }
  if (problems.length > 0) report(outcome, problems);
  if (values.trace === true) console.log(outcome.trace.join("\n"));
  if (seeds === 1) console.log(`${describePlan(outcome.plan)}\nhash ${outcome.hash}`);
}
const said = Object.entries(totals).map(([name, count]) => `${name} ${count}`);
console.log(said.join(", "));
const seconds = ((machineMs() - startedAt) / 1000).toFixed(1);
console.log(`${seeds} seeds from ${from}: ${failed} failed, in ${seconds} s`);
process.exit(failed === 0 ? 0 : 1);

function report(outcome: Outcome, problems: readonly string[]): void {
  failed += 1;
  console.log(`seed ${outcome.seed}: ${problems.length} problems`);
  for (const problem of problems.slice(0, 8)) console.log(`  ${problem}`);
  const left = values.without === undefined ? "" : ` --without "${values.without}"`;
  const torment = values.torment === undefined ? "" : ` --torment ${values.torment}`;
  const sabotage = values.sabotage === undefined ? "" : ` --sabotage ${values.sabotage}`;
  console.log(
    `  again: npm run simulate -- --seeds 1 --from ${outcome.seed}${left}${torment}${sabotage} --trace`,
  );
  if (values.keep === undefined) return;
  mkdirSync(values.keep, { recursive: true });
  const lines = outcome.history.map((record) => JSON.stringify(record));
  writeFileSync(join(values.keep, `${outcome.seed}.jsonl`), `${lines.join("\n")}\n`);
}

/** The machine's own time, which is not replaced. */
function machineMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

function adjust(...[plan]: Parameters<Adjust>): void {
  const features = plan.features as Set<Feature>;
  for (const name of values.without?.split(",") ?? []) features.delete(name.trim() as Feature);
  if (values.torment !== undefined) Object.assign(plan, { tormentMs: Number(values.torment) });
  if (values.sabotage === "forget") plan.mood.forget = 0.02;
}
