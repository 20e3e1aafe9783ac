// Entry of the executable: hands over to one command, and turns errors into exit codes. Called by
// bin/mq9.js with the arguments after the program's name. Loads nothing before it is needed: an agent
// that calls a command for every message pays for each module.
import { basename } from "node:path";
import { cliExits } from "./cli/exit-codes.ts";
import { ExitError } from "./exit-codes.ts";
import { version } from "./version.ts";

/**
 * Runs one command to its end and sets the exit code of the process.
 * @param argv arguments without the program's own name
 * @param startedAs path it was started under; as `nats-server` it takes that program's arguments
 */
export async function main(argv: readonly string[], startedAs = "mq9"): Promise<void> {
  process.stderr.on("error", () => {}); // nobody is left to be told
  process.stdout.on("error", (error: NodeJS.ErrnoException) => outputFailed(error, argv));
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

/**
 * `mq9 peek inbox | head -3` is no error, and a broker outlives whoever read what it prints. Where a disk is
 * full a command ends before it settles what nobody has.
 */
function outputFailed({ code, message }: NodeJS.ErrnoException, argv: readonly string[]): void {
  if (code === "EPIPE" || argv[0] === "serve") return;
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  process.stderr.write(`error: standard output can not be written: ${message}\n`, () => {
    process.exit(isFull ? cliExits.actionNeeded.code : cliExits.error.code);
  });
}

async function runCommand(argv: readonly string[], asNatsServer: boolean): Promise<number> {
  if (!asNatsServer && argv.length === 1 && /^(-v|--version)$/.test(argv[0] ?? "")) {
    process.stdout.write(`mq9 ${version}\n`);
    return 0;
  }
  if (asNatsServer || argv[0] === "serve") {
    const { runServe } = await import("./commands/serve-program.ts");
    return await runServe(asNatsServer ? argv : argv.slice(1), asNatsServer);
  }
  const { runClient } = await import("./cli/run.ts");
  const exitCode = await runClient(argv);
  leave(exitCode);
  return exitCode;
}

/** Ends as soon as everything is written: a connection that hangs must not hold the command. */
function leave(exitCode: number): void {
  process.stdout.write("", () => process.stderr.write("", () => process.exit(exitCode)));
}
