// The program whose writes are recorded or made to fail: the real store under the steps of a workload.
// Says into the marks file `begin n` before and `done n` after each step; `failed n <code>` when one
// was refused; then, as asked, it opens the store again and goes on. Run with the shim loaded.
//
// The first step is 1, or 0 for whatever follows the one that a crash left in the folder.
//
//   record.js <folder> <marks> <seed> <steps> <honest|early> <first step> [<arm file> <armed at step>]
import { writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { StoreError } from "@mq9/store";
import { createLevelStore } from "@mq9/store-level";
import { stepOf } from "./digest.ts";
import { applyStep, makeWorkload } from "./workload.ts";

const [folder = "", marksPath = "", seed = "", steps = "", how = "honest", first = "1"] =
  process.argv.slice(2);
const [armPath, armedAt = "0"] = process.argv.slice(8);
const workload = makeWorkload(Number(seed), Number(steps));
const marks = await open(marksPath, "a");
const store = createLevelStore({ folder, writeBufferBytes: 64 * 1024, tableBytes: 1024 * 1024 });
const say = (words: string): Promise<unknown> => marks.write(`${words}\n`);

if (armPath !== undefined && armedAt === "0") writeFileSync(armPath, "");
const start = first === "0" ? await recover() : Number(first);
for (let number = start, failures = 0; number <= workload.length; number += 1) {
  try {
    if (number === 1 || number % 97 === 0) await reopen();
    if (armPath !== undefined && number === Number(armedAt)) writeFileSync(armPath, "");
    await say(`begin ${number}`);
    const batch = store.batch();
    applyStep(batch, workload[number - 1] ?? []);
    // The control: an acknowledgement that does not wait.
    if (how === "early") await say(`done ${number}`);
    await store.commit(batch);
    if (how !== "early") await say(`done ${number}`);
    if (number % 5 === 0) await store.clearGarbage();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    await say(`failed ${number} ${error.code}`);
    failures += 1;
    if (failures > 3) break;
    // What was refused is there or not; either way the store was verified and goes on from it.
    const opened = await reopen().catch((again: unknown) => again);
    if (opened instanceof Error) {
      await say(`closed ${number} ${(opened as StoreError).code}`);
      break;
    }
    number = await stepOf(store);
    await say(`opened ${number}`);
  }
}
await say("end");
// As a crash would: nothing is closed.
process.kill(process.pid, "SIGKILL");

/** Opens what a crash left. @returns the step to go on with */
async function recover(): Promise<number> {
  await store.open();
  const step = await stepOf(store);
  await say(`opened ${step}`);
  return step + 1;
}

async function reopen(): Promise<void> {
  await store.close().catch(() => undefined); // it failed before; `open` verifies
  await store.open();
}
