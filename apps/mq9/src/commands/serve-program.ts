// `mq9 serve`, and mq9 in place of a nats-server: a program of its own, because it takes arguments in
// the ways of that server. Called by main; the client commands are ../cli/run.ts.
import { Command, CommanderError } from "commander";
import { normalizeArguments } from "../config/arguments.ts";
import { exitUsage } from "../exit-codes.ts";
import { addServeCommand } from "./serve.ts";

/**
 * Reads the arguments and runs the broker to its end.
 * @param argv arguments behind `serve`
 * @returns the exit code
 * @throws {ExitError} with a sentence for the person
 */
export async function runServe(argv: readonly string[], asNatsServer: boolean): Promise<number> {
  let exitCode = 0;
  const { args, remarks, tlsAsked } = normalizeArguments(argv);
  const program = new Command("mq9")
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError("See mq9 serve --help.");
  addServeCommand(program, {
    environment: process.env,
    remarks,
    tlsAsked,
    asNatsServer,
    run: async (request) => {
      // Loaded late: help, versions and mistakes need neither the store nor the sockets.
      const { runBroker } = await import("../run-broker.ts");
      exitCode = await runBroker(request);
    },
  });
  try {
    await program.parseAsync(["serve", ...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : exitUsage;
  }
  return exitCode;
}
