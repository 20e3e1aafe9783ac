// Crash images: from one recorded run, what the disk may hold if the power goes at any moment; and
// the judgement of the real store over each of them.
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { MemoryStore, type Store } from "@mq9/store";
import { createLevelStore } from "@mq9/store-level";
import { digestOf, stepOf } from "./digest.ts";
import { Disk, type Image, type NameRule, type Style, styles } from "./disk.ts";
import { Random } from "./random.ts";
import type { TraceEvent } from "./trace.ts";
import { applyStep, type Change } from "./workload.ts";

/** One image: where the power goes and what survives. The same again for the same trace and seed. */
export interface ImagePlan {
  readonly index: number;
  /** Events that happened. */
  readonly cut: number;
  readonly style: Style;
  readonly rule: NameRule;
  /** The last step that was acknowledged, and the last that was begun. */
  readonly done: number;
  readonly begun: number;
}

/** Steps taken on an image after it was judged: about 200 operations. */
const stepsAfter = 40;

/**
 * `count` moments of a run, each with a way of losing power. One in six lies anywhere, the others between
 * a write to a log and the end of its sync, where a store has most to lose.
 */
export function planImages(
  events: readonly TraceEvent[],
  { seed, count, rule }: { seed: number; count: number; rule: NameRule },
  start: Progress = { done: 0, begun: 0 },
): ImagePlan[] {
  const random = new Random(seed);
  const logWrites = momentsOfLogWrites(events);
  const progress = progressOf(events, start);
  // A run that begins with a recovery is about that one.
  const opened = events.findIndex((each) => each.type === "mark" && each.text.includes("opened"));
  return Array.from({ length: count }, (_, index) => {
    const anywhere =
      1 + random.below(opened > 0 ? Math.min(opened + 10, events.length) : events.length);
    const often = random.oneIn(6) || opened > 0;
    const cut = often ? anywhere : random.pick(logWrites);
    const style = styles[index % styles.length] as Style;
    const { done, begun } = progress[cut] as Progress;
    return { index, cut, style, rule, done, begun };
  });
}

/** How many events had happened right after each write to a log of LevelDB, and as its sync began. */
function momentsOfLogWrites(events: readonly TraceEvent[]): number[] {
  const logs = new Map<number, boolean>();
  const moments: number[] = [];
  for (const [at, event] of events.entries()) {
    if (event.type === "open") logs.set(event.fd, event.path.endsWith(".log"));
    const concerns = event.type === "write" || event.type === "syncBegin";
    if (concerns && logs.get(event.fd) === true) moments.push(at + 1);
  }
  return moments;
}

export interface Progress {
  readonly done: number;
  readonly begun: number;
}

/** How far the program had come, by number of events. */
function progressOf(events: readonly TraceEvent[], start: Progress): Progress[] {
  let now = start;
  const progress = [now];
  for (const event of events) {
    if (event.type === "mark") {
      for (const [, what, number] of event.text.matchAll(/(begin|done|opened) (\d+)/g)) {
        const step = Number(number);
        // What a recovery showed to readers must not go away again.
        if (what === "opened") now = { done: step, begun: step };
        else now = { ...now, [what === "done" ? "done" : "begun"]: step };
      }
    }
    progress.push(now);
  }
  return progress;
}

/** What the store must answer after each of these steps, from the in-memory engine. */
export async function digestsAfter(
  workload: readonly (readonly Change[])[],
  steps: ReadonlySet<number>,
  numbersMax: number,
): Promise<ReadonlyMap<number, string>> {
  const model = new MemoryStore();
  await model.open();
  const digests = new Map<number, string>();
  for (let step = 0; step <= workload.length; step += 1) {
    if (step > 0) await commitStep(model, workload[step - 1] as readonly Change[]);
    if (steps.has(step)) digests.set(step, await digestOf(model, numbersMax));
  }
  await model.close();
  return digests;
}

/** The steps whose digests the judgement of these images needs. */
export function stepsNeeded(plans: readonly ImagePlan[], last: number): Set<number> {
  const needed = new Set<number>();
  for (const { done, begun } of plans) {
    for (const step of [done, begun]) {
      needed.add(Math.min(step, last)).add(Math.min(step + stepsAfter, last));
    }
  }
  return needed;
}

/** Builds the images one after the other, in the order of their cuts. */
export function* buildImages(
  events: readonly TraceEvent[],
  plans: readonly ImagePlan[],
  seed: number,
  base?: Image,
): Generator<{ plan: ImagePlan; image: Image }> {
  const disk = new Disk(base);
  let taken = 0;
  for (const plan of plans.toSorted((a, b) => a.cut - b.cut)) {
    for (; taken < plan.cut; taken += 1) disk.take(events[taken] as TraceEvent);
    const random = new Random(seed * 1_000_003 + plan.index);
    yield { plan, image: disk.image(random, plan.style, plan.rule) };
  }
}

export async function writeImage(image: Image, from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const [path, bytes] of image) {
    const target = join(to, relative(from, path));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, bytes);
  }
}

export interface Judgement {
  readonly workload: readonly (readonly Change[])[];
  readonly digests: ReadonlyMap<number, string>;
  readonly numbersMax: number;
}

/**
 * Opens an image with the real store, compares, works on it, and compares again.
 * @returns what is wrong; undefined = nothing
 */
export async function judge(
  folder: string,
  plan: ImagePlan,
  judgement: Judgement,
): Promise<string | undefined> {
  const damage: string[] = [];
  const store = createLevelStore({
    folder,
    writeBufferBytes: 64 * 1024,
    tableBytes: 1024 * 1024,
    onDamage: ({ message }) => damage.push(message),
  });
  try {
    await store.open();
    const step = await stepOf(store);
    if (step < plan.done) return `lost: step ${plan.done} was acknowledged, ${step} is there`;
    if (step > plan.begun) return `invented: step ${plan.begun} was begun, ${step} is there`;
    const wrong = await differs(store, step, judgement);
    if (wrong !== undefined) return wrong;
    const last = Math.min(step + stepsAfter, judgement.workload.length);
    for (let next = step; next < last; next += 1) {
      await commitStep(store, judgement.workload[next] as readonly Change[]);
    }
    await store.close();
    await store.open();
    const later = await differs(store, last, judgement);
    if (later !== undefined) return `after more work: ${later}`;
    return damage.length > 0 ? `damaged records: ${damage.join("; ")}` : undefined;
  } catch (error) {
    return `refused: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    await store.close().catch(() => undefined); // judged already
    await rm(folder, { recursive: true, force: true });
  }
}

async function differs(
  store: Store,
  step: number,
  { digests, numbersMax }: Judgement,
): Promise<string | undefined> {
  const expected = digests.get(step);
  if (expected === undefined) return `no state of a run: step ${step}`;
  const found = await digestOf(store, numbersMax);
  return found === expected ? undefined : `altered: the store differs from step ${step}`;
}

async function commitStep(store: Store, step: readonly Change[]): Promise<void> {
  const batch = store.batch();
  applyStep(batch, step);
  await store.commit(batch);
}

/** One more than the highest mailbox number a workload uses. */
export function numbersIn(workload: readonly (readonly Change[])[]): number {
  let most = 1;
  for (const step of workload) {
    for (const change of step) if (change[0] === "putCounters") most = Math.max(most, change[1]);
  }
  return most;
}
