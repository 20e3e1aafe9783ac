// The documentation site. Pages are the Markdown files of the repository where they lie, under shorter
// addresses; `npm run docs` makes the tables and the API reference first. Dead links fail the build, and
// no page asks anything of another server.
import { defineConfig } from "vitepress";
import { writeAgentFiles } from "./agent-files.ts";
import { linksByFile, rewrites } from "./links.ts";
import { sidebar } from "./pages.ts";
import { slugOf } from "./slug.ts";

export default defineConfig({
  title: "mq9",
  description: "Durable mailboxes for AI agents, on the NATS wire protocol",
  lang: "en",
  srcDir: "..",
  outDir: "./.vitepress/dist",
  cacheDir: "./.vitepress/cache",
  // Everything else that is Markdown belongs to tests, tools or other people.
  srcExclude: [
    "README.md",
    "AGENTS.md",
    "bench/results/**",
    "examples/**",
    "ops/**",
    "testkit/**",
    "tests/!(crash)/**",
  ],
  rewrites: { ...rewrites, "docs/generated/:page*": ":page*", "docs/:page*": ":page*" },
  cleanUrls: true,
  lastUpdated: false,
  head: [["link", { rel: "icon", type: "image/svg+xml", href: "/mark.svg" }]],
  // The index of the search is large, and loaded only by who searches.
  vite: { publicDir: "docs/public", build: { chunkSizeWarningLimit: 2_000 } },
  markdown: {
    theme: { light: "github-light-high-contrast", dark: "github-dark" },
    languageAlias: { conf: "ini" },
    anchor: { slugify: slugOf },
    config: linksByFile,
  },
  themeConfig: {
    logo: "/mark.svg",
    nav: [
      { text: "Start", link: "/start" },
      { text: "Guide", link: "/guide/", activeMatch: "^/guide/" },
      { text: "Reference", link: "/reference/", activeMatch: "^/reference/" },
      { text: "Operating", link: "/operating/running", activeMatch: "^/operating/" },
      { text: "For agents", link: "/agents" },
    ],
    sidebar: sidebar(),
    outline: { level: [2, 3], label: "On this page" },
    search: { provider: "local" },
    footer: { message: "Apache-2.0" },
    externalLinkIcon: true,
  },
  transformPageData({ relativePath, frontmatter }) {
    // Its tables need the room, and its first ones are the outline.
    if (relativePath === "reference/commands.md") frontmatter["aside"] = false;
  },
  buildEnd: writeAgentFiles,
});
