// `mq9 completion`: a script that makes a shell complete commands and flags.
import { type CommandSpec, defineCommand } from "../cli/command.ts";
import { misuse } from "../cli/exit-codes.ts";
import { closest } from "../config/closest.ts";

const shells = ["bash", "zsh", "fish"];

export const completionCommands: readonly CommandSpec[] = [
  defineCommand({
    path: "completion",
    summary: "print a script that completes commands in a shell",
    args: [["<shell>", "bash, zsh or fish"]],
    examples: [
      ["For this bash", "source <(mq9 completion bash)"],
      ["For every bash", "mq9 completion bash > ~/.local/share/bash-completion/completions/mq9"],
      ["For zsh, below a folder of $fpath", "mq9 completion zsh > ~/.zfunc/_mq9"],
      ["For fish", "mq9 completion fish > ~/.config/fish/completions/mq9.fish"],
    ],
    output: "text",
    offline: true,
    run: async ({ args: [shell = ""], out }) => {
      const { completionScripts } = await import("../completion/scripts.ts");
      const write = completionScripts[shell];
      if (write === undefined) {
        const near = closest(shell, shells);
        const hint =
          near === undefined ? `There are ${shells.join(", ")}.` : `Did you mean ${near}?`;
        throw misuse(`${shell} is no shell that can be completed`, hint);
      }
      const { wholeProgram } = await import("../completion/program.ts");
      const { completedCommands } = await import("../completion/words.ts");
      await out.raw(write(completedCommands(await wholeProgram())));
    },
  }),
];
