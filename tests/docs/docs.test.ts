// Runs what the documents show, and checks that links lead somewhere, that what is generated is up to date,
// and that tables name what there is.
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { clientErrorCodes, mq9ErrorCodes } from "@mq9/protocol";
import { type RunningBroker, repositoryRoot, startBroker } from "@mq9/testkit";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { slugOf } from "../../docs/.vitepress/slug.ts";
import { renderTables, tablesPage } from "../../docs/scripts/tables.mjs";
import {
  allPages,
  isRun,
  missingFor,
  openWorkshop,
  readPage,
  snippetsOf,
  type Workshop,
} from "./snippets.ts";

vi.setConfig({ testTimeout: 60_000 });

const pages = allPages();
let workshop: Workshop;

beforeAll(async () => {
  workshop = await openWorkshop(pages.flatMap(snippetsOf).filter(isRun));
});

afterAll(async () => {
  await workshop[Symbol.asyncDispose]();
});

describe.each(pages)("%s", (page) => {
  const snippets = snippetsOf(page).filter(isRun);

  it("links to files that exist, and to headings that they have", () => {
    for (const [, target = "", anchor] of proseOf(page).matchAll(
      /\]\(([^)#\s]*)(?:#([^)]*))?\)/g,
    )) {
      // Addresses that begin with a slash are those of the site: its build looks at them.
      if (/^(?:https?:|mailto:|\/)/.test(target)) continue;
      const linked = target === "" ? page : path.join(path.dirname(page), decodeURI(target));
      const isFile = statSync(path.join(repositoryRoot, linked), {
        throwIfNoEntry: false,
      })?.isFile();
      expect(isFile, `${page} links to ${target}`).toBe(true);
      if (anchor === undefined) continue;
      expect(anchorsOf(linked), `${page} links to ${linked}#${anchor}`).toContain(anchor);
    }
  });

  if (snippets.length > 0) {
    describe("its snippets", () => {
      let broker: RunningBroker;
      beforeAll(async () => {
        broker = await startBroker();
      });
      afterAll(async () => {
        await broker[Symbol.asyncDispose]();
      });

      // One after the other on one broker, as a reader would type them.
      it.for(snippets.map((snippet, place) => ({ ...snippet, snippet, place })))(
        "$place: $language",
        async ({ snippet }, { skip }) => {
          const missing = missingFor(snippet);
          if (missing !== undefined) skip(missing);
          const result = await workshop.run(snippet, broker.url);
          const told = `${snippet.text}\n${result.stdout}${result.stderr}`;
          expect(result.code, told).toBe(0);
          expect(result.stdout, told).not.toMatch(/"error":"[^"]/);
          if (snippet.prints !== undefined) expect(result.stdout, told).toBe(snippet.prints);
        },
      );
    });
  }
});

/** The text without its fenced blocks. */
function proseOf(page: string): string {
  return readPage(page).replace(/^```[\s\S]*?^```$/gm, "");
}

function anchorsOf(page: string): string[] {
  const headings = [...proseOf(page).matchAll(/^#+ (.+)$/gm)];
  return headings.map(([, heading = ""]) => slugOf(heading.replace(/[*`]/g, "")));
}

describe("tables", () => {
  it("explain every error, and no other", () => {
    const text = readPage("docs/reference/errors.md");
    const wire = [...text.matchAll(/^\| `(\w+)` \| \d+ \|/gm)].map(([, code]) => code);
    expect(new Set(wire)).toEqual(new Set(mq9ErrorCodes));
    const client = [...text.matchAll(/^\| `(\w+)` \| [a-z]/gm)].map(([, code]) => code);
    expect(new Set(client)).toEqual(new Set(clientErrorCodes));
  });

  it("of subjects are made from the command table as it is now", () => {
    expect(readPage(tablesPage), "run `npm run docs` and commit the page").toBe(renderTables());
  });
});

describe("readers who type", () => {
  // Where a command is shown to be typed, it is run, or the page says why not.
  const typed = pages.filter((page) => /^(?:README|docs\/(?:start|agents|guide\/))/.test(page));

  it.each(typed)("find no command in %s that was never run", (page) => {
    const shown = snippetsOf(page).filter(
      ({ language, text }) => language === "sh" && /^mq9 (?!serve)/m.test(text),
    );
    expect(
      shown.filter((one) => !isRun(one) && one.notRun === undefined).map(({ text }) => text),
    ).toEqual([]);
  });
});

it("every document that others are told to read is there", () => {
  const needed = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "AGENTS.md"];
  expect(needed.filter((page) => !existsSync(path.join(repositoryRoot, page)))).toEqual([]);
});
