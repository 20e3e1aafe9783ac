// How the process ends. Numbers follow sysexits where it has one; scripts and service managers
// depend on them, so none changes its meaning.

/** Stopped as asked. */
export const exitOk = 0;
/** A flag, an environment variable or the configuration file can not be used. */
export const exitUsage = 2;
/** A defect of the program itself. */
export const exitDefect = 70;
/** The disk failed: a write, a sync, or what was read back. */
export const exitDisk = 74;
/** Could not start, or could not stop in time; trying again later may work. */
export const exitTemporary = 75;

/** Ends the program with a sentence for the person who started it, and no stack trace. */
export class ExitError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "ExitError";
    this.exitCode = exitCode;
  }
}

/** Something the person wrote can not be used. */
export function usageError(message: string): ExitError {
  return new ExitError(exitUsage, message);
}
