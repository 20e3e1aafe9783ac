// What the agent commands print as JSON. Types for the commands, schemas for documents and tests.
import { z } from "zod";

const instant = z.iso.datetime().describe("ISO 8601, UTC");

export interface AgentJson {
  readonly name: string;
  readonly mailbox?: string | undefined;
  readonly owner?: string | undefined;
  readonly state: "active" | "stale" | "gone";
  readonly description?: string | undefined;
  readonly skills: readonly string[];
  readonly tags: readonly string[];
  readonly registered_at: string;
  readonly last_seen_at: string;
  readonly score?: number | undefined;
  readonly matched?: readonly string[] | undefined;
}

const agentFields = {
  name: z.string(),
  mailbox: z.string().optional().describe("where it takes mail"),
  owner: z.string().optional(),
  state: z.enum(["active", "stale", "gone"]),
  description: z.string().optional(),
  skills: z.array(z.string()).describe("names of its skills"),
  tags: z.array(z.string()),
  registered_at: instant,
  last_seen_at: instant,
  score: z.number().optional().describe("comparable within one answer only"),
  matched: z.array(z.string()).optional().describe("words of the agent that matched"),
};

export const agentSchema: z.ZodType<AgentJson> = z.strictObject(agentFields);

export interface AgentListJson {
  readonly agents: readonly AgentJson[];
}

export const agentListSchema: z.ZodType<AgentListJson> = z.strictObject({
  agents: z.array(agentSchema),
});

export interface RegisteredJson {
  readonly name: string;
  readonly mailbox?: string | undefined;
  readonly created: boolean;
}

export const registeredSchema: z.ZodType<RegisteredJson> = z.strictObject({
  name: z.string(),
  mailbox: z.string().optional(),
  created: z.boolean().describe("false: the name was registered and is now updated"),
});

export interface UnregisteredJson {
  readonly name: string;
  readonly found: boolean;
}

export const unregisteredSchema: z.ZodType<UnregisteredJson> = z.strictObject({
  name: z.string(),
  found: z.boolean(),
});

/** The registration as it came. */
export type CardJson = Readonly<Record<string, unknown>>;

export const cardSchema: z.ZodType<CardJson> = z
  .record(z.string(), z.unknown())
  .describe("the registration as the agent sent it, with name, state and times beside it");

export interface AgentEventJson {
  readonly event:
    | "registered"
    | "updated"
    | "unregistered"
    | "active"
    | "stale"
    | "gone"
    | "listed"
    | "dropped";
  readonly agent?: AgentJson | undefined;
  readonly count?: number | undefined;
  readonly replayed?: boolean | undefined;
}

export const agentEventSchema: z.ZodType<AgentEventJson> = z.strictObject({
  event: z.enum([
    "registered",
    "updated",
    "unregistered",
    "active",
    "stale",
    "gone",
    "listed",
    "dropped",
  ]),
  agent: agentSchema.optional(),
  count: z.int().optional().describe("agents that were listed, or events that were missed"),
  replayed: z.boolean().optional().describe("it was there when the watch began"),
});

export interface AgentEventListJson {
  readonly events: readonly AgentEventJson[];
}

export const agentEventListSchema: z.ZodType<AgentEventListJson> = z.strictObject({
  events: z.array(agentEventSchema),
});
