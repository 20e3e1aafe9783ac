// Runs one client command from its arguments to its exit code. Called by ../main.ts.
import { type Command, CommanderError } from "commander";
import { catalog } from "./catalog.ts";
import { connectionHelp } from "./connection.ts";
import { cliErrorOf } from "./errors.ts";
import { CliError, type CliExitName, cliExits } from "./exit-codes.ts";
import { createOutput, type Output } from "./output.ts";
import { createProgram, misuseOf } from "./program.ts";

/** @returns the exit code @throws what is a defect, or an `ExitError` of a command that is no client's */
export async function runClient(argv: readonly string[]): Promise<number> {
  const topic = argv[0] === "help" ? helpTopics[argv[1] ?? ""] : undefined;
  if (topic !== undefined) {
    process.stdout.write(topic());
    return 0;
  }
  // Commander's own help knows one word.
  if (argv[0] === "help" && argv.length > 2) return await runClient([...argv.slice(1), "--help"]);
  if (argv[0] === "help" && argv.length === 2 && !isCommand(argv[1] ?? "")) {
    return await runClient(argv.slice(1));
  }
  let exit: CliExitName = "done";
  let out: Output | undefined;
  const program = await createProgram({
    load: (argv[0] === "help" ? argv[1] : argv[0]) ?? "",
    runtime: {
      env: process.env,
      ended: (how) => {
        exit = how;
      },
      output: (made) => {
        out = made;
      },
    },
    others: (made) => addOthers(made, argv),
  });
  quietErrors(program);
  if (argv.length === 0) {
    program.outputHelp();
    return 0;
  }
  try {
    await program.parseAsync(argv, { from: "user" });
    return cliExits[exit].code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (error instanceof CommanderError && isHelpAsked(error)) return cliExits.usage.code;
    const shown =
      error instanceof CommanderError ? misuseOf(error, program, argv) : cliErrorOf(error);
    if (!(shown instanceof CliError)) throw error;
    (out ?? defaultOutput(argv)).fail(shown);
    return cliExits[shown.exit].code;
  }
}

function isCommand(word: string): boolean {
  return others.includes(word) || catalog.some(({ name }) => name === word);
}

/** Commander printed the help of a word that has commands below it and got none. */
function isHelpAsked(error: CommanderError): boolean {
  return error.code === "commander.help";
}

/** Mistakes are told by `Output.fail`, in the form that was asked for. */
function quietErrors(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => {} });
  for (const below of command.commands) quietErrors(below);
}

function defaultOutput(argv: readonly string[]): Output {
  const form = argv.includes("--jsonl") ? "jsonl" : argv.includes("--json") ? "json" : "text";
  return createOutput(process, process.env, { form, quiet: false });
}

const others = ["serve", "passwd", "nkey", "audit"];

/** Commands with ways of their own: the broker, keys, audits. Loaded when they are asked for. */
async function addOthers(program: Command, argv: readonly string[]): Promise<void> {
  const asked = argv[0] === "help" ? argv[1] : argv[0];
  if (asked === "serve") {
    const { addServeCommand } = await import("../commands/serve.ts");
    const run = async () => {};
    addServeCommand(program, {
      environment: process.env,
      remarks: [],
      tlsAsked: false,
      asNatsServer: false,
      run,
    });
  } else {
    program.command("serve").summary("run the broker");
  }
  if (asked === "passwd" || asked === "nkey") {
    const { addKeyCommands } = await import("../commands/keys.ts");
    addKeyCommands(program);
  } else {
    program.command("passwd").summary("hash a password for a configuration file");
    program.command("nkey").summary("make a key pair for a user");
  }
  if (asked === "audit") {
    const { addAuditCommand } = await import("../commands/audit.ts");
    addAuditCommand(program);
  } else {
    program.command("audit").summary("look whether an audit is whole");
  }
  for (const name of others) {
    program.commands.find((command) => command.name() === name)?.helpGroup("Broker:");
  }
}

const helpTopics: Readonly<Record<string, (() => string) | undefined>> = {
  connection: () => connectionHelp,
  "exit-codes": () => {
    const rows = Object.values(cliExits).map(({ code, meaning }) => `  ${code}  ${meaning}`);
    return `Exit codes of every command but serve:\n\n${rows.join("\n")}\n\n\`mq9 serve --help\` has those of the broker.\n`;
  },
};
