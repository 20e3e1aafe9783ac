import { describe, expect, it } from "vitest";
import { MemoryStore } from "../memory-store.ts";
import { describeStoreContract } from "./contract.ts";
import { FaultyStore } from "./faults.ts";
import { sampleMessage } from "./samples.ts";

describeStoreContract("a faulty store without faults", async () => ({
  store: new FaultyStore(new MemoryStore()),
  dispose: async () => undefined,
}));

describe("a faulty store", () => {
  async function opened(): Promise<FaultyStore> {
    const store = new FaultyStore(new MemoryStore());
    await store.open();
    return store;
  }

  async function send(store: FaultyStore, seq: number): Promise<void> {
    const batch = store.batch();
    batch.putMessage(1, sampleMessage(seq));
    await store.commit(batch);
  }

  it("fails the call it was told to and no other", async () => {
    const store = await opened();
    store.plant("lastSeq", 2, { kind: "fail", code: "corrupt" });
    expect(await store.lastSeq(1)).toBe(-1);
    await expect(store.lastSeq(1)).rejects.toMatchObject({ code: "corrupt" });
    expect(await store.lastSeq(1)).toBe(-1);
    expect(store.calls("lastSeq")).toBe(3);
  });

  it("refuses everything after a failed commit until it is opened again", async () => {
    const store = await opened();
    await send(store, 0);
    store.plant("commit", 1, { kind: "fail", code: "full" });
    await expect(send(store, 1)).rejects.toMatchObject({ code: "full" });
    await expect(send(store, 2)).rejects.toMatchObject({ code: "io" });
    await expect(store.lastSeq(1)).rejects.toMatchObject({ code: "io" });
    await store.close();
    await store.open();
    expect(await store.lastSeq(1)).toBe(0);
    await send(store, 3);
    expect(await store.lastSeq(1)).toBe(3);
  });

  it("lets the bytes of a failed commit surface after it was opened again", async () => {
    const store = await opened();
    store.plant("commit", 1, { kind: "apply-then-fail", code: "io" });
    await expect(send(store, 0)).rejects.toMatchObject({ code: "io" });
    await store.close();
    await store.open();
    expect(await store.lastSeq(1)).toBe(0);
  });

  it("acknowledges a commit and loses it", async () => {
    const store = await opened();
    store.plant("commit", 1, { kind: "drop" });
    await send(store, 0);
    await send(store, 1);
    expect(await store.message(1, 0)).toBeUndefined();
    expect(await store.lastSeq(1)).toBe(1);
  });

  it("holds a call back until it is let go", async () => {
    const store = await opened();
    let release = () => {};
    const until = new Promise<void>((resolve) => {
      release = resolve;
    });
    store.plant("commit", 1, { kind: "delay", until });
    const sent = send(store, 0);
    expect(await store.lastSeq(1)).toBe(-1);
    release();
    await sent;
    expect(await store.lastSeq(1)).toBe(0);
  });

  it("can fail to open and to close, and heals", async () => {
    const store = new FaultyStore(new MemoryStore());
    store.plant("open", 1, { kind: "fail", code: "locked" });
    store.plant("open", 2, { kind: "fail", code: "corrupt" });
    await expect(store.open()).rejects.toMatchObject({ code: "locked" });
    await expect(store.open()).rejects.toMatchObject({ code: "corrupt" });
    store.plant("close", 1, { kind: "fail", code: "io" });
    store.heal();
    await store.open();
    await store.close();
  });
});
