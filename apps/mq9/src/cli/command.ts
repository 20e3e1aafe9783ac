// How a client command is described and run. A command says its arguments, flags, examples and what it
// does with a connection; this file makes the rest the same everywhere: connection flags, forms of
// output, errors, exit codes, Ctrl-C.
import { type Command, Option } from "commander";
import { closest } from "../config/closest.ts";
import { addConnectionFlags, type ConnectionFlags, connectionFacts } from "./connection.ts";
import { missingMailbox } from "./errors.ts";
import { CliError, type CliExitName, cliExits, misuse } from "./exit-codes.ts";
import { createOutput, type Output, type OutputForm } from "./output.ts";
import { openSession, type Session, type SessionOptions } from "./session.ts";

/** What a command prints: `one` result, `items` one after the other, or `text` that has no JSON form. */
export type OutputKind = "one" | "items" | "text";

/** What a command gets to work with. */
export interface CommandContext<Options = Readonly<Record<string, unknown>>> {
  /** Arguments in order; a variadic one is the rest of the array. */
  readonly args: readonly string[];
  /** Flags in camel case, as commander names them. */
  readonly options: Options;
  readonly out: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C, SIGTERM and a closed pipe, if the command is `stoppable`. */
  readonly signal: AbortSignal;
  /** `MQ9_AGENT`, or the agent of the context. Connects to nothing. */
  readonly agent: string | undefined;
  /** Connects at the first call; it is closed when the command is done. */
  readonly connect: (options?: SessionOptions) => Promise<Session>;
}

/** A client command. */
export interface CommandSpec<Options = Readonly<Record<string, unknown>>> {
  /** `send`, or `mailbox create`. */
  readonly path: string;
  /** A line for lists of commands; begins with a verb in lower case. */
  readonly summary: string;
  /** Whole sentences. Default: the summary. */
  readonly description?: string;
  /** `["<mailbox>", "where to"]`, `["[body]", "…"]`, `["<files...>", "…"]`. */
  readonly args?: readonly (readonly [name: string, help: string])[];
  readonly options?: readonly Option[];
  /** At least one; the second text is what a person types. */
  readonly examples: readonly (readonly [what: string, line: string])[];
  readonly output: OutputKind;
  /** Needs no broker: has no connection flags. Default false. */
  readonly offline?: boolean;
  /** Ctrl-C is the way to end it, and exit code 0. Default: never, it dies of the signal. */
  readonly stoppable?: boolean | ((options: Readonly<Record<string, unknown>>) => boolean);
  /** It draws on a terminal: no line of talk may come between. Default false. */
  readonly fullScreen?: boolean;
  /** Further exit codes beside `done`, `error`, `usage`, `noConnection`, for help and documents. */
  readonly exits?: readonly CliExitName[];
  /** Sentences about an exit code of this command, where the general one is too vague. */
  readonly exitNotes?: Readonly<Partial<Record<CliExitName, string>>>;
  /** @returns how it ends; nothing = done. @throws anything; ./errors.ts makes a sentence of it */
  // oxlint-disable-next-line typescript/method-signature-style -- a method, so that options may be narrower
  run(context: CommandContext<Options>): Promise<CliExitName | void>;
}

/** Checks the shape and forgets the type of the options. */
export function defineCommand<Options>(spec: CommandSpec<Options & ConnectionFlags>): CommandSpec {
  return spec as CommandSpec;
}

/** A flag in short. `parse` gets the text and what was given before. */
export function flag(
  flags: string,
  help: string,
  parse?: (text: string, before: never) => unknown,
): Option {
  const option = new Option(flags, help);
  return parse === undefined ? option : option.argParser(parse as (text: string) => unknown);
}

/** A flag that takes one of a few words. */
export function choice(flags: string, help: string, choices: readonly string[]): Option {
  return new Option(flags, help).choices(choices);
}

/** What running a command needs of the process. */
export interface CommandRuntime {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Hears how the command ended. */
  readonly ended: (exit: CliExitName) => void;
  /** Hears of the output as soon as there is one, so that errors take its form. */
  readonly output: (out: Output) => void;
}

const specs = new WeakMap<Command, CommandSpec>();

/** The description behind a command of commander's tree. */
export function specOf(command: Command): CommandSpec | undefined {
  return specs.get(command);
}

/** Adds a command below its parent, which has to be there. */
export function addCommand(parent: Command, spec: CommandSpec, runtime: CommandRuntime): void {
  const name = spec.path.split(" ").at(-1) ?? spec.path;
  const command = parent
    .command(name)
    .summary(spec.summary)
    .description(flowing(spec.description ?? sentence(spec.summary)));
  specs.set(command, spec);
  for (const [argument, help] of spec.args ?? []) command.argument(argument, help);
  for (const option of spec.options ?? []) command.addOption(option);
  addOutputFlags(command, spec);
  if (spec.offline !== true) addConnectionFlags(command);
  command.addHelpText("after", () => `\n${examplesText(spec)}${exitsText(spec)}`);
  command.action(async () => {
    runtime.ended(await runCommand(command, spec, runtime));
  });
}

function addOutputFlags(command: Command, { output }: CommandSpec): void {
  const add = (flags: string, help: string) =>
    command.addOption(new Option(flags, help).helpGroup("Output:"));
  if (output !== "text") {
    add("--json", output === "one" ? "one JSON object" : "one JSON object at the end");
    add("--jsonl", output === "one" ? "the same on one line" : "one JSON object per line");
  }
  add("-q, --quiet", "no talk on standard error");
}

async function runCommand(
  command: Command,
  spec: CommandSpec,
  runtime: CommandRuntime,
): Promise<CliExitName> {
  const options = command.opts<ConnectionFlags & Record<string, unknown>>();
  const { env } = runtime;
  const out = createOutput(process, env, {
    form: formOf(options),
    quiet: options["quiet"] === true,
  });
  runtime.output(out);
  checkMailboxNames(command, spec);
  const stop = new AbortController();
  const isStoppable =
    typeof spec.stoppable === "function" ? spec.stoppable(options) : spec.stoppable === true;
  const onSignal = () => stop.abort();
  const onClosedPipe = () => stop.abort();
  if (isStoppable) {
    process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
    process.stdout.once("error", onClosedPipe);
  }
  let session: Promise<Session> | undefined;
  let facts: ReturnType<typeof connectionFacts> | undefined;
  const connectionOf = () => {
    facts ??= connectionFacts(options, env);
    return facts;
  };
  try {
    const exit = await spec.run({
      args: command.args,
      options,
      out,
      env,
      signal: stop.signal,
      get agent() {
        return spec.offline === true ? env["MQ9_AGENT"] || undefined : connectionOf().agent;
      },
      connect: (sessionOptions = {}) => {
        session ??= openSession(connectionOf(), {
          ...(isStoppable ? { signal: stop.signal } : {}),
          ...tokenOf(command.args, options),
          ...sessionOptions,
        });
        if (isStoppable && spec.fullScreen !== true)
          session.then(
            ({ mq9 }) => tellOfBreaks(mq9, out),
            () => {},
          );
        return session;
      },
    });
    return exit ?? "done";
  } catch (error) {
    // Whoever read this has read enough; and a command that was stopped has nothing to report.
    if ((error as NodeJS.ErrnoException).code === "EPIPE" || stop.signal.aborted) return "done";
    throw await withNearName(error, session);
  } finally {
    await (await session?.catch(() => undefined))?.close();
    process.removeListener("SIGINT", onSignal).removeListener("SIGTERM", onSignal);
    process.stdout.removeListener("error", onClosedPipe);
  }
}

/** A command that goes on for long waits for a broker that is away: a person at a terminal hears of it. */
async function tellOfBreaks(mq9: Session["mq9"], out: Output): Promise<void> {
  if (!process.stderr.isTTY) return;
  let isAway = false;
  for await (const { type } of mq9.status()) {
    if (type === "disconnected" && !isAway) out.note("the broker is away; waiting for it");
    if (type === "reconnected" && isAway) out.note("the broker is back");
    isAway = type === "disconnected" || (isAway && type !== "reconnected");
  }
}

/** A name that no mailbox can have is a mistake of typing, wherever it would be refused. */
function checkMailboxNames({ args }: Command, spec: CommandSpec): void {
  const kinds = spec.args ?? [];
  args.forEach((arg, at) => {
    const [kind = ""] = kinds[Math.min(at, kinds.length - 1)] ?? [];
    if (!/^[<[]mailbox/.test(kind) || /^[\w.@$-]{1,132}$/.test(arg)) return;
    throw misuse(
      `${JSON.stringify(arg)} can not be the name of a mailbox`,
      "A name is letters, digits, '-', '_', '@' and '.', up to 128 of them.",
    );
  });
}

/** Names that are compared with one that was misspelt. */
const namesCompared = 1_000;

/** Of a mailbox that is not there: with the name that was perhaps meant, if there is one. */
async function withNearName(
  error: unknown,
  session: Promise<Session> | undefined,
): Promise<unknown> {
  const missing = missingMailbox(error);
  const { mq9 } = (await session?.catch(() => undefined)) ?? {};
  if (missing === undefined || mq9 === undefined) return error;
  // best effort: without an answer the error says what it says anyway.
  const mailboxes = await mq9.api
    .list({ after: "", limit: namesCompared }, { timeoutMs: 1_000 })
    .catch(() => []);
  const near = closest(
    missing,
    mailboxes.map(({ name }) => name),
  );
  if (near === undefined) return error;
  return new CliError("notFound", (error as Error).message, {
    reason: "not_found",
    hint: `Did you mean ${near}? Or create it with: mq9 mailbox create ${missing}`,
    cause: error,
  });
}

/** A token counts for the mailbox that a command names first. */
function tokenOf(
  [mailbox]: readonly string[],
  { mailboxToken }: ConnectionFlags,
): Pick<SessionOptions, "token"> {
  if (mailboxToken === undefined || mailbox === undefined) return {};
  return { token: { mailbox, text: mailboxToken } };
}

function formOf(options: Readonly<Record<string, unknown>>): OutputForm {
  const [json, jsonl] = [options["json"] === true, options["jsonl"] === true];
  if (json && jsonl) throw misuse("--json and --jsonl exclude each other");
  return json ? "json" : jsonl ? "jsonl" : "text";
}

/** Lines of one paragraph become one, for commander to break; paragraphs stay. */
function flowing(text: string): string {
  return text.replace(/(?<!\n)\n(?!\n)/g, " ");
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}

function examplesText({ examples }: CommandSpec): string {
  const rows = examples.map(([what, line]) => `  ${what}:\n    ${line}`);
  return `${examples.length === 1 ? "Example:" : "Examples:"}\n${rows.join("\n")}\n`;
}

function exitsText({ exits = [], exitNotes = {} }: CommandSpec): string {
  if (exits.length === 0) return "";
  const rows = exits.map(
    (name) => `  ${cliExits[name].code}  ${exitNotes[name] ?? cliExits[name].meaning}`,
  );
  return `\nExit codes beside the usual ones (mq9 help exit-codes):\n${rows.join("\n")}\n`;
}
