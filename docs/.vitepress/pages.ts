// Which pages stand where in the side bar, in reading order. A page that no list names comes behind the
// others of its folder, so that a new one is never missing.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { DefaultTheme } from "vitepress";

const root: string = fileURLToPath(new URL("../..", import.meta.url));

/** READMEs of packages under `internals/packages/`. */
export const packagePages: Readonly<Record<string, string>> = Object.fromEntries(
  ["core", "edges", "stores", "clients", "apps"].flatMap((layer) =>
    readdirSync(path.join(root, layer))
      .filter((name) => existsSync(path.join(root, layer, name, "README.md")))
      .map((name) => [`${layer}/${name}/README.md`, `internals/packages/${name}.md`]),
  ),
);

interface Section {
  readonly text: string;
  /** Below `docs/`, and the address. */
  readonly folder: string;
  /** File names without their ending, in order. */
  readonly first: readonly string[];
  /** Pages from elsewhere: their file from the root, and their address. */
  readonly further?: readonly (readonly [file: string, link: string])[];
}

const sections: readonly Section[] = [
  {
    text: "Guide",
    folder: "guide",
    first: [
      "index",
      "terminal",
      "sdk",
      "workers",
      "requests",
      "patterns",
      "waking",
      "browsers",
      "troubleshooting",
    ],
  },
  {
    text: "Reference",
    folder: "reference",
    first: ["index", "protocol", "commands", "errors", "limits", "cli", "glossary"],
    further: [["docs/generated/reference/sdk/index.md", "/reference/sdk/"]],
  },
  {
    text: "Operating",
    folder: "operating",
    first: ["running", "configuration", "security", "tls", "monitoring", "backup", "audit"],
  },
  {
    text: "Internals",
    folder: "internals",
    first: ["storage", "conformance", "proof", "stress", "dependencies"],
    further: [
      ["ARCHITECTURE.md", "/internals/architecture"],
      ["CONTRIBUTING.md", "/internals/contributing"],
      ["bench/README.md", "/internals/bench"],
      ...Object.entries(packagePages).map(
        ([file, page]) => [file, `/${page.replace(/\.md$/, "")}`] as const,
      ),
    ],
  },
  { text: "Decisions", folder: "adr", first: [] },
];

/** The one side bar of all pages. */
export function sidebar(): DefaultTheme.SidebarItem[] {
  return [
    {
      items: [
        { text: "Start in five minutes", link: "/start" },
        { text: "For agents", link: "/agents" },
        { text: "What changed", link: "/changelog" },
      ],
    },
    ...sections.map(({ text, folder, first, further = [] }) => ({
      text,
      collapsed: folder === "internals" || folder === "adr",
      items: [
        ...inFolder(folder, first),
        ...further.map(([file, link]) => ({ text: titleOf(file), link })),
      ],
    })),
  ];
}

function inFolder(folder: string, first: readonly string[]): DefaultTheme.SidebarItem[] {
  const whole = path.join(root, "docs", folder);
  const names = readdirSync(whole)
    .filter((name) => name.endsWith(".md"))
    .map((name) => name.slice(0, -3));
  const place = (name: string): number => (first.includes(name) ? first.indexOf(name) : 1000);
  return names
    .toSorted((a, b) => place(a) - place(b) || a.localeCompare(b))
    .map((name) => ({
      text: titleOf(`docs/${folder}/${name}.md`),
      link: name === "index" ? `/${folder}/` : `/${folder}/${name}`,
    }));
}

/** The first heading of a page. */
export function titleOf(file: string): string {
  const whole = path.join(root, file);
  if (!existsSync(whole)) return path.basename(path.dirname(file));
  const [, title] = /^# (.+)$/m.exec(readFileSync(whole, "utf8")) ?? [];
  return (title ?? path.basename(file)).replaceAll("`", "");
}
