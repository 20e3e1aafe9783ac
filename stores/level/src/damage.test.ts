// What a damaged store does: it serves exactly what was stored or says that it can not, whatever
// was done to its files while it was closed.
import {
  cp,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MessageRecord, type Store, StoreError } from "@mq9/store";
import { patternBytes, sampleMailbox, sampleMessage } from "@mq9/store/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Anchor } from "./anchor.ts";
import { createLevelStore } from "./level-store.ts";
import { copyAsKilled } from "./test-support/killed-copy.ts";

const messages = 1500;
const everything = { afterSeq: -1, limit: 100_000, bytesMax: 2 ** 30 } as const;
/** Pages, because a page that stops early does not learn what LevelDB met behind it. */
const page = 40;

/** Half of it packs well, half of it does not pack at all; some messages span many blocks. */
function payloadOf(seq: number): Uint8Array {
  if (seq % 100 === 0) return patternBytes(40_000 + seq);
  return seq % 2 === 0 ? patternBytes(100 + (seq % 300)) : new Uint8Array(200).fill(seq);
}

let folder: string;
let closed: string;
let crashed: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mq9-damage-"));
  closed = join(folder, "closed");
  crashed = join(folder, "crashed");
  const store = createLevelStore({ folder: closed, writeBufferBytes: 256 * 1024 });
  await store.open();
  for (let seq = 0; seq < messages; seq += 10) {
    const batch = store.batch();
    for (let i = seq; i < seq + 10; i += 1) {
      batch.putMessage(1 + (i % 2), sampleMessage(i, { payload: payloadOf(i) }));
    }
    batch.putMailbox(sampleMailbox({ key: `acme/${seq}`, number: seq }));
    await store.commit(batch);
  }
  // The files as they are between two commits are what a killed process leaves behind; this one
  // was killed after the anchor had been written.
  await copyAsKilled(closed, crashed);
  const anchor = await Anchor.open(join(crashed, "ANCHOR"));
  await anchor.read();
  await anchor.write({ commit: messages / 10, clean: false }, true);
  await anchor.close();
  await store.close();
});

afterAll(() => rm(folder, { recursive: true }));

describe.each(["closed", "crashed"])("a %s store", (state) => {
  it("with one damage anywhere serves exactly what was stored or refuses", async () => {
    const source = state === "closed" ? closed : crashed;
    const files = await filesIn(source);
    const outcomes = { whole: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(damage(files), async (done) => {
        const copy = await mkdtemp(join(tmpdir(), "mq9-damaged-"));
        try {
          await cp(source, copy, { recursive: true });
          await apply(done, copy);
          outcomes[await outcomeOf(copy)] += 1;
        } finally {
          await rm(copy, { recursive: true });
        }
      }),
      { numRuns: 120 },
    );
    expect(outcomes.refused).toBeGreaterThan(20);
  }, 120_000);
});

describe("a store whose process was killed", () => {
  async function killedStore(harm: (log: string) => Promise<void>): Promise<Store> {
    const copy = await mkdtemp(join(folder, "killed-"));
    await cp(crashed, copy, { recursive: true });
    const names = await readdir(join(copy, "store"));
    const log = names.filter((name) => name.endsWith(".log")).sort();
    await harm(join(copy, "store", log.at(-1) as string));
    return createLevelStore({ folder: copy });
  }

  it("opens when its log ends in the middle of a write", async () => {
    const unfinished = patternBytes(5000);
    const store = await killedStore((log) => writeFile(log, unfinished, { flag: "a" }));
    expect(await store.open()).toMatchObject({ recovered: true });
    await expectWhole(store);
    await store.close();
    expect(await store.open()).toMatchObject({ recovered: false });
    await store.close();
  });

  it("opens when its log ends in zeros that were never written", async () => {
    const store = await killedStore((log) => writeFile(log, Buffer.alloc(70_000), { flag: "a" }));
    expect(await store.open()).toMatchObject({ recovered: true });
    await expectWhole(store);
    await store.close();
  });

  it("is refused, unchanged, when the middle of its log is damaged", async () => {
    const store = await killedStore((log) => flipBit(log, 2000, 3));
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(store.open()).rejects.toMatchObject({
        code: "corrupt",
        message: expect.stringMatching(/\.log is damaged at byte \d+ of \d+, before commits/),
      });
    }
  });
});

type Damage = { readonly file: string } & (
  | { readonly kind: "flip"; readonly at: number; readonly bit: number }
  | { readonly kind: "zero"; readonly at: number }
  | { readonly kind: "cut"; readonly at: number }
  | { readonly kind: "swap"; readonly at: number }
);

const pageBytes = 4096;

/** Any byte of any file that holds data; LevelDB's LOG is text for people. */
function damage(files: readonly { path: string; size: number }[]): fc.Arbitrary<Damage> {
  const places = fc
    .constantFrom(...files)
    .chain(({ path, size }) => fc.record({ file: fc.constant(path), at: fc.nat(size - 1) }));
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .tuple(places, fc.nat(7))
        .map(([p, bit]): Damage => ({ ...p, kind: "flip", bit })),
    },
    { weight: 2, arbitrary: places.map((place): Damage => ({ ...place, kind: "zero" })) },
    { weight: 2, arbitrary: places.map((place): Damage => ({ ...place, kind: "cut" })) },
    { weight: 1, arbitrary: places.map((place): Damage => ({ ...place, kind: "swap" })) },
  );
}

async function apply(done: Damage, root: string): Promise<void> {
  const path = join(root, done.file);
  if (done.kind === "flip") return flipBit(path, done.at, done.bit);
  if (done.kind === "cut") return truncate(path, done.at);
  const bytes = await readFile(path);
  const start = done.at - (done.at % pageBytes);
  const one = Buffer.from(bytes.subarray(start, start + pageBytes));
  if (done.kind === "zero") bytes.fill(0, start, start + one.length);
  else {
    bytes.copy(bytes, start, 0, one.length);
    one.copy(bytes, 0);
  }
  await writeFile(path, bytes);
}

async function flipBit(path: string, at: number, bit: number): Promise<void> {
  const file = await open(path, "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  byte[0] = (byte[0] as number) ^ (1 << bit);
  await file.write(byte, 0, 1, at);
  await file.close();
}

async function outcomeOf(damaged: string): Promise<"whole" | "refused"> {
  const store = createLevelStore({ folder: damaged });
  try {
    await store.open();
    await expectWhole(store);
    return "whole";
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    expect(["corrupt", "format", "io"]).toContain(error.code);
    return "refused";
  } finally {
    await store.close();
  }
}

/** Every message and mailbox is there, byte for byte. */
async function expectWhole(store: Store): Promise<void> {
  for (const number of [1, 2]) {
    const found: MessageRecord[] = [];
    for (;;) {
      const afterSeq = found.at(-1)?.seq ?? -1;
      const read = await store.messages(number, { ...everything, rank: 2, afterSeq, limit: page });
      if (read.length === 0) break;
      found.push(...read);
    }
    const expected = Array.from({ length: messages }, (_, seq) => seq).filter(
      (seq) => 1 + (seq % 2) === number,
    );
    expect(found.map(({ seq }) => seq).join()).toBe(expected.join());
    for (const { seq, payload } of found) {
      if (Buffer.compare(payload, payloadOf(seq)) !== 0) throw new Error(`message ${seq} differs`);
    }
  }
  const mailboxes = await store.mailboxes("", "", 10_000);
  expect(mailboxes).toHaveLength(messages / 10);
}

async function filesIn(root: string): Promise<{ path: string; size: number }[]> {
  const names = await readdir(root, { recursive: true });
  const found: { path: string; size: number }[] = [];
  for (const path of names) {
    const { size } = await stat(join(root, path));
    const holdsData = /(\.ldb|\.log|MANIFEST-\d+|CURRENT|FORMAT|ANCHOR)$/.test(path);
    if (holdsData && size > 0) found.push({ path, size });
  }
  return found;
}
