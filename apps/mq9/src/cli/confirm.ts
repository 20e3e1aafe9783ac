// One question before something is destroyed. Asked only where a person sits at both ends; scripts and
// agents said what they want by calling the command.
import { createInterface } from "node:readline/promises";

/** @returns whether to go on; true where nobody can be asked */
export async function confirmed(question: string): Promise<boolean> {
  if (process.stdin.isTTY !== true || process.stdout.isTTY !== true) return true;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}
