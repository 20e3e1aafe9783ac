import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { connectionHelp } from "./connection.ts";
import { createProgram } from "./program.ts";
import { displayWidth } from "./text.ts";

const program = await createProgram({
  load: "all",
  others: async () => {},
  runtime: { env: {}, ended: () => {}, output: () => {} },
});

function all(command: Command): Command[] {
  return [command, ...command.commands.flatMap(all)];
}

function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => 80,
  });
  command.outputHelp();
  return text;
}

describe("help", () => {
  it.each(all(program).map((command): [string, Command] => [command.name(), command]))(
    "of %s fits into 80 columns",
    (_name, command) => {
      for (const line of helpOf(command).split("\n")) {
        expect(displayWidth(line), line).toBeLessThanOrEqual(80);
      }
    },
  );

  it("of connections fits too", () => {
    for (const line of connectionHelp.split("\n")) {
      expect(displayWidth(line), line).toBeLessThanOrEqual(80);
    }
  });
});

it("leaves no flag without a word about it", () => {
  for (const command of all(program)) {
    for (const option of command.options) {
      expect(option.description, `${command.name()} ${option.flags}`).not.toBe("");
    }
  }
});
