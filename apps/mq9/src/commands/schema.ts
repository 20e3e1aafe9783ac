// `mq9 schema`: the JSON Schema of what a command prints. Reads the files that are shipped; makes none.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { type CommandSpec, defineCommand, flag } from "../cli/command.ts";
import { CliError } from "../cli/exit-codes.ts";
import { closest } from "../config/closest.ts";

const folder = path.join(import.meta.dirname, "..", "..", "schemas");

const schema = defineCommand<{ line?: true; all?: true }>({
  path: "schema",
  summary: "print the JSON Schema of a command's output",
  description:
    "Prints the JSON Schema of what a command prints with --json, or with --line that of a line of --jsonl. Without a command it lists those that have one. `error` is what failing commands print on standard error under --json.",
  args: [["[command...]", "mailbox ls, fetch, error, …"]],
  options: [flag("--line", "of a line of --jsonl")],
  examples: [["What `mq9 fetch --json` prints", "mq9 schema fetch"]],
  output: "text",
  offline: true,
  exits: ["notFound"],
  async run({ args, options, out }) {
    const names = readdirSync(folder)
      .filter((file) => file.endsWith(".json") && !file.endsWith(".line.json"))
      .map((file) => file.slice(0, -".json".length));
    if (args.length === 0) {
      await out.raw(`${names.join("\n")}\n`);
      return;
    }
    const name = args.join("-");
    if (!names.includes(name)) {
      const near = closest(name, names);
      throw new CliError("notFound", `there is no schema of ${args.join(" ")}`, {
        hint: near === undefined ? "List them with: mq9 schema" : `Did you mean ${near}?`,
      });
    }
    const line = path.join(folder, `${name}.line.json`);
    const file = options.line === true && hasFile(line) ? line : path.join(folder, `${name}.json`);
    await out.raw(readFileSync(file));
  },
});

export const schemaCommands: readonly CommandSpec[] = [schema];

function hasFile(file: string): boolean {
  return readdirSync(folder).includes(path.basename(file));
}
