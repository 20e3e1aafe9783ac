import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store, StoreBatch } from "@mq9/store";
import { rareFields, sampleMailbox, sampleMessage } from "@mq9/store/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLevelStore, type LevelStore } from "./level-store.ts";
import { beginRestore, type Restoration } from "./restoration.ts";
import { restoreNames } from "./restored-folder.ts";
import type { RawRecord, StoreSnapshot } from "./store-snapshot.ts";

let dir: string;
let source: LevelStore;
let target: string;
let ongoing: Restoration | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "mq9-restore-"));
  source = createLevelStore({ folder: join(dir, "source") });
  target = join(dir, "target");
  await source.open();
});

afterEach(async () => {
  await ongoing?.abandon();
  ongoing = undefined;
  await source.close();
  await rm(dir, { recursive: true });
});

async function commit(store: Store, fill: (batch: StoreBatch) => void): Promise<void> {
  const batch = store.batch();
  fill(batch);
  await store.commit(batch);
}

function fillAll(batch: StoreBatch): void {
  batch.putMailbox({ ...sampleMailbox(), number: 1 });
  batch.putMailbox({ ...sampleMailbox(), key: "A/gone", number: 2, dropped: true });
  batch.putMessage(1, sampleMessage(0, { rank: 0, ...rareFields }));
  batch.putMessage(1, sampleMessage(1, { rank: 2 }));
  batch.putMessage(2, sampleMessage(5));
  batch.putGarbage(2);
  batch.putKeyPlace(1, "k", { rank: 0, seq: 0 });
  batch.putCursor(1, "group", new Uint8Array([1, 2, 3]));
  batch.putDue({ atMs: 77, mailboxNumber: 1, mailboxKey: sampleMailbox().key });
  batch.putCounters(3, 1234);
}

async function everything(store: LevelStore): Promise<RawRecord[]> {
  return await rest(await store.snapshot());
}

async function rest(snapshot: StoreSnapshot): Promise<RawRecord[]> {
  const found: RawRecord[] = [];
  for (;;) {
    const records = await snapshot.next();
    if (records.length === 0) break;
    found.push(...records);
  }
  await snapshot.close();
  return found;
}

async function begin(replace = false): Promise<Restoration> {
  ongoing = await beginRestore({ folder: target, replace, format: 2 });
  await ongoing.put(await everything(source));
  return ongoing;
}

async function opened<T>(folder: string, use: (store: LevelStore) => Promise<T>): Promise<T> {
  const store = createLevelStore({ folder });
  await store.open();
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

describe("a snapshot", () => {
  it("holds what was committed before it, and nothing that follows", async () => {
    await commit(source, fillAll);
    const snapshot = await source.snapshot();
    await commit(source, (batch) => batch.putMessage(1, sampleMessage(9)));
    const records = await rest(snapshot);
    expect(snapshot.figures).toMatchObject({ mailboxes: 1, messages: 2, damaged: 0 });
    expect(records).toHaveLength(snapshot.figures.records);
    expect((await everything(source)).length).toBe(records.length + 1);
  });

  it("leaves out what was given up, however much lies there", async () => {
    await commit(source, (batch) => {
      fillAll(batch);
      for (let seq = 0; seq < 3000; seq += 1) batch.putMessage(2, sampleMessage(seq));
      batch.putMailbox({ ...sampleMailbox(), key: "A/third", number: 3 });
      batch.putMessage(3, sampleMessage(0));
    });
    const snapshot = await source.snapshot();
    await rest(snapshot);
    expect(snapshot.figures).toMatchObject({ mailboxes: 2, messages: 3 });
  });

  it("ends with the store", async () => {
    await commit(source, fillAll);
    const snapshot = await source.snapshot();
    await source.close();
    await expect(snapshot.next()).rejects.toMatchObject({ name: "StoreError" });
  });
});

describe("a restoration", () => {
  it("makes a store that holds the same and goes on from there", async () => {
    await commit(source, fillAll);
    const restoration = await begin();
    await restoration.commit();
    expect((await readdir(target)).sort()).toEqual(["ANCHOR", "FORMAT", "store"]);
    await opened(target, async (store) => {
      expect(await everything(store)).toEqual(await everything(source));
      await commit(store, (batch) => batch.putMessage(1, sampleMessage(9)));
    });
    const store = createLevelStore({ folder: target });
    expect(await store.open()).toMatchObject({
      fresh: false,
      nextMailboxNumber: 3,
      clockMs: 1234,
      recovered: false,
    });
    expect(await store.lastSeq(1)).toBe(9);
    await store.close();
  });

  it("refuses a folder that is not empty, and leaves it as it is", async () => {
    await mkdir(target);
    await writeFile(join(target, "letter"), "mine");
    await expect(begin()).rejects.toMatchObject({ name: "FolderNotEmptyError" });
    expect(await readdir(target)).toEqual(["letter"]);
  });

  it("replaces a store that is there only when it ends", async () => {
    await opened(target, (store) => commit(store, (batch) => batch.putCursor(8, "old", bytes)));
    await commit(source, fillAll);
    const restoration = await begin(true);
    await restoration.abandon();
    expect((await readdir(target)).sort()).toEqual(["ANCHOR", "FORMAT", "store"]);
    await opened(target, async (store) => expect(await store.cursor(8, "old")).toBeDefined());
    await (await begin(true)).commit();
    await opened(target, async (store) => {
      expect(await store.cursor(8, "old")).toBeUndefined();
      expect(await everything(store)).toEqual(await everything(source));
    });
  });

  it("does not touch a folder in which a store is open", async () => {
    await opened(target, async (store) => {
      await expect(begin(true)).rejects.toMatchObject({
        code: "locked",
        message: expect.stringContaining("stop the broker"),
      });
      await commit(store, (batch) => batch.putCursor(8, "old", bytes));
    });
  });

  it("that fails in its last step says so, and whoever opens the folder next ends it", async () => {
    await commit(source, fillAll);
    const inTheWay = join(target, "FORMAT", "not-a-file");
    await mkdir(inTheWay, { recursive: true });
    const restoration = await begin(true);
    await expect(restoration.commit()).rejects.toThrow("the next start of a broker");
    await restoration.abandon();
    await rm(join(target, "FORMAT"), { recursive: true });
    await opened(target, async (store) => {
      expect(await everything(store)).toEqual(await everything(source));
    });
  });

  it("lets nobody else restore into the same folder", async () => {
    await begin();
    await expect(beginRestore({ folder: target, format: 2 })).rejects.toMatchObject({
      code: "locked",
      message: expect.stringContaining("being restored"),
    });
  });

  it("gives way to a broker that was started in the folder meanwhile", async () => {
    await commit(source, fillAll);
    const restoration = await begin();
    await opened(target, async (store) => {
      await expect(restoration.commit()).rejects.toMatchObject({ code: "locked" });
      await commit(store, (batch) => batch.putCursor(8, "its", bytes));
    });
    await opened(target, async (store) => expect(await store.cursor(8, "its")).toBeDefined());
  });

  it("refuses records of a newer release", async () => {
    await expect(beginRestore({ folder: target, format: 3 })).rejects.toMatchObject({
      code: "format",
    });
  });

  it("keeps a damaged record as damaged as it was", async () => {
    await commit(source, fillAll);
    const records = [...(await everything(source))];
    const at = records.findIndex(([key]) => key[0] === 2);
    const [key, value] = records[at] as RawRecord;
    const damaged = Uint8Array.from(value, (byte, index) => (index === 2 ? byte ^ 1 : byte));
    records[at] = [key, Buffer.from(damaged)];
    ongoing = await beginRestore({ folder: target, format: 2 });
    await ongoing.put(records);
    expect(ongoing.figures.damaged).toBe(1);
    await ongoing.commit();
    await opened(target, async (store) => expect(await everything(store)).toEqual(records));
  });
});

describe("a restoration that a crash interrupted", () => {
  // Where `commit` can have stopped once the new store was complete: each rename of the last step.
  it.each([0, 1, 2, 3])("is ended by whoever opens the folder, after %i steps", async (steps) => {
    await opened(target, (store) => commit(store, (batch) => batch.putCursor(8, "old", bytes)));
    await commit(source, fillAll);
    const other = join(dir, "other");
    const restoration = await beginRestore({ folder: other, format: 2 });
    await restoration.put(await everything(source));
    await restoration.commit();
    const made = join(target, restoreNames.made);
    await rename(other, made);
    await mkdir(join(target, restoreNames.lock));
    const moves = ["store", "ANCHOR", "FORMAT"].slice(0, steps);
    for (const name of moves) {
      if (name === "store") await rename(join(target, name), join(dir, "old"));
      await rename(join(made, name), join(target, name));
    }
    await opened(target, async (store) => {
      expect(await everything(store)).toEqual(await everything(source));
    });
    expect((await readdir(target)).sort()).toEqual(["ANCHOR", "FORMAT", "store"]);
  });

  it("before its store was complete leaves the folder as it was, and room for another", async () => {
    await commit(source, fillAll);
    await mkdir(join(target, restoreNames.making, "store"), { recursive: true });
    await writeFile(join(target, restoreNames.making, "store", "CURRENT"), "half");
    await mkdir(join(target, restoreNames.lock));
    await (await begin()).commit();
    await opened(target, async (store) => {
      expect(await everything(store)).toEqual(await everything(source));
    });
    await expect(stat(join(target, restoreNames.making))).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("a store that is opened while it is restored", () => {
  it("is refused", async () => {
    await commit(source, fillAll);
    await begin();
    await mkdir(join(target, restoreNames.made));
    await expect(createLevelStore({ folder: target }).open()).rejects.toMatchObject({
      code: "locked",
      message: expect.stringContaining("being restored"),
    });
  });
});

const bytes = new Uint8Array([1]);
