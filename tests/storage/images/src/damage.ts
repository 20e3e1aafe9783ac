// Damage to the files of a store that is closed or was killed: one per case, the same for the same
// seed. The judgement is left to ./open-damaged.ts in a process of its own, because a native engine
// that meets a broken file may take its process with it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, open, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MemoryStore } from "@mq9/store";
import { createLevelStore } from "@mq9/store-level";
import { recordsOf } from "./digest.ts";
import { numbersIn } from "./images.ts";
import { Random } from "./random.ts";
import { imageHome } from "./shim.ts";
import { applyStep, makeWorkload } from "./workload.ts";

export interface DamageCase {
  readonly index: number;
  readonly source: "closed" | "killed";
  readonly file: string;
  readonly kind: "flip a bit" | "zero 4 KiB" | "cut the tail" | "swap two pages";
  readonly at: number;
}

export interface DamageVerdict {
  readonly case: DamageCase;
  /** `whole`: exact data. `told`: some is missing, and that was said. `refused`: did not open. */
  readonly outcome: "whole" | "told" | "refused" | "wrong";
  readonly said: string;
}

const kinds: readonly DamageCase["kind"][] = [
  "flip a bit",
  "zero 4 KiB",
  "cut the tail",
  "swap two pages",
];
const pageBytes = 4096;
const answerMsMax = 30_000;

/** Runs `count` cases of a seed, two at a time; `only` picks one. */
export async function runDamage(
  seed: number,
  count: number,
  only?: number,
): Promise<DamageVerdict[]> {
  const home = imageHome();
  try {
    const expected = await makeSources(home, seed);
    const random = new Random(seed);
    const cases: DamageCase[] = [];
    for (let index = 0; index < count; index += 1) {
      cases.push(await planDamage(home, index, random));
    }
    const left = cases.filter(({ index }) => only === undefined || index === only);
    const verdicts: DamageVerdict[] = [];
    const worker = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        verdicts.push(await judgeDamage(home, next, expected));
      }
    };
    await Promise.all([worker(), worker()]);
    return verdicts.sort((a, b) => a.case.index - b.case.index);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** A store that was closed and one that was killed, both after the same steps. */
async function makeSources(home: string, seed: number): Promise<string> {
  const workload = makeWorkload(seed, 260);
  const closed = join(home, "closed");
  const store = createLevelStore({ folder: closed, writeBufferBytes: 64 * 1024 });
  await store.open();
  const model = new MemoryStore();
  await model.open();
  for (const [at, step] of workload.entries()) {
    for (const each of [store, model]) {
      const batch = each.batch();
      applyStep(batch, step);
      await each.commit(batch);
    }
    while (at === 200 && (await store.clearGarbage()));
  }
  while (await model.clearGarbage());
  const numbersMax = numbersIn(workload);
  // Of the model: to read the store would make LevelDB sort its tables and leave some that are dead.
  const records = await recordsOf(model, numbersMax);
  // Between two commits the files are what a killed process leaves; its anchor is a second old at most.
  await new Promise((resolve) => setTimeout(resolve, 1200));
  await cp(closed, join(home, "killed"), { recursive: true });
  await store.close();
  const expected = join(home, "expected.json");
  await writeFile(expected, JSON.stringify({ numbersMax, records: [...records] }));
  return expected;
}

async function planDamage(home: string, index: number, random: Random): Promise<DamageCase> {
  const source = random.oneIn(2) ? "closed" : "killed";
  const names = (await readdir(join(home, source), { recursive: true })).sort();
  const files: { name: string; size: number }[] = [];
  for (const name of names) {
    const { size } = await stat(join(home, source, name));
    const isFile = /\.(ldb|log)$|MANIFEST-\d+$|CURRENT$|FORMAT$|ANCHOR$/.test(name);
    if (isFile && size > 0) files.push({ name, size });
  }
  const file = random.pick(files);
  const kind = kinds[index % kinds.length] as DamageCase["kind"];
  return { index, source, file: file.name, kind, at: random.below(file.size) };
}

async function judgeDamage(
  home: string,
  each: DamageCase,
  expected: string,
): Promise<DamageVerdict> {
  const folder = join(home, `damaged-${each.index}`);
  await cp(join(home, each.source), folder, { recursive: true });
  await inflict(join(folder, each.file), each);
  const program = join(import.meta.dirname, "..", "dist", "open-damaged.js");
  const child = spawn(process.execPath, [program, folder, expected], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const deadline = setTimeout(() => child.kill("SIGKILL"), answerMsMax);
  await once(child, "close");
  clearTimeout(deadline);
  await rm(folder, { recursive: true, force: true });
  const outcome = /^(whole|told|refused|wrong): /m.exec(said)?.[1] as DamageVerdict["outcome"];
  if (child.exitCode === 0 && outcome !== undefined) return { case: each, outcome, said };
  const end = child.exitCode ?? child.signalCode;
  return { case: each, outcome: "wrong", said: `ended with ${end}: ${said}` };
}

async function inflict(path: string, { kind, at }: DamageCase): Promise<void> {
  if (kind === "cut the tail") return truncate(path, at);
  const bytes = await readFile(path);
  const page = at - (at % pageBytes);
  if (kind === "flip a bit") bytes[at] = (bytes[at] as number) ^ (1 << (at % 8));
  else if (kind === "zero 4 KiB") bytes.fill(0, page, Math.min(bytes.length, page + pageBytes));
  else swapPages(bytes, page, (page * 7) % Math.max(1, bytes.length - pageBytes));
  const file = await open(path, "r+");
  await file.write(bytes, 0, bytes.length, 0);
  await file.close();
}

function swapPages(bytes: Buffer, one: number, other: number): void {
  const to = other - (other % pageBytes);
  const length = Math.min(pageBytes, bytes.length - Math.max(one, to));
  const kept = Buffer.from(bytes.subarray(one, one + length));
  bytes.copy(bytes, one, to, to + length);
  kept.copy(bytes, to);
}
