// The page at `/`: links to what there is. No script, and nothing from elsewhere.
import { createHash } from "node:crypto";

const style = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.6rem; margin: 0; }
h1 + p { margin: .2rem 0 2rem; opacity: .7; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 2rem 0 .25rem; opacity: .7; }
ul { list-style: none; margin: 0; padding: 0; }
li { display: flex; gap: 1rem; padding: .45rem 0; border-top: 1px solid color-mix(in srgb, currentColor 18%, transparent); }
a { flex: 0 0 9rem; font-family: ui-monospace, monospace; color: light-dark(#0b57d0, #a8c7fa); }
a:focus-visible { outline: 2px solid; outline-offset: 2px; }
`;

/** The style by its digest, and nothing else. */
export const indexPolicy: string = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const sections: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  [
    "Is it well?",
    [
      ["healthz", "the process lives"],
      ["readyz", "sends are taken"],
    ],
  ],
  [
    "What does it do?",
    [
      ["varz", "general figures: traffic, limits, mail, disk and clock"],
      ["connz", "connections, open and ended"],
      ["subsz", "subscriptions"],
      ["accountz", "accounts"],
      ["accstatz", "traffic by account"],
    ],
  ],
  [
    "What does it not do?",
    [
      ["routez", "clusters"],
      ["gatewayz", "gateways"],
      ["leafz", "leaf nodes"],
      ["jsz", "streams"],
    ],
  ],
];

/** What the page names. */
export interface PageFacts {
  readonly productVersion: string;
  readonly serverName: string;
  /** "" or a path with a leading slash. */
  readonly basePath: string;
}

export function indexPage({ productVersion, serverName, basePath }: PageFacts): string {
  const lists = sections.map(([title, links]) => {
    const items = links.map(
      ([name, text]) =>
        `<li><a href="${escaped(`${basePath}/${name}`)}">/${name}</a><span>${text}</span></li>`,
    );
    return `<h2>${title}</h2>\n<ul>\n${items.join("\n")}\n</ul>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>mq9 monitoring</title>
<style>${style}</style>
<h1>mq9 ${escaped(productVersion)}</h1>
<p>${escaped(serverName)}</p>
${lists.join("\n")}
</html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
