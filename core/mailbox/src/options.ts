// Limits and times of the domain. Every queue, page and wait here is bounded by one of these.

export interface MailboxOptions {
  /** Mailboxes kept in memory while nobody uses them; others are read again when needed. */
  readonly activeMax: number;
  /** Changes and bytes of one commit. */
  readonly commitOperationsMax: number;
  readonly commitBytesMax: number;
  /** One page of a replay. */
  readonly pageMessages: number;
  readonly pageBytes: number;
  /** Payload of one message. */
  readonly payloadBytesMax: number;
  /** Header block of one message. */
  readonly headersBytesMax: number;
  /** Push groups of one mailbox. */
  readonly groupsMax: number;
  /** Plain subscriptions of one mailbox. */
  readonly feedsMax: number;
  /** Mailboxes one glob subscription follows. */
  readonly globMailboxesMax: number;
  /** Longest life of a mailbox or a message. */
  readonly ttlSecondsMax: number;
  /** Expired bytes stay on disk this long, so that a clock fault can be undone. */
  readonly graceMs: number;
  /** A named mailbox that ended keeps its message numbers this long, so that none is used twice. */
  readonly nameMemoryMs: number;
  /** Longest time a position is only in memory. */
  readonly positionDelayMs: number;
}

export const defaultMailboxOptions: MailboxOptions = {
  activeMax: 100_000, // about 1 KB each
  commitOperationsMax: 512, // small enough that replies and new sends overlap with the next commit
  commitBytesMax: 1_048_576,
  pageMessages: 512,
  pageBytes: 262_144,
  payloadBytesMax: 1_048_576, // as nats-server's max_payload
  headersBytesMax: 16_384,
  groupsMax: 64,
  feedsMax: 256,
  globMailboxesMax: 10_000,
  ttlSecondsMax: 31_536_000, // one year
  graceMs: 600_000,
  nameMemoryMs: 2_592_000_000, // 30 days
  positionDelayMs: 200,
};
