// The exam of the store port: every sentence of ../store.ts as a test. An engine's own test file
// calls `describeStoreContract` with a way to make empty stores. Runs under vitest.
import { neverMs, priorityLabels, type Rank, rankOf, ranks } from "@mq9/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryStore } from "../memory-store.ts";
import type { MailboxRecord, MessageRange, MessageRecord, Store, StoreBatch } from "../store.ts";
import { describeRandomBatches } from "./random-batches.ts";
import {
  asciiBytes,
  patternBytes,
  rareFields,
  sampleMailbox,
  sampleMessage,
  sampleMs,
} from "./samples.ts";

/** An engine under examination. */
export interface ExaminedStore {
  /** Empty and not yet opened. */
  readonly store: Store;
  /** Gives back what the engine took outside the process. Called after `close`. */
  dispose(): Promise<void>;
}

const numberMax = 2 ** 48 - 1;
const everyByte = Uint8Array.from({ length: 256 }, (_, value) => value);

/** Examines an engine. `makeStore` is called once per test and must give an empty store each time. */
export function describeStoreContract(name: string, makeStore: () => Promise<ExaminedStore>): void {
  describe(`${name} as a store`, () => {
    let examined: ExaminedStore;
    let store: Store;

    beforeEach(async () => {
      examined = await makeStore();
      store = examined.store;
    });

    afterEach(async () => {
      await store.close();
      await examined.dispose();
    });

    const commit = async (fill: (batch: StoreBatch) => void) => {
      const batch = store.batch();
      fill(batch);
      await store.commit(batch);
    };
    const reopen = async () => {
      await store.close();
      return store.open();
    };

    describe("opening and closing", () => {
      it("is fresh when nothing was there", async () => {
        const opening = await store.open();
        expect(opening).toEqual({
          fresh: true,
          nextMailboxNumber: 1,
          clockMs: 0,
          recovered: false,
        });
      });

      it("keeps everything that was committed when it is closed and opened again", async () => {
        await store.open();
        await commit((batch) => {
          batch.putMailbox(sampleMailbox());
          for (const rank of ranks) batch.putMessage(1, sampleMessage(rank, { rank }));
          batch.putKeyPlace(1, "status", { rank: 1, seq: 1 });
          batch.putCursor(1, "group", everyByte);
          batch.putDue({ atMs: sampleMs, mailboxNumber: 1, mailboxKey: "acme/inbox" });
          batch.putCounters(7, sampleMs);
        });

        const opening = await reopen();

        expect(opening).toEqual({
          fresh: false,
          nextMailboxNumber: 7,
          clockMs: sampleMs,
          recovered: false,
        });
        expect(await store.mailbox("acme/inbox")).toEqual(sampleMailbox());
        for (const rank of ranks) {
          expect(await allMessages(store, 1, rank)).toEqual([sampleMessage(rank, { rank })]);
        }
        expect(await store.keyPlace(1, "status")).toEqual({ rank: 1, seq: 1 });
        expect(plainCursors(await store.cursors(1))).toEqual(new Map([["group", everyByte]]));
        expect(await store.due(neverMs, 10)).toEqual([
          { atMs: sampleMs, mailboxNumber: 1, mailboxKey: "acme/inbox" },
        ]);
      });

      it("forgets a batch that was not committed when it is closed", async () => {
        await store.open();
        store.batch().putMailbox(sampleMailbox());
        await reopen();
        expect(await store.mailbox("acme/inbox")).toBeUndefined();
      });

      it("keeps what many commits left behind", async () => {
        await store.open();
        for (let seq = 0; seq < 50; seq += 1) {
          await commit((batch) => {
            batch.putMessage(1, sampleMessage(seq));
            if (seq >= 10) batch.removeMessage(1, 2, seq - 10);
          });
          if (seq % 20 === 19) await reopen();
        }
        const seqs = (await allMessages(store, 1, 2)).map((message) => message.seq);
        expect(seqs).toEqual([40, 41, 42, 43, 44, 45, 46, 47, 48, 49]);
      });

      it("can be closed twice and before it was opened", async () => {
        await store.close();
        await store.open();
        await Promise.all([store.close(), store.close()]);
        await store.close();
      });

      it("finishes the commit under way before it is closed", async () => {
        await store.open();
        const committed = commit((batch) => batch.putMessage(1, sampleMessage(0)));
        await Promise.all([committed, store.close()]);
        await store.open();
        expect(await store.lastSeq(1)).toBe(0);
      });

      it("answers reads under way when it is closed, or refuses them", async () => {
        await store.open();
        await commit((batch) => {
          for (let seq = 0; seq < 500; seq += 1) batch.putMessage(1, sampleMessage(seq));
        });
        const reads = Array.from({ length: 20 }, () => allMessages(store, 1, 2));
        const [answers] = await Promise.all([Promise.allSettled(reads), store.close()]);
        for (const answer of answers) {
          if (answer.status === "fulfilled") expect(answer.value).toHaveLength(500);
          else expect(answer.reason).toMatchObject({ name: "StoreError", code: "closed" });
        }
      });

      it("refuses everything before it was opened", async () => {
        await expectClosed(store);
      });

      it("refuses everything after it was closed", async () => {
        await store.open();
        const batch = store.batch();
        batch.putMailbox(sampleMailbox());
        await store.close();
        await expectClosed(store);
        await expect(store.commit(batch)).rejects.toMatchObject({ code: "closed" });
      });
    });

    describe("batches", () => {
      beforeEach(async () => {
        await store.open();
      });

      it("are invisible until they are committed", async () => {
        const batch = store.batch();
        batch.putMailbox(sampleMailbox());
        batch.putMessage(1, sampleMessage(0));
        expect(await store.mailbox("acme/inbox")).toBeUndefined();
        expect(await allMessages(store, 1, 2)).toEqual([]);
        await store.commit(batch);
        expect(await store.mailbox("acme/inbox")).toEqual(sampleMailbox());
        expect(await allMessages(store, 1, 2)).toHaveLength(1);
      });

      it("become visible all at once", async () => {
        for (let round = 0; round < 5; round += 1) {
          const before = round * 200;
          const readAlong = async () => {
            for (let read = 0; read < 20; read += 1) {
              const { length } = await allMessages(store, 1, 2);
              expect([before, before + 200]).toContain(length);
              await store.lastSeq(1);
            }
          };
          const committed = commit((batch) => {
            for (let i = 0; i < 200; i += 1) batch.putMessage(1, sampleMessage(before + i));
          });
          await Promise.all([committed, readAlong(), readAlong()]);
          expect(await allMessages(store, 1, 2)).toHaveLength(before + 200);
        }
      });

      it("apply their changes in order", async () => {
        await commit((batch) => {
          batch.putMessage(1, sampleMessage(0));
          batch.removeMessage(1, 2, 0);
          batch.removeMessage(1, 2, 1);
          batch.putMessage(1, sampleMessage(1));
          batch.putMessage(1, sampleMessage(2, { payload: asciiBytes("first") }));
          batch.putMessage(1, sampleMessage(2, { payload: asciiBytes("second") }));
          batch.putMailbox(sampleMailbox());
          batch.removeMailbox("acme/inbox");
          batch.putCursor(1, "a", asciiBytes("1"));
          batch.removeCursor(1, "a");
          batch.putKeyPlace(1, "k", { rank: 0, seq: 1 });
          batch.removeKeyPlace(1, "k");
          batch.putKeyPlace(1, "k", { rank: 3, seq: 2 });
          batch.putDue({ atMs: 5, mailboxNumber: 1, mailboxKey: "acme/inbox" });
          batch.removeDue(5, 1);
          batch.putCounters(2, 20);
          batch.putCounters(3, 30);
        });
        expect(await allMessages(store, 1, 2)).toEqual([
          sampleMessage(1),
          sampleMessage(2, { payload: asciiBytes("second") }),
        ]);
        expect(await store.mailbox("acme/inbox")).toBeUndefined();
        expect((await store.cursors(1)).size).toBe(0);
        expect(await store.keyPlace(1, "k")).toEqual({ rank: 3, seq: 2 });
        expect(await store.due(neverMs, 10)).toEqual([]);
        expect(await reopen()).toMatchObject({ nextMailboxNumber: 3, clockMs: 30 });
      });

      it("count their changes and their bytes", async () => {
        const batch = store.batch();
        expect(batch.operations).toBe(0);
        expect(batch.bytes).toBe(0);
        batch.putMessage(1, sampleMessage(0, { payload: new Uint8Array(5000) }));
        batch.removeMessage(1, 2, 7);
        expect(batch.operations).toBe(2);
        expect(batch.bytes).toBeGreaterThanOrEqual(5000);
        expect(batch.bytes).toBeLessThan(6000);
      });

      it("copy the bytes they are given", async () => {
        const payload = asciiBytes("payload");
        const headers = asciiBytes("headers");
        const cursor = asciiBytes("cursor");
        const tokenDigest = asciiBytes("digest");
        const batch = store.batch();
        batch.putMessage(1, sampleMessage(0, { payload, headers }));
        batch.putCursor(1, "group", cursor);
        batch.putMailbox(sampleMailbox({ tokenDigest }));
        const tags = ["kept"];
        batch.putMessage(1, sampleMessage(1, { tags }));
        tags[0] = "changed";
        for (const bytes of [payload, headers, cursor, tokenDigest]) bytes.fill(0);
        await store.commit(batch);
        expect(plain(await store.message(1, 0))).toEqual(
          sampleMessage(0, { payload: asciiBytes("payload"), headers: asciiBytes("headers") }),
        );
        expect(plainCursors(await store.cursors(1)).get("group")).toEqual(asciiBytes("cursor"));
        expect((await store.message(1, 1))?.tags).toEqual(["kept"]);
        const mailbox = await store.mailbox("acme/inbox");
        expect(new Uint8Array(mailbox?.tokenDigest ?? [])).toEqual(asciiBytes("digest"));
      });

      it("may be empty", async () => {
        await store.commit(store.batch());
        await store.commit(store.batch());
        await reopen();
      });

      it("take removals of what is not there", async () => {
        await commit((batch) => {
          batch.removeMailbox("acme/none");
          batch.removeMessage(9, 0, 9);
          batch.removeKeyPlace(9, "none");
          batch.removeCursor(9, "none");
          batch.removeDue(9, 9);
        });
      });

      it("leave the bytes of what was read before untouched", async () => {
        await commit((batch) => batch.putMessage(1, sampleMessage(0, { payload: everyByte })));
        const read = await store.message(1, 0);
        const [ranged] = await store.messages(1, wholeRange(2));
        await commit((batch) => {
          batch.removeMessage(1, 2, 0);
          batch.putMessage(1, sampleMessage(1, { payload: new Uint8Array(256) }));
        });
        await store.message(1, 1);
        expect(plain(read)?.payload).toEqual(everyByte);
        expect(plain(ranged)?.payload).toEqual(everyByte);
      });
    });

    describe("mailboxes", () => {
      beforeEach(async () => {
        await store.open();
      });

      const roundTrip = async (record: MailboxRecord) => {
        await commit((batch) => batch.putMailbox(record));
        const read = await store.mailbox(record.key);
        expect(plainMailbox(read)).toEqual(record);
      };

      it("come back with every field", async () => {
        await roundTrip(
          sampleMailbox({
            key: "acme/m-1",
            number: numberMax,
            kind: "latest",
            public: true,
            desc: "Rapport d’été ✓ 漢字 🚀",
            ttlSeconds: 31_536_000,
            createdAtMs: 0,
            expiresAtMs: neverMs,
            dropped: true,
            tokenDigest: patternBytes(32),
            nextSeq: numberMax,
          }),
        );
        await roundTrip(sampleMailbox({ key: "acme/m-2", ttlSeconds: 0, desc: "" }));
        const dedup = { current: 8, sinceMs: sampleMs, earlier: numberMax };
        const first = { ...dedup, earlier: undefined };
        const tokenDigest = patternBytes(32);
        await roundTrip(sampleMailbox({ key: "acme/m-5", scheduleNumber: numberMax, desc: "" }));
        await roundTrip(sampleMailbox({ key: "acme/m-6", dedup: first, tokenDigest }));
        await roundTrip(
          sampleMailbox({ key: "acme/m-7", scheduleNumber: 9, dedup, tokenDigest, desc: "all" }),
        );
        const owner = "O=Acme, CN=écrivain";
        await roundTrip(sampleMailbox({ key: "acme/m-8", owner }));
        await roundTrip(
          sampleMailbox({
            key: "acme/m-9",
            owner,
            scheduleNumber: 9,
            dedup,
            tokenDigest,
            desc: "",
          }),
        );
        await roundTrip(sampleMailbox({ key: "acme/m-3", public: true }));
        await roundTrip(sampleMailbox({ key: "acme/m-4", dropped: true, desc: "x".repeat(9000) }));
      });

      it("are replaced and removed by key", async () => {
        await roundTrip(sampleMailbox());
        await roundTrip(sampleMailbox({ number: 2, nextSeq: 9, desc: "second life" }));
        await commit((batch) => batch.removeMailbox("acme/inbox"));
        expect(await store.mailbox("acme/inbox")).toBeUndefined();
        expect(await store.mailboxes("", "", 10)).toEqual([]);
      });

      it("are listed by prefix, in byte order, page by page", async () => {
        const names = ["Z", "a", "a-1", "a.1", "a.1.2", "a1", "b", "z@host", "é", "\uffee", "🚀"];
        const keys = names.map((each) => `acme/${each}`);
        await commit((batch) => {
          for (const [at, key] of [...keys].reverse().entries()) {
            batch.putMailbox(sampleMailbox({ key, number: at + 1 }));
          }
          batch.putMailbox(sampleMailbox({ key: "acm/other", number: 90 }));
          batch.putMailbox(sampleMailbox({ key: "acme-2/other", number: 91 }));
          batch.putMailbox(sampleMailbox({ key: "acme0/other", number: 92 }));
        });
        for (const limit of [1, 2, 5, 100]) {
          const listed: string[] = [];
          for (;;) {
            const page = await store.mailboxes("acme/", listed.at(-1) ?? "", limit);
            expect(page.length).toBeLessThanOrEqual(limit);
            if (page.length === 0) break;
            listed.push(...page.map((record) => record.key));
          }
          expect(listed).toEqual(keys);
        }
        expect(await keysOf(store, "acme/a", "acme/a-1")).toEqual(keys.slice(3, 6));
        expect(await keysOf(store, "acme/", "acme/zz")).toEqual(keys.slice(-3));
        expect(await keysOf(store, "acme/", "b")).toEqual([]);
        expect(await keysOf(store, "none/", "")).toEqual([]);
        expect(await keysOf(store, "", "")).toHaveLength(names.length + 3);
        expect(await store.mailboxes("acme/", "", 0)).toEqual([]);
      });
    });

    describe("messages", () => {
      beforeEach(async () => {
        await store.open();
      });

      const roundTrip = async (message: MessageRecord) => {
        await commit((batch) => batch.putMessage(4, message));
        expect(plain(await store.message(4, message.seq))).toEqual(message);
        const range = { ...wholeRange(message.rank), afterSeq: message.seq - 1, limit: 1 };
        expect((await store.messages(4, range)).map(plain)).toEqual([message]);
      };

      it("come back with every field and every byte", async () => {
        for (const [seq, label] of priorityLabels.entries()) {
          await roundTrip(sampleMessage(seq, { label, rank: rankOf(label) }));
        }
        await roundTrip(sampleMessage(10, { payload: everyByte, headers: everyByte }));
        await roundTrip(sampleMessage(11, { payload: new Uint8Array(0) }));
        await roundTrip(sampleMessage(12, { headers: new Uint8Array(0) }));
        await roundTrip(sampleMessage(13, { key: "" }));
        await roundTrip(sampleMessage(14, { key: "statut/été/漢字/🚀", payload: everyByte }));
        await roundTrip(sampleMessage(15, { expiresAtMs: neverMs, createdAtMs: 0 }));
        await roundTrip(sampleMessage(16, { headers: patternBytes(70_000), key: "k" }));
        await roundTrip(sampleMessage(numberMax, { rank: 0, label: "critical" }));
      });

      it("come back with the fields that they rarely have", async () => {
        const { dead } = rareFields;
        const cases: Partial<MessageRecord>[] = [
          rareFields,
          { ...rareFields, key: "k", headers: everyByte, payload: everyByte },
          { tags: [] },
          { tags: Array.from({ length: 16 }, (_, at) => `${at}`.padEnd(64, "é".repeat(30))) },
          { from: "" },
          { visibleAtMs: 0, payload: new Uint8Array(0) },
          { dead: { ...dead, cause: "deliveries", reason: undefined } },
          { dead: { ...dead, reason: "" } },
        ];
        for (const [seq, fields] of cases.entries()) await roundTrip(sampleMessage(seq, fields));
        await reopen();
        for (const [seq, fields] of cases.entries()) {
          expect(plain(await store.message(4, seq))).toEqual(sampleMessage(seq, fields));
        }
      });

      it("are read below a number, and by descending number", async () => {
        const seqs = [0, 3, 7, 255, 256, 65_536, 2 ** 32, numberMax];
        await commit((batch) => {
          for (const seq of seqs) batch.putMessage(4, sampleMessage(seq));
          batch.putMessage(4, sampleMessage(8, { rank: 1, label: "high" }));
          batch.putMessage(5, sampleMessage(9));
          batch.putMessage(3, sampleMessage(9));
        });
        for (const [at, beforeSeq] of seqs.entries()) {
          const below = { ...wholeRange(2), beforeSeq };
          expect(await seqsOf(store, 4, below)).toEqual(seqs.slice(0, at));
          const down = { ...below, newestFirst: true };
          expect(await seqsOf(store, 4, down)).toEqual(seqs.slice(0, at).toReversed());
          const between = { ...down, afterSeq: 3 };
          expect(await seqsOf(store, 4, between)).toEqual(seqs.slice(2, at).toReversed());
          const two = { ...down, limit: 2 };
          expect(await seqsOf(store, 4, two)).toEqual(seqs.slice(0, at).slice(-2).toReversed());
          const bytes = { ...down, bytesMax: 1 };
          expect(await seqsOf(store, 4, bytes)).toEqual(seqs.slice(0, at).slice(-1));
        }
        const all = { ...wholeRange(2), newestFirst: true };
        expect(await seqsOf(store, 4, all)).toEqual(seqs.toReversed());
        expect(await seqsOf(store, 4, { ...all, beforeSeq: 3, afterSeq: 3 })).toEqual([]);
        expect(await seqsOf(store, 4, { ...all, beforeSeq: 2, afterSeq: 7 })).toEqual([]);
        expect(await seqsOf(store, 4, { ...wholeRange(2), beforeSeq: 0 })).toEqual([]);
      });

      it("are found below those that were read before, in either direction", async () => {
        const put = (seq: number) => commit((batch) => batch.putMessage(4, sampleMessage(seq)));
        const down = { ...wholeRange(2), newestFirst: true };
        await put(50);
        await put(60);
        expect(await seqsOf(store, 4, { ...down, limit: 1 })).toEqual([60]);
        expect(await seqsOf(store, 4, wholeRange(2))).toEqual([50, 60]);
        expect(await seqsOf(store, 4, { ...wholeRange(2), beforeSeq: 55 })).toEqual([50]);
        expect(await seqsOf(store, 4, { ...wholeRange(2), beforeSeq: 50 })).toEqual([]);
        expect(await seqsOf(store, 4, down)).toEqual([60, 50]);
        await put(40);
        expect(await seqsOf(store, 4, down)).toEqual([60, 50, 40]);
        await commit((batch) => {
          for (const seq of [40, 50, 60]) batch.removeMessage(4, 2, seq);
        });
        expect(await seqsOf(store, 4, { ...down, beforeSeq: 55 })).toEqual([]);
        await put(57);
        expect(await seqsOf(store, 4, { ...down, beforeSeq: 57 })).toEqual([]);
        expect(await seqsOf(store, 4, down)).toEqual([57]);
        await Promise.all([put(30), seqsOf(store, 4, down)]);
        expect(await seqsOf(store, 4, down)).toEqual([57, 30]);
      });

      it("may be as large as a mebibyte", async () => {
        const payload = patternBytes(1024 * 1024);
        await commit((batch) => {
          for (let seq = 0; seq < 3; seq += 1) batch.putMessage(4, sampleMessage(seq, { payload }));
        });
        await reopen();
        const read = await store.messages(4, wholeRange(2));
        expect(read).toHaveLength(3);
        for (const message of read) expect(sameBytes(message.payload, payload)).toBe(true);
      });

      it("do not share memory with what the caller handed over", async () => {
        const whole = patternBytes(300);
        await commit((batch) =>
          batch.putMessage(4, sampleMessage(0, { payload: whole.subarray(100, 200) })),
        );
        const expected = whole.slice(100, 200);
        whole.fill(0);
        expect(plain(await store.message(4, 0))?.payload).toEqual(expected);
      });

      it("are read by rank, by ascending number", async () => {
        const seqs = [256, 3, 255, 65_536, 0, 65_535, 2 ** 32, 2 ** 32 - 1, numberMax, 7];
        const sorted = seqs.toSorted((a, b) => a - b);
        await commit((batch) => {
          for (const seq of seqs)
            batch.putMessage(4, sampleMessage(seq, { rank: 1, label: "high" }));
          batch.putMessage(4, sampleMessage(1, { rank: 0, label: "critical" }));
          batch.putMessage(3, sampleMessage(2, { rank: 1, label: "high" }));
          batch.putMessage(5, sampleMessage(2, { rank: 1, label: "high" }));
        });
        expect(await seqsOf(store, 4, wholeRange(1))).toEqual(sorted);
        expect(await seqsOf(store, 4, wholeRange(0))).toEqual([1]);
        expect(await seqsOf(store, 4, wholeRange(2))).toEqual([]);
        expect(await seqsOf(store, 6, wholeRange(1))).toEqual([]);
        for (const [at, seq] of sorted.entries()) {
          const range = { ...wholeRange(1), afterSeq: seq };
          expect(await seqsOf(store, 4, range)).toEqual(sorted.slice(at + 1));
        }
        expect(await seqsOf(store, 4, { ...wholeRange(1), afterSeq: 8, limit: 3 })).toEqual([
          255, 256, 65_535,
        ]);
      });

      it("stop at the limit", async () => {
        await commit((batch) => {
          for (let seq = 0; seq < 2500; seq += 1) batch.putMessage(4, sampleMessage(seq));
        });
        for (const limit of [0, 1, 999, 1000, 1001, 2499, 2500, 9999]) {
          const seqs = await seqsOf(store, 4, { ...wholeRange(2), limit });
          expect(seqs).toEqual(Array.from({ length: Math.min(limit, 2500) }, (_, seq) => seq));
        }
      });

      it("stop once enough bytes are gathered, after one at the least", async () => {
        await commit((batch) => {
          for (let seq = 0; seq < 10; seq += 1) {
            const headers = seq % 2 === 0 ? new Uint8Array(40) : undefined;
            const payload = new Uint8Array(seq % 2 === 0 ? 60 : 100);
            batch.putMessage(4, sampleMessage(seq, { headers, payload }));
          }
        });
        for (const [bytesMax, count] of [
          [0, 1],
          [1, 1],
          [100, 1],
          [101, 2],
          [200, 2],
          [201, 3],
          [999, 10],
          [1_000_000, 10],
        ] as const) {
          expect(await store.messages(4, { ...wholeRange(2), bytesMax })).toHaveLength(count);
        }
      });

      it("are found by number whatever their rank", async () => {
        await commit((batch) => {
          for (const rank of ranks) batch.putMessage(4, sampleMessage(10 + rank, { rank }));
          batch.putMessage(5, sampleMessage(20));
        });
        for (const rank of ranks) {
          expect(plain(await store.message(4, 10 + rank))).toEqual(
            sampleMessage(10 + rank, { rank }),
          );
        }
        expect(await store.message(4, 9)).toBeUndefined();
        expect(await store.message(4, 20)).toBeUndefined();
      });

      it("are found below those that were read before", async () => {
        const put = (seq: number) => commit((batch) => batch.putMessage(4, sampleMessage(seq)));
        await put(50);
        expect(await seqsOf(store, 4, wholeRange(2))).toEqual([50]);
        await put(40);
        expect(await seqsOf(store, 4, wholeRange(2))).toEqual([40, 50]);
        await commit((batch) => {
          batch.removeMessage(4, 2, 40);
          batch.removeMessage(4, 2, 50);
        });
        expect(await seqsOf(store, 4, wholeRange(2))).toEqual([]);
        await Promise.all([put(30), seqsOf(store, 4, wholeRange(2))]);
        expect(await seqsOf(store, 4, wholeRange(2))).toEqual([30]);
        expect(await seqsOf(store, 4, { ...wholeRange(2), afterSeq: 30 })).toEqual([]);
        await put(10);
        expect(await seqsOf(store, 4, wholeRange(2))).toEqual([10, 30]);
      });

      it("are removed one by one", async () => {
        await commit((batch) => {
          for (let seq = 0; seq < 6; seq += 1) batch.putMessage(4, sampleMessage(seq));
        });
        await commit((batch) => {
          batch.removeMessage(4, 2, 0);
          batch.removeMessage(4, 2, 3);
          batch.removeMessage(4, 1, 4);
        });
        expect(await seqsOf(store, 4, wholeRange(2))).toEqual([1, 2, 4, 5]);
        expect(await store.message(4, 3)).toBeUndefined();
      });

      it("tell the highest number of any rank", async () => {
        expect(await store.lastSeq(4)).toBe(-1);
        await commit((batch) => {
          batch.putMessage(4, sampleMessage(5, { rank: 0 }));
          batch.putMessage(4, sampleMessage(9, { rank: 3 }));
          batch.putMessage(4, sampleMessage(7, { rank: 1 }));
          batch.putMessage(5, sampleMessage(100));
          batch.putMessage(3, sampleMessage(numberMax));
        });
        expect(await store.lastSeq(4)).toBe(9);
        expect(await store.lastSeq(3)).toBe(numberMax);
        await commit((batch) => batch.removeMessage(4, 3, 9));
        expect(await store.lastSeq(4)).toBe(7);
        await commit((batch) => {
          batch.removeMessage(4, 0, 5);
          batch.removeMessage(4, 1, 7);
        });
        expect(await store.lastSeq(4)).toBe(-1);
      });
    });

    describe("key places and cursors", () => {
      beforeEach(async () => {
        await store.open();
      });

      it("hold the newest place of each key", async () => {
        await commit((batch) => {
          batch.putKeyPlace(1, "a", { rank: 0, seq: 1 });
          batch.putKeyPlace(1, "ab", { rank: 1, seq: 2 });
          batch.putKeyPlace(1, "été 🚀", { rank: 3, seq: numberMax });
          batch.putKeyPlace(2, "a", { rank: 2, seq: 4 });
          batch.putKeyPlace(1, "", { rank: 2, seq: 0 });
        });
        await commit((batch) => {
          batch.putKeyPlace(1, "a", { rank: 2, seq: 9 });
          batch.removeKeyPlace(1, "ab");
        });
        expect(await store.keyPlace(1, "a")).toEqual({ rank: 2, seq: 9 });
        expect(await store.keyPlace(1, "ab")).toBeUndefined();
        expect(await store.keyPlace(1, "été 🚀")).toEqual({ rank: 3, seq: numberMax });
        expect(await store.keyPlace(1, "")).toEqual({ rank: 2, seq: 0 });
        expect(await store.keyPlace(2, "a")).toEqual({ rank: 2, seq: 4 });
        expect(await store.keyPlace(2, "ab")).toBeUndefined();
      });

      it("hold a blob per name", async () => {
        await commit((batch) => {
          batch.putCursor(1, "workers", everyByte);
          batch.putCursor(1, "workers-2", new Uint8Array(0));
          batch.putCursor(1, "équipe 🚀", patternBytes(5000));
          batch.putCursor(2, "workers", asciiBytes("other"));
          batch.putCursor(1, "gone", asciiBytes("gone"));
        });
        await commit((batch) => {
          batch.putCursor(1, "workers", asciiBytes("moved"));
          batch.removeCursor(1, "gone");
        });
        expect(plainCursors(await store.cursors(1))).toEqual(
          new Map([
            ["workers", asciiBytes("moved")],
            ["workers-2", new Uint8Array(0)],
            ["équipe 🚀", patternBytes(5000)],
          ]),
        );
        expect(plainCursors(await store.cursors(2))).toEqual(
          new Map([["workers", asciiBytes("other")]]),
        );
        expect((await store.cursors(3)).size).toBe(0);
      });

      it("are read one by one", async () => {
        await commit((batch) => {
          batch.putCursor(0, "acme", asciiBytes("account"));
          batch.putCursor(1, "g:workers", patternBytes(5000));
          batch.putCursor(1, "équipe 🚀", new Uint8Array(0));
          batch.putCursor(1, "gone", everyByte);
        });
        await commit((batch) => {
          batch.putCursor(0, "acme", everyByte);
          batch.removeCursor(1, "gone");
        });
        const bytesOf = async (number: number, name: string) => {
          const value = await store.cursor(number, name);
          return value && new Uint8Array(value);
        };
        expect(await bytesOf(0, "acme")).toEqual(everyByte);
        expect(await bytesOf(1, "g:workers")).toEqual(patternBytes(5000));
        expect(await bytesOf(1, "équipe 🚀")).toEqual(new Uint8Array(0));
        for (const name of ["gone", "g:", "g:workers-2", "acme"]) {
          expect(await bytesOf(1, name)).toBeUndefined();
        }
        expect(await bytesOf(2, "g:workers")).toBeUndefined();
      });
    });

    describe("the due index", () => {
      beforeEach(async () => {
        await store.open();
      });

      const entry = (atMs: number, mailboxNumber: number) => ({
        atMs,
        mailboxNumber,
        mailboxKey: `acme/${mailboxNumber}`,
      });
      const dueAt = async (untilMs: number, limit = 100) => store.due(untilMs, limit);

      it("answers the earliest entries up to an instant, that instant included", async () => {
        const instants = [sampleMs, 255, 256, 1, 65_536, 2 ** 32, 2 ** 32 - 1, neverMs];
        await commit((batch) => {
          for (const [at, atMs] of instants.entries()) batch.putDue(entry(atMs, at + 1));
          batch.putDue(entry(256, numberMax));
          batch.putDue(entry(256, 90));
        });
        const all = await dueAt(neverMs);
        expect(all.map(({ atMs }) => atMs)).toEqual(
          [...instants, 256, 256].toSorted((a, b) => a - b),
        );
        expect(all.slice(2, 5).map(({ mailboxNumber }) => mailboxNumber)).toEqual([
          3,
          90,
          numberMax,
        ]);
        expect(all[0]).toEqual(entry(1, 4));
        expect(await dueAt(256)).toHaveLength(5);
        expect(await dueAt(255)).toHaveLength(2);
        expect(await dueAt(0)).toEqual([]);
        expect(await dueAt(neverMs, 1)).toEqual([entry(1, 4)]);
        expect(await dueAt(neverMs, 0)).toEqual([]);
      });

      it("forgets what was removed, one mailbox at a time", async () => {
        await commit((batch) => {
          for (let number = 1; number <= 4; number += 1) batch.putDue(entry(1000, number));
          batch.putDue(entry(2000, 1));
        });
        await commit((batch) => batch.removeDue(1000, 1));
        await commit((batch) => batch.removeDue(2000, 3));
        expect(await dueAt(1000)).toEqual([entry(1000, 2), entry(1000, 3), entry(1000, 4)]);
        expect(await dueAt(2000)).toHaveLength(4);
      });

      it("finds an entry that is earlier than all it has answered before", async () => {
        await commit((batch) => batch.putDue(entry(5000, 1)));
        expect(await dueAt(neverMs, 1)).toEqual([entry(5000, 1)]);
        await commit((batch) => batch.putDue(entry(3000, 2)));
        expect(await dueAt(neverMs, 1)).toEqual([entry(3000, 2)]);
        await commit((batch) => {
          batch.removeDue(3000, 2);
          batch.removeDue(5000, 1);
        });
        expect(await dueAt(9000)).toEqual([]);
        await commit((batch) => batch.putDue(entry(10, 3)));
        expect(await dueAt(9000)).toEqual([entry(10, 3)]);
      });

      it("finds an entry whose batch was filled before an answer and committed after it", async () => {
        const batch = store.batch();
        batch.putDue(entry(100, 1));
        expect(await dueAt(9000)).toEqual([]);
        const [, early] = await Promise.all([store.commit(batch), dueAt(9000)]);
        expect(early.length).toBeLessThanOrEqual(1);
        expect(await dueAt(9000)).toEqual([entry(100, 1)]);
      });
    });

    describe("garbage", () => {
      beforeEach(async () => {
        await store.open();
      });

      const fill = (batch: StoreBatch, mailboxNumber: number, messages: number) => {
        for (let seq = 0; seq < messages; seq += 1) {
          batch.putMessage(mailboxNumber, sampleMessage(seq, { rank: (seq % 4) as Rank }));
        }
        batch.putKeyPlace(mailboxNumber, "status", { rank: 0, seq: 0 });
        batch.putCursor(mailboxNumber, "workers", everyByte);
      };
      const isEmpty = async (mailboxNumber: number) =>
        (await store.lastSeq(mailboxNumber)) === -1 &&
        (await store.keyPlace(mailboxNumber, "status")) === undefined &&
        (await store.cursors(mailboxNumber)).size === 0;
      const clearAll = async () => {
        let slices = 1;
        while (await store.clearGarbage()) {
          slices += 1;
          expect(slices).toBeLessThan(1000);
        }
      };

      it("is none in an empty store", async () => {
        expect(await store.clearGarbage()).toBe(false);
      });

      it("is cleared slice by slice and nothing else with it", async () => {
        await commit((batch) => {
          fill(batch, 6, 10);
          fill(batch, 7, 3500);
          fill(batch, 8, 10);
        });
        await commit((batch) => batch.putGarbage(7));
        await clearAll();
        expect(await isEmpty(7)).toBe(true);
        for (const number of [6, 8]) {
          expect(await store.lastSeq(number)).toBe(9);
          expect(await store.keyPlace(number, "status")).toEqual({ rank: 0, seq: 0 });
          expect((await store.cursors(number)).size).toBe(1);
        }
        expect(await store.clearGarbage()).toBe(false);
      });

      it("of many mailboxes is cleared, wherever their numbers lie", async () => {
        const numbers = [1, 2, 3, 255, 256, 2 ** 32, numberMax];
        await commit((batch) => {
          for (const number of numbers) fill(batch, number, 3);
          for (const number of numbers) batch.putGarbage(number);
          for (let number = 1000; number < 1100; number += 1) batch.putGarbage(number);
        });
        await clearAll();
        for (const number of numbers) expect(await isEmpty(number)).toBe(true);
      });

      it("does not hold up commits, and more may come while it is cleared", async () => {
        await commit((batch) => {
          fill(batch, 1, 3000);
          fill(batch, 2, 20);
          batch.putGarbage(1);
        });
        let added = false;
        for (let more = true; more; ) {
          const [left] = await Promise.all([
            store.clearGarbage(),
            commit((batch) => {
              batch.putMessage(3, sampleMessage(0));
              if (!added) batch.putGarbage(2);
              added = true;
            }),
          ]);
          more = left;
        }
        await clearAll();
        expect(await isEmpty(1)).toBe(true);
        expect(await isEmpty(2)).toBe(true);
        expect(await store.lastSeq(3)).toBe(0);
      });

      it("is still garbage after a restart in the middle", async () => {
        await commit((batch) => {
          fill(batch, 1, 3000);
          batch.putGarbage(1);
        });
        await store.clearGarbage();
        await reopen();
        await clearAll();
        expect(await isEmpty(1)).toBe(true);
      });
    });

    it("knows the room on its disk, or has none", async () => {
      await store.open();
      const space = await store.space();
      if (space === undefined) {
        expect(store.durable).toBe(false);
        return;
      }
      expect(space.totalBytes).toBeGreaterThan(0);
      expect(space.freeBytes).toBeLessThanOrEqual(space.totalBytes);
    });

    describeRandomBatches(makeStore, () => new MemoryStore());
  });
}

async function expectClosed(store: Store): Promise<void> {
  const refused = { name: "StoreError", code: "closed" };
  await expect(store.mailbox("a/b")).rejects.toMatchObject(refused);
  await expect(store.mailboxes("", "", 1)).rejects.toMatchObject(refused);
  await expect(store.messages(1, wholeRange(0))).rejects.toMatchObject(refused);
  await expect(store.message(1, 1)).rejects.toMatchObject(refused);
  await expect(store.lastSeq(1)).rejects.toMatchObject(refused);
  await expect(store.keyPlace(1, "k")).rejects.toMatchObject(refused);
  await expect(store.cursor(1, "c")).rejects.toMatchObject(refused);
  await expect(store.cursors(1)).rejects.toMatchObject(refused);
  await expect(store.due(1, 1)).rejects.toMatchObject(refused);
  await expect(store.clearGarbage()).rejects.toMatchObject(refused);
  await expect(store.space()).rejects.toMatchObject(refused);
  expect(() => store.batch()).toThrow(expect.objectContaining(refused));
}

function wholeRange(rank: Rank): MessageRange {
  return { rank, afterSeq: -1, limit: 1_000_000, bytesMax: 1_000_000_000 };
}

async function allMessages(store: Store, number: number, rank: Rank): Promise<MessageRecord[]> {
  return (await store.messages(number, wholeRange(rank))).map((message) => plain(message));
}

async function seqsOf(store: Store, number: number, range: MessageRange): Promise<number[]> {
  return (await store.messages(number, range)).map((message) => message.seq);
}

async function keysOf(store: Store, prefix: string, afterKey: string): Promise<string[]> {
  return (await store.mailboxes(prefix, afterKey, 100)).map((record) => record.key);
}

/** The same message with plain byte arrays, whatever kind of array the engine returns. */
function plain<T extends MessageRecord | undefined>(message: T): T {
  if (message === undefined) return message;
  const { headers, payload } = message;
  return {
    ...message,
    headers: headers && new Uint8Array(headers),
    payload: new Uint8Array(payload),
  };
}

function plainMailbox(record: MailboxRecord | undefined): MailboxRecord | undefined {
  if (record?.tokenDigest === undefined) return record;
  return { ...record, tokenDigest: new Uint8Array(record.tokenDigest) };
}

function plainCursors(cursors: Map<string, Uint8Array>): Map<string, Uint8Array> {
  return new Map([...cursors].map(([name, value]) => [name, new Uint8Array(value)]));
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
