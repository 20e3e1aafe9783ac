// How a message leaves: its subject and bytes in the words of the subscription, and the header lines
// that tell what the subject cannot. Runs once per delivered message, so it only joins strings.
import type { DeadLetter, MailMessage } from "@mq9/protocol";
import type { Rendered, View } from "./dialect.ts";
import { channelSubject } from "./inbox/subjects.ts";
import { renderCreated } from "./mailbox/directory.ts";
import { wireSeconds } from "./message-json.ts";
import { isShown } from "./msg/item.ts";
import { spacePrefix } from "./subject-parts.ts";
import { directWords, inboxWords } from "./words.ts";

const inboxPrefix = `${spacePrefix}INBOX.`;
const directPrefix = `${spacePrefix}MAILBOX.`;
const pushPrefix = `${spacePrefix}MSG.PUSH.`;
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
    case "push":
      return { subject: pushPrefix + mailbox, payload };
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
  let lines = `mq9-msg-id: ${message.msgId}\r\nmq9-priority: ${message.label}\r\nmq9-mail-id: ${message.mailbox}\r\nmq9-ts: ${wireSeconds(message.createdAtMs)}\r\n`;
  const { key, tags, from, deliveryCount, dead } = message;
  if (isShown(key)) lines += line("mq9-key", key);
  if (tags !== undefined) lines += line("mq9-tags", tags.join(","));
  if (from !== undefined) lines += line("mq9-from", from);
  if (deliveryCount !== undefined) lines += `mq9-delivery-count: ${deliveryCount}\r\n`;
  if (dead !== undefined) lines += deadLetterLines(dead);
  return replayed ? `${lines}mq9-replay: 1\r\n` : lines;
}

/** The broker's own header lines of what is passed on and not kept; "" = there are none. */
export function liveHeaders(from: string | undefined): string {
  return from === undefined ? "" : line("mq9-from", from);
}

function deadLetterLines(dead: DeadLetter): string {
  return [
    line("mq9-dead-mailbox", dead.mailbox),
    line("mq9-dead-msg-id", String(dead.msgId)),
    line("mq9-dead-group", dead.group),
    line("mq9-dead-cause", dead.cause),
    line("mq9-dead-deliveries", String(dead.deliveries)),
    dead.reason === undefined ? "" : line("mq9-dead-reason", dead.reason),
  ].join("");
}

/** What others wrote must not end the line: every control character becomes a blank. */
function line(name: string, value: string): string {
  return `${name}: ${value.replace(/\p{Cc}/gu, " ")}\r\n`;
}
