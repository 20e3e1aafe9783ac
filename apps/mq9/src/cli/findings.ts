// What was found out, one thing per line: how `doctor` and `explain` talk. Codes are for programs and
// never change their meaning; texts are for people.
import type { Colors } from "./output.ts";
import { displayWidth, printable } from "./text.ts";

/** `ok`: as it should be. `note`: good to know. `warn`: may bite. `fail`: stands in the way. */
export type FindingLevel = "ok" | "note" | "warn" | "fail";

export interface Finding {
  /** A word for programs, as `lease_running`. */
  readonly code: string;
  readonly level: FindingLevel;
  /** A sentence without its full stop. */
  readonly text: string;
  /** What to type or do next. */
  readonly next?: string | undefined;
}

const labels: Readonly<Record<FindingLevel, string>> = {
  ok: "ok",
  note: "note",
  warn: "warn",
  fail: "FAIL",
};
const indent = 6;

/** Findings as lines within so many columns; commands are never broken. */
export function renderFindings(
  findings: readonly Finding[],
  { columns, colors }: { readonly columns: number; readonly colors: Colors },
): string {
  const paint = { ok: colors.green, note: colors.dim, warn: colors.yellow, fail: colors.red };
  return findings
    .flatMap(({ level, text, next }) => {
      const [first = "", ...rest] = wrap(printable(text), columns - indent);
      const label = paint[level](labels[level].padEnd(indent));
      return [
        `${label}${first}`,
        ...rest.map((line) => " ".repeat(indent) + line),
        ...nextLines(next, columns),
      ];
    })
    .join("\n");
}

function nextLines(next: string | undefined, columns: number): string[] {
  if (next === undefined) return [];
  const text = `→ ${printable(next)}`;
  const isCommand = /^mq9 \S+/.test(next) && !/[.:;]/.test(next);
  const lines = isCommand ? [text] : wrap(text, columns - indent);
  return lines.map((line) => " ".repeat(indent) + line);
}

/** Lines of so many columns at most, broken between words; a word that is longer stands alone. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    const joined = line === "" ? word : `${line} ${word}`;
    if (line !== "" && displayWidth(joined) > columns) {
      lines.push(line);
      line = word;
    } else {
      line = joined;
    }
  }
  return [...lines, line];
}

/** The worst there is. */
export function worst(findings: readonly Finding[]): FindingLevel {
  const order: readonly FindingLevel[] = ["fail", "warn", "note"];
  return order.find((level) => findings.some((finding) => finding.level === level)) ?? "ok";
}

/** Without fields that are not set. */
export function findingJson({ code, level, text, next }: Finding): Finding {
  return { code, level, text, ...(next === undefined ? {} : { next }) };
}
