// The short form of the soak: a quarter of a minute of faults. The long form is
// `npm run soak -- --seconds 3600`.
import fs from "node:fs";
import path from "node:path";
import { repositoryRoot, runProgram, tempDir } from "@mq9/testkit";
import { expect, test } from "vitest";
import { check } from "./check.mjs";

interface Entry {
  readonly at: number;
  readonly what: string;
  readonly id?: string;
  readonly [field: string]: unknown;
}

const groups = ["g", "h"];

test("programs on the SDK lose and repeat nothing that is not documented, whatever fails", {
  timeout: 150_000,
}, async () => {
  await using folder = await tempDir("soak");
  const program = path.join(repositoryRoot, "tests/sdk-soak/run.mjs");
  const words = [program, "--seconds", "15", "--seed", "20261121", "--keep", folder.path];
  const result = await runProgram(process.execPath, words, { timeoutMs: 140_000 });
  const said = `${result.stdout}${result.stderr}`;
  expect(result.code, said).toBe(0);
  expect(said).toContain("0 violations");

  const records = read(folder.path);
  const { counts } = check(records, groups);
  // The run proves something: much was done, and much went wrong.
  expect(counts["sent"]).toBeGreaterThan(100);
  expect(counts["answered"]).toBeGreaterThan(30);
  expect(records.filter(({ name }) => name === "driver").length).toBeGreaterThan(4);
  // And it could have failed.
  const found = (changed: readonly Entry[]): string =>
    check([...changed], groups).violations.join("\n");
  const handled = records.find(({ what }) => what === "handled") as Entry;
  const begun = records.find(({ what, id }) => what === "begin" && id === handled.id) as Entry;
  const without = records.filter(({ what, id }) => what !== "handled" || id !== handled.id);
  expect(check(without, groups).missing).toBeGreaterThan(0);
  const later = { ...begun, at: handled.at + 600_000, deliveryCount: 1 };
  expect(found([...records, { ...later, life: "another" }])).toContain(
    "repeated without saying so",
  );
  expect(found([...records, { ...later, life: handled["life"], deliveryCount: 2 }])).toContain(
    "twice",
  );
  expect(found([...records, { ...begun, msgId: 999_999 }])).toContain("stored twice");
  expect(found([...records, { ...begun, id: "nobody's" }])).toContain("invented");
  const answer = records.find(
    ({ what, echo }) => what === "answered" && echo !== undefined,
  ) as Entry;
  expect(found([...records, { ...answer, echo: "other" }])).toContain("wrong answer");
});

function read(folder: string): Entry[] {
  const records: Entry[] = [];
  for (const file of fs.readdirSync(folder)) {
    for (const line of fs.readFileSync(path.join(folder, file), "utf8").split("\n")) {
      if (line.endsWith("}")) records.push(JSON.parse(line) as Entry);
    }
  }
  return records;
}
