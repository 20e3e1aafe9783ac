// How much one mailbox and one account may hold. At a limit new work is refused; nothing accepted is
// ever taken away to make room.
import { Mq9Error } from "@mq9/protocol";
import type { Engine } from "./engine.ts";
import type { MailboxOptions } from "./options.ts";
import type { Slot, StoredPlace } from "./slot.ts";

/** The limits of the options, with infinity for none. */
export interface Quotas {
  readonly mailboxMessages: number;
  readonly mailboxBytes: number;
  readonly accountMailboxes: number;
  readonly accountMessages: number;
  readonly accountBytes: number;
}

export function quotasOf(options: MailboxOptions): Quotas {
  return {
    mailboxMessages: limit(options.mailboxMessagesMax),
    mailboxBytes: limit(options.mailboxBytesMax),
    accountMailboxes: limit(options.accountMailboxesMax),
    accountMessages: limit(options.accountMessagesMax),
    accountBytes: limit(options.accountBytesMax),
  };
}

function limit(option: number): number {
  return option === 0 ? Number.POSITIVE_INFINITY : option;
}

/**
 * Why one more message does not fit.
 * @param replaced what it takes the place of: only what it adds to that counts
 * @returns undefined when it fits
 */
export function overQuota(
  engine: Engine,
  slot: Slot,
  bytes: number,
  replaced: StoredPlace | undefined,
): Mq9Error | undefined {
  const { quotas } = engine;
  const { tally, totals } = slot;
  if (tally === undefined) return undefined;
  if (replaced === undefined) {
    if (tally.messages + tally.scheduled >= quotas.mailboxMessages) {
      return exceeded(quotas.mailboxMessages, `messages of mailbox ${slot.name}`);
    }
    if (totals !== undefined && totals.messages >= quotas.accountMessages) {
      return exceeded(quotas.accountMessages, "messages of this account");
    }
  }
  const more = replaced === undefined ? bytes : bytes - replaced.bytes;
  if (more <= 0) return undefined;
  if (tally.bytes + tally.scheduledBytes + more > quotas.mailboxBytes) {
    return exceeded(quotas.mailboxBytes, `bytes of mailbox ${slot.name}`);
  }
  if (totals !== undefined && totals.bytes + more > quotas.accountBytes) {
    return exceeded(quotas.accountBytes, "bytes of this account");
  }
  return undefined;
}

/** @throws {Mq9Error} `quota_exceeded` when the account of a new mailbox has no room for it */
export function assertMailboxQuota(engine: Engine, slot: Slot): void {
  const { totals, tally, record } = slot;
  if (totals === undefined) return;
  // A mailbox that ended a moment ago may still be counted; the new one takes its place.
  const ended = record !== undefined && !record.dropped && tally?.inAccount === true ? 1 : 0;
  if (totals.mailboxes - ended >= engine.quotas.accountMailboxes) {
    throw exceeded(engine.quotas.accountMailboxes, "mailboxes of this account");
  }
}

function exceeded(most: number, what: string): Mq9Error {
  return new Mq9Error("quota_exceeded", `the limit of ${most} ${what} is reached`);
}
