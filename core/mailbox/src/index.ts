// The mailbox domain.
export type { SendCompletion, SendDetail } from "./commands/send.ts";
export type { MailboxDeps } from "./engine.ts";
export { AccountMailboxes, Mailboxes } from "./mailboxes.ts";
export { defaultMailboxOptions, type MailboxOptions } from "./options.ts";
