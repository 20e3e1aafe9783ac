/// <reference lib="esnext.disposable" preserve="true" />
// What the package offers: connect, and the objects that come from it.
export {
  type AgentState,
  type DeadLetter,
  type MailboxDetail,
  type MailboxInfo,
  Mq9Error,
  type Mq9ErrorCode,
  type PriorityLabel,
  type ReceiptResult,
  type ScheduledMessage,
  type SendResult,
  type TokenRight,
} from "@mq9/protocol";
export {
  type AgentChange,
  type AgentInfo,
  type AgentRegistration,
  Agents,
  type FindOptions,
  type FoundAgents,
  type RegisteredAgent,
  type RegisterOptions,
} from "./agents.ts";
export type { BroadcastOptions, OnBroadcastOptions } from "./broadcast.ts";
export { connect } from "./connect.ts";
export {
  type ConsumeOptions,
  type Consumer,
  type Handler,
  type HandlerContext,
  Reject,
  type Retries,
} from "./consume.ts";
export type { WorkStats } from "./consume-worker.ts";
export { type AnswerOptions, RemoteError } from "./correlation.ts";
export { type DataIssue, InvalidDataError, OutcomeUnknownError } from "./errors.ts";
export { type HeadersInit, MessageHeaders } from "./headers.ts";
export {
  DeadLetters,
  type FetchOptions,
  type From,
  Mailbox,
  type MailboxOptions,
  type MessagesOptions,
  type QueryOptions,
  type SendOptions,
} from "./mailbox.ts";
export { Message, type Settlement } from "./message.ts";
export { type CreateMailboxOptions, Mq9 } from "./mq9.ts";
export type { ConnectOptions } from "./options.ts";
export type { Dialect, ServerFacts } from "./remote/broker.ts";
export type { CallOptions } from "./remote/calls.ts";
export type { IssuedGrant } from "./remote/pull.ts";
export {
  type RemoteAgentEvent,
  RemoteApi,
  type RemoteDiscoverResult,
} from "./remote/remote-api.ts";
export type { Replier, ReplyContext, ReplyOptions } from "./reply.ts";
export { type RequestOptions, RequestTimeoutError } from "./request.ts";
export type { Schema, SchemaInput, SchemaOutput } from "./schema.ts";
export type { StatusEvent } from "./status.ts";
export { type TelemetryApi, useTelemetry } from "./trace.ts";
export type { WebSocketClass } from "./transport/transport.ts";
export type { WorkOptions } from "./work.ts";
