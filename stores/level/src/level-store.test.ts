import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageRange, Store } from "@mq9/store";
import {
  asciiBytes,
  describeStoreContract,
  rareFields,
  sampleMailbox,
  sampleMessage,
  sampleMs,
} from "@mq9/store/testing";
import { ClassicLevel } from "classic-level";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Anchor } from "./anchor.ts";
import { messageKey, namedKey, spaces } from "./keys.ts";
import { createLevelStore } from "./level-store.ts";

describeStoreContract("level", async () => {
  const folder = await temporaryFolder();
  return {
    store: createLevelStore({ folder }),
    dispose: () => rm(folder, { recursive: true }),
  };
});

describe("the data folder", () => {
  let folder: string;
  let store: Store;

  beforeEach(async () => {
    folder = await temporaryFolder();
    store = createLevelStore({ folder });
  });

  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  it("is made with its parents, and says what wrote it", async () => {
    const below = createLevelStore({ folder: join(folder, "a", "b") });
    expect(await below.open()).toMatchObject({ fresh: true });
    await below.close();
    const format = JSON.parse(await readFile(join(folder, "a", "b", "FORMAT"), "utf8"));
    expect(format).toEqual({ format: 2, engine: "leveldb", created: expect.any(String) });
  });

  it("of a newer release is refused with what to do", async () => {
    await writeFile(join(folder, "FORMAT"), '{"format":3,"engine":"leveldb"}');
    await expect(store.open()).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(/newer release \(format 3.*run that release/),
    });
  });

  it("of format 1 is read, and says from then on that this release writes it", async () => {
    await cp(join(import.meta.dirname, "../fixtures/format-1"), folder, { recursive: true });
    expect(await store.open()).toEqual({
      fresh: false,
      nextMailboxNumber: 2,
      clockMs: sampleMs,
      recovered: false,
    });
    const expected = sampleMailbox({
      kind: "latest",
      public: true,
      desc: "été",
      tokenDigest: Uint8Array.from({ length: 32 }, (_, at) => at),
      nextSeq: 3,
    });
    const mailbox = await store.mailbox("acme/inbox");
    expect({ ...mailbox, tokenDigest: new Uint8Array(mailbox?.tokenDigest ?? []) }).toEqual(
      expected,
    );
    const payloads = ["critical", "high", ""];
    for (const [seq, payload] of payloads.entries()) {
      const message = await store.message(1, seq);
      expect(new Uint8Array(message?.payload ?? [9])).toEqual(asciiBytes(payload));
    }
    expect(await store.message(1, 1)).toMatchObject({ key: "k", rank: 1, label: "high" });
    expect(await store.keyPlace(1, "k")).toEqual({ rank: 1, seq: 1 });
    expect(new Uint8Array((await store.cursor(1, "q:workers")) ?? [])).toEqual(
      Uint8Array.of(1, 2, 3),
    );
    expect(await store.due(2 ** 47, 9)).toHaveLength(1);
    const format = JSON.parse(await readFile(join(folder, "FORMAT"), "utf8"));
    expect(format).toMatchObject({ format: 2, created: expect.stringMatching(/^20/) });

    const batch = store.batch();
    batch.putMessage(1, sampleMessage(3, rareFields));
    await store.commit(batch);
    await store.close();
    await store.open();
    expect(await store.message(1, 3)).toMatchObject(rareFields);
    expect(await store.lastSeq(1)).toBe(3);
  });

  it("of format 1 that is damaged is refused and stays format 1", async () => {
    await cp(join(import.meta.dirname, "../fixtures/format-1"), folder, { recursive: true });
    await rm(join(folder, "store", "CURRENT"));
    await expect(store.open()).rejects.toMatchObject({ code: "corrupt" });
    const format = JSON.parse(await readFile(join(folder, "FORMAT"), "utf8"));
    expect(format).toMatchObject({ format: 1 });
  });

  describe("with a database that LevelDB can not open", () => {
    /** What a loss of power can leave of a database that was being made. */
    async function halfMake(): Promise<void> {
      await store.open();
      await store.close();
      for (const name of await readdir(join(folder, "store"))) {
        await rm(join(folder, "store", name));
      }
      await rm(join(folder, "ANCHOR"));
      await writeFile(join(folder, "store", "MANIFEST-000001"), "");
      await writeFile(join(folder, "store", "CURRENT"), "MANIFEST-000001\n");
    }

    it("because its making was interrupted gets a new one", async () => {
      await halfMake();
      await store.open();
      await send(store, 0);
      await store.close();
      await store.open();
      expect(await store.lastSeq(1)).toBe(0);
    });

    it("although commits were acknowledged is refused", async () => {
      await halfMake();
      const anchor = await Anchor.open(join(folder, "ANCHOR"));
      await anchor.write({ commit: 1, clean: false }, true);
      await anchor.close();
      await expect(store.open()).rejects.toMatchObject({ name: "StoreError" });
      expect(await readdir(join(folder, "store"))).toContain("MANIFEST-000001");
    });

    it("although there is something in its log is refused", async () => {
      const other = createLevelStore({ folder: join(folder, "other") });
      await other.open();
      await send(other, 0);
      await other.close();
      const names = await readdir(join(folder, "other", "store"));
      const log = names.find((name) => name.endsWith(".log")) as string;
      await halfMake();
      await cp(join(folder, "other", "store", log), join(folder, "store", log));
      await expect(store.open()).rejects.toMatchObject({ name: "StoreError" });
      expect(await readdir(join(folder, "store"))).toEqual(
        expect.arrayContaining(["MANIFEST-000001", "CURRENT", log]),
      );
    });
  });

  it("of another engine is refused", async () => {
    await writeFile(join(folder, "FORMAT"), '{"format":1,"engine":"other"}');
    await expect(store.open()).rejects.toMatchObject({
      code: "format",
      message: expect.stringContaining("engine 'other'"),
    });
  });

  it.each(["", "{", "null", '{"format":"1"}'])(
    "with a damaged FORMAT %j is refused",
    async (text) => {
      await writeFile(join(folder, "FORMAT"), text);
      await expect(store.open()).rejects.toMatchObject({ code: "corrupt" });
    },
  );

  it("that can not be made is refused with its path", async () => {
    await writeFile(join(folder, "file"), "");
    const path = join(folder, "file", "data");
    await expect(createLevelStore({ folder: path }).open()).rejects.toMatchObject({
      code: "io",
      message: expect.stringContaining(path),
    });
  });

  it("is locked for a second store of the same process", async () => {
    await store.open();
    const second = createLevelStore({ folder });
    await expect(second.open()).rejects.toMatchObject({
      code: "locked",
      message: expect.stringContaining("is in use"),
    });
    await expect(second.open()).rejects.toMatchObject({ code: "locked" });
    await store.close();
    await second.open();
    await second.close();
  });

  it("whose database is gone is refused, not replaced by an empty one", async () => {
    await store.open();
    await send(store, 0);
    await store.close();
    await rm(join(folder, "store"), { recursive: true });
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(store.open()).rejects.toMatchObject({
        code: "corrupt",
        message: expect.stringContaining("holds no database, although 1 commits"),
      });
    }
  });

  it("whose creation was interrupted is opened", async () => {
    await store.open();
    await store.close();
    await rm(join(folder, "store"), { recursive: true });
    await store.open();
    await rm(join(folder, "ANCHOR"));
    await store.close();
    await store.open();
    await send(store, 0);
    expect(await store.lastSeq(1)).toBe(0);
  });

  it("whose last commits are missing is refused with their numbers", async () => {
    await store.open();
    for (let seq = 0; seq < 5; seq += 1) await send(store, seq);
    await store.close();
    const anchor = await Anchor.open(join(folder, "ANCHOR"));
    await anchor.read();
    await anchor.write({ commit: 8, clean: false }, true);
    await anchor.close();
    await expect(store.open()).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringContaining("commits 6 to 8 are missing although acknowledged"),
    });
  });

  it("with a hole in its commits is refused with the number", async () => {
    await store.open();
    for (let seq = 0; seq < 5; seq += 1) await send(store, seq);
    await store.close();
    const raw = new ClassicLevel<Buffer, Buffer>(join(folder, "store"), { keyEncoding: "buffer" });
    await raw.del(Buffer.from([0x00, 0x72, 0, 3]));
    await raw.close();
    await expect(store.open()).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringContaining("commit 3 is missing although acknowledged"),
    });
  });

  it("keeps its ring of commits right after more than one round", async () => {
    await store.open();
    for (let commit = 0; commit < 4100; commit += 1) {
      const batch = store.batch();
      batch.putCounters(1, commit);
      await store.commit(batch);
    }
    await store.close();
    expect(await store.open()).toMatchObject({ recovered: false, clockMs: 4099 });
  });

  it("refuses a record that another release wrote, by its version", async () => {
    await store.open();
    await send(store, 0);
    await store.close();
    const raw = new ClassicLevel<Buffer, Buffer>(join(folder, "store"), {
      keyEncoding: "buffer",
      valueEncoding: "buffer",
    });
    const key = Buffer.from("0200000000000102000000000000", "hex");
    const value = (await raw.get(key)) as Buffer;
    value[0] = 2;
    await raw.put(key, value);
    await raw.close();
    await store.open();
    await expect(store.message(1, 0)).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringContaining("message 0 of mailbox number 1"),
    });
  });

  it("leaves damaged mailboxes and due entries out of a range and says so once", async () => {
    const told: string[] = [];
    store = createLevelStore({ folder, onDamage: ({ message }) => told.push(message) });
    await store.open();
    const batch = store.batch();
    for (const number of [1, 2, 3]) {
      batch.putMailbox(sampleMailbox({ key: `acme/${number}`, number }));
      batch.putDue({ atMs: number, mailboxNumber: number, mailboxKey: `acme/${number}` });
    }
    await store.commit(batch);
    await store.close();
    const raw = new ClassicLevel<Buffer, Buffer>(join(folder, "store"), {
      keyEncoding: "buffer",
      valueEncoding: "buffer",
    });
    let damaged = 0;
    for await (const [key, value] of raw.iterator()) {
      const isDue = key.length === 13 && key.readUIntBE(1, 6) === 1;
      if (!isDue && !key.includes("acme/2")) continue;
      value[3] = (value[3] as number) ^ 1;
      await raw.put(key, value);
      damaged += 1;
    }
    expect(damaged).toBe(2);
    await raw.close();
    await store.open();
    for (let again = 0; again < 2; again += 1) {
      const mailboxes = await store.mailboxes("acme/", "", 2);
      expect(mailboxes.map(({ number }) => number)).toEqual([1, 3]);
      const due = await store.due(10, 2);
      expect(due.map(({ atMs }) => atMs)).toEqual([2, 3]);
    }
    await expect(store.mailbox("acme/2")).rejects.toMatchObject({ code: "corrupt" });
    expect(told).toEqual([
      expect.stringContaining("the record of mailbox 'acme/2' is damaged"),
      expect.stringContaining("an entry of the due index is damaged"),
    ]);
  });

  it("names a damaged message and serves the others", async () => {
    const told: string[] = [];
    store = createLevelStore({ folder, onDamage: ({ message }) => told.push(message) });
    await store.open();
    const batch = store.batch();
    batch.putMailbox(sampleMailbox({ key: "acme/other", number: 2, scheduleNumber: 3 }));
    batch.putMailbox(sampleMailbox());
    for (let seq = 0; seq < 5; seq += 1) {
      for (const number of [1, 2, 3]) batch.putMessage(number, sampleMessage(seq));
    }
    batch.putCursor(2, "g:workers", asciiBytes("a position of a group"));
    await store.commit(batch);
    await store.close();
    await damageRecords(folder, [
      messageKey(1, 2, 1),
      messageKey(1, 2, 2),
      messageKey(3, 2, 4),
      namedKey(spaces.cursor, 2, "g:workers"),
    ]);
    await store.open();
    await expect(store.message(1, 1)).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringMatching(/message 1 of mailbox number 1 is damaged.*'acme\/inbox'/),
    });
    const range = { rank: 2, afterSeq: -1, limit: 10, bytesMax: 10_000 } as const;
    const seqs = async (number: number, changes: Partial<MessageRange> = {}) =>
      (await store.messages(number, { ...range, ...changes })).map(({ seq }) => seq);
    for (let again = 0; again < 2; again += 1) {
      expect(await seqs(1)).toEqual([0, 3, 4]);
      expect(await seqs(1, { afterSeq: 0, limit: 1 })).toEqual([3]);
      expect(await seqs(1, { newestFirst: true, limit: 2, beforeSeq: 4 })).toEqual([3, 0]);
      expect(await seqs(1, { beforeSeq: 3, afterSeq: 0 })).toEqual([]);
      expect(await seqs(2)).toEqual([0, 1, 2, 3, 4]);
      expect(await seqs(3)).toEqual([0, 1, 2, 3]);
    }
    expect(await store.lastSeq(3)).toBe(4);
    const position = {
      code: "corrupt",
      message: expect.stringMatching(/g:workers.*'acme\/other'/),
    };
    await expect(store.cursors(2)).rejects.toMatchObject(position);
    await expect(store.cursor(2, "g:workers")).rejects.toMatchObject(position);
    expect((await store.cursors(1)).size).toBe(0);
    await expect.poll(() => told.length).toBe(3);
    // Whose each message is has to be looked up first, which takes one longer than the other.
    expect(told.sort()).toEqual([
      expect.stringMatching(/message 1 of mailbox number 1 .*'acme\/inbox'/),
      expect.stringMatching(/message 2 of mailbox number 1 .*'acme\/inbox'/),
      expect.stringMatching(/message 4 of mailbox number 3 .*'acme\/other'/),
    ]);
  });
});

/** Flips a bit in the value of each of these keys, and lets LevelDB seal it as if it were right. */
async function damageRecords(folder: string, keys: readonly Buffer[]): Promise<void> {
  const raw = new ClassicLevel<Buffer, Buffer>(join(folder, "store"), {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
  });
  for (const key of keys) {
    const value = (await raw.get(key)) as Buffer;
    value[15] = (value[15] as number) ^ 1;
    await raw.put(key, value);
  }
  await raw.close();
}

describe("a batch of the engine", () => {
  it("is refused when its store was closed and opened in between, or when it is used twice", async () => {
    const folder = await temporaryFolder();
    const store = createLevelStore({ folder });
    await store.open();
    const old = store.batch();
    await store.close();
    await store.open();
    await expect(store.commit(old)).rejects.toMatchObject({ code: "closed" });
    expect(() => old.putCursor(1, "a", asciiBytes("a"))).toThrow(
      expect.objectContaining({ code: "closed" }),
    );
    const batch = store.batch();
    batch.putCursor(1, "a", asciiBytes("a"));
    await store.commit(batch);
    expect(() => batch.putCursor(1, "b", asciiBytes("b"))).toThrow(
      expect.objectContaining({ code: "closed" }),
    );
    await expect(store.commit(batch)).rejects.toMatchObject({ code: "closed" });
    expect((await store.cursors(1)).size).toBe(1);
    await store.close();
    await rm(folder, { recursive: true });
  });

  it("refuses numbers that a record can not hold, and stays usable", async () => {
    const folder = await temporaryFolder();
    const store = createLevelStore({ folder });
    await store.open();
    const batch = store.batch();
    for (const wrong of [-1, 0.5, 2 ** 48, Number.NaN]) {
      expect(() => batch.putMessage(1, sampleMessage(0, { createdAtMs: wrong }))).toThrow(
        RangeError,
      );
      expect(() => batch.putMessage(wrong, sampleMessage(0))).toThrow(RangeError);
    }
    batch.putMessage(1, sampleMessage(7));
    expect(batch.operations).toBe(1);
    await store.commit(batch);
    expect(await store.lastSeq(1)).toBe(7);
    await store.close();
    await rm(folder, { recursive: true });
  });
});

function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "mq9-level-"));
}

async function send(store: Store, seq: number): Promise<void> {
  const batch = store.batch();
  batch.putMessage(1, sampleMessage(seq));
  await store.commit(batch);
}
