// The short form of the simulator, and proofs that it can fail. The long form is
// `npm run simulate -- --seeds 2000`.
import path from "node:path";
import { repositoryRoot, runProgram } from "@mq9/testkit";
import { expect, test } from "vitest";

const program = path.join(repositoryRoot, "tests/simulator/run.mjs");

async function simulate(...words: readonly string[]): Promise<{ code: number; said: string }> {
  const result = await runProgram(process.execPath, [program, ...words], { timeoutMs: 200_000 });
  return { code: result.code ?? -1, said: `${result.stdout}${result.stderr}` };
}

test("sixty seeds keep every promise, and every tenth goes the same way twice", {
  timeout: 240_000,
}, async () => {
  const { code, said } = await simulate("--seeds", "60", "--from", "1", "--twice", "10");
  expect(code, said).toBe(0);
  expect(said).toContain("60 seeds from 1: 0 failed");
  // The run proves something: much was sent and handed out, and brokers died of it.
  const count = (name: string): number =>
    Number(new RegExp(`\\b${name} (\\d+)`).exec(said)?.[1] ?? 0);
  expect(count("accepted")).toBeGreaterThan(3_000);
  expect(count("deliver")).toBeGreaterThan(10_000);
  expect(count("restarts")).toBeGreaterThan(50);
  expect(count("unknown")).toBeGreaterThan(50);
});

test("a disk that forgets what it promised is found out", { timeout: 240_000 }, async () => {
  const { code, said } = await simulate(
    ...["--seeds", "2", "--from", "3", "--twice", "0", "--sabotage", "forget"],
  );
  expect(code).toBe(1);
  expect(said).toContain("H1 lost");
  expect(said).toMatch(/again: npm run simulate -- --seeds 1 --from \d+/);
});
