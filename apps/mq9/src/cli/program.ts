// The tree of commands as commander sees it: all words by name and summary, and the one that was asked
// for with everything below it. Called by ../main.ts, and by the scripts that write documents.
import { Command, type CommanderError } from "commander";
import { closest } from "../config/closest.ts";
import { version } from "../version.ts";
import { type CatalogEntry, catalog, synonyms } from "./catalog.ts";
import { addCommand, type CommandRuntime } from "./command.ts";
import { misuse } from "./exit-codes.ts";

export interface ProgramOptions {
  readonly runtime: CommandRuntime;
  /** The word to load; `all` = every one. */
  readonly load: string;
  /** Adds the commands that are no client commands, in the places the list has for them. */
  readonly others: (program: Command) => Promise<void>;
}

/** Columns that help takes at most. */
const helpWidth = 80;

/** Makes the tree. */
export async function createProgram({ runtime, load, others }: ProgramOptions): Promise<Command> {
  const program = new Command("mq9")
    .description("Durable mailboxes for AI agents, on the NATS wire protocol.")
    .version(`mq9 ${version}`, "-v, --version", "show the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show the help of a command, `connection` or `exit-codes`")
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({ helpWidth, subcommandTerm });
  for (const entry of catalog) {
    await addEntry(program, entry, load === "all" || load === entry.name, runtime);
  }
  await others(program);
  program.addHelpText(
    "after",
    "\nStart with:  mq9 serve\nThen:        mq9 mailbox create inbox && mq9 send inbox hello\nLearn more:  mq9 <command> --help",
  );
  return program;
}

/** How a command shows in a list: by its name, below another with its arguments. */
function subcommandTerm(command: Command): string {
  if (command.parent?.parent == null) return command.name();
  const args = command.registeredArguments.map((argument) => {
    const name = argument.variadic ? `${argument.name()}...` : argument.name();
    return argument.required ? ` <${name}>` : ` [${name}]`;
  });
  return `${command.name()}${args.join("")}`;
}

async function addEntry(
  program: Command,
  entry: CatalogEntry,
  wanted: boolean,
  runtime: CommandRuntime,
): Promise<void> {
  const specs = wanted ? await entry.load() : [];
  const [first] = specs;
  if (first?.path === entry.name) {
    addCommand(program, first, runtime);
  } else {
    const group = program.command(entry.name).summary(entry.summary).helpCommand(false);
    group.description(`${entry.summary.charAt(0).toUpperCase()}${entry.summary.slice(1)}.`);
    for (const spec of specs) addCommand(group, spec, runtime);
    if (specs.length > 0)
      group.addHelpText("after", `\nLearn more:  mq9 ${entry.name} <command> --help`);
  }
  program.commands.at(-1)?.helpGroup(entry.group);
}

/**
 * A mistake that commander found, as this program says it.
 * @param text what commander would have printed
 */
export function misuseOf(error: CommanderError, program: Command, argv: readonly string[]): Error {
  const text = error.message.replace(/^error: /, "");
  const [problem = text, suggestion] = text.split("\n(");
  const where = commandAt(program, argv);
  const path = pathOf(where);
  const unknown = /^unknown command '(.*)'$/.exec(problem)?.[1];
  const instead = unknown === undefined ? undefined : synonymOf(path, unknown, where);
  if (instead !== undefined) return misuse(problem, `Type: mq9 ${instead}`);
  const meant = suggestion?.replace(/\)$/, "");
  const usage = where.commands.length > 0 ? "" : ` ${where.usage()}`;
  // The commonest of all: a text of several words without quotes.
  const unquoted =
    problem.startsWith("too many arguments") && /\[body\]/.test(where.usage())
      ? `Put the text into quotes: ${path} ${argsBeforeBody(where)} 'several words'`
      : undefined;
  const early =
    where === program && problem.startsWith("unknown option")
      ? "Flags stand behind the command: mq9 mailbox ls --json"
      : undefined;
  const hint =
    early ??
    meant ??
    unquoted ??
    (/missing required|too many arguments/.test(problem) ? `Type: ${path}${usage}` : undefined);
  return misuse(problem, [hint, `See: ${path} --help`].filter(Boolean).join("\n"));
}

function argsBeforeBody({ registeredArguments }: Command): string {
  const before = registeredArguments.slice(0, -1);
  return before.map((argument) => `<${argument.name()}>`).join(" ");
}

function synonymOf(path: string, word: string, where: Command): string | undefined {
  const typed = `${path} ${word}`.replace(/^mq9 /, "");
  const known = synonyms[typed.toLowerCase()];
  if (known !== undefined) return known;
  const names = where.commands.map((command) => command.name());
  const near = closest(word.toLowerCase(), names);
  return near === undefined ? undefined : `${path} ${near}`.replace(/^mq9 /, "");
}

function commandAt(program: Command, argv: readonly string[]): Command {
  let at = program;
  for (const word of argv) {
    const next = at.commands.find((command) => command.name() === word);
    if (next === undefined) break;
    at = next;
  }
  return at;
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
