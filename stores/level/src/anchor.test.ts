import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Anchor } from "./anchor.ts";

let path: string;

beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), "mq9-anchor-")), "ANCHOR");
});

afterEach(() => rm(join(path, ".."), { recursive: true }));

async function reread() {
  const anchor = await Anchor.open(path);
  const state = await anchor.read();
  await anchor.close();
  return state;
}

async function writeAll(...commits: readonly number[]): Promise<void> {
  const anchor = await Anchor.open(path);
  await anchor.read();
  for (const commit of commits) await anchor.write({ commit, clean: false }, true);
  await anchor.close();
}

it("remembers nothing when it is new", async () => {
  expect(await reread()).toBeUndefined();
});

it("remembers what was written last, across openings", async () => {
  await writeAll(1);
  expect(await reread()).toMatchObject({ commit: 1, clean: false });
  await writeAll(2, 3);
  await writeAll(4);
  expect(await reread()).toMatchObject({ commit: 4, clean: false });
  const anchor = await Anchor.open(path);
  await anchor.read();
  await anchor.write({ commit: 2 ** 47, clean: true }, false);
  await anchor.close();
  expect(await reread()).toMatchObject({ commit: 2 ** 47, clean: true });
});

it("falls back to the write before when the last one is torn anywhere", async () => {
  await writeAll(1, 2, 3);
  const bytes = await readFile(path);
  for (let at = 0; at < 1024; at += 31) {
    const torn = Buffer.from(bytes);
    torn[at] = (torn[at] as number) ^ 1;
    await writeFile(path, torn);
    expect([2, 3]).toContain((await reread())?.commit);
  }
  await writeFile(path, Buffer.alloc(1024));
  expect(await reread()).toBeUndefined();
  await writeFile(path, bytes.subarray(0, 700));
  expect((await reread())?.commit).toBe(2);
});

it("writes in the order in which it was told to", async () => {
  const anchor = await Anchor.open(path);
  const writes = Array.from({ length: 20 }, (_, commit) =>
    anchor.write({ commit, clean: false }, commit % 3 === 0),
  );
  await Promise.all(writes);
  await anchor.close();
  expect((await reread())?.commit).toBe(19);
});
