import { defineConfig } from "vitest/config";

// Not "module", which is for bundlers: what Node loads it could not read.
const conditions = ["@mq9/source", "node", "import", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ["{core,stores,edges,clients,testkit,apps,scripts,tests}/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "**/.peers/**"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
