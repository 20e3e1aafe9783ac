import { describe, expect, it } from "vitest";
import { MemoryStore } from "./memory-store.ts";
import { StoreError } from "./store.ts";
import { describeStoreContract } from "./testing/contract.ts";
import { sampleMailbox, sampleMessage } from "./testing/samples.ts";

describeStoreContract("memory", async () => ({
  store: new MemoryStore(),
  dispose: async () => undefined,
}));

describe("the in-memory store", () => {
  /** A sync that waits for `release`. */
  function gate() {
    const waiting: Array<{ release(): void; fail(cause: unknown): void }> = [];
    const sync = () =>
      new Promise<void>((resolve, reject) => {
        waiting.push({ release: resolve, fail: reject });
      });
    return { sync, waiting };
  }

  it("shows nothing of a batch before its sync is done", async () => {
    const { sync, waiting } = gate();
    const store = new MemoryStore({ sync });
    await store.open();
    const batch = store.batch();
    batch.putMailbox(sampleMailbox());
    const committed = store.commit(batch);
    expect(await store.mailbox("acme/inbox")).toBeUndefined();
    waiting[0]?.release();
    await committed;
    expect(await store.mailbox("acme/inbox")).toEqual(sampleMailbox());
  });

  it("loses a commit under way in a crash, and nothing before it", async () => {
    const { sync, waiting } = gate();
    const store = new MemoryStore({ sync });
    await store.open();
    const first = store.batch();
    first.putMessage(1, sampleMessage(0));
    first.putCounters(2, 77);
    const committed = store.commit(first);
    waiting[0]?.release();
    await committed;
    const second = store.batch();
    second.putMessage(1, sampleMessage(1));
    const lost = store.commit(second);

    const survivor = store.crash();
    waiting[1]?.release();

    await expect(lost).rejects.toMatchObject({ code: "closed" });
    await expect(store.lastSeq(1)).rejects.toMatchObject({ code: "closed" });
    expect(await survivor.open()).toEqual({
      fresh: false,
      nextMailboxNumber: 2,
      clockMs: 77,
      recovered: true,
    });
    expect(await survivor.lastSeq(1)).toBe(0);
  });

  it("refuses everything after a failed sync until it is closed and opened", async () => {
    const failures = [new StoreError("full", "no room"), new Error("broken"), undefined];
    const store = new MemoryStore({
      sync: async () => {
        const failure = failures.shift();
        if (failure !== undefined) throw failure;
      },
    });
    const send = async (seq: number) => {
      const batch = store.batch();
      batch.putMessage(1, sampleMessage(seq));
      await store.commit(batch);
    };
    await store.open();
    await expect(send(0)).rejects.toMatchObject({ code: "full" });
    await expect(send(1)).rejects.toMatchObject({ code: "io" });
    await expect(store.lastSeq(1)).rejects.toMatchObject({ code: "io" });
    await store.close();
    await store.open();
    await expect(send(2)).rejects.toMatchObject({ code: "io" });
    await store.close();
    await store.open();
    await send(3);
    expect(await store.lastSeq(1)).toBe(3);
    expect(await store.message(1, 0)).toBeUndefined();
  });

  it("keeps up with a hundred thousand messages, in and out", async () => {
    const store = new MemoryStore();
    await store.open();
    const count = 100_000;
    const fill = store.batch();
    for (let seq = 0; seq < count; seq += 1) fill.putMessage(1, sampleMessage(seq));
    await store.commit(fill);
    let afterSeq = -1;
    for (;;) {
      const range = { rank: 2, afterSeq, limit: 100, bytesMax: 1_000_000 } as const;
      const read = await store.messages(1, range);
      if (read.length === 0) break;
      const batch = store.batch();
      for (const message of read) batch.removeMessage(1, 2, message.seq);
      await store.commit(batch);
      afterSeq = read.at(-1)?.seq ?? afterSeq;
    }
    expect(afterSeq).toBe(count - 1);
    expect(await store.lastSeq(1)).toBe(-1);
  });

  it("refuses to be opened twice", async () => {
    const store = new MemoryStore();
    await store.open();
    await expect(store.open()).rejects.toMatchObject({ code: "locked" });
  });
});
