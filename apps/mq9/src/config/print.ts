// --print-config: the resolved settings as a configuration file, each line saying where its value
// came from. What it prints can be saved and used with --config.
import { stringify } from "yaml";
import type { Resolved } from "./layers.ts";
import { fileKey, settingNames, settingOf } from "./settings.ts";

/**
 * The resolved settings as YAML, ending with a newline.
 * @param remarks about what was passed over; they stand below as comments
 */
export function printConfig({ settings, sources }: Resolved, remarks: readonly string[]): string {
  const lines = settingNames.map((name) => {
    const { kind } = settingOf(name);
    const value = settings[name];
    const text = typeof value === "string" ? value : kind.format(value);
    // A name left empty stands for "not set", which a file says by leaving the line out.
    if (text === "") return { text: `# ${fileKey(name)}:`, source: sources[name] };
    const plain = typeof value === "boolean" || typeof value === "number" ? text : quoted(text);
    return { text: `${fileKey(name)}: ${plain}`, source: sources[name] };
  });
  const width = Math.min(40, Math.max(...lines.map(({ text }) => text.length)));
  return [
    "# Settings of mq9 serve: flags > environment > file > defaults",
    ...lines.map(({ text, source }) => `${text.padEnd(width)}  # ${source}`),
    ...remarks.map((remark) => `# note: ${remark}`),
    "",
  ].join("\n");
}

/** Text as YAML reads it back, on one line, quoted only where it must be. */
function quoted(text: string): string {
  return stringify(text, { lineWidth: 0 }).trimEnd();
}
