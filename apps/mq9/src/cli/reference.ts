// The page that describes every client command, made of the commands themselves. Called by
// scripts/cli-reference.mjs, and by the test that keeps docs/reference/cli.md true. Not loaded by any command.
import { catalog } from "./catalog.ts";
import type { CommandSpec } from "./command.ts";
import { connectionHelp } from "./connection.ts";
import { cliExits } from "./exit-codes.ts";

/** The whole page as Markdown. */
export async function referencePage(): Promise<string> {
  const sections: string[] = [];
  const groups = [...new Set(catalog.map(({ group }) => group))];
  const rows: string[] = [];
  for (const group of groups) {
    for (const entry of catalog.filter((each) => each.group === group)) {
      const specs = await entry.load();
      for (const spec of specs) {
        rows.push(
          `| ${group.replace(":", "")} | [\`mq9 ${spec.path}\`](#${anchorOf(spec)}) | ${cell(spec.summary)} |`,
        );
        sections.push(sectionOf(spec));
      }
    }
  }
  return `${head}
| | command | |
|---|---|---|
${rows.join("\n")}

\`mq9 serve\`, \`passwd\`, \`nkey\` and \`audit\` are for who runs a broker: see [running](../operating/running.md)
and [configuration](../operating/configuration.md).

## Exit codes

They never change their meaning. \`mq9 serve\` has codes of its own: \`mq9 serve --help\`.

| code | meaning |
|---|---|
${Object.values(cliExits)
  .map(({ code, meaning }) => `| ${code} | ${cell(meaning)} |`)
  .join("\n")}

## Connection

\`\`\`text
${connectionHelp}\`\`\`

${sections.join("\n")}`;
}

const head = `<!-- Made by scripts/cli-reference.mjs of the commands themselves: change those, then run it. -->

# Command line

\`mq9 <command> --help\` says the same in the terminal, \`mq9 help connection\` how a broker is found. What
holds for every command:

- **Data on standard output, talk on standard error.** \`--quiet\` leaves the talk out. Colours are for terminals
  alone, and never with \`NO_COLOR\`.
- **\`--json\`** prints one object, \`--jsonl\` one object per line as they come. Each fits a JSON Schema: \`mq9 schema <command>\`,
  files in \`schemas/\` of the package. Fields are in snake case, times are ISO 8601 in UTC, what is absent is left out. A
  command that fails prints \`{"error":{…}}\` on standard error then (\`mq9 schema error\`).
- **Bodies** are the text itself, \`@file\`, or \`-\` for standard input; \`@@\` begins a text with an at sign.
- **Times** are \`250ms\`, \`90s\`, \`15m\`, \`2h\`, \`1d\`; a number alone counts seconds.
- **Text of others** is shown on terminals with its control characters made visible. \`--raw\` prints bytes as they are.
`;

function sectionOf(spec: CommandSpec): string {
  const args = (spec.args ?? []).map(([name]) => ` ${name}`).join("");
  const rows = [
    ...(spec.args ?? []).map(([name, help]) => `| \`${coded(name)}\` | ${cell(help)} |`),
    ...(spec.options ?? []).map(
      (option) => `| \`${coded(option.flags)}\` | ${cell(optionHelp(option))} |`,
    ),
  ];
  const exits = (spec.exits ?? []).map(
    (name) => `${cliExits[name].code}: ${spec.exitNotes?.[name] ?? cliExits[name].meaning}`,
  );
  return [
    `## mq9 ${spec.path}`,
    "",
    `${description(spec)}`,
    "",
    "```text",
    `mq9 ${spec.path} [options]${args}`,
    "```",
    "",
    ...(rows.length === 0 ? [] : ["| | |", "|---|---|", ...rows, ""]),
    "```text",
    spec.examples.map(([what, line]) => `# ${what}\n${line}`).join("\n\n"),
    "```",
    "",
    ...(exits.length === 0 ? [] : [`Exit codes beside 0, 1, 2 and 5: ${exits.join(" · ")}.`, ""]),
  ].join("\n");
}

interface ShownOption {
  readonly description: string;
  readonly defaultValue?: unknown;
  readonly defaultValueDescription?: string | undefined;
  readonly argChoices?: readonly string[] | undefined;
  readonly mandatory: boolean;
}

function optionHelp(option: ShownOption): string {
  const { argChoices, defaultValue, defaultValueDescription, mandatory } = option;
  const notes = [
    ...(argChoices === undefined ? [] : [argChoices.map((word) => `\`${word}\``).join(", ")]),
    ...(defaultValue === undefined
      ? []
      : [`default ${defaultValueDescription ?? JSON.stringify(defaultValue)}`]),
    ...(mandatory ? ["needed"] : []),
  ];
  return [option.description, ...notes].join("; ");
}

function description({ description: text, summary }: CommandSpec): string {
  const sentence = text ?? `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
  return escaped(sentence.replace(/\s*\n\s*/g, " "));
}

function anchorOf({ path }: CommandSpec): string {
  return `mq9-${path.replaceAll(" ", "-")}`;
}

/** Angle brackets are HTML to renderers, pipes end a cell. */
function cell(text: string): string {
  return text.includes("`") ? text.replaceAll("|", "\\|") : escaped(text);
}

function escaped(text: string): string {
  return text
    .replaceAll("|", "\\|")
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith("`") ? part : part.replaceAll("<", "&lt;")))
    .join("");
}

/** Between backticks in a cell. */
function coded(text: string): string {
  return text.replaceAll("|", "\\|");
}
