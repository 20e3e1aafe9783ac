// One agent as DISCOVER and WATCH show it: its own body with the card inside it laid open, and what
// the registry knows under the names that published clients read.
import type { Agent, AgentMatch, FoundAgent } from "@mq9/protocol";
import { decodeBody, field, type JsonObject } from "../json.ts";
import { wireSeconds } from "../message-json.ts";
import { cardWithin } from "./card.ts";
import { shown, shownObject } from "./shown.ts";

/** An agent as an object. Every text is without hidden characters. */
export function agentItem(agent: Agent): JsonObject {
  const body = readBody(agent.body);
  const { description } = agent.facts;
  const payload = field(body, "payload");
  const own = shownObject(body);
  return {
    ...shownObject(cardWithin(body)),
    ...own,
    name: agent.name,
    mailbox: agent.mailbox ?? "",
    agent_id: agent.name,
    agent_info: infoText(own),
    description,
    payload: payload === undefined ? description : shown(payload),
    registered_at: wireSeconds(agent.registeredAtMs),
    last_seen: wireSeconds(agent.lastSeenAtMs),
    state: agent.state,
    ...(agent.report === undefined ? {} : { report: shown(readBody(agent.report)) }),
    ...(agent.owner === undefined ? {} : { owner: agent.owner }),
  };
}

/** As `agentItem`, with why and how well it fits. @param explain ranks and words, not only fields */
export function foundItem({ agent, score, why }: FoundAgent, explain: boolean): JsonObject {
  const item = agentItem(agent);
  if (score === undefined || why === undefined) return item;
  return { ...item, score, why: explain ? explained(why) : reasons(why) };
}

/** The fields that matched, and `meaning`. */
function reasons({ words, vectorRank }: AgentMatch): string[] {
  const fields = new Set<string>(Object.values(words).flat());
  return [...fields, ...(vectorRank === undefined ? [] : ["meaning"])];
}

function explained(why: AgentMatch): JsonObject {
  return {
    fields: reasons(why),
    words: shownObject(why.words),
    lexical_rank: why.lexicalRank,
    lexical_score: why.lexicalScore,
    vector_rank: why.vectorRank,
    similarity: why.similarity,
  };
}

/** What one published broker lists as text: the payload, or the whole body where there is none. */
function infoText(own: JsonObject): string {
  for (const name of ["agent_info", "payload"]) {
    const value = field(own, name);
    if (typeof value === "string") return value;
    if (value !== undefined) return JSON.stringify(value);
  }
  return JSON.stringify(own);
}

function readBody(bytes: Uint8Array): JsonObject {
  try {
    return decodeBody(bytes, "registration");
  } catch {
    return {}; // best effort: what the registry knows is shown all the same
  }
}
