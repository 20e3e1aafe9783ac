// Turns whatever a command threw into a sentence, a next step and an exit code. Called where commands
// are run; prints nothing.
import { CliError, type CliExitName } from "./exit-codes.ts";

/** What errors of the broker and of the SDK have in common; looked at by shape, so that nothing is loaded for it. */
interface CodedError extends Error {
  readonly code: string;
}

const exits: Readonly<Record<string, CliExitName>> = {
  invalid: "usage",
  not_found: "notFound",
  message_not_found: "notFound",
  not_delivered: "notFound",
  expired: "notFound",
  timeout: "timeout",
  unreachable: "noConnection",
  unauthorized: "noConnection",
  closed: "noConnection",
  insufficient_storage: "actionNeeded",
};

const hints: Readonly<Record<string, string>> = {
  message_not_found: "See what there is: mq9 peek <mailbox>",
  too_large: "Send a reference instead, or raise --max-payload of the broker.",
  unreachable: "Is the broker running? Start it with: mq9 serve",
  unauthorized: "Say who you are: mq9 help connection",
  not_delivered: "It is not out with this group, or in another delivery; see: mq9 receipt",
  dedup_conflict: "Take another --id, or none.",
  draining: "The broker is stopping; try again when it is back.",
  insufficient_storage: "Somebody has to free space on the broker's disk.",
};

/** The mailbox that an error says is not there; undefined = it says something else. */
export function missingMailbox(error: unknown): string | undefined {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code !== "not_found" && code !== "expired") return undefined;
  const sentence = /^(?:mailbox (?=\S+ does not exist)|mailbox not found: (?!mailbox ))(\S+)/;
  return sentence.exec(String(message))?.[1];
}

/** @returns the error as commands show it; undefined for a defect, which is shown with its stack */
export function cliErrorOf(error: unknown): CliError | undefined {
  if (error instanceof CliError) return error;
  if (isOfSystem(error))
    return new CliError("error", error.message, { reason: error.code, cause: error });
  if (!isCoded(error)) return undefined;
  const prefix = /^(.*): give the inboxPrefix that its rights name$/s.exec(error.message)?.[1];
  if (prefix !== undefined) {
    const hint = "Say where: --inbox-prefix _INBOX_<user>    or MQ9_INBOX_PREFIX";
    return new CliError("noConnection", prefix, { reason: error.code, hint, cause: error });
  }
  const missing = missingMailbox(error);
  const hint =
    missing === undefined ? hintOf(error) : `Create it with: mq9 mailbox create ${missing}`;
  return new CliError(exits[error.code] ?? "error", error.message, {
    reason: error.code,
    // A sentence that says it already is not followed by another.
    hint: hint !== undefined && saysAlready(error.message, hint) ? undefined : hint,
    cause: error,
  });
}

/** What to type next; with the names and numbers that the error tells. */
function hintOf({ code, message }: CodedError): string | undefined {
  if (code !== "not_delivered") return hints[code];
  const [, msgId, mailbox] = /^message (\d+) of mailbox (\S+): /.exec(message) ?? [];
  const [, group, fetched] = /^group (\S+) of mailbox (\S+) has fetched/.exec(message) ?? [];
  if (group !== undefined) return `Take some first: mq9 fetch ${fetched} --group ${group}`;
  if (msgId === undefined) return hints[code];
  return message.includes("has that number")
    ? `See what there is: mq9 peek ${mailbox}`
    : `It was settled, or its lease is over: mq9 receipt ${mailbox} ${msgId}`;
}

function saysAlready(message: string, hint: string): boolean {
  const command = /mq9 \w+/.exec(hint)?.[0];
  return command !== undefined && message.includes(command);
}

/** A file or socket failed: nothing that a stack would explain. */
function isOfSystem(error: unknown): error is Error & { readonly code: string } {
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  return error instanceof Error && typeof syscall === "string" && typeof code === "string";
}

function isCoded(error: unknown): error is CodedError {
  if (!(error instanceof Error) || error.name === "SystemError") return false;
  const { code } = error as { code?: unknown };
  return typeof code === "string" && /^[a-z_]+$/.test(code);
}
