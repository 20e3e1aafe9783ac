// How a message leaves: its subject and bytes in the words of the subscription, and the header lines
// that tell what the subject cannot. Runs once per delivered message, so it only joins strings.
import type { MailMessage } from "@mq9/protocol";
import type { Rendered, View } from "./dialect.ts";
import { channelSubject } from "./inbox/subjects.ts";
import { renderCreated } from "./mailbox/directory.ts";
import { wireSeconds } from "./message-json.ts";
import { spacePrefix } from "./subject-parts.ts";
import { directWords, inboxWords } from "./words.ts";

const inboxPrefix = `${spacePrefix}INBOX.`;
const directPrefix = `${spacePrefix}MAILBOX.`;
const mailboxPrefix = `${spacePrefix}MAILBOX.MSG.`;

/** The literal subject and body of one delivery. Bodies pass unchanged except in `directory` views. */
export function render(view: View, message: MailMessage): Rendered {
  const { mailbox, label, payload } = message;
  switch (view.form) {
    case "inbox":
      return { subject: inboxPrefix + mailbox + suffix(view, inboxWords[label]), payload };
    case "direct":
      return { subject: directPrefix + mailbox + suffix(view, directWords[label]), payload };
    case "mailbox":
      // Early and late clients share this subject: each reads a word it does not know as normal.
      return { subject: mailboxPrefix + mailbox + suffix(view, label), payload };
    case "channel":
      return { subject: channelSubject(mailbox), payload };
    case "directory":
      return renderCreated(message);
  }
}

function suffix(view: View, word: string): string {
  return view.bare ? "" : `.${word}`;
}

/**
 * The broker's own header lines of one delivery, each ended by CRLF, without the `NATS/1.0` line and
 * without the closing empty line. `mq9-ts` is in seconds.
 * @param replayed the message came from the store, not live
 */
export function deliveryHeaders(message: MailMessage, replayed: boolean): string {
  const lines = `mq9-msg-id: ${message.msgId}\r\nmq9-priority: ${message.label}\r\nmq9-mail-id: ${message.mailbox}\r\nmq9-ts: ${wireSeconds(message.createdAtMs)}\r\n`;
  return replayed ? `${lines}mq9-replay: 1\r\n` : lines;
}

/** Header names, in lower case, that only the broker sets; a client's are dropped whatever their case. */
export const reservedHeaders: ReadonlySet<string> = new Set([
  "mq9-msg-id",
  "mq9-priority",
  "mq9-mail-id",
  "mq9-ts",
  "mq9-replay",
]);
