// The short form of the crash run: twenty ends of the broker under load, judged by the checker. The
// long form is `npm run crash -- --kills 200`.
import path from "node:path";
import { repositoryRoot, runProgram, tempDir } from "@mq9/testkit";
import { expect, test } from "vitest";
import { judge } from "../history/src/judge.ts";
import { type HistoryRecord, readHistory as readRecords } from "../history/src/record.ts";
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

  const pulls = readRecords(path.join(folder.path, "pulls"));
  const pulled = judge(pulls);
  expect(pulled.violations).toEqual([]);
  expect(pulled.counts["accepted"]).toBeGreaterThan(kills * 10);
  expect(pulled.counts["ack"]).toBeGreaterThan(kills * 10);
  expect(pulled.counts["nack"]).toBeGreaterThan(0);
  expect(judge(withOneComingBack(pulls)).violations.map((one) => one.rule)).toContain(
    "resurrected",
  );
});

/** The group is handed something once more that it acknowledged. */
function withOneComingBack(pulls: readonly HistoryRecord[]): HistoryRecord[] {
  const isAck = (one: HistoryRecord): boolean => one.op === "ack" && one.res === "ok";
  const ack = pulls.findLast(isAck);
  const delivery = pulls.find(
    (one) =>
      one.op === "deliver" &&
      ack?.op === "ack" &&
      one.mailbox === ack.mailbox &&
      one.group === ack.group &&
      one.msgId === ack.msgId,
  );
  if (delivery?.op !== "deliver") throw new Error("nothing was acknowledged");
  const later = 1_000 + Math.max(...pulls.slice(-1).map((one) => one.tInv), ack?.tRet ?? 0);
  return [...pulls, { ...delivery, tInv: later, tRet: later + 1, call: "again" }];
}

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
