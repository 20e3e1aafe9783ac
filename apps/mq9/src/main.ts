// Entry of the executable: hands over to one command, and turns errors into exit codes. Called by
// bin/mq9.js with the arguments after the program's name. Loads nothing before it is needed: an agent
// that calls a command for every message pays for each module.
import { basename } from "node:path";
import { ExitError } from "./exit-codes.ts";
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
