// Who may import whom: one row per package, from the bottom layer up. The test beside this file
// holds every import, dependency and tsconfig reference against it. A new package needs a row.

/** What one package may reach. */
export interface LayerRow {
  /** Folder from the root of the repository. */
  readonly folder: string;
  /** Package name. */
  readonly name: string;
  /** Workspace packages its sources may import. */
  readonly workspace: readonly string[];
  /** npm packages its sources may import; `any` = free, each with a reason in a review. */
  readonly npm: readonly string[] | "any";
  /** `pure`: no `node:` import; and, but for wire, compiled without Node types. */
  readonly platform: "pure" | "node";
}

const core = [
  "@mq9/wire",
  "@mq9/protocol",
  "@mq9/store",
  "@mq9/mailbox",
  "@mq9/dialects",
  "@mq9/router",
];

export const layers: readonly LayerRow[] = [
  { folder: "core/wire", name: "@mq9/wire", workspace: [], npm: [], platform: "pure" },
  { folder: "core/protocol", name: "@mq9/protocol", workspace: [], npm: [], platform: "pure" },
  {
    folder: "core/store",
    name: "@mq9/store",
    workspace: ["@mq9/protocol"],
    npm: [],
    platform: "pure",
  },
  {
    folder: "core/mailbox",
    name: "@mq9/mailbox",
    workspace: ["@mq9/protocol", "@mq9/store"],
    npm: ["minisearch"], // the registry's word index: no dependencies, no platform
    platform: "pure",
  },
  {
    folder: "core/dialects",
    name: "@mq9/dialects",
    workspace: ["@mq9/protocol"],
    npm: [],
    platform: "pure",
  },
  {
    folder: "core/router",
    name: "@mq9/router",
    workspace: ["@mq9/wire"],
    npm: [],
    platform: "node",
  },
  {
    folder: "core/auth",
    name: "@mq9/auth",
    workspace: ["@mq9/wire", "@mq9/router"],
    npm: ["bcryptjs"], // the hashes that nats-server configurations hold
    platform: "node",
  },
  {
    folder: "core/broker",
    name: "@mq9/broker",
    workspace: [...core, "@mq9/auth"],
    npm: [],
    platform: "node",
  },
  {
    folder: "edges/monitoring",
    name: "@mq9/monitoring",
    workspace: ["@mq9/broker"],
    npm: ["prom-client"],
    platform: "node",
  },
  {
    folder: "stores/level",
    name: "@mq9/store-level",
    workspace: ["@mq9/protocol", "@mq9/store"],
    npm: ["classic-level"],
    platform: "node",
  },
  {
    folder: "clients/sdk",
    name: "@mq9/sdk",
    workspace: ["@mq9/protocol"],
    npm: [
      "@nats-io/nats-core",
      "@nats-io/transport-node", // transport/node.ts alone: browsers never load it
      "@standard-schema/spec", // types only
      "@opentelemetry/api", // an optional peer: loaded when its user has it
    ],
    platform: "pure", // the same code in Node and in browsers
  },
  {
    folder: "testkit",
    name: "@mq9/testkit",
    workspace: [...core, "@mq9/auth", "@mq9/broker", "@mq9/monitoring", "@mq9/store-level"],
    npm: "any",
    platform: "node",
  },
  {
    folder: "apps/mq9",
    name: "@mq9/cli",
    workspace: [
      ...core,
      "@mq9/auth",
      "@mq9/broker",
      "@mq9/monitoring",
      "@mq9/store-level",
      "@mq9/sdk",
    ],
    npm: "any",
    platform: "node",
  },
];

/** The one pure package that is compiled with Node's types: it needs `Buffer`, and nothing else. */
export const compiledWithNodeTypes: readonly string[] = ["core/wire"];

/** npm packages that test files and exams (`testing/` folders) may import anywhere. */
export const testTools: readonly string[] = ["vitest", "fast-check"];
