// `mq9 serve --signal <command>=<pid or pid file>`: tells a running broker what a service manager or
// a script wants of it. Called by the serve command; touches no other process than the one named.
import { readFileSync } from "node:fs";
import { ExitError, exitTemporary, usageError } from "../exit-codes.ts";

const signals: Readonly<Record<string, NodeJS.Signals>> = {
  ldm: "SIGUSR2",
  stop: "SIGTERM",
  term: "SIGTERM",
  quit: "SIGINT",
  reopen: "SIGUSR1",
  reload: "SIGHUP",
};

/**
 * Sends the signal.
 * @param text `reload=1234`, or with the path of a pid file behind the equals sign
 * @returns what was done, for the person
 * @throws {ExitError} when the command or the process is not known
 */
export function sendSignal(text: string): string {
  const at = text.indexOf("=");
  const command = at < 0 ? text : text.slice(0, at);
  const target = at < 0 ? "" : text.slice(at + 1);
  const signal = signals[command];
  if (signal === undefined) {
    throw usageError(`--signal: ${command} is not one of ${Object.keys(signals).join(", ")}`);
  }
  if (target === "") {
    throw usageError(
      `--signal: say which broker, as ${command}=<process id> or ${command}=<pid file>`,
    );
  }
  const pid = pidOf(target);
  try {
    process.kill(pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ESRCH" ? "is not running" : "may not be signalled by this user";
    throw new ExitError(exitTemporary, `process ${pid} ${why}`);
  }
  return `${command}: ${signal} sent to process ${pid}`;
}

function pidOf(target: string): number {
  const written = /^\d+$/.test(target) ? target : readPidFile(target);
  const pid = Number(written);
  if (!Number.isSafeInteger(pid) || pid < 1)
    throw usageError(`--signal: there is no process id in ${target}`);
  return pid;
}

function readPidFile(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw usageError(`--signal: the pid file ${path} can not be read: ${(error as Error).message}`);
  }
}
