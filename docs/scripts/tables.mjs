// Writes docs/reference/commands.md from the command table of @mq9/protocol. `node docs/scripts/tables.mjs`
// after `tsc -b`; a test fails when the page is behind the table.
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { commandPrefix, commands, deliveryHeaders, sendHeaders } from "@mq9/protocol/commands";

/** Where the page lies, from the root of the repository. */
export const tablesPage = "docs/reference/commands.md";

/** The whole page. */
export function renderTables() {
  const requests = commands.filter(({ kind }) => kind === "request");
  return [
    "<!-- Made by docs/scripts/tables.mjs from core/protocol/src/commands.ts: change it there. -->",
    "# Every subject",
    `All begin with \`${commandPrefix}\`. \`<id>\` is a mailbox, \`<p>\` a word of priority. **+** marks what is ours: no
published document has it. [The protocol](protocol.md) says what the words mean; this page is made from the
table that the tests hold against the broker.`,
    "## Requests",
    overview(requests),
    "## To publish",
    "With a reply subject each is answered as a request is.",
    overview(commands.filter(({ kind }) => kind === "publish")),
    "Headers of a publish, in any generation:",
    headerTable(sendHeaders),
    "## To subscribe to",
    overview(commands.filter(({ kind }) => kind === "subscribe")),
    "Headers of what is delivered:",
    headerTable(deliveryHeaders),
    "## Request by request",
    `Beside the errors that are named, any request may be answered with \`invalid\`, \`too_large\`,
\`storage_failed\`, \`unknown\` or \`draining\`: [errors](errors.md) says what to do. A field that means nothing is told
as \`ignored\` in the reply, and does no harm.`,
    ...commands.filter(hasSection).flatMap(section),
    "",
  ]
    .join("\n\n")
    .trimEnd()
    .concat("\n");
}

function overview(entries) {
  return table(
    ["subject", "what it does", "generation", "right"],
    entries.map((entry) => [
      (hasSection(entry) ? `[${code(entry.subject)}](#${anchor(entry)})` : code(entry.subject)) +
        plus(entry),
      entry.says,
      String(entry.generation),
      entry.right === "none" ? "" : entry.right,
    ]),
  );
}

function hasSection({ request, reply }) {
  return request !== undefined || reply !== undefined;
}

/** Where a section is found, as code hosts and the site write it. */
function anchor(entry) {
  const words = `${entry.subject}${entry.ours ? " +" : ""}`.toLowerCase();
  return words.replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
}

function section(entry) {
  const parts = [`### ${code(entry.subject)}${plus(entry)}`, `${entry.says}.`];
  if (entry.request !== undefined) {
    parts.push(
      table(
        ["field", "type", "default", "meaning"],
        entry.request.map((field) => [
          code(field.name) + plus(field),
          typeOf(field),
          fallback(field),
          meaning(field),
        ]),
      ),
    );
  } else if (entry.kind === "request") {
    parts.push("The body says nothing.");
  }
  if (entry.reply !== undefined) {
    parts.push(
      table(
        ["in the reply", "type", "meaning"],
        entry.reply.map((field) => [
          code(field.name) + plus(field) + (field.optional ? " (at times)" : ""),
          typeOf(field),
          meaning(field),
        ]),
      ),
    );
  }
  if (entry.errors.length > 0) parts.push(`Errors: ${entry.errors.map(code).join(", ")}.`);
  return parts;
}

function typeOf({ type, unit }) {
  const words = { texts: "list of texts", integers: "list of integers", objects: "list" };
  return (words[type] ?? type) + (unit === undefined ? "" : `, ${unit}`);
}

function fallback({ needed, byDefault, insteadOf }) {
  if (needed) return "**needed**";
  if (insteadOf !== undefined) return `instead of ${code(insteadOf)}`;
  return byDefault ?? "";
}

function meaning({ says, range }) {
  return range === undefined ? says : `${says} (${range})`;
}

function headerTable(headers) {
  return table(
    ["header", "value", "meaning"],
    headers.map((header) => [code(header.name) + plus(header), header.value, header.says]),
  );
}

function table(head, rows) {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.map(escaped).join(" | ")} |`).join("\n");
}

function escaped(cell) {
  // Outside of code an angle bracket would begin a tag.
  return cell.replace(/`[^`]*`|<|\|/g, (found) => {
    if (found === "<") return "&lt;";
    return found === "|" ? "\\|" : found;
  });
}

function code(text) {
  return `\`${text}\``;
}

function plus({ ours }) {
  return ours ? " **+**" : "";
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(new URL(`../../${tablesPage}`, import.meta.url), renderTables());
}
