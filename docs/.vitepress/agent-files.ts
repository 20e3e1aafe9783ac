// llms.txt and llms-full.txt: the site for readers that are programs. The first lists the pages, the second
// holds those that whoever uses mq9 needs, as Markdown. Written beside the pages at the end of a build.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { DefaultTheme, SiteConfig } from "vitepress";
import { sidebar } from "./pages.ts";

const root: string = fileURLToPath(new URL("../..", import.meta.url));

/** In reading order: what an agent needs first comes first. */
const fullPages: readonly string[] = [
  "docs/agents.md",
  "docs/start.md",
  "docs/guide/sdk.md",
  "docs/guide/workers.md",
  "docs/reference/cli.md",
  "docs/reference/protocol.md",
  "docs/reference/commands.md",
  "docs/reference/errors.md",
  "docs/reference/glossary.md",
];

const opening = `# mq9

> A broker that gives every agent a durable mailbox. Mail waits there in priority order until the agent comes.
> It speaks the NATS wire protocol: every NATS client is a client. If you are an agent, read /agents first.
`;

export async function writeAgentFiles({ outDir }: SiteConfig): Promise<void> {
  await writeFile(path.join(outDir, "llms.txt"), `${opening}\n${listed(sidebar())}\n`);
  const pages = await Promise.all(
    fullPages.map((page) =>
      // best effort: a page that is not written yet is not there for people either
      readFile(path.join(root, page), "utf8").catch(() => ""),
    ),
  );
  await writeFile(path.join(outDir, "llms-full.txt"), [opening, ...pages].join("\n"));
}

function listed(items: readonly DefaultTheme.SidebarItem[]): string {
  return items
    .map(({ text, link, items: below = [] }) => {
      const lines = below.map((item) => `- [${item.text}](${item.link})`).join("\n");
      if (link !== undefined) return `- [${text}](${link})`;
      return `## ${text ?? "First"}\n\n${lines}\n`;
    })
    .join("\n");
}
