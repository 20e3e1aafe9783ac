// The log as the broker and everything beneath it see it: events with fields, no transport.
// The executable supplies a real one; tests use `silentLog` or their own. Never carries payloads,
// tokens or other secrets: what a field may hold is kept narrow for that reason.

/** What a field may hold. An Error is written with its message, its code and its cause. */
export type LogValue = string | number | boolean | undefined | Error;

/** Named values beside an event. Names are camelCase and carry their unit (`waitedMs`). */
export type LogFields = Readonly<Record<string, LogValue>>;

/** Where events go. No method throws or blocks on the reader of the log. */
export interface Log {
  /** For whoever debugs the broker itself; off by default. */
  debug(msg: string, fields?: LogFields): void;
  /** Life-cycle events that an operator wants to see once. */
  info(msg: string, fields?: LogFields): void;
  /** Something is wrong that the broker copes with; someone should look. */
  warn(msg: string, fields?: LogFields): void;
  /** Something was lost, refused to everybody, or ends the process. */
  error(msg: string, fields?: LogFields): void;
  /** The same log, its events marked as coming from one part, for instance `store`. */
  child(component: string): Log;
}

/** A log that keeps nothing. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
};
