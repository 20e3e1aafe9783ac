// The registry's requests as exchanges. Who asks is known to the broker alone: it adds `by`.
import type {
  Agent,
  AgentReference,
  DiscoverRequest,
  DiscoverResult,
  RegisterRequest,
  RegisterResult,
  ReportRequest,
  UnregisterResult,
} from "@mq9/protocol";

/** The registry's verbs on the wire, in lower case. */
export type AgentVerb = "register" | "unregister" | "report" | "discover";

/** A decoded request of the registry and how its result is told. */
interface AgentStep<Op extends AgentVerb, Request, Result> {
  readonly op: Op;
  readonly operation: Request;
  readonly succeed: (result: Result) => Uint8Array;
}

export type AgentExchange =
  | AgentStep<"register", RegisterRequest, RegisterResult>
  | AgentStep<"unregister", AgentReference, UnregisterResult>
  | AgentStep<"report", ReportRequest, Agent>
  | AgentStep<"discover", DiscoverRequest, DiscoverResult>;
