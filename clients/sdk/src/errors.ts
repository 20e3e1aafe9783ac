// What goes wrong on this side of the wire, and how the broker's refusals become errors again. Every
// error of the package is an `Mq9Error`; those with more to tell are classes below.
import { Mq9Error, mq9ErrorCodes, type WireErrorCode } from "@mq9/protocol";

/**
 * A change was sent and no answer came: it may have happened or not. The message says what is known
 * and whether calling again is safe.
 */
export class OutcomeUnknownError extends Mq9Error {
  /** Calling again with the same arguments cannot do it twice. */
  readonly repeatable: boolean;
  /** Of a send: give it to the next call, and the message is stored once. */
  readonly dedupId: string | undefined;

  constructor(
    message: string,
    options: { repeatable: boolean; dedupId?: string | undefined; cause?: unknown },
  ) {
    super("outcome_unknown", message, { cause: options.cause });
    this.name = "OutcomeUnknownError";
    this.repeatable = options.repeatable;
    this.dedupId = options.dedupId;
  }

  override get retriable(): boolean {
    return this.repeatable;
  }
}

/** One thing a schema found wrong. */
export interface DataIssue {
  readonly message: string;
  /** Keys from the outside in; "" for the value itself. */
  readonly path: string;
}

/** Data that does not fit its schema, or is not what it was read as. */
export class InvalidDataError extends Mq9Error {
  readonly issues: readonly DataIssue[];

  constructor(message: string, issues: readonly DataIssue[], options?: { cause?: unknown }) {
    super("invalid_data", message, options);
    this.name = "InvalidDataError";
    this.issues = issues;
  }
}

/** What this broker cannot do, said before anything is sent. */
export function unsupported(what: string, broker: string): Mq9Error {
  return new Mq9Error("unsupported", `${what} needs an mq9 broker of ours; this is ${broker}`);
}

const wireCodes: ReadonlySet<string> = new Set(mq9ErrorCodes);

/** Codes by number, for brokers that answer no `reason`. */
const codeByStatus: Readonly<Record<number, WireErrorCode>> = {
  400: "invalid",
  403: "forbidden",
  404: "not_found",
  409: "exists",
  410: "expired",
  413: "too_large",
  429: "quota_exceeded",
  500: "unknown",
  503: "draining",
  507: "insufficient_storage",
};

/** Words of brokers that answer a sentence alone. */
const codeByWords: readonly (readonly [RegExp, WireErrorCode])[] = [
  [/message not found/i, "message_not_found"],
  [/not found|does not exist/i, "not_found"],
  [/already exists/i, "exists"],
  [/expired/i, "expired"],
  [/permission|forbidden|denied|token/i, "forbidden"],
  [/too large|exceeds/i, "too_large"],
];

/** The failure that a reply tells of, or undefined when it tells of none. */
export function failureIn(reply: Readonly<Record<string, unknown>>): Mq9Error | undefined {
  const { error, code, reason } = reply;
  if (error === undefined || error === null || error === "") return undefined;
  const text = typeof error === "string" ? error : JSON.stringify(error);
  if (typeof reason === "string" && wireCodes.has(reason)) {
    return new Mq9Error(reason as WireErrorCode, text);
  }
  const byWords = codeByWords.find(([words]) => words.test(text))?.[1];
  const byStatus = typeof code === "number" ? codeByStatus[code] : undefined;
  return new Mq9Error(byStatus ?? byWords ?? "invalid", text);
}

/** The reason of an abort as an error of ours. */
export function abortedError(signal: AbortSignal, what: string): Mq9Error {
  return new Mq9Error("aborted", `${what} was aborted`, { cause: signal.reason });
}

/** What it says, whatever was thrown: programs throw everything, and some of it refuses to be read. */
export function textOf(error: unknown): string {
  try {
    const text: unknown = error instanceof Error ? error.message : error;
    return typeof text === "string" ? text : String(text);
  } catch {
    return "something was thrown that can not be shown";
  }
}
