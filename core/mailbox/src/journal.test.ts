// Group commit: what goes together, in which order it is told, and what a failure means to each.
import { MemoryStore } from "@mq9/store";
import { FaultyStore, sampleMessage } from "@mq9/store/testing";
import { expect, test } from "vitest";
import { Journal } from "./journal.ts";

async function openJournal(operationsMax = 100) {
  const memory = new MemoryStore();
  const store = new FaultyStore(memory);
  await store.open();
  const failures: unknown[] = [];
  const journal = new Journal(
    store,
    (run) => setImmediate(run),
    { operationsMax, bytesMax: 100_000 },
    (error) => failures.push(error),
  );
  const told: string[] = [];
  const change = (seq: number): void => {
    journal.stage().putMessage(1, sampleMessage(seq));
    journal.afterCommit({
      committed: () => told.push(`${seq} stored`),
      failed: (error) => told.push(`${seq} ${error.code}`),
    });
  };
  return { store, memory, journal, failures, told, change };
}

test("what is staged in one turn of the event loop is one commit", async () => {
  const { store, journal, told, change } = await openJournal();
  for (const seq of [0, 1, 2]) change(seq);
  await journal.settled();
  expect(store.calls("commit")).toBe(1);
  expect(told).toEqual(["0 stored", "1 stored", "2 stored"]);
});

test("what is staged while a commit is under way becomes the next", async () => {
  const { store, journal, told, change } = await openJournal();
  let release: () => void = () => {};
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  store.plant("commit", 1, { kind: "delay", until });
  change(0);
  await new Promise(setImmediate);
  for (const seq of [1, 2]) change(seq);
  await new Promise(setImmediate);
  expect([store.calls("commit"), told]).toEqual([1, []]);
  release();
  await journal.settled();
  expect([store.calls("commit"), told]).toEqual([2, ["0 stored", "1 stored", "2 stored"]]);
});

test("more than one commit's worth becomes several, in order, and all bytes are counted off", async () => {
  const { store, journal, told, change } = await openJournal(2);
  for (const seq of [0, 1, 2, 3, 4]) change(seq);
  expect(journal.pendingBytes).toBeGreaterThan(0);
  await journal.settled();
  expect(store.calls("commit")).toBe(3);
  expect(told).toEqual([0, 1, 2, 3, 4].map((seq) => `${seq} stored`));
  expect(journal.pendingBytes).toBe(0);
});

test("a failed commit leaves its members unknown and those behind it not stored", async () => {
  const { store, journal, failures, told, change } = await openJournal(2);
  store.plant("commit", 2, { kind: "fail", code: "io" });
  for (const seq of [0, 1, 2, 3, 4]) change(seq);
  await expect(journal.settled()).rejects.toMatchObject({ code: "storage_failed" });
  expect(told).toEqual(["0 stored", "1 stored", "2 unknown", "3 unknown", "4 storage_failed"]);
  expect(failures).toMatchObject([{ code: "io" }]);
  expect(journal.pendingBytes).toBe(0);
  expect(() => change(5)).toThrow(expect.objectContaining({ code: "storage_failed" }));
  await expect(journal.settled()).rejects.toMatchObject({ code: "storage_failed" });
});

test("a failure noticed elsewhere is told to everything staged, once, whatever the commit then says", async () => {
  for (const late of ["resolves", "rejects"]) {
    const { store, journal, failures, told, change } = await openJournal(1);
    let end: () => void = () => {};
    const until = new Promise<void>((resolve, reject) => {
      end = () => (late === "resolves" ? resolve() : reject(new Error("late")));
    });
    store.plant("commit", 1, { kind: "delay", until });
    change(0);
    await new Promise(setImmediate);
    for (const seq of [1, 2]) change(seq);
    journal.fail(new Error("a read failed"));
    journal.fail(new Error("again"));
    const outcome = ["0 unknown", "1 storage_failed", "2 storage_failed"];
    expect(told).toEqual(outcome);
    expect(journal.pendingBytes).toBe(0);
    expect(() => change(3)).toThrow(expect.objectContaining({ code: "storage_failed" }));
    end();
    await new Promise(setImmediate);
    await store.close();
    await store.open();
    journal.reopened();
    change(4);
    await journal.settled();
    expect(told).toEqual([...outcome, "4 stored"]);
    expect(failures).toEqual([]);
    expect(journal.pendingBytes).toBe(0);
  }
});

test("goes on after the store was reopened, and what failed stays failed", async () => {
  const { store, memory, journal, told, change } = await openJournal();
  store.plant("commit", 1, { kind: "fail", code: "full" });
  change(0);
  await expect(journal.settled()).rejects.toMatchObject({ code: "unknown" });
  await store.close();
  await store.open();
  journal.reopened();
  change(1);
  await journal.settled();
  expect(told).toEqual(["0 unknown", "1 stored"]);
  expect(await memory.messages(1, { rank: 2, afterSeq: -1, limit: 9, bytesMax: 9e9 })).toHaveLength(
    1,
  );
});

test("an effect may stage the next change", async () => {
  const { journal, told, change } = await openJournal();
  journal.stage().putMessage(1, sampleMessage(0));
  journal.afterCommit({ committed: () => change(1), failed: () => {} });
  await journal.settled();
  await journal.settled();
  expect(told).toEqual(["1 stored"]);
});
