// Random batches against an engine and the in-memory engine: after every commit, clearing and
// restart both must answer every question alike. Part of the exam; prints the seed of a failure.
import { neverMs, priorityLabels, type Rank, ranks } from "@mq9/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { MessageRecord, Store, StoreBatch } from "../store.ts";
import { patternBytes, rareFields, sampleMailbox, sampleMessage } from "./samples.ts";

const numbers = [1, 2, 0xffff_ffff_ffff] as const;
const keys = ["a", "ab", "été"] as const;
const instants = [0, 1, 255, 256, 70_000, 2 ** 33, neverMs] as const;

type Mutator = Exclude<keyof StoreBatch, "operations" | "bytes">;
/** A call on a batch as plain data, so that a failing example can be read. */
type Change = { [M in Mutator]: readonly [M, ...Parameters<StoreBatch[M]>] }[Mutator];
type Step = readonly Change[] | "restart" | { readonly garbage: number };

/** Few numbers, so that changes meet; a message keeps the rank that its number gives it. */
const change: fc.Arbitrary<Change> = (() => {
  const number = fc.constantFrom(...numbers);
  const key = fc.constantFrom(...keys);
  const mailboxKey = key.map((name) => `acme/${name}`);
  const atMs = fc.constantFrom(...instants);
  const seq = fc.oneof(fc.nat(20), fc.constantFrom(255, 256, 0xffff_ffff, 0xffff_ffff_fffe));
  const place = seq.map((each) => ({ rank: rankFor(each), seq: each }));
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.nat(9000).map((length) => patternBytes(length)),
  );
  const message = fc
    .record({
      seq,
      label: fc.constantFrom(...priorityLabels),
      key: fc.option(key, { nil: undefined }),
      headers: fc.option(bytes, { nil: undefined }),
      payload: bytes,
      expiresAtMs: atMs,
      tags: fc.option(fc.array(key, { maxLength: 3 }), { nil: undefined }),
      from: fc.option(key, { nil: undefined }),
      visibleAtMs: fc.option(atMs, { nil: undefined }),
      dead: fc.option(fc.constant(rareFields.dead), { nil: undefined }),
    })
    .map((fields) => sampleMessage(fields.seq, { ...fields, rank: rankFor(fields.seq) }));
  const mailbox = fc
    .record({
      key: mailboxKey,
      number,
      nextSeq: seq,
      desc: fc.option(key, { nil: undefined }),
      scheduleNumber: fc.option(number, { nil: undefined }),
      owner: fc.option(key, { nil: undefined }),
      dedup: fc.option(
        fc.record({
          current: number,
          sinceMs: atMs,
          earlier: fc.option(number, { nil: undefined }),
        }),
        { nil: undefined },
      ),
    })
    .map((fields) => sampleMailbox(fields));
  const due = fc.record({ atMs, mailboxNumber: number, mailboxKey });
  const call = <M extends Mutator>(method: M) => fc.constant(method);
  const removeMessage = fc
    .tuple(number, place)
    .map(([owner, each]): Change => ["removeMessage", owner, each.rank, each.seq]);
  return fc.oneof(
    { weight: 6, arbitrary: fc.tuple(call("putMessage"), number, message) },
    { weight: 3, arbitrary: removeMessage },
    fc.tuple(call("putMailbox"), mailbox),
    fc.tuple(call("removeMailbox"), mailboxKey),
    fc.tuple(call("putKeyPlace"), number, key, place),
    fc.tuple(call("removeKeyPlace"), number, key),
    fc.tuple(call("putCursor"), number, key, bytes),
    fc.tuple(call("removeCursor"), number, key),
    fc.tuple(call("putDue"), due),
    fc.tuple(call("removeDue"), atMs, number),
    fc.tuple(call("putCounters"), seq, atMs),
  );
})();

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.array(change, { minLength: 1, maxLength: 12 }) },
  { weight: 1, arbitrary: fc.constant("restart" as const) },
  { weight: 1, arbitrary: fc.constantFrom(...numbers).map((garbage) => ({ garbage })) },
);

/** Adds the test to the describe block that is open. */
export function describeRandomBatches(
  makeStore: () => Promise<{ store: Store; dispose(): Promise<void> }>,
  makeModel: () => Store,
): void {
  it("answers like the in-memory engine after any batches", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 10 }), async (steps) => {
        const examined = await makeStore();
        const pair = [makeModel(), examined.store] as const;
        try {
          await both(pair, (store) => store.open());
          for (const each of steps) {
            await both(pair, (store) => take(store, each));
            await both(pair, answersOf);
          }
        } finally {
          await both(pair, (store) => store.close());
          await examined.dispose();
        }
      }),
      { numRuns: 30 },
    );
  });
}

async function both<T>(
  [model, store]: readonly [Store, Store],
  ask: (store: Store) => Promise<T>,
): Promise<void> {
  const expected = await ask(model);
  expect(await ask(store)).toEqual(expected);
}

async function take(store: Store, next: Step): Promise<unknown> {
  if (next === "restart") {
    await store.close();
    return store.open();
  }
  const batch = store.batch();
  if ("garbage" in next) {
    batch.putGarbage(next.garbage);
    await store.commit(batch);
    while (await store.clearGarbage());
    return undefined;
  }
  for (const [method, ...values] of next) Reflect.apply(batch[method], batch, values);
  return store.commit(batch);
}

/** Everything the port can be asked, in plain values. */
async function answersOf(store: Store): Promise<unknown> {
  const answers: unknown[] = [await store.mailboxes("acme/", "", 100)];
  answers.push(await store.mailboxes("acme/a", "acme/a", 1));
  for (const key of keys) answers.push(await store.mailbox(`acme/${key}`));
  for (const untilMs of instants) {
    answers.push(await store.due(untilMs, 2), await store.due(untilMs, 100));
  }
  for (const number of numbers) {
    answers.push(await store.lastSeq(number));
    for (const key of keys) {
      answers.push(await store.keyPlace(number, key));
      const cursor = await store.cursor(number, key);
      answers.push(cursor && [...cursor]);
    }
    const cursors = await store.cursors(number);
    answers.push(Object.fromEntries([...cursors].map(([name, value]) => [name, [...value]])));
    for (const rank of ranks) {
      const range = { rank, afterSeq: 4, limit: 3, bytesMax: 5000 };
      const all = { rank, afterSeq: -1, limit: 1000, bytesMax: 1_000_000 };
      const below = { ...range, beforeSeq: 19 };
      const down = { ...all, beforeSeq: 256, newestFirst: true };
      answers.push((await store.messages(number, range)).map(plain));
      answers.push((await store.messages(number, below)).map(plain));
      answers.push((await store.messages(number, { ...below, newestFirst: true })).map(plain));
      answers.push((await store.messages(number, down)).map(plain));
      answers.push((await store.messages(number, all)).map(plain));
    }
    for (const seq of [0, 7, 255]) {
      const message = await store.message(number, seq);
      answers.push(message && plain(message));
    }
  }
  return answers;
}

function plain({ headers, payload, ...rest }: MessageRecord): unknown {
  return { ...rest, headers: headers && [...headers], payload: [...payload] };
}

function rankFor(seq: number): Rank {
  return (seq % 4) as Rank;
}
