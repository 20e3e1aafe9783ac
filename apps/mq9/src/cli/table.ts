// Rows under a head for people. Only `Output.table` calls it; cells are made harmless here.
import Table from "cli-table3";
import type { Colors } from "./output.ts";
import { displayWidth, oneLine, truncate } from "./text.ts";

export interface Column {
  readonly head: string;
  /** Numbers stand on the right. Default left. */
  readonly align?: "left" | "right";
  /** Gives way first when the rows are too wide, down to its head. Default false. */
  readonly flexible?: boolean;
  /** Paints a cell after it was cut. */
  readonly paint?: (cell: string) => string;
}

const bare = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** @returns lines without the last line feed */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  widthMax: number,
  colors: Colors,
): string {
  const cells = rows.map((row) => row.map(oneLine));
  const widths = columns.map(({ head }, at) =>
    Math.max(displayWidth(head), ...cells.map((row) => displayWidth(row[at] ?? ""))),
  );
  shrink(columns, widths, widthMax);
  const cut = (text: string, at: number) => truncate(text, widths[at] ?? 0);
  const table = new Table({
    head: columns.map(({ head }, at) => colors.bold(cut(head, at))),
    chars: bare,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colAligns: columns.map(({ align }) => align ?? "left"),
    colWidths: widths,
  });
  for (const row of cells) {
    table.push(
      columns.map(({ paint }, at) => {
        const text = cut(row[at] ?? "", at);
        return paint === undefined ? text : paint(text);
      }),
    );
  }
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** Takes columns off the flexible ones, the widest first, then off all. */
function shrink(columns: readonly Column[], widths: number[], widthMax: number): void {
  const between = 2 * (columns.length - 1);
  const total = () => widths.reduce((sum, width) => sum + width, between);
  for (const onlyFlexible of [true, false]) {
    while (total() > widthMax) {
      const able = widths
        .map((width, at) => ({ width, at, least: least(columns[at]) }))
        .filter(({ width, at, least }) => {
          return width > least && (!onlyFlexible || columns[at]?.flexible === true);
        });
      const widest = able.reduce<(typeof able)[number] | undefined>(
        (best, one) => (best === undefined || one.width > best.width ? one : best),
        undefined,
      );
      if (widest === undefined) break;
      widths[widest.at] = widest.width - 1;
    }
  }
}

function least(column: Column | undefined): number {
  return Math.max(4, displayWidth(column?.head ?? ""));
}
