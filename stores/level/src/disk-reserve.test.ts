import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createDiskReserve } from "./disk-reserve.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mq9-reserve-"));
});

afterEach(() => rm(folder, { recursive: true }));

it("is given up when less than the mark is free, also by another process than made it", async () => {
  await createDiskReserve(folder).fill(3_000_000);
  const later = createDiskReserve(folder);
  expect(await later.releaseIfBelow(0)).toBe(false);
  expect(await readdir(folder)).toEqual(["reserve"]);
  expect(await later.releaseIfBelow(Number.MAX_SAFE_INTEGER)).toBe(true);
  expect(await readdir(folder)).toEqual([]);
});

it("has nothing to give up where there is none, or no folder yet", async () => {
  const all = Number.MAX_SAFE_INTEGER;
  expect(await createDiskReserve(folder).releaseIfBelow(all)).toBe(false);
  expect(await createDiskReserve(join(folder, "none")).releaseIfBelow(all)).toBe(false);
});
