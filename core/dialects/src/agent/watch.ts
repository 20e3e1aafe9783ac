// AGENT.WATCH: what happens in the registry as events, each a JSON object with the word under `event`.
import type { AgentEvent } from "@mq9/protocol";
import type { Rendered } from "../dialect.ts";
import { encodeJson } from "../json.ts";
import { spacePrefix } from "../subject-parts.ts";
import { agentItem } from "./item.ts";

/** Where events are delivered. */
const subject = `${spacePrefix}AGENT.WATCH`;

/** @param replayed the agent was there before the watch */
export function renderAgentEvent(event: AgentEvent, replayed: boolean): Rendered {
  return { subject, payload: encodeJson(bodyOf(event, replayed)) };
}

function bodyOf(event: AgentEvent, replayed: boolean): object {
  switch (event.kind) {
    case "listed":
      return { event: event.kind, agents: event.agents };
    case "dropped":
      return { event: event.kind, events: event.events, hint: "more were dropped: list again" };
    case "unregistered":
      return {
        event: event.kind,
        name: event.agent.name,
        mailbox: event.agent.mailbox ?? "",
      };
    case "registered":
    case "updated":
    case "active":
    case "stale":
    case "gone":
      return {
        event: event.kind,
        name: event.agent.name,
        mailbox: event.agent.mailbox ?? "",
        state: event.agent.state,
        ...(replayed ? { replayed } : {}),
        agent: agentItem(event.agent),
      };
  }
}
