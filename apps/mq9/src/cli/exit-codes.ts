// How the client commands end. Scripts and agents branch on these numbers, so none changes its meaning;
// `mq9 serve` has its own (../exit-codes.ts). Errors become one of them in ./errors.ts.

/** One way to end. */
export interface CliExit {
  readonly code: number;
  /** What it means, for help and documents. */
  readonly meaning: string;
}

/** Name of a way to end. */
export type CliExitName =
  | "done"
  | "error"
  | "usage"
  | "notFound"
  | "timeout"
  | "noConnection"
  | "actionNeeded";

/** Every code of the client commands, by name. */
export const cliExits: Readonly<Record<CliExitName, CliExit>> = {
  done: { code: 0, meaning: "done" },
  error: { code: 1, meaning: "an error; the text says which" },
  usage: { code: 2, meaning: "the command line can not be used as it was typed" },
  notFound: { code: 3, meaning: "no such mailbox, message, agent or file" },
  timeout: { code: 4, meaning: "nothing came in time" },
  noConnection: { code: 5, meaning: "no connection to the broker, or it did not let you in" },
  actionNeeded: { code: 6, meaning: "a person has to act first" },
};

/** Ends a client command with a sentence, what to do next, and an exit code. Never shown with a stack. */
export class CliError extends Error {
  readonly exit: CliExitName;
  /** A word that programs can compare: the broker's reason, or one of the client's. */
  readonly reason: string;
  /** What to type or do next; undefined = the message says it all. */
  readonly hint: string | undefined;

  constructor(
    exit: CliExitName,
    message: string,
    {
      reason = exit,
      hint,
      cause,
    }: { reason?: string; hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.name = "CliError";
    this.exit = exit;
    this.reason = reason;
    this.hint = hint;
  }
}

/** The command line can not be used as it was typed. */
export function misuse(message: string, hint?: string): CliError {
  return new CliError("usage", message, { hint });
}
