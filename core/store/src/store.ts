// The store port. An engine keeps records and answers ranges; it decides nothing about order of
// delivery, visibility or expiry. Engines pass the exam in ./testing/contract.ts.
import type { DeadLetter, MailboxKind, PriorityLabel, Rank } from "@mq9/protocol";

/**
 * One life of a mailbox name. `number` is never used twice, so whatever is left on disk of an
 * earlier life can not be reached under the new one.
 */
export interface MailboxRecord {
  /** `<account>/<name>`; an account or a name never holds a slash. */
  readonly key: string;
  /** Unsigned, below 2^48, unique for ever. */
  readonly number: number;
  readonly kind: MailboxKind;
  readonly public: boolean;
  readonly desc: string | undefined;
  readonly ttlSeconds: number;
  readonly createdAtMs: number;
  /** `neverMs` = never. */
  readonly expiresAtMs: number;
  /** The mailbox was dropped on purpose: the record stays only to keep `nextSeq` for the name. */
  readonly dropped: boolean;
  /** SHA-256; undefined = no token. */
  readonly tokenDigest: Uint8Array | undefined;
  /** No message of this or an earlier life has a number at or above this, unless it is still stored. */
  readonly nextSeq: number;
  /** The number under which its delayed messages lie; undefined = it never had one. */
  readonly scheduleNumber?: number | undefined;
  /** The numbers under which the ids of recent sends lie; undefined = it never had one. */
  readonly dedup?: DedupNumbers | undefined;
  /** The user that created it; undefined = nobody was signed in. At most 65,535 bytes. */
  readonly owner?: string | undefined;
}

/** Ids go into `current`; when that is older than the window it becomes `earlier`, and the one before is garbage. */
export interface DedupNumbers {
  readonly current: number;
  readonly sinceMs: number;
  readonly earlier: number | undefined;
}

/** A message as stored. What an engine returns keeps its bytes for as long as the caller holds it. */
export interface MessageRecord {
  /** Its number in the mailbox. */
  readonly seq: number;
  readonly rank: Rank;
  readonly label: PriorityLabel;
  readonly createdAtMs: number;
  /** `neverMs` = never. */
  readonly expiresAtMs: number;
  readonly key: string | undefined;
  readonly headers: Uint8Array | undefined;
  readonly payload: Uint8Array;
  /** At most 16 of at most 64 bytes each. */
  readonly tags?: readonly string[] | undefined;
  /** Who sent it. */
  readonly from?: string | undefined;
  /** When a delayed message becomes visible; only under a mailbox's `scheduleNumber`. */
  readonly visibleAtMs?: number | undefined;
  /** Why it lies among the dead letters. */
  readonly dead?: DeadLetter | undefined;
}

/** Where a keyed message lies. */
export interface MessagePlace {
  readonly rank: Rank;
  readonly seq: number;
}

/** One entry of the due index: look at this mailbox at that instant. */
export interface DueEntry {
  readonly atMs: number;
  readonly mailboxNumber: number;
  readonly mailboxKey: string;
}

/** What `open` found. */
export interface StoreOpening {
  /** No store was there; a new one was made. */
  readonly fresh: boolean;
  /** The next mailbox number to hand out. */
  readonly nextMailboxNumber: number;
  /** The latest clock reading a commit carried; 0 when fresh. */
  readonly clockMs: number;
  /** The previous process ended without `close`. */
  readonly recovered: boolean;
}

/**
 * Changes that become durable together or not at all. Calls are applied in order; the bytes handed
 * over are copied before the call returns.
 */
export interface StoreBatch {
  /** Changes recorded so far. */
  readonly operations: number;
  /** Approximate bytes recorded so far. */
  readonly bytes: number;
  putMailbox(record: MailboxRecord): void;
  removeMailbox(key: string): void;
  putMessage(mailboxNumber: number, message: MessageRecord): void;
  removeMessage(mailboxNumber: number, rank: Rank, seq: number): void;
  /** Remembers where the newest message of a key lies. */
  putKeyPlace(mailboxNumber: number, key: string, place: MessagePlace): void;
  removeKeyPlace(mailboxNumber: number, key: string): void;
  /** A named blob beside a mailbox (the position of a group, what was read). */
  putCursor(mailboxNumber: number, name: string, value: Uint8Array): void;
  removeCursor(mailboxNumber: number, name: string): void;
  putDue(entry: DueEntry): void;
  removeDue(atMs: number, mailboxNumber: number): void;
  /** Everything of this mailbox number (messages, key places, cursors) is garbage from now on. */
  putGarbage(mailboxNumber: number): void;
  /** The next mailbox number to hand out and the clock, stored with every batch that changes them. */
  putCounters(nextMailboxNumber: number, clockMs: number): void;
}

/** Which messages `messages` returns. */
export interface MessageRange {
  readonly rank: Rank;
  /** Only messages with a greater number; -1 = from the first. */
  readonly afterSeq: number;
  /** Only messages with a lower number; undefined = to the last. */
  readonly beforeSeq?: number | undefined;
  /** By descending number instead, from `beforeSeq` down. */
  readonly newestFirst?: boolean | undefined;
  readonly limit: number;
  /** Stop once this many bytes of headers and payload are gathered; at least one is returned. */
  readonly bytesMax: number;
}

/**
 * Durable records of mailboxes. All reads are asynchronous and see exactly the batches whose commit
 * has reached stable storage at some instant between call and answer. Every method rejects with
 * `StoreError`. Not safe to use before `open` resolved or after `close` was called.
 */
export interface Store {
  /** Whether a commit survives the process and the machine. False for the in-memory engine. */
  readonly durable: boolean;
  /** Opens or creates, verifies, and says what it found. @throws `locked`, `format`, `corrupt`, `io`, `full` */
  open(): Promise<StoreOpening>;
  /** Flushes and closes. Idempotent. Batches not committed are lost. */
  close(): Promise<void>;
  batch(): StoreBatch;
  /**
   * Makes a batch durable; resolves after it is on stable storage. The caller keeps at most one
   * commit under way. After a rejection nothing further is accepted until `close` and `open`; the
   * failed batch is then there wholly or not at all. @throws `full`, `io`
   */
  commit(batch: StoreBatch): Promise<void>;
  mailbox(key: string): Promise<MailboxRecord | undefined>;
  /** Records whose key starts with `prefix` and is greater than `afterKey`, by key in byte order. */
  mailboxes(prefix: string, afterKey: string, limit: number): Promise<MailboxRecord[]>;
  /**
   * Messages of one rank by ascending number, or descending. A message that is damaged on disk is left
   * out, and told to whoever runs the engine: the others go on.
   */
  messages(mailboxNumber: number, range: MessageRange): Promise<MessageRecord[]>;
  /** One message, whatever its rank. @throws `corrupt` naming the mailbox when it is damaged */
  message(mailboxNumber: number, seq: number): Promise<MessageRecord | undefined>;
  /** The highest stored number of any rank; -1 = the mailbox is empty. */
  lastSeq(mailboxNumber: number): Promise<number>;
  keyPlace(mailboxNumber: number, key: string): Promise<MessagePlace | undefined>;
  cursors(mailboxNumber: number): Promise<Map<string, Uint8Array>>;
  cursor(mailboxNumber: number, name: string): Promise<Uint8Array | undefined>;
  /** Due entries with `atMs` at or before `untilMs`, earliest first; with limit 1 the next deadline. */
  due(untilMs: number, limit: number): Promise<DueEntry[]>;
  /**
   * Clears a slice of garbage. @returns false when none is left.
   * Need not be durable: what a crash brings back is garbage again.
   */
  clearGarbage(): Promise<boolean>;
  /** Free and total bytes of the disk beneath; undefined where there is none. */
  space(): Promise<{ freeBytes: number; totalBytes: number } | undefined>;
}

/** `locked`: another process. `format`: written by a newer release. `full`: no space. */
export type StoreErrorCode = "locked" | "format" | "corrupt" | "full" | "io" | "closed";

export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "StoreError";
    this.code = code;
  }
}
