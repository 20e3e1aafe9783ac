// Plays every script (./scripts) against this broker and against a real nats-server: both must answer
// alike, byte for byte, but for the differences that ./exceptions.ts gives a reason for.
import { findPeer } from "@mq9/testkit";
import { afterAll, describe, expect, test } from "vitest";
import { converse, type Outcome, patient, quick } from "./conversation.ts";
import { scriptDifferences } from "./exceptions.ts";
import type { Script } from "./script.ts";
import { scripts } from "./scripts/index.ts";
import { brokers, natsServers } from "./servers.ts";

const peer = findPeer("nats-server");
const real = natsServers();
const ours = brokers();
afterAll(async () => {
  await Promise.all([real.stop(), ours.stop()]);
});

/** Both answers; asked again with patience when they differ, because a busy machine may be late. */
async function play(script: Script): Promise<readonly [here: Outcome, there: Outcome]> {
  const setup = script.setup ?? {};
  const [here, there] = await Promise.all([ours.target(setup), real.target(setup)]);
  const both = async (patience: typeof quick) =>
    await Promise.all([converse(script, here, patience), converse(script, there, patience)]);
  const answers = await both(quick);
  return same(answers) || reasonFor(script) !== undefined ? answers : await both(patient);
}

const same = ([here, there]: readonly [Outcome, Outcome]): boolean =>
  JSON.stringify(here) === JSON.stringify(there);

const reasonFor = (script: Script): string | undefined =>
  scriptDifferences.find(({ scripts: names }) => names.test(script.name))?.reason;

describe.skipIf(peer.path === undefined)(`scripts ${peer.reason}`, () => {
  test.each(scripts.map((script) => [script.name, script] as const))("%s", async (_, script) => {
    const [here, there] = await play(script);
    if (reasonFor(script) === undefined) expect(here).toEqual(there);
    else expect(here).not.toEqual(there);
  });
});

test("scripts have names of their own, and every exception is about one of them", () => {
  const names = scripts.map((script) => script.name);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  for (const { scripts: pattern, reason } of scriptDifferences) {
    expect(
      names.some((name) => pattern.test(name)),
      reason,
    ).toBe(true);
    expect(reason.length).toBeGreaterThan(20);
  }
});
