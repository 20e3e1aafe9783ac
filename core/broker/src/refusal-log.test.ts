import { expect, test } from "vitest";
import { type Log, type LogFields, silentLog } from "./log.ts";
import { RefusalLog } from "./refusal-log.ts";

const refusal = {
  reason: "Authentication Failure",
  address: "192.0.2.7",
  client: 3,
  wasIn: false,
};

function keeping(): { readonly log: Log; readonly lines: [string, LogFields | undefined][] } {
  const lines: [string, LogFields | undefined][] = [];
  return { log: { ...silentLog, warn: (msg, fields) => lines.push([msg, fields]) }, lines };
}

test("a line names the address, the connection and the reason", () => {
  const { log, lines } = keeping();
  const refusals = new RefusalLog(log, () => 0);
  refusals.tell(refusal);
  refusals.tell({ ...refusal, wasIn: true, client: 4 });
  expect(lines).toEqual([
    [
      "a client was not let in",
      { address: "192.0.2.7", client: 3, reason: "Authentication Failure" },
    ],
    [
      "a client is no longer let in",
      { address: "192.0.2.7", client: 4, reason: "Authentication Failure" },
    ],
  ]);
});

test("a flood is five lines a second, and the next line says how many were left out", () => {
  const { log, lines } = keeping();
  let nowMs = 50;
  const refusals = new RefusalLog(log, () => nowMs);
  for (let at = 0; at < 1_000; at++) refusals.tell(refusal);
  expect(lines).toHaveLength(5);
  nowMs += 999;
  refusals.tell(refusal);
  expect(lines).toHaveLength(5);
  nowMs += 1;
  refusals.tell(refusal);
  refusals.tell(refusal);
  expect(lines.slice(5).map(([, fields]) => fields?.["omittedBefore"])).toEqual([996, undefined]);
});
