// The short forms: what a loss of power may leave on the disk, a disk that fails at its k-th call, and
// damaged files, each judged with the real store. The long forms are `npm run images`.
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { runDamage } from "./src/damage.ts";
import { faultKinds, runFault } from "./src/faults.ts";
import { type ImageRun, runImages, runImagesTwice, type Verdict } from "./src/image-run.ts";
import { shimProblem } from "./src/shim.ts";

const home = import.meta.dirname;
const problem = shimProblem();
const seed = 1;

beforeAll(async () => {
  const tsc = path.join(home, "../../../node_modules/typescript/bin/tsc");
  await promisify(execFile)(process.execPath, [tsc, "-b", home]);
}, 120_000);

async function images(run: Pick<ImageRun, "kind" | "count" | "rule">): Promise<Verdict> {
  const verdict = await runImages({ ...run, seed, steps: 300 });
  rmSync(verdict.home, { recursive: true });
  return verdict;
}

/** Replaying needs the trace, which the long form keeps. */
function explained({ failures }: Verdict): string {
  const words = failures.map(({ plan, wrong }) => `${JSON.stringify(plan)}: ${wrong}`);
  return `npm run images -- --seed ${seed} --count 100\n${words.join("\n")}`;
}

describe.skipIf(problem !== undefined)(`a loss of power (${problem ?? "recorded"})`, () => {
  it.each(["ordered", "strict"] as const)(
    "takes nothing that was acknowledged and brings nothing else (names %s)",
    async (rule) => {
      const verdict = await images({ kind: "honest", count: 40, rule });
      expect(verdict.failures, explained(verdict)).toEqual([]);
      // The run proves something: tables were sorted, and the power went while steps were written.
      expect(verdict.tables).toBeGreaterThan(10);
      expect(verdict.midStep).toBeGreaterThan(10);
    },
    120_000,
  );

  it("and another one during the recovery takes nothing either", async () => {
    const { images: judged, wrong } = await runImagesTwice({ seed, count: 3 });
    expect(wrong, `npm run images -- --count 0 --twice 3 --seed ${seed}`).toEqual([]);
    expect(judged).toBe(24);
  }, 120_000);

  it.each(["unsynced", "early"] as const)(
    "is caught when the store is %s",
    async (kind) => {
      const { failures, images: judged } = await images({ kind, count: 30, rule: "ordered" });
      // About half to four fifths are caught, which depends on when the power goes: far above none.
      expect(failures.length).toBeGreaterThanOrEqual(judged / 5);
    },
    120_000,
  );
});

describe.skipIf(problem !== undefined)(`a disk error (${problem ?? "made to happen"})`, () => {
  it("at the k-th write or sync costs nothing that was acknowledged", async () => {
    let struck = 0;
    let doneAfter = 0;
    for (let k = 1; k <= 40; k += 1) {
      const kind = faultKinds[k % faultKinds.length] as (typeof faultKinds)[number];
      const armedAt = k % 2 === 0 ? 20 : 0;
      const verdict = await runFault({ kind, k, seed: seed + k, steps: 60, armedAt });
      expect(verdict.wrong, JSON.stringify(verdict.case)).toBeUndefined();
      if (verdict.struck) struck += 1;
      doneAfter += verdict.doneAfter;
    }
    expect(struck).toBeGreaterThan(25);
    expect(doneAfter).toBeGreaterThan(200);
  }, 120_000);
});

it("a damaged file is told or does no harm; nothing wrong is served, nothing hangs", async () => {
  const verdicts = await runDamage(seed, 60);
  const wrong = verdicts.filter(({ outcome }) => outcome === "wrong");
  expect(wrong, `npm run images -- --count 0 --damage 60 --seed ${seed}`).toEqual([]);
  const refused = verdicts.filter(({ outcome }) => outcome === "refused");
  expect(refused.length).toBeGreaterThan(30);
}, 120_000);
