// Writes apps/mq9/schemas/*.json from the schemas of the commands; tests/cli/schemas.test.ts keeps them equal.
// Needs the build. Run: node scripts/cli-schemas.mjs
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { schemaFiles } from "../apps/mq9/dist/cli/schemas/index.js";

const folder = path.join(import.meta.dirname, "../apps/mq9/schemas");
mkdirSync(folder, { recursive: true });
const files = schemaFiles();
for (const name of readdirSync(folder)) if (!(name in files)) rmSync(path.join(folder, name));
for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
console.log(`${Object.keys(files).length} schemas`);
