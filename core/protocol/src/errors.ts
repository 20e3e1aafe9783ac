// The closed list of what can go wrong with a mailbox operation, and the words each carries on the
// wire. Dialects choose the form of a reply; the codes, texts and numbers are decided here. Codes that
// only a client gives, since they are about its connection, stand beside them and have no number.

/** What a broker answers as `reason`. */
export type WireErrorCode =
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

/**
 * What a client says by itself. `unreachable`: nothing left this process. `timeout`: a read had no answer
 * in time. `outcome_unknown`: a change was sent and no answer came. `remote`: the other side of a
 * request answered with a failure.
 */
export type ClientErrorCode =
  | "unreachable"
  | "timeout"
  | "outcome_unknown"
  | "aborted"
  | "closed"
  | "unsupported"
  | "invalid_data"
  | "not_leased"
  | "remote";

export type Mq9ErrorCode = WireErrorCode | ClientErrorCode;

/** One row per error: the number dialects send as `code`, and whether the same call may work later. */
const errorTable: Readonly<Record<WireErrorCode, { status: number; retriable: boolean }>> = {
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

/** Whether the same call may work later, of the codes without a number. */
const retriableByClient: Readonly<Record<ClientErrorCode, boolean>> = {
  unreachable: true,
  timeout: true,
  outcome_unknown: false,
  aborted: false,
  closed: false,
  unsupported: false,
  invalid_data: false,
  not_leased: false,
  remote: false,
};

/** Every code of the wire, for tests and documents that must name each of them. */
export const mq9ErrorCodes: readonly WireErrorCode[] = Object.keys(errorTable) as WireErrorCode[];

/** Every code that only a client gives. */
export const clientErrorCodes: readonly ClientErrorCode[] = Object.keys(
  retriableByClient,
) as ClientErrorCode[];

function isWireCode(code: Mq9ErrorCode): code is WireErrorCode {
  return Object.hasOwn(errorTable, code);
}

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

  /** The number that goes on the wire as `code`; undefined = it never comes over the wire. */
  get status(): number | undefined {
    return isWireCode(this.code) ? errorTable[this.code].status : undefined;
  }

  /** The same call may succeed later without being changed. */
  get retriable(): boolean {
    const { code } = this;
    return isWireCode(code) ? errorTable[code].retriable : retriableByClient[code];
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
