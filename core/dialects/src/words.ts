// The priority words of each vocabulary: what the sender's word becomes for a reader who does not
// know it: the nearest that the reader does.
import type { MailMessage, PriorityLabel } from "@mq9/protocol";

type Words = Readonly<Record<PriorityLabel, PriorityLabel>>;

/** Generation 0: urgent, normal, notify. */
export const inboxWords: Words = {
  critical: "urgent",
  urgent: "urgent",
  high: "urgent",
  normal: "normal",
  low: "notify",
  notify: "notify",
};

/** `MAILBOX.<id>.<p>` and the first clients of generation 1: high, normal, low. */
export const directWords: Words = {
  critical: "high",
  urgent: "high",
  high: "high",
  normal: "normal",
  low: "low",
  notify: "low",
};

/** The later clients of generation 1, and all of generation 2: critical, urgent, normal. */
export const mailboxWords: Words = {
  critical: "critical",
  urgent: "urgent",
  high: "urgent",
  normal: "normal",
  low: "normal",
  notify: "normal",
};

/**
 * The words for a list whose reader cannot be told apart: those of the mailbox's own senders, since
 * a client that refuses a word it does not know would lose the whole list.
 */
export function listWords(messages: readonly MailMessage[]): Words {
  const labels = new Set(messages.map((message) => message.label));
  const early = labels.has("high") || labels.has("low");
  return early && !labels.has("critical") && !labels.has("urgent") ? directWords : mailboxWords;
}
