// Subjects under `AGENT.`: the registry's four requests, and its events. Called by subjects.ts with
// what follows `AGENT.`.
import { Mq9Error } from "@mq9/protocol";
import type { PublishTarget, SubscribeTarget } from "../dialect.ts";
import { refused, withNatsWildcard } from "../subject-parts.ts";
import type { AgentVerb } from "./exchange.ts";

const verbs: ReadonlyMap<string, AgentVerb> = new Map([
  ["REGISTER", "register"],
  ["UNREGISTER", "unregister"],
  ["REPORT", "report"],
  ["DISCOVER", "discover"],
]);

export function publishAgent(tail: string): PublishTarget {
  const verb = verbs.get(tail);
  if (verb !== undefined) return { kind: "request", generation: 2, command: { verb } };
  if (tail !== "WATCH") return { kind: "plain", known: false };
  return refused(
    new Mq9Error("forbidden", "AGENT.WATCH is written by the server alone: subscribe to it"),
  );
}

/** @param subject the whole subject, for subscriptions that turn out to be plain ones */
export function subscribeAgent(subject: string, tail: string): SubscribeTarget {
  return tail === "WATCH"
    ? { kind: "agents" }
    : { kind: "plain", subject: withNatsWildcard(subject) };
}
