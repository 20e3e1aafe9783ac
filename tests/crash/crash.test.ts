// The short form of the crash run: twenty ends of the broker under load, judged by the checker. The
// long form is `npm run crash -- --kills 200`.
import path from "node:path";
import { repositoryRoot, runProgram, tempDir } from "@mq9/testkit";
import { expect, test } from "vitest";
import { check } from "./src/checker.ts";
import { type Event, readHistory } from "./src/history.ts";

const kills = 20;

test("nothing accepted is lost, altered, reordered or brought back by crashes", {
  timeout: 240_000,
}, async () => {
  await using folder = await tempDir("crash");
  const program = path.join(repositoryRoot, "tests/crash/run.mjs");
  const words = [program, "--kills", String(kills), "--keep", folder.path];
  const result = await runProgram(process.execPath, words, { timeoutMs: 220_000 });
  const said = `${result.stdout}${result.stderr}`;
  expect(result.code, said).toBe(0);
  expect(said).toContain("0 violations");

  const history = readHistory(path.join(folder.path, "history"));
  const { counts } = check(history);
  // The run proves something: much was accepted, and some was under way when the broker died.
  expect(counts.kills).toBeGreaterThanOrEqual(kills / 2);
  expect(counts.accepted).toBeGreaterThan(kills * 20);
  expect(counts.unknown).toBeGreaterThan(0);
  expect(counts.deleted).toBeGreaterThan(0);
  // And it could have failed: one message less in one drain, and the same history is no longer good.
  expect(rules(withoutOneDelivery(history))).toContain("lost");
});

function rules(history: readonly Event[]): string[] {
  return check(history).violations.map((violation) => violation.rule);
}

/** Leaves out the last delivery of an accepted message to a final subscription. */
function withoutOneDelivery(history: readonly Event[]): Event[] {
  const finals = new Set<string>();
  const accepted = new Set<string>();
  for (const event of history) {
    if (event.op === "subscribe" && event.final) finals.add(event.sub);
    if (event.op === "send" && event.phase === "ok") accepted.add(event.id);
  }
  const at = history.findLastIndex(
    (event) => event.op === "deliver" && finals.has(event.sub) && accepted.has(event.id),
  );
  expect(at).toBeGreaterThan(0);
  return history.toSpliced(at, 1);
}
