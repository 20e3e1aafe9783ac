// The registry of agents in plain terms: who they say they are, whether they are there, and how they
// are found. The domain implements it; what a registration looks like on the wire is a dialect's.

/** One thing an agent can do, as its card tells. Texts are "" when the card has none. */
export interface AgentSkill {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly examples: readonly string[];
}

/** What a registration says, in the few terms that search, filters and lists need. */
export interface AgentFacts {
  /** "" when there is none. */
  readonly description: string;
  readonly skills: readonly AgentSkill[];
  readonly tags: readonly string[];
  readonly version?: string | undefined;
  readonly url?: string | undefined;
}

/**
 * `active`: it reports, or never did and its mailbox lives. `stale`: it reported once and missed
 * several reports. `gone`: silent for long, or its mailbox ended; hidden unless asked for.
 */
export type AgentState = "active" | "stale" | "gone";

/** A registered agent. `body` and `report` are views: copy them to keep them. */
export interface Agent {
  /** Unique in its account. */
  readonly name: string;
  /** Where it takes mail; undefined = it named none. */
  readonly mailbox: string | undefined;
  /** Who registered it; undefined = nobody signed in. */
  readonly owner: string | undefined;
  /** The registration as it came. */
  readonly body: Uint8Array;
  readonly facts: AgentFacts;
  readonly registeredAtMs: number;
  /** Its latest registration or report. */
  readonly lastSeenAtMs: number;
  readonly state: AgentState;
  /** Its latest report as it came; undefined = it never reported. */
  readonly report: Uint8Array | undefined;
}

export interface RegisterRequest {
  /** 1 to 128 characters. */
  readonly name: string;
  readonly mailbox?: string | undefined;
  /** Who asks; undefined = nobody signed in. */
  readonly by?: string | undefined;
  readonly body: Uint8Array;
  readonly facts: AgentFacts;
}

export interface RegisterResult {
  readonly agent: Agent;
  /** False when the name was registered and is now updated. */
  readonly created: boolean;
}

/** Names an agent by its name, or by its mailbox when `name` is undefined. */
export interface AgentReference {
  readonly name?: string | undefined;
  readonly mailbox?: string | undefined;
  /** Who asks; undefined = nobody signed in. */
  readonly by?: string | undefined;
}

export interface UnregisterResult {
  /** False when there was nobody of that name or mailbox, which is no error. */
  readonly found: boolean;
}

export interface ReportRequest extends AgentReference {
  readonly body: Uint8Array;
}

/** Filters hold together; without `text` and `semantic` the answer is a list by name. */
export interface DiscoverRequest {
  /** Words to look for: beginnings and small typos count. */
  readonly text?: string | undefined;
  /** Meaning to look for; searched as words too, and as words alone where no model is configured. */
  readonly semantic?: string | undefined;
  /** Only agents with a skill of this id or name; case does not count. */
  readonly skill?: string | undefined;
  /** Only agents that carry every one of these tags, themselves or on a skill; case does not count. */
  readonly tags?: readonly string[] | undefined;
  /** Only the agent of this name; with a last `*`, those whose names begin so. */
  readonly name?: string | undefined;
  /** Undefined = all but `gone`. */
  readonly states?: readonly AgentState[] | undefined;
  /** Public mailboxes whose description is an agent's card count as agents. */
  readonly includePublic?: boolean | undefined;
  /** Agents per page, 1 to `discoverMax`. */
  readonly limit: number;
  /** From 1. */
  readonly page: number;
}

/** Agents on one page of DISCOVER at most. */
export const discoverMax = 1000;

/** Which fields of a registration can match words. */
export type AgentField = "name" | "description" | "skills" | "tags";

/** Why an agent was found. */
export interface AgentMatch {
  /** Fields per matched word of the agent. */
  readonly words: Readonly<Record<string, readonly AgentField[]>>;
  /** Place among those found by words, from 1, and the score there; undefined = no word matched. */
  readonly lexicalRank: number | undefined;
  readonly lexicalScore: number | undefined;
  /** Place among those near in meaning, from 1, and the nearness, -1 to 1; undefined = not by meaning. */
  readonly vectorRank: number | undefined;
  readonly similarity: number | undefined;
}

export interface FoundAgent {
  readonly agent: Agent;
  /** Higher is better; comparable within one answer only. Undefined in a list. */
  readonly score: number | undefined;
  /** Undefined in a list. */
  readonly why: AgentMatch | undefined;
}

export interface DiscoverResult {
  readonly agents: readonly FoundAgent[];
  /** Agents on all pages together. */
  readonly total: number;
  /** `hybrid`: words and meaning together. */
  readonly mode: "lexical" | "hybrid";
  /** Why meaning was asked for and not used, or used in part. */
  readonly note: string | undefined;
}

/** `updated`: registered again, or its mailbox changed. `active`, `stale`, `gone`: its state is now this. */
export type AgentEventKind =
  | "registered"
  | "updated"
  | "unregistered"
  | "active"
  | "stale"
  | "gone";

export type AgentEvent =
  | { readonly kind: AgentEventKind; readonly agent: Agent }
  /** All that were registered when the watch began have been told. */
  | { readonly kind: "listed"; readonly agents: number }
  /** The watcher was too slow and missed some: it must list again to know the present. */
  | { readonly kind: "dropped"; readonly events: number };

/** Where events of a watch go. Called synchronously, never re-entered. */
export interface AgentSink {
  /**
   * Takes one event. `replayed` is true for agents that were there before the watch.
   * @returns false when there is no room for more; the event was taken all the same, and nothing
   * follows until `onceWritable` calls back.
   */
  deliver(event: AgentEvent, replayed: boolean): boolean;
  /** Calls `resume` once when there is room again. */
  onceWritable(resume: () => void): void;
}

export interface AgentWatch {
  end(): void;
}

/**
 * The registry of one account. What changes something resolves after it is on stable storage, but
 * for `report`, which is kept in memory and written within a minute.
 * All methods throw `Mq9Error`; any may throw `storage_failed`, `unknown` or `draining`.
 */
export interface RegistryApi {
  /**
   * Registers an agent, or updates the one of that name.
   * @throws `invalid` (the name), `forbidden` (another owner's name, or one that looks like another's),
   * `too_large`, `quota_exceeded` (agents of one account), `insufficient_storage`
   */
  register(request: RegisterRequest): Promise<RegisterResult>;
  /** @throws `forbidden` (another owner's) */
  unregister(request: AgentReference): Promise<UnregisterResult>;
  /** Tells that the agent is there. @throws `not_found`, `forbidden` (another owner's), `too_large` */
  report(request: ReportRequest): Promise<Agent>;
  discover(request: DiscoverRequest): Promise<DiscoverResult>;
  /** Pushes who is there, then what changes. @throws `quota_exceeded` (watchers of one account) */
  watch(sink: AgentSink): AgentWatch;
}
