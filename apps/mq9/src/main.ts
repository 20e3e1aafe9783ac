// Entry of the executable: knows the commands, hands over to one of them, and turns errors into exit
// codes. Called by bin/mq9.js with the arguments after the program's name.
import { basename } from "node:path";
import { Command, CommanderError } from "commander";
import { addAuditCommand } from "./commands/audit.ts";
import { addKeyCommands } from "./commands/keys.ts";
import { addServeCommand } from "./commands/serve.ts";
import { normalizeArguments } from "./config/arguments.ts";
import { ExitError, exitUsage } from "./exit-codes.ts";
import { version } from "./version.ts";

/**
 * Runs one command to its end and sets the exit code of the process.
 * @param argv arguments without the program's own name
 * @param startedAs path it was started under; as `nats-server` it takes that program's arguments
 */
export async function main(argv: readonly string[], startedAs = "mq9"): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", ignoreClosedPipe);
  try {
    process.exitCode = await runCommand(argv, basename(startedAs) === "nats-server");
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = isCheck(argv) ? 1 : error.exitCode;
  }
}

/** A check of the configuration says yes or no, and nothing finer. */
function isCheck(argv: readonly string[]): boolean {
  return argv.includes("-t") || argv.includes("--check-config");
}

/** `mq9 serve --help | head -3` is no error, and a broker outlives whoever read its log. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

async function runCommand(argv: readonly string[], asNatsServer: boolean): Promise<number> {
  let exitCode = 0;
  const serving = asNatsServer || argv[0] === "serve";
  const own = serving ? argv.slice(asNatsServer ? 0 : 1) : [];
  const { args, remarks, tlsAsked } = normalizeArguments(own);
  const program = new Command("mq9")
    .description("Durable mailboxes for AI agents, on the NATS wire protocol.")
    .version(`mq9 ${version}`, "-v, --version", "show the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show the help of a command")
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError(`See mq9 ${serving ? "serve " : ""}--help.`);
  addServeCommand(program, {
    environment: process.env,
    remarks,
    tlsAsked,
    asNatsServer,
    run: async (request) => {
      // Loaded late: help, versions and mistakes need neither the store nor the sockets.
      const { runBroker } = await import("./run-broker.ts");
      exitCode = await runBroker(request);
    },
  });
  addKeyCommands(program);
  addAuditCommand(program);
  program.addHelpText("after", "\nStart with:  mq9 serve\nLearn more:  mq9 serve --help");
  if (argv.length === 0 && !asNatsServer) {
    program.outputHelp();
    return 0;
  }
  try {
    await program.parseAsync(serving ? ["serve", ...args] : argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : exitUsage;
  }
  return exitCode;
}
