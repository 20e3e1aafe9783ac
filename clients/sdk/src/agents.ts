// Agents: who registers, who is there, how they are found.
import {
  type AgentSkill,
  type AgentState,
  type DiscoverRequest,
  discoverMax,
  Mq9Error,
  type RegisterResult,
} from "@mq9/protocol";
import { encodeText } from "./codec.ts";
import type { Reply } from "./link.ts";
import type { CallOptions } from "./remote/calls.ts";
import type { RemoteAgentEvent, RemoteApi } from "./remote/remote-api.ts";
import { agentOf, numberIn } from "./remote/wire.ts";
import { Stream } from "./stream.ts";

/** What an agent says of itself. */
export interface AgentRegistration {
  /** Unique in its account; 1 to 128 characters. */
  readonly name: string;
  /** Where it takes mail. */
  readonly mailbox?: string | undefined;
  readonly description?: string | undefined;
  readonly skills?: readonly (Partial<AgentSkill> & { readonly name: string })[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly version?: string | undefined;
  /** A whole agent card of A2A, kept as it is. */
  readonly card?: object | undefined;
}

export interface RegisterOptions extends CallOptions {
  /** Tell every 30 seconds that the agent is there, until it is stopped or the client closes. */
  readonly report?: boolean | (() => object) | undefined;
}

/** A registered agent of this program. */
export interface RegisteredAgent extends AsyncDisposable {
  readonly name: string;
  /** False when the name was registered already and is now updated. */
  readonly created: boolean;
  /** Ends the reports; the registration stays, and becomes stale. */
  stop(): void;
  /** Ends the reports and the registration. */
  unregister(): Promise<void>;
}

/** An agent as the registry shows it. */
export interface AgentInfo {
  readonly name: string;
  readonly mailbox: string | undefined;
  readonly description: string;
  readonly skills: readonly AgentSkill[];
  readonly tags: readonly string[];
  readonly state: AgentState;
  readonly owner: string | undefined;
  readonly registeredAt: Date;
  readonly lastSeen: Date;
  /** How well it fits what was looked for; undefined in a list. */
  readonly score: number | undefined;
  /** Everything it registered, with what the registry knows. */
  readonly card: Readonly<Record<string, unknown>>;
}

export interface FindOptions extends CallOptions {
  /** Words to look for. */
  readonly text?: string | undefined;
  /** Meaning to look for; words where the broker has no model. */
  readonly semantic?: string | undefined;
  readonly skill?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  /** With a last `*`, those whose names begin so. */
  readonly name?: string | undefined;
  /** Default: all but `gone`. */
  readonly states?: readonly AgentState[] | undefined;
  readonly includePublic?: boolean | undefined;
  /** Default 20. */
  readonly limit?: number | undefined;
  /** From 1. */
  readonly page?: number | undefined;
}

export interface FoundAgents {
  readonly agents: readonly AgentInfo[];
  readonly total: number;
  readonly more: boolean;
  readonly mode: "lexical" | "hybrid";
  /** Why meaning was asked for and not used. */
  readonly note: string | undefined;
}

/** `listed`: all that were there have been told. `dropped`: some events were missed, list again. */
export type AgentChange =
  | {
      readonly type: "registered" | "updated" | "unregistered" | "active" | "stale" | "gone";
      readonly agent: AgentInfo;
      /** It was there before the watch. */
      readonly replayed: boolean;
    }
  | { readonly type: "listed"; readonly agents: number }
  | { readonly type: "dropped"; readonly events: number };

const reportEveryMs = 30_000;

/** The registry of agents of this account. */
export class Agents {
  readonly #api: RemoteApi;
  readonly #reporting: Set<() => void> = new Set();

  constructor(api: RemoteApi) {
    this.#api = api;
  }

  /**
   * Registers an agent, or updates the one of that name.
   * @throws {Mq9Error} `forbidden` (somebody else's name), `invalid`, `quota_exceeded`
   */
  async register(
    registration: AgentRegistration,
    options: RegisterOptions = {},
  ): Promise<RegisteredAgent> {
    const { name, mailbox, card = {}, ...facts } = registration;
    const body = encodeText(JSON.stringify({ ...card, ...facts, name }));
    const request = { name, mailbox, body, facts: { description: "", skills: [], tags: [] } };
    const { created }: RegisterResult = await this.#api.register(request, options);
    const { report } = options;
    const stop = report === undefined || report === false ? () => {} : this.#every(name, report);
    const unregister = async (): Promise<void> => {
      stop();
      await this.unregister(name);
    };
    return { name, created, stop, unregister, [Symbol.asyncDispose]: unregister };
  }

  /** @returns false when there was nobody of that name */
  async unregister(name: string, options: CallOptions = {}): Promise<boolean> {
    return (await this.#api.unregister({ name }, options)).found;
  }

  /** Tells that the agent is there, and whatever else it wants to be known. */
  async report(name: string, said: object = {}, options: CallOptions = {}): Promise<void> {
    await this.#api.report({ name, body: encodeText(JSON.stringify(said)) }, options);
  }

  /** Who fits these words, best first; or who passes these filters, by name. */
  async find(query: string | FindOptions, options: CallOptions = {}): Promise<FoundAgents> {
    const { limit = 20, page = 1, ...rest } = typeof query === "string" ? { text: query } : query;
    const { timeoutMs, signal, ...filters } = { ...options, ...rest } as FindOptions;
    const request: DiscoverRequest = { ...filters, limit, page };
    const { items, total, more, mode, note } = await this.#api.discover(request, {
      timeoutMs,
      signal,
    });
    return { agents: items.map(infoOf), total, more, mode, note };
  }

  /** Undefined when nobody of that name is registered. */
  async get(name: string, options: CallOptions = {}): Promise<AgentInfo | undefined> {
    const states: readonly AgentState[] = ["active", "stale", "gone"];
    const { agents } = await this.find({ ...options, name, states, limit: 10 });
    return agents.find((agent) => agent.name === name);
  }

  /** Everybody, by name, page by page. */
  async *list(options: Omit<FindOptions, "limit" | "page"> = {}): AsyncGenerator<AgentInfo> {
    for (let page = 1; ; page += 1) {
      const { agents, more } = await this.find({ ...options, limit: discoverMax, page });
      yield* agents;
      if (!more || agents.length === 0) return;
    }
  }

  /**
   * Who is there, then `listed`, then what changes. After a reconnect who is there is told anew.
   * Leaving the loop ends the watch.
   */
  watch(options: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<AgentChange> {
    let stop: () => void = () => {};
    const stream = new Stream<AgentChange>({ onReturn: () => stop(), signal: options.signal });
    if (stream.ended) return stream;
    stop = this.#api.watchItems(
      (event) => stream.push(changeOf(event)),
      (error) => stream.end(error),
    );
    return stream;
  }

  /** Ends every report. */
  close(): void {
    for (const stop of this.#reporting) stop();
  }

  #every(name: string, report: true | (() => object)): () => void {
    const tell = async (): Promise<void> => {
      try {
        const said = report === true ? {} : report();
        await this.report(name, said, { timeoutMs: reportEveryMs });
      } catch (error) {
        // One that is missed, or that the program's function fails to make, is made up for by the next;
        // after three the registry shows it.
        if (error instanceof Mq9Error && error.code === "closed") stop();
      }
    };
    const timer = setInterval(() => void tell(), reportEveryMs);
    const stop = (): void => {
      clearInterval(timer);
      this.#reporting.delete(stop);
    };
    this.#reporting.add(stop);
    void tell();
    return stop;
  }
}

function infoOf(item: Reply): AgentInfo {
  const { name, mailbox, facts, state, owner, registeredAtMs, lastSeenAtMs } = agentOf(item);
  const { description, skills, tags } = facts;
  return {
    name,
    mailbox,
    description,
    skills,
    tags,
    state,
    owner,
    registeredAt: new Date(registeredAtMs),
    lastSeen: new Date(lastSeenAtMs),
    score: numberIn(item, "score"),
    card: item,
  };
}

function changeOf({ event, item, replayed }: RemoteAgentEvent): AgentChange {
  if (event.kind === "listed") return { type: "listed", agents: event.agents };
  if (event.kind === "dropped") return { type: "dropped", events: event.events };
  return { type: event.kind, agent: infoOf(item ?? {}), replayed };
}
