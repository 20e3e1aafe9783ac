// Signals and last-resort errors of the process. Used by the serve command; ends the process itself
// only where nothing else can.
import type { LogFields } from "@mq9/broker";

/** What signals ask for. None of these may throw. */
export interface SignalHandlers {
  /** SIGTERM or SIGINT, and SIGHUP when there is nothing to read again: the first of them. */
  readonly stop: (signal: string) => void;
  /** Every one after the first: whoever sends two wants it now. */
  readonly insist: (signal: string) => void;
  /** SIGUSR2, a NATS server's lame duck; once. */
  readonly lameDuck: () => void;
  /** SIGHUP; undefined = a terminal that closes counts as asking to stop. */
  readonly reload: (() => void) | undefined;
  /** SIGUSR1. */
  readonly reopen: () => void;
}

/** Listens for signals, for as long as the process lives. */
export function listenForSignals(handlers: SignalHandlers): void {
  let stopping = false;
  let lame = false;
  const stop = (signal: string) => {
    if (stopping) handlers.insist(signal);
    else handlers.stop(signal);
    stopping = true;
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("SIGHUP", (signal) => {
    if (handlers.reload === undefined) stop(signal);
    else if (!stopping) handlers.reload();
  });
  process.on("SIGUSR1", () => handlers.reopen());
  process.on("SIGUSR2", () => {
    if (!lame && !stopping) handlers.lameDuck();
    lame = true;
  });
}

/**
 * Reports errors that nobody caught. What the process holds in memory can not be trusted afterwards;
 * what is on disk can, so it ends as in a crash.
 * @param report writes the event
 * @param exit ends the process
 */
export function reportDefects(
  report: (msg: string, fields: LogFields) => void,
  exit: () => void,
): void {
  const onDefect = (error: unknown, origin: string) => {
    const known = error instanceof Error ? error : new Error(String(error));
    try {
      report(`defect in mq9 (${origin}); stopping, accepted messages are safe on disk`, {
        err: known,
      });
    } finally {
      exit();
    }
  };
  // Covers rejections too: without a listener of their own they arrive here.
  process.on("uncaughtException", onDefect);
}
