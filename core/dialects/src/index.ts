// Every published generation of the mq9 protocol as pure translations between its subjects and JSON
// and the operations of MailboxApi.
export type {
  Caller,
  Command,
  DialectOptions,
  Exchange,
  Generation,
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
export { defaultDialectOptions } from "./options.ts";
export { deliveryHeaders, render, reservedHeaders } from "./render.ts";
export { errorReply, sendReply, unrecognizedReply } from "./replies.ts";
export { openRequest } from "./requests.ts";
export { parsePublish, parseSubscribe, revealedGeneration } from "./subjects.ts";
