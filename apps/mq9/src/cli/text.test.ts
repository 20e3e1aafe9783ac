import { describe, expect, it } from "vitest";
import { createOutput } from "./output.ts";
import { renderTable } from "./table.ts";
import {
  counted,
  displayWidth,
  jsonText,
  left,
  oneLine,
  printable,
  roughly,
  truncate,
} from "./text.ts";

describe("text of others", () => {
  it.each([
    ["\u001b[2J\u001b]0;title\u0007", "␛[2J␛]0;title␇"],
    ["a\rb", "a␍b"],
    ["a\r\nb\tc\nd", "a\nb\tc\nd"],
    ["\u009b2J", "\\u009b2J"],
    ["pay \u202eevil", "pay \\u202eevil"],
    ["plain ünïcode 日本", "plain ünïcode 日本"],
  ])("%j is shown as %j", (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it.each([
    "\u001b[2J",
    "\u009b2J \u0085 \u007f",
    "pay \u202eevil\u2066 \u061c \u2028",
    'quoted " and \\ and 日本 😀',
  ])("%j is harmless as JSON, and reads back as it was", (text) => {
    const json = jsonText({ text, [text]: 1 }, 2);
    expect(printable(json)).toBe(json);
    expect(JSON.parse(json)).toEqual({ text, [text]: 1 });
  });

  it("becomes one line with single blanks", () => {
    expect(oneLine(" a\n\n  b\tc ")).toBe("a b c");
  });
});

describe("widths", () => {
  it("count columns, not letters", () => {
    expect(displayWidth("日本")).toBe(4);
    expect(displayWidth("e\u0301")).toBe(1);
    expect(displayWidth("\u001b[1mbold\u001b[22m")).toBe(4);
  });

  it("are kept when text is cut", () => {
    expect(truncate("hello world", 20)).toBe("hello world");
    expect(truncate("hello world", 7)).toBe("hello…");
    expect(displayWidth(truncate("日本語日本語", 7))).toBeLessThanOrEqual(7);
  });
});

describe("tables", () => {
  const colors = createOutput(process, { NO_COLOR: "1" }, { form: "text", quiet: true }).colors;
  const columns = [
    { head: "NAME", flexible: true },
    { head: "COUNT", align: "right" as const },
    { head: "WHAT", flexible: true },
  ];

  it("take what they need", () => {
    expect(renderTable(columns, [["a", "1", "first"]], 80, colors)).toBe(
      "NAME  COUNT  WHAT\na         1  first",
    );
  });

  it("take from the widest flexible column first, and never pass their width", () => {
    const row = ["n".repeat(60), "12", "w ".repeat(60)];
    const shown = renderTable(columns, [row, ["日".repeat(40), "3", "x"]], 80, colors).split("\n");
    for (const line of shown) expect(displayWidth(line)).toBeLessThanOrEqual(80);
    expect(shown[1]).toMatch(/^n+… {2} +12 {2}w .*…$/);
  });

  it("show cells of others on one line", () => {
    expect(
      renderTable(columns, [["a\nb", "1", "\u001b[31m"]], 80, colors).split("\n"),
    ).toHaveLength(2);
  });
});

describe("times and counts", () => {
  it.each([
    [0, "now"],
    [999, "now"],
    [1_000, "1s"],
    [119_000, "1m"],
    [86_400_000, "1d"],
  ])("%d ms are %s", (ms, text) => {
    expect(roughly(ms)).toBe(text);
  });

  it("show what has just begun whole", () => {
    expect(left(7 * 86_400_000 - 900)).toBe("7d");
    expect(left(3_600_000 - 400)).toBe("1h");
  });

  it("count things", () => {
    expect([counted(1, "message"), counted(0, "message"), counted(2, "entry", "entries")]).toEqual([
      "1 message",
      "0 messages",
      "2 entries",
    ]);
  });
});
