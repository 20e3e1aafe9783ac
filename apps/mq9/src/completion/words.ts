// The tree of commands as completion needs it: words, flags and what their values are. Read from
// commander's tree, so that nothing can be forgotten. Called by ./scripts.ts.
import type { Command, Option } from "commander";

export interface CompletedFlag {
  readonly long: string;
  readonly short: string | undefined;
  readonly help: string;
  /** `none` = takes no value. */
  readonly value: "none" | "file" | "words" | "text";
  readonly words: readonly string[];
}

export interface CompletedCommand {
  /** `/mailbox/create`; "" is the program itself. */
  readonly path: string;
  readonly words: readonly { readonly name: string; readonly help: string }[];
  readonly flags: readonly CompletedFlag[];
  /** Its arguments can be files. */
  readonly files: boolean;
}

/** Every command, parents before what is below them. */
export function completedCommands(command: Command, path = ""): CompletedCommand[] {
  const below = command.commands.filter((one) => one.name() !== "help" || path === "");
  const own: CompletedCommand = {
    path,
    words: [
      ...below.map((one) => ({ name: one.name(), help: one.summary() })),
      ...(path === "/completion" ? shells.map((name) => ({ name, help: "" })) : []),
    ],
    flags: [...command.options.filter(({ hidden }) => !hidden).map(completedFlag), helpFlag],
    files: command.registeredArguments.some((argument) => /file|body/.test(argument.name())),
  };
  return [own, ...below.flatMap((one) => completedCommands(one, `${path}/${one.name()}`))];
}

export const shells = ["bash", "zsh", "fish"] as const;

const helpFlag: CompletedFlag = {
  long: "--help",
  short: "-h",
  help: "show help",
  value: "none",
  words: [],
};

function completedFlag(option: Option): CompletedFlag {
  const { long, short, description, argChoices, flags } = option;
  const takes = option.required || option.optional;
  const words = argChoices ?? [];
  const isFile = /<[^>]*(?:file|folder|dir|path)/i.test(flags);
  return {
    long: long ?? short ?? "",
    short: long === undefined ? undefined : short,
    help: description,
    value: takes ? (words.length > 0 ? "words" : isFile ? "file" : "text") : "none",
    words,
  };
}
