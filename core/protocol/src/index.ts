// The mq9 vocabulary. Everything above this package speaks in these terms.
export {
  mailboxExists,
  mailboxExpired,
  mailboxNotFound,
  Mq9Error,
  type Mq9ErrorCode,
  mq9ErrorCodes,
} from "./errors.ts";
export {
  type CreateRequest,
  type CreateResult,
  type ListRequest,
  type MailboxApi,
  type MailboxInfo,
  type MailboxKind,
  type MailMessage,
  type MailSink,
  type MailSubscription,
  type NameStyle,
  neverMs,
  type QueryRequest,
  type QueryResult,
  type RemoveRequest,
  type SendRequest,
  type SendResult,
  type SubscribeRequest,
} from "./mailbox-api.ts";
export { assertCreatableName, directoryName, isMailboxName, mailboxNameMax } from "./mailbox-name.ts";
export {
  allRanks,
  maskOf,
  parsePriorityLabel,
  type PriorityLabel,
  priorityLabels,
  type Rank,
  type RankMask,
  rankOf,
  ranks,
} from "./priority.ts";
