// Writes docs/reference/cli.md from the commands themselves; a test keeps them equal.
// Needs the build. Run: node scripts/cli-reference.mjs
import { writeFileSync } from "node:fs";
import path from "node:path";
import { referencePage } from "../apps/mq9/dist/cli/reference.js";

const page = path.join(import.meta.dirname, "../docs/reference/cli.md");
writeFileSync(page, await referencePage());
console.log("docs/reference/cli.md");
