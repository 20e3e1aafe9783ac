// Links between Markdown files are written as files lie in the repository, so that they work there too; here
// they become addresses of the site. One that leads to a file which is no page fails the build.
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { MarkdownRenderer } from "vitepress";
import { packagePages } from "./pages.ts";

const root: string = fileURLToPath(new URL("../..", import.meta.url));

/** Files outside `docs/` that are pages, and where. */
export const rewrites: Readonly<Record<string, string>> = {
  "ARCHITECTURE.md": "internals/architecture.md",
  "CONTRIBUTING.md": "internals/contributing.md",
  "CHANGELOG.md": "changelog.md",
  "bench/README.md": "internals/bench.md",
  "tests/crash/README.md": "internals/crash-tests.md",
  ...packagePages,
};

/** The address of a file's page. @param file from the root of the repository */
export function addressOf(file: string): string {
  if (file === "README.md") return "/";
  const page = rewrites[file] ?? file.replace(/^docs\/(?:generated\/)?/, "");
  return `/${page.replace(/(?:^|(?<=\/))index\.md$/, "").replace(/\.md$/, "")}`;
}

/**
 * A plugin of the Markdown renderer: links by file, code in which nothing is a program of the page, and shell
 * snippets without the line that tells the tests to run them.
 */
export function linksByFile(md: MarkdownRenderer): void {
  md.core.ruler.push("code-as-it-is", ({ tokens }) => {
    for (const token of tokens) {
      if (token.type === "fence") token.content = token.content.replace(/^# (?:mq9|nats)\n/, "");
    }
    for (const token of tokens.flatMap((one) => one.children ?? [])) {
      if (token.type === "code_inline") token.attrSet("v-pre", "");
    }
  });
  md.core.ruler.push("links-by-file", ({ tokens, env }) => {
    const { realPath } = env as { realPath?: string };
    // Parts that are rendered for themselves, such as the home page's, hold no such links.
    if (realPath === undefined) return;
    const folder = path.dirname(path.relative(root, realPath));
    for (const token of tokens.flatMap((one) => one.children ?? [])) {
      if (token.type !== "link_open") continue;
      const href = token.attrGet("href") ?? "";
      if (/^(?:[a-z]+:|#|\/)/i.test(href)) continue;
      const [target = "", anchor = ""] = href.split(/(?=#)/);
      if (!target.endsWith(".md"))
        throw new Error(`${realPath} links to ${href}, which is no page`);
      token.attrSet("href", addressOf(path.join(folder, decodeURI(target))) + anchor);
    }
  });
}
