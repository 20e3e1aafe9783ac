// The checker as a program: `node check.js FOLDER`. Prints what the histories of the folder hold and
// every broken promise; exits with 1 when there is one.
import { check } from "./checker.ts";
import { readHistory } from "./history.ts";

const folder = process.argv[2];
if (folder === undefined) {
  console.error("usage: node check.js FOLDER");
  process.exit(2);
}

const { counts, violations } = check(readHistory(folder));
console.log(
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(", "),
);
for (const { rule, text } of violations.slice(0, 50)) console.log(`${rule}: ${text}`);
console.log(violations.length === 0 ? "0 violations" : `${violations.length} violations`);
process.exitCode = violations.length === 0 ? 0 : 1;
