// The mailbox domain.
export {
  type Allowed,
  allowed,
  can,
  everyVerb,
  type Grant,
  type Guard,
  type Judgement,
  type Principal,
  type Standing,
  seeing,
  type Verbs,
  verbs,
} from "./access.ts";
export type { SendCompletion, SendDetail } from "./commands/send.ts";
export type { MailboxDeps } from "./engine.ts";
export { AccountMailboxes, Mailboxes, type StoredTotals } from "./mailboxes.ts";
export { type CommitObserver, Histogram, MailMeters } from "./meters.ts";
export { type ChangingOptions, defaultMailboxOptions, type MailboxOptions } from "./options.ts";
export { Turns } from "./turns.ts";
