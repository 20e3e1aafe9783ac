// Pulling mail: groups of workers, the leases on what they were handed, and what becomes of mail
// that nobody manages to handle. Shapes only; the rules are the domain's.
import type { MailMessage } from "./mailbox-api.ts";

/** Where a group, or a read without one, begins. */
export type StartPosition =
  /** What is accepted after this call. */
  | { readonly at: "latest" }
  | { readonly at: "earliest" }
  /** The first message accepted at or after this instant. */
  | { readonly at: "time"; readonly ms: number }
  /** This message number; one that is not there means the next higher. */
  | { readonly at: "id"; readonly msgId: number };

/** Whoever holds leases, compared by identity: a connection. What it holds is free when it leaves. */
export type Consumer = object;

export interface FetchRequest {
  readonly mailbox: string;
  /** Members of one group share the work: a message is out with one of them. Undefined = read only, nothing is recorded. */
  readonly group?: string | undefined;
  /** Used when the group is new, when `restart` is set, and without a group. */
  readonly start: StartPosition;
  /** Puts an existing group back to `start`, and forgets what it had acknowledged. */
  readonly restart?: boolean | undefined;
  /** Messages returned at most, from 1 to `fetchMax`. */
  readonly limit: number;
  /** Payload and header bytes returned at most; one message is, however large. Default 1 MiB. */
  readonly bytesMax?: number | undefined;
  /** How long to wait for a first message when there is none, from 0 to `fetchWaitMsMax`. */
  readonly waitMs: number;
  /** How long what is returned stays with this consumer. Default: the broker's ack wait (30 s). */
  readonly leaseMs?: number | undefined;
  /** Whose leases these are. Undefined = nobody's: they end by time or by acknowledgement alone. */
  readonly consumer?: Consumer | undefined;
  /**
   * What this consumer holds already: handed out `again` (what published clients expect of a second
   * fetch), or `kept` by it while it asks for more. Default `again`.
   */
  readonly held?: "again" | "kept" | undefined;
  /**
   * The leases outlive the consumer: they end by time or by acknowledgement alone, for work that is
   * fetched by one process and settled by another. A fetch that waits ends with its consumer all the same.
   */
  readonly detached?: boolean | undefined;
  /**
   * Only look what the group would be handed, at once or after waiting for it: nothing is leased or counted
   * as a delivery, and a group that is not there is not made.
   */
  readonly look?: boolean | undefined;
  /** Deliveries after which a message goes to the dead letters; remembered by the group. Default 20. */
  readonly deliveriesMax?: number | undefined;
  /** Guard against starvation: one of so many messages is the oldest of the lowest rank. 0 = strict priority, the default. */
  readonly fairEvery?: number | undefined;
}

export interface FetchResult {
  /** By priority, then number; what is handed out again comes before what is new in its priority. */
  readonly messages: readonly MailMessage[];
  /** `limit` or `bytesMax` left something out. */
  readonly more: boolean;
}

/**
 * What one acknowledgement settles. `one`: that message. `batch`: it and those before it in the same
 * fetch result. `delivered`: the same as `batch` when the first acknowledgement of the result names
 * its last message, unless the group has acknowledged one by one before: then, and whenever another
 * message is named first, each is acknowledged by itself, which is how the consume loops of
 * published clients work. A message whose handler failed comes again.
 */
export type AckMode = "one" | "batch" | "delivered";

export interface AckRequest {
  readonly mailbox: string;
  readonly group: string;
  readonly msgId: number;
  readonly mode: AckMode;
  /** Settled with it in one commit, each by itself; `mode` is `one` then. Up to `ackMax` numbers in all. */
  readonly alsoMsgIds?: readonly number[] | undefined;
}

export interface NackRequest {
  readonly mailbox: string;
  readonly group: string;
  readonly msgId: number;
  /** When it may be handed out again. Undefined = after the backoff of its delivery count. */
  readonly delayMs?: number | undefined;
  /** It can not be handled by anybody: to the dead letters at once. */
  readonly poison?: boolean | undefined;
  /** It reached nobody: at once for others, and this delivery does not count. */
  readonly unseen?: boolean | undefined;
  /** Kept with a dead letter. */
  readonly reason?: string | undefined;
  /** Refused unless the message is out in its n-th delivery: keeps a late worker from returning what another holds. */
  readonly deliveryCount?: number | undefined;
}

export interface ExtendRequest {
  readonly mailbox: string;
  readonly group: string;
  readonly msgId: number;
  /** The lease ends this long from now. Default: the broker's ack wait. */
  readonly leaseMs?: number | undefined;
  /** As in `NackRequest`. */
  readonly deliveryCount?: number | undefined;
}

/** Why a message lies among the dead letters. */
export interface DeadLetter {
  /** The mailbox it was in. */
  readonly mailbox: string;
  readonly msgId: number;
  /** The group that could not handle it. */
  readonly group: string;
  readonly deliveries: number;
  /** `deliveries` = handed out too often; `poison` = a worker said so. */
  readonly cause: "deliveries" | "poison";
  /** The worker's words. */
  readonly reason: string | undefined;
  readonly atMs: number;
}

/** How one group stands with one message. */
export type GroupMessageState =
  /** Not handed out yet, or handed back. */
  | "waiting"
  | "leased"
  /** Handed back; waits for its time. */
  | "deferred"
  | "acked"
  | "dead_lettered";

export interface ReceiptRequest {
  readonly mailbox: string;
  readonly msgId: number;
}

export interface ReceiptResult {
  /** `expired`: its own end has passed, its bytes are still there. `gone`: deleted, replaced by its key, or swept after its end. */
  readonly state: "stored" | "expired" | "gone";
  /** Some subscriber was handed it. */
  readonly read: boolean;
  readonly groups: readonly {
    readonly group: string;
    readonly state: GroupMessageState;
    readonly deliveryCount: number;
    /** When the lease ends or it may be handed out again; undefined in other states. */
    readonly untilMs: number | undefined;
  }[];
}

/** One pull group as `inspect` shows it. */
export interface GroupInfo {
  readonly group: string;
  readonly leased: number;
  readonly deferred: number;
  /** Handed out at least once and not settled, leased or not. */
  readonly unsettled: number;
  /** Fetches that wait for mail. */
  readonly waiting: number;
  readonly deliveriesMax: number;
}

/** A message that was accepted and is not visible yet. */
export interface ScheduledMessage {
  readonly scheduledId: number;
  readonly visibleAtMs: number;
  readonly message: MailMessage;
}

/** The longest a fetch waits. */
export const fetchWaitMsMax = 60_000;
/** The most messages one fetch returns. */
export const fetchMax = 1000;
/** The most messages one acknowledgement settles by their numbers. */
export const ackMax = 1000;
/** The longest a message waits before it becomes visible, or visible again: 30 days. */
export const delayMsMax = 2_592_000_000;
/** Characters of the reason a worker may give for handing a message back. */
export const reasonLengthMax = 1024;
/** Shortest and longest lease. */
export const leaseMsMin = 1_000;
export const leaseMsMax = 43_200_000;
/** What the mailbox of dead letters is called after its origin. */
export const deadLetterSuffix = ".dlq";
