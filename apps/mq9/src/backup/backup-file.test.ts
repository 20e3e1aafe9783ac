import type { RawRecord, RecordFigures } from "@mq9/store-level";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BackupPart, readBackup, writeBackup } from "./backup-file.ts";

const head = {
  format: 1,
  engine: "leveldb",
  storeFormat: 2,
  version: "1.2.3",
  takenAt: "2026-01-31T09:30:00.000Z",
} as const;

/** What a source counts is its own affair; the file carries it. */
const figures: RecordFigures = { records: 3, bytes: 70, mailboxes: 1, messages: 2, damaged: 0 };

async function backupOf(pages: readonly (readonly RawRecord[])[]): Promise<Buffer> {
  const left = [...pages];
  const source = { figures, next: async () => left.shift() ?? [] };
  const chunks: Buffer[] = [];
  for await (const chunk of writeBackup(head, source)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Buffer, size = 1000): Promise<BackupPart[]> {
  const parts: BackupPart[] = [];
  for await (const part of readBackup(pieces(bytes, size))) parts.push(part);
  return parts;
}

function recordsOf(parts: readonly BackupPart[]): RawRecord[] {
  return parts.flatMap((part) => (part.kind === "records" ? part.records : []));
}

const record = (key: string, value: string): RawRecord => [Buffer.from(key), Buffer.from(value)];
const sample = [[record("a", "1"), record("b", "")], [record("c", "x".repeat(50))]];

describe("a backup", () => {
  it("reads back as it was written, whatever pieces it comes in", async () => {
    const bytes = Uint8Array.from({ length: 300_000 }, (_, at) => at);
    const large: RawRecord = [Buffer.from("large"), bytes];
    const backup = await backupOf([...sample, [large, record("z", "")]]);
    for (const size of [1, 7, 4096, backup.length]) {
      const parts = await read(size === 1 ? await backupOf(sample) : backup, size);
      expect(parts[0]).toEqual({ kind: "head", head });
      expect(parts.at(-1)).toMatchObject({ kind: "end", end: figures });
    }
    const expected = [...sample.flat(), large, record("z", "")];
    expect(recordsOf(await read(backup)).map(([key, value]) => [[...key], [...value]])).toEqual(
      expected.map(([key, value]) => [[...key], [...value]]),
    );
  });

  it("that was cut is refused with the place, wherever it was cut", async () => {
    const backup = await backupOf(sample);
    for (let length = 0; length < backup.length; length += 1) {
      const error = await read(backup.subarray(0, length)).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        name: "BackupError",
        reason: length < 8 ? "foreign" : "cut",
        offset: length < 8 ? 0 : length,
      });
    }
  });

  it("with a flipped bit is refused with the place, whichever bit it is", async () => {
    const backup = await backupOf(sample);
    for (let bit = 0; bit < backup.length * 8; bit += 1) {
      const flipped = Buffer.from(backup);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      const error = await read(flipped).catch((thrown: unknown) => thrown);
      expect(error, `bit ${bit}`).toMatchObject({ name: "BackupError" });
      expect((error as { offset: number }).offset).toBeLessThanOrEqual(bit >> 3);
    }
  });

  it("with frames left out, swapped or repeated is refused", async () => {
    const backup = await backupOf([[record("a", "1")], [record("b", "2")], [record("c", "3")]]);
    const at: number[] = [8];
    while ((at.at(-1) as number) < backup.length) {
      const from = at.at(-1) as number;
      at.push(from + 17 + backup.readUInt32BE(from + 5));
    }
    const frames = at.slice(0, -1).map((from, index) => backup.subarray(from, at[index + 1]));
    const [h, a, b, c, e] = frames as [Buffer, Buffer, Buffer, Buffer, Buffer];
    for (const order of [
      [h, a, c, e],
      [h, b, a, c, e],
      [h, a, a, b, c, e],
      [a, b, c, e],
      [h, e],
    ]) {
      const file = Buffer.concat([backup.subarray(0, 8), ...order]);
      await expect(read(file)).rejects.toMatchObject({ reason: "damaged" });
    }
  });

  it("with something behind its end is refused", async () => {
    const backup = await backupOf(sample);
    await expect(read(Buffer.concat([backup, Buffer.from("\n")]))).rejects.toMatchObject({
      reason: "damaged",
      offset: backup.length,
    });
  });

  it("whose source failed says why", async () => {
    const chunks: Buffer[] = [];
    const source = {
      figures,
      next: async (): Promise<RawRecord[]> => {
        throw new Error("the disk made a noise");
      },
    };
    for await (const chunk of writeBackup(head, source)) chunks.push(chunk);
    await expect(read(Buffer.concat(chunks))).rejects.toMatchObject({
      reason: "source",
      message: "the disk made a noise",
    });
  });

  it("of a newer release is refused by its name", async () => {
    const chunks: Buffer[] = [];
    const newer = { ...head, format: 2 } as unknown as typeof head;
    for await (const chunk of writeBackup(newer, { figures, next: async () => [] })) {
      chunks.push(chunk);
    }
    await expect(read(Buffer.concat(chunks))).rejects.toMatchObject({
      reason: "newer",
      message: expect.stringContaining("1.2.3"),
    });
  });

  it("of any bytes is refused, or is one", async () => {
    const backup = await backupOf(sample);
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 64 }),
        fc.nat(backup.length),
        fc.nat(64),
        async (noise, at, left) => {
          const file = Buffer.concat([
            backup.subarray(0, at),
            noise,
            backup.subarray(Math.min(backup.length, at + left)),
          ]);
          const error = await read(file).then(
            () => undefined,
            (thrown: unknown) => thrown,
          );
          if (!file.equals(backup)) expect(error).toMatchObject({ name: "BackupError" });
        },
      ),
      { numRuns: 500 },
    );
  });
});
