// A file that lines are appended to, which something else may move away and which is then opened
// again. Used for the log and for the audit; a disk that fails loses lines, never the broker.
import { closeSync, openSync, writeSync } from "node:fs";
import { ExitError, exitTemporary } from "./exit-codes.ts";

export class LogFile {
  readonly path: string;
  #descriptor: number;

  /** @throws {ExitError} when it can not be opened */
  constructor(path: string) {
    this.path = path;
    this.#descriptor = open(path);
  }

  /** Appends a whole line. Returns once the system has it. */
  write(line: string): void {
    try {
      writeSync(this.#descriptor, line);
    } catch {
      // best effort: there is nowhere left to say it.
    }
  }

  /** Goes on in a new file of the same name. @throws {ExitError} and goes on in the old one */
  reopen(): void {
    const next = open(this.path);
    closeSync(this.#descriptor);
    this.#descriptor = next;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

function open(path: string): number {
  try {
    return openSync(path, "a", 0o640);
  } catch (error) {
    throw new ExitError(exitTemporary, `${path} can not be written: ${(error as Error).message}`);
  }
}
