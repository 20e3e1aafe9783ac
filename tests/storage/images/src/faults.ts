// One call that fails: the program of ./record.ts with a disk error at its k-th write or sync, its
// death, and what a fresh start finds. Nothing acknowledged may be missing, nothing else be there.
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createLevelStore } from "@mq9/store-level";
import { digestOf, stepOf } from "./digest.ts";
import { digestsAfter, numbersIn } from "./images.ts";
import { imageHome, runProgram } from "./shim.ts";
import { makeWorkload } from "./workload.ts";

/** What fails, and how often: see MQ9_SHIM_FAULT in ../shim.c. */
export const faultKinds = [
  "sync EIO once",
  "write ENOSPC on",
  "sync EIO on",
  "write EIO once",
  "write ENOSPC short",
  "write ENOSPC once",
  "write EDQUOT once",
] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface FaultCase {
  readonly kind: FaultKind;
  /** The k-th call fails. */
  readonly k: number;
  readonly seed: number;
  readonly steps: number;
  /** The step from which calls are counted; 0 = from the first opening of the folder. */
  readonly armedAt: number;
}

export interface FaultVerdict {
  readonly case: FaultCase;
  /** What is wrong; undefined = nothing. */
  readonly wrong: string | undefined;
  /** Some step was refused, or the store did not open. */
  readonly struck: boolean;
  /** Steps acknowledged after the store was opened again. */
  readonly doneAfter: number;
}

export async function runFault(each: FaultCase): Promise<FaultVerdict> {
  const home = imageHome();
  try {
    const [call, error, mode] = each.kind.split(" ");
    const run = await runProgram({
      home,
      seed: each.seed,
      steps: each.steps,
      how: "honest",
      sync: "real",
      traced: false,
      fault: `${call} ${each.k} ${error} ${mode}`,
      armedAt: each.armedAt,
    });
    const history = readHistory(readFileSync(run.marksPath, "utf8"));
    const said = history.wrong ?? (await finds(run.folder, each, history));
    return { case: each, wrong: said, struck: history.struck, doneAfter: history.doneAfter };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

interface History {
  readonly wrong: string | undefined;
  readonly struck: boolean;
  readonly doneAfter: number;
  /** The last step that was acknowledged, and the last that was begun and may be there. */
  readonly done: number;
  readonly begun: number;
}

function readHistory(marks: string): History {
  let wrong: string | undefined;
  let [done, begun, doneAfter] = [0, 0, 0];
  let struck = false;
  let opened = false;
  let refused: string | undefined;
  for (const line of marks.split("\n")) {
    const [word, number, code] = line.split(" ");
    const step = Number(number);
    if (word === "begin") begun = step;
    if (word === "done") {
      if (refused !== undefined) wrong ??= `step ${step} was acknowledged after: ${refused}`;
      done = step;
      if (opened) doneAfter += 1;
    }
    if (word === "failed" || word === "closed") {
      struck = true;
      refused = line;
      if (code !== "io" && code !== "full") wrong ??= `the error is told as ${code}: ${line}`;
    }
    if (word === "opened") {
      if (step < done || step > begun) wrong ??= `${line}, but ${done} was acknowledged`;
      [opened, refused, begun] = [true, undefined, step];
    }
  }
  if (!marks.endsWith("\nend\n"))
    wrong ??= `the program did not get to its end: ${marks.slice(-200)}`;
  return { wrong, struck, doneAfter, done, begun };
}

/** Opens what is left, on a healthy disk. */
async function finds(
  folder: string,
  { seed, steps }: FaultCase,
  { done, begun }: History,
): Promise<string | undefined> {
  const workload = makeWorkload(seed, steps);
  const numbersMax = numbersIn(workload);
  const store = createLevelStore({ folder });
  try {
    await store.open();
    const step = await stepOf(store);
    if (step < done) return `lost: step ${done} was acknowledged, ${step} is there`;
    if (step > begun) return `invented: step ${begun} was begun, ${step} is there`;
    const expected = (await digestsAfter(workload, new Set([step]), numbersMax)).get(step);
    const found = await digestOf(store, numbersMax);
    return found === expected ? undefined : `altered: the store differs from step ${step}`;
  } catch (error) {
    return `refused: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    await store.close().catch(() => undefined); // judged already
  }
}
