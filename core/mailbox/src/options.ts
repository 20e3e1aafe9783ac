// Limits and times of the domain. Every queue, page and wait here is bounded by one of these.
import { delayMsMax, ttlSecondsMax } from "@mq9/protocol";

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
  /** Groups of one mailbox, those that pull and those that are pushed to together. */
  readonly groupsMax: number;
  /** A group of pullers that nobody used for so long makes room for a new one when there are too many. */
  readonly groupIdleMs: number;
  /** How long a fetched message stays with its consumer unless the fetch says otherwise. */
  readonly leaseMs: number;
  /** Messages of one group that were handed out and are not settled. */
  readonly unsettledMax: number;
  /** Deliveries after which a message goes to the dead letters unless the group says otherwise. */
  readonly deliveriesMax: number;
  /** Dead letters are kept at least so long. */
  readonly deadLetterMs: number;
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
  /** Messages and bytes of one mailbox, scheduled ones included; 0 = no limit. */
  readonly mailboxMessagesMax: number;
  readonly mailboxBytesMax: number;
  /** Mailboxes, messages and bytes of one account; 0 = no limit. */
  readonly accountMailboxesMax: number;
  readonly accountMessagesMax: number;
  readonly accountBytesMax: number;
  /** How long the id of a send is remembered. */
  readonly dedupWindowMs: number;
  /** Longest delay of a message. */
  readonly delayMsMax: number;
  /** Messages that one filtered query looks at. */
  readonly queryScanMax: number;
  /** Registered agents of one account. */
  readonly agentsMax: number;
  /** Bytes of one registration and of one report. */
  readonly agentBytesMax: number;
  readonly reportBytesMax: number;
  /** Silence after which an agent that reported once is stale, and after which it is gone. */
  readonly staleAfterMs: number;
  readonly goneAfterMs: number;
  /** Longest time a report is only in memory. */
  readonly reportDelayMs: number;
  /** Watchers of one registry. */
  readonly watchersMax: number;
}

/** The options that can change while mailboxes are in use. */
export type ChangingOptions = Pick<
  MailboxOptions,
  | "activeMax"
  | "payloadBytesMax"
  | "mailboxMessagesMax"
  | "mailboxBytesMax"
  | "accountMailboxesMax"
  | "accountMessagesMax"
  | "accountBytesMax"
  | "dedupWindowMs"
>;

export const defaultMailboxOptions: MailboxOptions = {
  activeMax: 100_000, // about 1 KB each
  commitOperationsMax: 512, // small enough that replies and new sends overlap with the next commit
  commitBytesMax: 1_048_576,
  pageMessages: 512,
  pageBytes: 262_144,
  payloadBytesMax: 1_048_576, // as nats-server's max_payload
  headersBytesMax: 16_384,
  groupsMax: 64,
  groupIdleMs: 604_800_000, // a week
  leaseMs: 30_000,
  unsettledMax: 10_000,
  deliveriesMax: 20,
  deadLetterMs: 604_800_000, // a week
  feedsMax: 256,
  globMailboxesMax: 10_000,
  ttlSecondsMax,
  graceMs: 600_000,
  nameMemoryMs: 2_592_000_000, // 30 days
  positionDelayMs: 200,
  mailboxMessagesMax: 100_000,
  mailboxBytesMax: 268_435_456,
  accountMailboxesMax: 100_000,
  accountMessagesMax: 5_000_000,
  accountBytesMax: 10_737_418_240,
  dedupWindowMs: 600_000,
  delayMsMax,
  queryScanMax: 10_000,
  agentsMax: 10_000,
  agentBytesMax: 65_536, // a card with dozens of skills is a few KiB
  reportBytesMax: 16_384,
  staleAfterMs: 90_000, // three of the reports that published agents send every 30 s
  goneAfterMs: 86_400_000, // a day
  reportDelayMs: 60_000,
  watchersMax: 256,
};
