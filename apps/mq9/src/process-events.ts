// Signals and last-resort errors of the process. Used by the serve command; ends the process itself
// only where nothing else can.
import type { LogFields } from "@mq9/broker";

/**
 * Signals that ask the process to stop: every stop takes leave of the clients first, so SIGUSR2, a
 * NATS server's lame duck, is one of them; a terminal that closes counts as asking.
 */
const stopSignals = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"] as const;

/**
 * Listens for signals that ask to stop.
 * @param onInsist called on every one after the first: whoever sends two wants it now
 * @returns resolves with the name of the first signal
 */
export function listenForStop(onInsist: (signal: string) => void): Promise<string> {
  let asked = false;
  return new Promise((resolve) => {
    for (const signal of stopSignals) {
      process.on(signal, () => {
        if (asked) onInsist(signal);
        asked = true;
        resolve(signal);
      });
    }
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
