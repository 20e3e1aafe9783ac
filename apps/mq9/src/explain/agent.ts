// Whether an agent can be reached: its registration, its reports, and the mailbox it named. Called by
// ../commands/explain.ts.
import type { AgentInfo, Mq9 } from "@mq9/sdk";
import type { Finding } from "../cli/findings.ts";
import { closest } from "../config/closest.ts";
import { type Explained, explainMailbox, inspectMailbox } from "./mailbox.ts";
import { span } from "./times.ts";

export async function explainAgent(mq9: Mq9, name: string): Promise<Explained> {
  const agent = await mq9.agents.get(name);
  if (agent === undefined) return await explainUnknown(mq9, name);
  const findings = [aboutState(agent)];
  if (agent.mailbox === undefined) {
    const text = "it named no mailbox, so there is nowhere to write to it";
    const next = `mq9 agent register ${name} --mailbox <mailbox>`;
    return {
      findings: [...findings, { code: "no_mailbox", level: "fail", text, next }],
      found: true,
    };
  }
  const mailbox = await inspectMailbox(mq9, agent.mailbox);
  if ("detail" in mailbox) findings.push(...(await explainMailbox(mq9, mailbox.detail)));
  // That an agent has the name of the missing mailbox is where this began.
  else findings.push(...mailbox.findings.filter(({ code }) => code !== "name_of_agent"));
  return { findings, found: true };
}

async function explainUnknown(mq9: Mq9, name: string): Promise<Explained> {
  const names: string[] = [];
  for await (const one of mq9.agents.list()) if (names.push(one.name) >= 10_000) break;
  const near = closest(name, names);
  const finding: Finding = {
    code: "agent_unknown",
    level: "fail",
    text: `no agent ${name} is registered${near === undefined ? "" : `; there is one called ${near}`}`,
    next: near === undefined ? "mq9 agent ls" : `mq9 explain agent:${near}`,
  };
  return { findings: [finding], found: false };
}

function aboutState({ name, state, lastSeen }: AgentInfo): Finding {
  const seen = `last heard of ${span(Date.now() - lastSeen.getTime())} ago`;
  if (state === "active") {
    return { code: "agent_active", level: "ok", text: `agent ${name} is registered, ${seen}` };
  }
  if (state === "stale") {
    return {
      code: "agent_stale",
      level: "warn",
      text: `agent ${name} used to report and has missed several reports, ${seen}: it may have stopped`,
      next: "Look whether its process runs.",
    };
  }
  return {
    code: "agent_gone",
    level: "fail",
    text: `agent ${name} is gone: it has been silent for long or its mailbox ended, ${seen}`,
    next: "Start it again; it registers itself anew.",
  };
}
