import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createQuarantineFile } from "./quarantine-file.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "mq9-quarantine-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("holds what was kept last, for its owner alone", async () => {
  const file = createQuarantineFile(folder);
  expect(await file.load()).toEqual([]);
  await file.save([{ account: "A", user: "ann" }]);
  await file.save([{ account: "B", user: "" }]);
  expect(await createQuarantineFile(folder).load()).toEqual([{ account: "B", user: "" }]);
  expect(await readdir(folder)).toEqual(["QUARANTINE"]);
  expect((await stat(path.join(folder, "QUARANTINE"))).mode & 0o777).toBe(0o600);
});

test.each(["", "{", '{"version":2,"users":[]}', '{"version":1,"users":[{"account":7}]}'])(
  "that can not be read lets nobody go on: %s",
  async (text) => {
    await writeFile(path.join(folder, "QUARANTINE"), text);
    await expect(createQuarantineFile(folder).load()).rejects.toMatchObject({
      exitCode: 75,
      message: expect.stringContaining("mend it, or remove it"),
    });
  },
);
