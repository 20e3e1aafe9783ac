// The mailbox domain.
export type { SendCompletion, SendDetail } from "./commands/send.ts";
export type { MailboxDeps } from "./engine.ts";
export { AccountMailboxes, Mailboxes, type StoredTotals } from "./mailboxes.ts";
export { type CommitObserver, Histogram, MailMeters } from "./meters.ts";
export { defaultMailboxOptions, type MailboxOptions } from "./options.ts";
export { Turns } from "./turns.ts";
