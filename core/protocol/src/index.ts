// The mq9 vocabulary. Everything above this package speaks in these terms.
export {
  Mq9Error,
  type Mq9ErrorCode,
  mailboxExists,
  mailboxExpired,
  mailboxNotFound,
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
export {
  assertCreatableName,
  directoryName,
  isMailboxName,
  mailboxNameMax,
} from "./mailbox-name.ts";
export {
  allRanks,
  maskOf,
  type PriorityLabel,
  parsePriorityLabel,
  priorityLabels,
  type Rank,
  type RankMask,
  rankOf,
  ranks,
} from "./priority.ts";
