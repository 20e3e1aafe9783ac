// The closed list of what can go wrong with a mailbox operation, and the words each carries on the
// wire. Dialects choose the form of a reply; the codes, texts and numbers are decided here.

export type Mq9ErrorCode =
  | "invalid"
  | "forbidden"
  | "not_found"
  | "message_not_found"
  | "not_delivered"
  | "exists"
  | "dedup_conflict"
  | "expired"
  | "too_large"
  | "quota_exceeded"
  | "storage_failed"
  | "unknown"
  | "draining"
  | "insufficient_storage";

/** One row per error: the number dialects send as `code`, and whether the same call may work later. */
const errorTable: Readonly<Record<Mq9ErrorCode, { status: number; retriable: boolean }>> = {
  invalid: { status: 400, retriable: false },
  forbidden: { status: 403, retriable: false },
  not_found: { status: 404, retriable: false },
  message_not_found: { status: 404, retriable: false },
  not_delivered: { status: 404, retriable: false },
  exists: { status: 409, retriable: false },
  dedup_conflict: { status: 409, retriable: false },
  expired: { status: 410, retriable: false },
  too_large: { status: 413, retriable: false },
  quota_exceeded: { status: 429, retriable: true },
  storage_failed: { status: 500, retriable: true },
  unknown: { status: 500, retriable: true },
  draining: { status: 503, retriable: true },
  insufficient_storage: { status: 507, retriable: true },
};

/** Every code, for tests and documents that must name each of them. */
export const mq9ErrorCodes: readonly Mq9ErrorCode[] = Object.keys(errorTable) as Mq9ErrorCode[];

/**
 * A mailbox operation that did not happen, or (`unknown`) may or may not have happened.
 * `message` is the sentence for the reader; it names what was wrong and, where it can, what to do.
 */
export class Mq9Error extends Error {
  readonly code: Mq9ErrorCode;

  constructor(code: Mq9ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "Mq9Error";
    this.code = code;
  }

  /** The number that goes on the wire as `code`. */
  get status(): number {
    return errorTable[this.code].status;
  }

  /** The same call may succeed later without being changed. */
  get retriable(): boolean {
    return errorTable[this.code].retriable;
  }
}

/** `mailbox x does not exist`: the sentence published clients and their tests look for. */
export function mailboxNotFound(name: string): Mq9Error {
  return new Mq9Error("not_found", `mailbox ${name} does not exist`);
}

export function mailboxExpired(name: string): Mq9Error {
  return new Mq9Error("expired", `mailbox ${name} does not exist: its time to live has ended`);
}

export function mailboxExists(name: string): Mq9Error {
  return new Mq9Error("exists", `mailbox ${name} already exists`);
}
