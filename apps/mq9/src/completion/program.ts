// The whole tree of commands, the broker's own among them. Loads everything: for completion and documents.
import type { Command } from "commander";
import { createProgram } from "../cli/program.ts";
import { addAuditCommand } from "../commands/audit.ts";
import { addKeyCommands } from "../commands/keys.ts";
import { addServeCommand } from "../commands/serve.ts";

export function wholeProgram(): Promise<Command> {
  return createProgram({
    load: "all",
    runtime: { env: {}, ended: () => {}, output: () => {} },
    others: async (program) => {
      addServeCommand(program, {
        environment: {},
        remarks: [],
        tlsAsked: false,
        asNatsServer: false,
        run: async () => {},
      });
      addKeyCommands(program);
      addAuditCommand(program);
    },
  });
}
