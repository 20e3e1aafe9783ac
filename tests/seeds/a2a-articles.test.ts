// The two A2A articles with their own programs: through the packages as published (robustmq 1.0.0
// with langchain-mq9 0.3.5) and through stand-ins that put the calls of 1.0.1 on the wire.
import path from "node:path";
import { type Child, startChild } from "@mq9/testkit";
import { describe, expect, it } from "vitest";
import {
  type Launcher,
  python,
  pythonSdk,
  run,
  runForResult,
  testsDir,
} from "../support/programs.ts";
import { useBroker } from "../support/use-broker.ts";

const peer = pythonSdk();
const published = { title: "the published packages", pythonPath: undefined, urgent: "high" };
const wire101 = {
  title: "the calls of 1.0.1",
  pythonPath: path.join(testsDir, "seeds/python/wire_1_0_1"),
  urgent: "critical",
};

function start(launcher: Launcher, ...args: string[]): Child {
  const env = { ...process.env, ...launcher.env };
  const stdio = ["pipe", "pipe", "pipe"] as const;
  return startChild(launcher.command, [...launcher.args, ...args], { env, stdio: [...stdio] });
}

/** Lets agent A read its results once agent B has sent them; returns what A printed. */
async function collectResult(agentA: Child, agentB: Child): Promise<string> {
  const [, resultMailbox] = await agentA.waitFor(/result Mailbox ready → (\S+)/);
  await agentB.waitFor(new RegExp(`send_message: .*${resultMailbox}`));
  agentA.process.stdin?.end("\n");
  const { code } = await agentA.ended;
  agentB.process.kill("SIGKILL");
  expect(code, agentA.stderr).toBe(0);
  return agentA.stdout;
}

describe.skipIf(peer.path === undefined)(`the A2A articles ${peer.reason}`, () => {
  describe.each([published, wire101])("through $title", ({ pythonPath, urgent }) => {
    const broker = useBroker();
    const program = (name: string) => python(`seeds/python/${name}.py`, pythonPath);

    it("deliver the task and the result while both agents run", async () => {
      const agentB = start(program("agent_b"), broker().url);
      await agentB.waitFor(/Agent B: subscribed, waiting for tasks\.\.\./);
      const agentA = start(program("agent_a"), broker().url);
      const printed = await collectResult(agentA, agentB);
      expect(agentB.stdout).toContain("Agent B: received task task-001");
      expect(printed).toContain("Agent A: task sent, continuing with other work...");
      expect(printed).toContain(
        '"task": "data_analysis", "result": "analysis of dataset_v1: [record_1, record_2, record_3]"',
      );
    });

    it("keep the task for an agent that starts later, even across a restart", async () => {
      const agentA = start(program("agent_a"), broker().url);
      await agentA.waitFor(/Agent A: task sent/);
      await broker().restart();
      const agentB = start(program("agent_b"), broker().url);
      expect(await collectResult(agentA, agentB)).toContain("analysis of dataset_v1");
    });

    it("hand out the urgent task first, and list and delete both", async () => {
      const result = await runForResult(program("agent_priority"), broker().url, urgent);
      expect(result).toEqual({
        order: [
          ["task-003", urgent],
          ["task-002", "normal"],
        ],
        listed: [
          ["str", urgent, true],
          ["str", "normal", true],
        ],
        left: 0,
      });
    });

    it("reach every subscriber of a shared mailbox with one send", async () => {
      expect(await runForResult(program("agent_broadcast"), broker().url)).toEqual({
        received: [
          ["first", "config_update"],
          ["late", "config_update"],
          ["second", "config_update"],
        ],
        more: 0,
      });
    });

    it("discover a registered agent live and later, and send to it", async () => {
      const { stdout } = await run(program("discovery"), broker().url);
      expect(stdout).toContain(
        "Discovered agent: DataAnalysisAgent\n" +
          "  mq9 address: data-analysis-agent\n" +
          "  Skills: ['Analyze Data']\n" +
          "  HTTP address: https://agent-b.internal\n",
      );
      expect(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "")).toEqual({
        live: true,
        replayed: true,
        task: ["task-007", true],
      });
    });
  });
});
