import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openAuditFile } from "../audit-file.ts";
import { checkAudit } from "./audit.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "mq9-audit-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

it("looks at all files of an audit together, and at each alone", async () => {
  const file = path.join(folder, "audit.jsonl");
  const audit = await openAuditFile(file, () => {});
  audit.write({ kind: "config.reloaded", by: undefined, atMs: 1 });
  await audit.reopen();
  renameSync(file, `${file}.1`);
  await audit.reopen();
  audit.write({ kind: "config.reloaded", by: undefined, atMs: 2 });
  await audit.close();
  expect(await checkAudit([`${file}.1`, file])).toMatch(/^whole: 5 records, .* [0-9a-f]{32}$/);
  expect(await checkAudit([file])).toMatch(/^whole: 2 records/);
  await expect(checkAudit([file, `${file}.1`])).rejects.toThrow(`${file}.1:1 was changed`);
  writeFileSync(file, readFileSync(file, "utf8").replace("config", "c0nfig"));
  await expect(checkAudit([file])).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringContaining(`${file}:2 was changed`),
  });
  await expect(checkAudit([path.join(folder, "none")])).rejects.toMatchObject({ exitCode: 3 });
});
