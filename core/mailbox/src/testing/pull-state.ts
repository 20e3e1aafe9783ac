// What the model of pulling remembers, and what it is asked: shapes alone. The rules are the model's.
import type { Rank } from "@mq9/protocol";

export interface PullMessage {
  id: number;
  readonly rank: Rank;
  readonly text: string;
  readonly key: string | undefined;
  readonly tags: readonly string[];
  createdAtMs: number;
  readonly expiresAtMs: number;
  /** Where a dead letter came from. */
  readonly dead?: { readonly group: string; readonly id: number };
}

export interface Scheduled extends PullMessage {
  readonly visibleAtMs: number;
}

/** How a group stands with a message. Without an entry it waits, unless it lies before the beginning. */
export interface Entry {
  readonly id: number;
  readonly rank: Rank;
  state: "waiting" | "leased" | "deferred" | "acked" | "dead_lettered";
  count: number;
  untilMs: number;
  consumer: string | undefined;
  /** The latest result it was part of. */
  result: FetchOutcome | undefined;
  /** Handed back by a command that was answered: a crash does not change when it comes again. */
  pinned: boolean;
}

export interface FetchOutcome {
  readonly ids: readonly number[];
  meant: "one" | "batch" | undefined;
}

export interface PullGroupModel {
  readonly name: string;
  max: number;
  begin: readonly number[];
  entries: Entry[];
  /** Somebody acknowledged any but the last of a result first. */
  oneByOne: boolean;
}

export interface Waiter extends FetchOrder {
  readonly wait: number;
  readonly endsAtMs: number;
  readonly begin: readonly number[];
}

export interface Box {
  readonly name: string;
  readonly latest: boolean;
  readonly createdAtMs: number;
  expiresAtMs: number;
  nextId: number;
  messages: PullMessage[];
  /** Its numbers are those of the scheduled messages. */
  scheduled: Scheduled[];
  sends: { name: string; digest: string; reply: string; atMs: number }[];
  groups: PullGroupModel[];
  sweepsAtMs: number[];
}

export interface PullState {
  nowMs: number;
  boxes: Box[];
  waiters: Waiter[];
  /** A crash may have brought back that a message was out which is gone by now. */
  crashed: boolean;
}

export interface PullLimits {
  readonly mailboxMessagesMax: number;
  readonly mailboxBytesMax: number;
  readonly accountMessagesMax: number;
  readonly accountMailboxesMax: number;
  readonly deliveriesMax: number;
}

export interface SendOrder {
  readonly mailbox: string;
  readonly rank: Rank;
  readonly text: string;
  readonly key: string | undefined;
  readonly tags: readonly string[];
  readonly ttlSeconds: number | undefined;
  readonly delayMs: number | undefined;
  readonly dedupId: string | undefined;
}

export interface FetchOrder {
  readonly mailbox: string;
  readonly group: string | undefined;
  readonly from: "earliest" | "latest" | number | { readonly ms: number };
  readonly restart: boolean;
  readonly limit: number;
  readonly waitMs: number;
  readonly leaseMs: number;
  readonly consumer: string | undefined;
  readonly kept: boolean;
  /** What it is handed outlives its consumer. */
  readonly detached: boolean;
  readonly max: number | undefined;
}

export interface QueryOrder {
  readonly mailbox: string;
  readonly limit: number;
  readonly key: string | undefined;
  readonly tags: readonly string[] | undefined;
  readonly any: boolean;
  readonly sinceMs: number | undefined;
  readonly newest: boolean;
  readonly beforeId: number | undefined;
}
