// One run of crash images from recording to verdict, for the test and for the command line.
import { readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import type { NameRule } from "./disk.ts";
import {
  buildImages,
  digestsAfter,
  type ImagePlan,
  judge,
  numbersIn,
  planImages,
  stepsNeeded,
  writeImage,
} from "./images.ts";
import { imageHome, runProgram } from "./shim.ts";
import { readTrace, type TraceEvent } from "./trace.ts";
import { makeWorkload } from "./workload.ts";

/** `honest`: the store as it is. The controls must fail: `unsynced` never syncs, `early` acknowledges before. */
export type RunKind = "honest" | "unsynced" | "early";

export interface ImageRun {
  readonly kind: RunKind;
  readonly seed: number;
  readonly steps: number;
  readonly count: number;
  readonly rule: NameRule;
  /** A trace of an earlier run with this seed and these steps, instead of a new one. */
  readonly tracePath?: string | undefined;
  /** The one image to judge; undefined = all. */
  readonly only?: number | undefined;
}

export interface Verdict {
  readonly images: number;
  readonly failures: readonly { readonly plan: ImagePlan; readonly wrong: string }[];
  /**
   * Images of the rule `strict` that say what is damaged: LevelDB writes the name of a new table into
   * its manifest before it syncs the folder, so there the manifest can survive and the table's name not.
   */
  readonly refused: number;
  readonly events: number;
  /** Images cut between the beginning of a step and its acknowledgement. */
  readonly midStep: number;
  readonly tables: number;
  /** Where the trace lies; the caller removes `home`. */
  readonly tracePath: string;
  readonly home: string;
}

export async function runImages(run: ImageRun): Promise<Verdict> {
  const home = imageHome();
  await mkdir(home, { recursive: true });
  const { folder, tracePath } = await recorded(run, home);
  const events = readTrace(readFileSync(tracePath));
  const workload = makeWorkload(run.seed, run.steps);
  const plans = planImages(events, run);
  const numbersMax = numbersIn(workload);
  const chosen = plans.filter(({ index }) => run.only === undefined || index === run.only);
  const digests = await digestsAfter(workload, stepsNeeded(chosen, run.steps), numbersMax);
  const failures: { plan: ImagePlan; wrong: string }[] = [];
  let refused = 0;
  for (const { plan, image } of buildImages(events, chosen, run.seed)) {
    const target = join(home, `image-${plan.index}`);
    await writeImage(image, folder, target);
    const wrong = await judge(target, plan, { workload, digests, numbersMax });
    if (wrong === undefined) continue;
    if (run.rule === "strict" && wrong.startsWith("refused: ")) refused += 1;
    else failures.push({ plan, wrong });
  }
  await rm(join(home, "data"), { recursive: true, force: true });
  return {
    images: chosen.length,
    failures,
    refused,
    events: events.length,
    midStep: chosen.filter(({ done, begun }) => begun > done).length,
    tables: events.filter((event) => event.type === "open" && event.path.endsWith(".ldb")).length,
    tracePath,
    home,
  };
}

/**
 * The power goes, and again while the store recovers: `count` first losses, eight second ones each.
 * @returns what is wrong with any of them
 */
export async function runImagesTwice(run: {
  readonly seed: number;
  readonly count: number;
}): Promise<{ readonly images: number; readonly wrong: readonly string[] }> {
  const [home, steps] = [imageHome(), 200];
  try {
    const options = { seed: run.seed, steps, how: "honest", sync: "skip", traced: true } as const;
    const first = await runProgram({ ...options, home });
    const events = readTrace(readFileSync(first.tracePath));
    const workload = makeWorkload(run.seed, steps);
    const numbersMax = numbersIn(workload);
    const all = new Set(Array.from({ length: steps + 1 }, (_, step) => step));
    const judgement = {
      workload,
      digests: await digestsAfter(workload, all, numbersMax),
      numbersMax,
    };
    const wrong: string[] = [];
    let images = 0;
    const plans = planImages(events, { ...run, rule: "ordered" });
    for (const { plan, image } of buildImages(events, plans, run.seed)) {
      const again = join(home, `again-${plan.index}`);
      const folder = join(again, "data");
      await writeImage(image, first.folder, folder);
      const base = new Map(
        [...image].map(([path, bytes]) => [moved(path, first.folder, folder), bytes]),
      );
      const second = await runProgram({
        ...options,
        home: again,
        recovers: true,
        steps: Math.min(steps, plan.begun + 4),
      });
      const later = readTrace(readFileSync(second.tracePath));
      const cuts = planImages(
        later,
        { seed: run.seed + plan.index, count: 8, rule: "ordered" },
        plan,
      );
      for (const next of buildImages(later, cuts, run.seed, base)) {
        const target = join(again, `image-${next.plan.index}`);
        await writeImage(next.image, folder, target);
        const found = await judge(target, next.plan, judgement);
        images += 1;
        if (found !== undefined) {
          wrong.push(`${JSON.stringify(plan)}, then ${JSON.stringify(next.plan)}: ${found}`);
        }
      }
      await rm(again, { recursive: true });
    }
    return { images, wrong };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function moved(path: string, from: string, to: string): string {
  return join(to, relative(from, path));
}

/** Records a run, or finds the folder that an earlier trace speaks of. */
async function recorded(
  run: ImageRun,
  home: string,
): Promise<{ folder: string; tracePath: string }> {
  if (run.tracePath !== undefined) {
    return { folder: folderOf(readTrace(readFileSync(run.tracePath))), tracePath: run.tracePath };
  }
  return runProgram({
    home,
    seed: run.seed,
    steps: run.steps,
    how: run.kind === "early" ? "early" : "honest",
    sync: run.kind === "unsynced" ? "off" : "skip",
    traced: true,
  });
}

function folderOf(events: readonly TraceEvent[]): string {
  const made = events.find((event) => event.type === "makeFolder");
  if (made?.type !== "makeFolder") throw new Error("the trace makes no folder");
  return made.path;
}
