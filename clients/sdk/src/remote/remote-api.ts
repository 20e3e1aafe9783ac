// The whole waist over the wire: mailboxes, pulling, and the registry of agents. The command line and the
// objects of this package are written against it.
import {
  type Agent,
  type AgentEvent,
  type AgentEventKind,
  type AgentReference,
  type AgentSink,
  type AgentWatch,
  type DiscoverRequest,
  type DiscoverResult,
  type FoundAgent,
  Mq9Error,
  type RegisterRequest,
  type RegisterResult,
  type RegistryApi,
  type ReportRequest,
  type UnregisterResult,
} from "@mq9/protocol";
import { decodeJson } from "../codec.ts";
import type { Reply } from "../link.ts";
import { spacePrefix } from "../link.ts";
import type { CallOptions } from "./calls.ts";
import { RemoteMailboxes } from "./mailboxes.ts";
import { agentOf, numberIn, rowsIn, textIn, textsIn } from "./wire.ts";

/** What DISCOVER answers, with each agent's item as it came beside the waist's shape. */
export interface RemoteDiscoverResult extends DiscoverResult {
  readonly items: readonly Reply[];
  readonly more: boolean;
}

/** An event of a watch, with the agent's item as it came. */
export interface RemoteAgentEvent {
  readonly event: AgentEvent;
  readonly item: Reply | undefined;
  readonly replayed: boolean;
}

/**
 * `MailboxApi`, `PullApi` and `RegistryApi` of one connection. Every method takes `{ timeoutMs, signal }` last. What the
 * waist knows of the asker (`owner`, `from`, `by`, `consumer`) is the connection's own and not sent.
 */
export class RemoteApi extends RemoteMailboxes implements RegistryApi {
  /** `facts` are read from `body` by the broker; `by` is this connection's user. */
  async register(request: RegisterRequest, options: CallOptions = {}): Promise<RegisterResult> {
    const { name, mailbox, body } = request;
    const what = `registering agent ${name}`;
    await this.dialect(what, "mq9", "msg");
    const card = body.length === 0 ? {} : (decodeJson(body) as Reply);
    const reply = await this.succeed({
      ...options,
      subject: "AGENT.REGISTER",
      body: { ...card, name, ...(mailbox === undefined ? {} : { mailbox }) },
      what,
      kind: "again",
    });
    const nowSeconds = Math.floor(Date.now() / 1000);
    const item = { registered_at: nowSeconds, last_seen: nowSeconds, ...card, ...reply };
    return { agent: agentOf(item), created: reply["created"] !== false };
  }

  async unregister(request: AgentReference, options: CallOptions = {}): Promise<UnregisterResult> {
    const what = `unregistering agent ${request.name ?? request.mailbox ?? ""}`;
    await this.dialect(what, "mq9", "msg");
    const { reply, failure, attempts } = await this.ask({
      ...options,
      subject: "AGENT.UNREGISTER",
      body: referenceFields(request),
      what,
      kind: "again",
    });
    if (failure !== undefined) throw failure;
    return { found: reply["found"] !== false || attempts > 1 };
  }

  /** The agent is as its report says it; `facts` are empty. */
  async report(request: ReportRequest, options: CallOptions = {}): Promise<Agent> {
    const what = `reporting agent ${request.name ?? request.mailbox ?? ""}`;
    await this.dialect(what, "mq9", "msg");
    const said = request.body.length === 0 ? {} : (decodeJson(request.body) as Reply);
    const reply = await this.succeed({
      ...options,
      subject: "AGENT.REPORT",
      body: { ...said, ...referenceFields(request) },
      what,
      kind: "again",
    });
    const lastSeen = Math.floor(Date.now() / 1000);
    return agentOf({ last_seen: lastSeen, ...referenceFields(request), ...reply, report: said });
  }

  async discover(
    request: DiscoverRequest,
    options: CallOptions = {},
  ): Promise<RemoteDiscoverResult> {
    const what = "looking for agents";
    await this.dialect(what, "mq9", "msg");
    const { text, semantic, skill, tags, name, states, includePublic, limit, page } = request;
    const reply = await this.succeed({
      ...options,
      subject: "AGENT.DISCOVER",
      body: {
        text,
        semantic,
        skill,
        tags,
        name,
        state: states,
        include_public: includePublic === true ? true : undefined,
        explain: text === undefined && semantic === undefined ? undefined : true,
        limit,
        page,
      },
      what,
      kind: "read",
    });
    const items = rowsIn(reply, "agents");
    return {
      agents: items.map(foundOf),
      items,
      total: numberIn(reply, "total") ?? items.length,
      mode: reply["mode"] === "hybrid" ? "hybrid" : "lexical",
      note: textIn(reply, "note"),
      more: reply["more"] === true,
    };
  }

  watch(sink: AgentSink): AgentWatch {
    const waiting: RemoteAgentEvent[] = [];
    let isFull = false;
    let isOver = false;
    const pump = (): void => {
      isFull = false;
      while (waiting.length > 0 && !isFull && !isOver) {
        const { event, replayed } = waiting.shift() as RemoteAgentEvent;
        if (!sink.deliver(event, replayed)) {
          isFull = true;
          sink.onceWritable(pump);
        }
      }
    };
    const end = this.watchItems(
      (event) => {
        waiting.push(event);
        if (!isFull) pump();
      },
      () => {
        isOver = true;
      },
    );
    return {
      end: () => {
        isOver = true;
        end();
      },
    };
  }

  /** As `watch`. After a reconnect who is there is told anew, up to the next `listed`. */
  watchItems(
    onEvent: (event: RemoteAgentEvent) => void,
    onEnd: (error: Mq9Error | undefined) => void,
  ): () => void {
    let stop: (() => void) | undefined;
    let isOver = false;
    const end = (error?: Mq9Error): void => {
      if (isOver) return;
      isOver = true;
      onEnd(error);
    };
    const begin = async (): Promise<void> => {
      await this.dialect("watching agents", "mq9");
      if (isOver) return;
      const subscription = this.link.subscribe(`${spacePrefix}AGENT.WATCH`, (error, message) => {
        if (error === null) {
          const event = eventOf(decodeJson(message.data) as Reply);
          if (event !== undefined) onEvent(event);
          return;
        }
        end(
          new Mq9Error("forbidden", `watching agents was refused: ${error.message}`, {
            cause: error,
          }),
        );
      });
      stop = () => subscription.unsubscribe();
      void subscription.closed.then(() => end());
    };
    begin().catch((error: unknown) => end(error as Mq9Error));
    return () => {
      isOver = true;
      stop?.();
    };
  }
}

function referenceFields({ name, mailbox }: AgentReference): Reply {
  return name === undefined ? { mailbox } : { name };
}

function foundOf(item: Reply): FoundAgent {
  const why = item["why"];
  const agent = agentOf(item);
  const score = numberIn(item, "score");
  if (typeof why !== "object" || why === null || Array.isArray(why)) {
    return { agent, score, why: undefined };
  }
  const fields = why as Reply;
  const words = fields["words"];
  return {
    agent,
    score,
    why: {
      words:
        typeof words === "object" && words !== null
          ? (Object.fromEntries(
              Object.keys(words).map((word) => [word, textsIn(words as Reply, word)]),
            ) as Record<string, never[]>)
          : {},
      lexicalRank: numberIn(fields, "lexical_rank"),
      lexicalScore: numberIn(fields, "lexical_score"),
      vectorRank: numberIn(fields, "vector_rank"),
      similarity: numberIn(fields, "similarity"),
    },
  };
}

const kinds: ReadonlySet<string> = new Set([
  "registered",
  "updated",
  "unregistered",
  "active",
  "stale",
  "gone",
] satisfies AgentEventKind[]);

function eventOf(body: Reply): RemoteAgentEvent | undefined {
  const kind = textIn(body, "event") ?? "";
  const replayed = body["replayed"] === true;
  if (kind === "listed") {
    return { event: { kind, agents: numberIn(body, "agents") ?? 0 }, item: undefined, replayed };
  }
  if (kind === "dropped") {
    return { event: { kind, events: numberIn(body, "events") ?? 0 }, item: undefined, replayed };
  }
  if (!kinds.has(kind)) return undefined;
  const agent = body["agent"];
  const item = typeof agent === "object" && agent !== null ? (agent as Reply) : body;
  return { event: { kind: kind as AgentEventKind, agent: agentOf(item) }, item, replayed };
}
