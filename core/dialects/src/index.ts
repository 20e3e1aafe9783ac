// Every published generation of the mq9 protocol as pure translations between its subjects and JSON
// and the operations of MailboxApi.

export { publicAgent } from "./agent/public.ts";
export { renderAgentEvent } from "./agent/watch.ts";
export type {
  Caller,
  Command,
  DialectOptions,
  Exchange,
  FetchOperation,
  Generation,
  GrantOperation,
  HandedOut,
  Operation,
  OtherMailReading,
  OtherReading,
  PublishTarget,
  Rendered,
  SubscribeTarget,
  View,
} from "./dialect.ts";
export { directoryBody, renderExpired } from "./mailbox/directory.ts";
export { envelope, needsEnvelope } from "./mailbox/envelope.ts";
export { tokenMax } from "./msg/grants.ts";
export { passedHeaders, readSendHeaders, type SendHeaders, tokenOf } from "./msg/send-headers.ts";
export { settleTail } from "./msg/subjects.ts";
export { defaultDialectOptions } from "./options.ts";
export { deliveryHeaders, liveHeaders, render } from "./render.ts";
export { errorReply, sendReply, unrecognizedReply } from "./replies.ts";
export { openRequest, openSettlement, withIgnored } from "./requests.ts";
export { spacePrefix } from "./subject-parts.ts";
export { parsePublish, parseSubscribe, revealedGeneration } from "./subjects.ts";
