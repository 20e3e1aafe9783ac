// The checkers as a program: `node check.js FOLDER [H1 H4 …]`. Prints what the histories of the
// folder hold and every broken promise; exits with 1 when there is one.
import type { Checker } from "./facts.ts";
import { judge } from "./judge.ts";
import { readHistory } from "./record.ts";

const [folder, ...names] = process.argv.slice(2);
if (folder === undefined) {
  console.error("usage: node check.js FOLDER [H1 H2 H3 H4 H5 H7]");
  process.exit(2);
}
const only = names.length === 0 ? undefined : (names as Checker[]);
const { counts, violations } = judge(readHistory(folder), only);
const said = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
console.log(said.join(", "));
for (const { checker, rule, text } of violations.slice(0, 50)) {
  console.log(`${checker} ${rule}: ${text}`);
}
console.log(`${violations.length} violations`);
process.exitCode = violations.length === 0 ? 0 : 1;
