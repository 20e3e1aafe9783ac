// Mailbox names: the one grammar that every generation's ids pass, and the names that nobody may take.
import { Mq9Error } from "./errors.ts";
import { deadLetterSuffix } from "./pull.ts";

/** Longest name in characters. */
export const mailboxNameMax = 128;

/** The directory of an account: one message per public mailbox, kept by the broker. */
export const directoryName = "$SYSTEM.PUBLIC";

/** The registered agents of an account: one message per agent, kept by the broker. */
export const registryName = "$SYSTEM.AGENTS";

/** Whether only the broker makes, writes and ends the mailbox of that name. */
export function isKeptName(name: string): boolean {
  return name === directoryName || name === registryName;
}

/** Operation words of the subject grammar; a mailbox of that name could not be addressed as `MAILBOX.<id>.<priority>`. */
const operationWords = new Set([
  "CREATE",
  "QUERY",
  "MSG",
  "LIST",
  "DELETE",
  "INFO",
  "RENEW",
  "DROP",
  "GRANT",
  "GRANTS",
  "REVOKE",
  "OPEN",
]);

/**
 * Whether the text can name a mailbox: 1 to 128 of `A-Z a-z 0-9 . _ @ -`, no empty dot-separated part.
 * The dead letters of a mailbox with the longest name may be named too.
 */
export function isMailboxName(text: string): boolean {
  const most = text.endsWith(deadLetterSuffix)
    ? mailboxNameMax + deadLetterSuffix.length
    : mailboxNameMax;
  if (text.length === 0 || text.length > most) return false;
  let previousDot = true;
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (c === 0x2e) {
      if (previousDot) return false;
      previousDot = true;
      continue;
    }
    previousDot = false;
    const letter = (c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a;
    const digit = c >= 0x30 && c <= 0x39;
    if (!letter && !digit && c !== 0x5f && c !== 0x40 && c !== 0x2d) return false;
  }
  return !previousDot;
}

/** @throws {Mq9Error} `invalid` with what a name may hold; `forbidden` for a reserved name. */
export function assertCreatableName(text: string): void {
  if (isKeptName(text)) {
    throw new Mq9Error(
      "forbidden",
      `mailbox '${text}' is reserved and cannot be created by clients`,
    );
  }
  if (!isMailboxName(text) || text.length > mailboxNameMax) {
    throw new Mq9Error(
      "invalid",
      "invalid mail_address: a mailbox name is 1 to 128 letters, digits, '-', '_', '@' and '.', with no empty part between dots",
    );
  }
  if (operationWords.has(text)) {
    throw new Mq9Error("invalid", `invalid mail_address: '${text}' is a word of the protocol`);
  }
}
