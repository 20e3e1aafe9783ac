// The judge of a damaged store, in a process of its own: opens it, reads everything, and says on one
// line what came of it. Started by ./damage.ts.
//
//   open-damaged.js <folder> <file with the records expected>
import { readFileSync } from "node:fs";
import { StoreError } from "@mq9/store";
import { createLevelStore } from "@mq9/store-level";
import { recordsOf } from "./digest.ts";

const [folder = "", expectedPath = ""] = process.argv.slice(2);
const { numbersMax, records } = JSON.parse(readFileSync(expectedPath, "utf8")) as {
  numbersMax: number;
  records: [string, string][];
};
const expected = new Map(records);
const told: string[] = [];
const store = createLevelStore({ folder, onDamage: ({ message }) => told.push(message) });
const [outcome, words] = await judgement();
await store.close().catch(() => undefined); // judged already
process.stdout.write(`${outcome}: ${words.replaceAll("\n", " ")}\n`);

async function judgement(): Promise<[outcome: string, words: string]> {
  try {
    await store.open();
  } catch (error) {
    // A refusal names what is damaged, and what to do or what it was about to do.
    const named = error instanceof StoreError && error.message.includes(folder);
    const words = error instanceof Error ? error.message : String(error);
    return [named ? "refused" : "wrong", words];
  }
  // Its clearing need not be durable: what damage brings back of it is garbage again.
  await clearGarbage().catch((error: unknown) => told.push(String(error)));
  const found = await recordsOf(store, numbersMax, (error) => {
    told.push(error instanceof Error ? error.message : String(error));
  });
  for (const [name, content] of found) {
    if (expected.get(name) !== content) return ["wrong", `${name} holds ${content.slice(0, 200)}`];
  }
  if (found.size === expected.size) return ["whole", `${found.size} records`];
  const missing = expected.size - found.size;
  if (told.length === 0) return ["wrong", `${missing} records are missing without a word`];
  return ["told", `${missing} records are missing: ${told.join("; ")}`];
}

async function clearGarbage(): Promise<void> {
  while (await store.clearGarbage());
}
