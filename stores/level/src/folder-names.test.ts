import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

const syncs = vi.hoisted(() => ({ count: 0 }));
vi.mock("./data-folder.ts", () => ({
  syncFolder: async () => {
    syncs.count += 1;
  },
}));
const { FolderNames } = await import("./folder-names.ts");

let folder: string;

beforeEach(async () => {
  syncs.count = 0;
  folder = await mkdtemp(join(tmpdir(), "mq9-names-"));
});

afterEach(() => rm(folder, { recursive: true }));

/** Dates the latest change of a name. */
async function dated(secondsAgo: number, fraction: number): Promise<void> {
  const at = Math.floor(Date.now() / 1000) - secondsAgo + fraction;
  await utimes(folder, at, at);
}

it("syncs a folder whose names are settled once", async () => {
  const names = new FolderNames(folder);
  await dated(10, 0.123);
  for (let commit = 0; commit < 5; commit += 1) await names.sync();
  expect(syncs.count).toBe(1);
});

it("syncs it again when a name changed", async () => {
  const names = new FolderNames(folder);
  await dated(10, 0.123);
  await names.sync();
  await writeFile(join(folder, "000042.log"), "");
  await names.sync();
  expect(syncs.count).toBe(2);
});

it("does not trust a date that a later change could share", async () => {
  const names = new FolderNames(folder);
  await dated(-1, 0.5);
  await names.sync();
  await names.sync();
  expect(syncs.count).toBe(2);
});

it("does not trust a date in whole seconds for as long as one lasts", async () => {
  const names = new FolderNames(folder);
  await dated(0, 0);
  await names.sync();
  await names.sync();
  expect(syncs.count).toBe(2);
});
