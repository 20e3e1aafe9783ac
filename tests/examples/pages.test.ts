// What pages show of the examples is what stands in the files: whole, or lines that follow each other.
// And the list of examples lists all of them.
import { readFileSync } from "node:fs";
import path from "node:path";
import { repositoryRoot } from "@mq9/testkit";
import { describe, expect, it } from "vitest";
import { examplesIn } from "./example-files.ts";

const read = (file: string) => readFileSync(path.join(repositoryRoot, file), "utf8");

/** A page's blocks that say where they come from: "`examples/…`:" stands before the fence. */
function shown(page: string): { whole: boolean; file: string; text: string }[] {
  const blocks = read(page).matchAll(/(From )?`(examples\/[^`]+)`:\n\n```\w+\n([\s\S]*?)^```$/gm);
  return [...blocks].map(([, from, file = "", text = ""]) => ({
    whole: from === undefined,
    file,
    text,
  }));
}

describe("pages", () => {
  it("show recipes for waking as they are", () => {
    const blocks = shown("docs/guide/waking.md").filter(({ whole }) => whole);
    expect(blocks.length).toBeGreaterThanOrEqual(7);
    for (const { file, text } of blocks) expect(text, file).toBe(read(file));
  });

  it("show the eight patterns with lines of their examples", () => {
    const blocks = shown("docs/guide/patterns.md");
    expect(new Set(blocks.map(({ file }) => file)).size).toBeGreaterThanOrEqual(8);
    for (const { file, text } of blocks) expect(outdented(read(file)), file).toContain(text);
  });

  it("list every example", () => {
    const list = read("examples/README.md");
    for (const language of ["typescript", "python", "go"] as const) {
      for (const { file } of examplesIn(language)) {
        expect(list).toContain(`(${file.replace("examples/", "")})`);
      }
    }
  });
});

/** Lines without their indentation are compared where a page shows the inside of a function. */
function outdented(text: string): string {
  return `${text}\n${text.replaceAll(/^ {2}/gm, "")}\n${text.replaceAll(/^ {4}/gm, "")}`;
}
