// The one table of what the wire understands: every subject of every generation, with the fields of
// its body, of its reply, and its errors. Data only, for documents, help, schemas and tests; nothing on
// the way of a message reads it. Translation itself lives in the dialects, and tests hold both together.
import { agentCommands } from "./commands/agents.ts";
import { mailboxCommands } from "./commands/mailboxes.ts";
import { messageCommands } from "./commands/messages.ts";
import { publishCommands } from "./commands/publishes.ts";
import type { CommandEntry } from "./commands/shape.ts";
import { subscribeCommands } from "./commands/subscriptions.ts";

export { deliveryHeaders, sendHeaders } from "./commands/headers.ts";
export type {
  CommandEntry,
  CommandField,
  CommandGeneration,
  CommandHeader,
  CommandRight,
} from "./commands/shape.ts";

/** What every subject of the table begins with. */
export const commandPrefix = "$mq9.AI.";

/** Requests first, then what is published, then what is subscribed to. */
export const commands: readonly CommandEntry[] = [
  ...mailboxCommands,
  ...messageCommands,
  ...agentCommands,
  ...publishCommands,
  ...subscribeCommands,
];

/**
 * Errors that any request may be answered with, beside its own: the broker's disk failed, it is about to stop,
 * or the body is not the JSON object it must be.
 */
export const commonErrors = [
  "invalid",
  "too_large",
  "storage_failed",
  "unknown",
  "draining",
] as const;
