// The site for readers that are programs: each page as Markdown beside it, llms.txt with a list of them, and
// llms-full.txt with those that whoever uses mq9 needs. Written at the end of a build.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { DefaultTheme, SiteConfig } from "vitepress";
import { addressOf } from "./links.ts";
import { sidebar } from "./pages.ts";

/** In reading order: what an agent needs first comes first. */
const fullPages: readonly string[] = [
  "docs/agents.md",
  "docs/start.md",
  "docs/guide/sdk.md",
  "docs/guide/workers.md",
  "docs/guide/requests.md",
  "docs/reference/errors.md",
  "docs/reference/protocol.md",
  "docs/reference/commands.md",
  "docs/reference/cli.md",
  "docs/reference/glossary.md",
];

const opening = `# mq9

> A broker that gives every agent a durable mailbox. Mail waits there in priority order until the agent comes.
> It speaks the NATS wire protocol: every NATS client is a client. If you are an agent, read /agents.md first.
`;

export async function writeAgentFiles({ outDir, srcDir, pages }: SiteConfig): Promise<void> {
  const texts = new Map<string, string>();
  for (const page of pages) {
    const text = await readFile(path.join(srcDir, page), "utf8");
    texts.set(page, withAddresses(page, text));
    if (text.startsWith("---\nlayout: home")) continue;
    const target = path.join(outDir, markdownOf(addressOf(page)));
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, texts.get(page) ?? "");
  }
  await writeFile(path.join(outDir, "llms.txt"), `${opening}\n${listed(sidebar())}\n`);
  const full = fullPages.map((page) => {
    const text = texts.get(page);
    if (text === undefined) throw new Error(`${page} is no page of the site`);
    return text;
  });
  await writeFile(path.join(outDir, "llms-full.txt"), [opening, ...full].join("\n"));
}

/** `/guide/` and `/guide/sdk` as files. */
function markdownOf(address: string): string {
  return address.endsWith("/") ? `${address}index.md` : `${address}.md`;
}

function withAddresses(page: string, text: string): string {
  return text.replace(/\]\(([^):#\s]+\.md)(#[^)]*)?\)/g, (_, target: string, anchor = "") => {
    const file = path.join(path.dirname(page), decodeURI(target));
    return `](${file === "README.md" ? "/" : markdownOf(addressOf(file))}${anchor})`;
  });
}

function listed(items: readonly DefaultTheme.SidebarItem[]): string {
  return items
    .map(({ text, items: below = [] }) => {
      const lines = below.map((item) => `- [${item.text}](${markdownOf(item.link ?? "")})`);
      return `## ${text ?? "First"}\n\n${lines.join("\n")}\n`;
    })
    .join("\n");
}
