// The long forms on the command line: npm run images -- --count 500 --seed 1
//
//   --count N     crash images, a hundred per recorded run       (default 500)
//   --controls N  images of each control, which must fail        (default 60)
//   --twice N     losses of power with eight more each during recovery   (default 0)
//   --faults N    the k-th call fails, k = 1 to N, in every way  (default 0)
//   --damage N    cases of damaged files                         (default 0)
//   --seed N      the same choices again                         (default 1)
//   --rule R      ordered or strict: see ./disk.ts               (default: half each)
//   --trace F --only I --steps S   judge one image of an earlier trace again
import { copyFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runDamage } from "./damage.ts";
import type { NameRule } from "./disk.ts";
import { faultKinds, runFault } from "./faults.ts";
import {
  type ImageRun,
  type RunKind,
  runImages,
  runImagesTwice,
  type Verdict,
} from "./image-run.ts";
import { shimProblem } from "./shim.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "500" },
    controls: { type: "string", default: "60" },
    twice: { type: "string", default: "0" },
    faults: { type: "string", default: "0" },
    damage: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    steps: { type: "string", default: "300" },
    rule: { type: "string" },
    trace: { type: "string" },
    only: { type: "string" },
  },
});
const seed = Number(values.seed);
const steps = Number(values.steps);
const imagesPerRun = 100;
let failed = false;

const problem = shimProblem();
if (problem !== undefined) {
  say(`nothing was run: recording ${problem}`);
} else if (values.trace !== undefined) {
  await again(values.trace);
} else {
  await images();
  for (const kind of ["unsynced", "early"] as const) await control(kind);
  await twice();
  await faults();
}
if (values.trace === undefined) await damage();
process.exitCode = failed ? 1 : 0;

function say(words: string): void {
  process.stdout.write(`${words}\n`);
}

async function images(): Promise<void> {
  const count = Number(values.count);
  let bad = 0;
  for (let run = 0; run * imagesPerRun < count; run += 1) {
    const rule = (values.rule ?? (run % 2 === 0 ? "ordered" : "strict")) as NameRule;
    const verdict = await one({
      kind: "honest",
      seed: seed + run,
      count: Math.min(imagesPerRun, count - run * imagesPerRun),
      rule,
    });
    bad += verdict.failures.length;
  }
  say(`${count} images, ${bad} failed`);
  failed ||= bad > 0;
}

async function one(run: Pick<ImageRun, "kind" | "seed" | "count" | "rule">): Promise<Verdict> {
  const verdict = await runImages({ ...run, steps });
  const { images: judged, failures, refused, midStep, tables, events } = verdict;
  say(
    `${run.kind} seed ${run.seed} ${run.rule}: ${judged} images, ${failures.length} failed, ` +
      `${refused} refused (${events} events, ${tables} tables, ${midStep} cut inside a step)`,
  );
  if (run.kind === "honest" && failures.length > 0) explain(run, verdict);
  rmSync(verdict.home, { recursive: true });
  return verdict;
}

/** Keeps the trace: another recording would differ by what LevelDB does in its own thread. */
function explain(run: { seed: number; rule: NameRule; count: number }, verdict: Verdict): void {
  const kept = join(tmpdir(), `mq9-trace-${run.seed}-${process.pid}`);
  copyFileSync(verdict.tracePath, kept);
  for (const { plan, wrong } of verdict.failures) {
    say(`  image ${plan.index}, cut ${plan.cut}, ${plan.style}: ${wrong}`);
    say(
      `  again: npm run images -- --trace ${kept} --seed ${run.seed} --steps ${steps} ` +
        `--rule ${run.rule} --count ${run.count} --only ${plan.index}`,
    );
  }
}

async function again(tracePath: string): Promise<void> {
  const only = values.only === undefined ? undefined : Number(values.only);
  const rule = (values.rule ?? "ordered") as NameRule;
  const count = Number(values.count);
  const verdict = await runImages({ kind: "honest", seed, steps, count, rule, tracePath, only });
  for (const { plan, wrong } of verdict.failures) say(`image ${plan.index}: ${wrong}`);
  say(`${verdict.images} images, ${verdict.failures.length} failed`);
  rmSync(verdict.home, { recursive: true });
  failed = verdict.failures.length > 0;
}

async function control(kind: RunKind): Promise<void> {
  const count = Number(values.controls);
  if (count === 0) return;
  const { failures } = await one({ kind, seed, count, rule: "ordered" });
  const share = failures.length / count;
  say(`control ${kind}: caught in ${Math.round(share * 100)} % of its images`);
  if (share < 0.5) failed = true;
}

async function twice(): Promise<void> {
  const count = Number(values.twice);
  if (count === 0) return;
  const { images: judged, wrong } = await runImagesTwice({ seed, count });
  for (const words of wrong) say(`  ${words}`);
  say(`seed ${seed}: ${judged} images of recoveries, ${wrong.length} failed`);
  failed ||= wrong.length > 0;
}

async function faults(): Promise<void> {
  const most = Number(values.faults);
  let [runs, struck, wrong] = [0, 0, 0];
  for (let k = 1; k <= most; k += 1) {
    for (const kind of faultKinds) {
      const armedAt = k % 3 === 0 ? 0 : 20;
      const verdict = await runFault({ kind, k, seed: seed + k, steps: 120, armedAt });
      runs += 1;
      if (verdict.struck) struck += 1;
      if (verdict.wrong === undefined) continue;
      wrong += 1;
      say(`  ${JSON.stringify(verdict.case)}: ${verdict.wrong}`);
    }
  }
  if (runs > 0) say(`${runs} disk errors, ${struck} met by the store, ${wrong} failed`);
  failed ||= wrong > 0;
}

async function damage(): Promise<void> {
  const count = Number(values.damage);
  if (count === 0) return;
  const outcomes = new Map<string, number>();
  for (const verdict of await runDamage(seed, count)) {
    outcomes.set(verdict.outcome, (outcomes.get(verdict.outcome) ?? 0) + 1);
    if (verdict.outcome !== "wrong") continue;
    failed = true;
    say(`  ${JSON.stringify(verdict.case)} seed ${seed}: ${verdict.said}`);
  }
  say(`${count} damaged stores: ${JSON.stringify(Object.fromEntries(outcomes))}`);
}
