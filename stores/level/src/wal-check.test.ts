import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { crc32c } from "./crc32c.ts";
import { scanLog } from "./level-log.ts";
import { checkLogs, checkNothingDropped } from "./wal-check.ts";

const block = 32_768;

describe("scanning a log", () => {
  it("hands out every record, in fragments or not", () => {
    const texts = ["a", "b".repeat(block), "", "c".repeat(3 * block), "d"];
    const taken: string[] = [];
    const found = scanLog(logOf(texts), (bytes) => taken.push(bytes.toString()));
    expect(taken).toEqual(texts);
    expect(found).toEqual({ records: 5, damagedAt: undefined, goesOn: false });
  });

  it("finds nothing wrong with an empty log", () => {
    expect(scanLog(Buffer.alloc(0))).toEqual({ records: 0, damagedAt: undefined, goesOn: false });
  });

  it("takes an unfinished last record for the end, wherever it was cut", () => {
    const whole = logOf(["one", "two", "y".repeat(70_000)]);
    const start = logOf(["one", "two"]).length;
    for (const cut of [start + 1, start + 6, start + 8, block - 1, block, block + 3, 2 * block]) {
      const found = scanLog(whole.subarray(0, cut));
      expect(found).toMatchObject({ records: 2, goesOn: false });
      expect(found.damagedAt).toBeGreaterThanOrEqual(start);
    }
  });

  it("takes a torn last record for the end, even when its later parts are whole", () => {
    const log = logOf(["one", "y".repeat(100_000)]);
    for (const at of [20, 5000, block + 10, block + 5000]) {
      const torn = Buffer.from(log);
      torn.fill(0xaa, at, at + 512);
      expect(scanLog(torn)).toMatchObject({ records: 1, goesOn: false });
    }
    const zeros = Buffer.concat([logOf(["one"]), Buffer.alloc(2 * block)]);
    expect(scanLog(zeros)).toMatchObject({ records: 1, goesOn: false });
  });

  it("tells that the log goes on behind a damage", () => {
    const texts = ["one", "two", "y".repeat(50_000), "three"];
    const whole = logOf(texts);
    for (let at = 0; at < whole.length - "three".length - 7; at += 997) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] as number) ^ 0x10;
      const found = scanLog(damaged);
      expect(found.goesOn, `byte ${at}`).toBe(true);
      expect(found.damagedAt).toBeLessThanOrEqual(at);
    }
  });

  it("tells that a record was begun and another one follows", () => {
    const begun = logOf(["x".repeat(2 * block)]).subarray(0, block);
    const found = scanLog(Buffer.concat([begun, logOf(["next"])]));
    expect(found).toMatchObject({ records: 1, goesOn: true, damagedAt: block });
  });
});

describe("checking the logs of a folder", () => {
  const everyFile = { tables: new Set<number>(), isLiveLog: () => true };
  const whole = logOf(["one", "two"]);
  const unfinished = whole.subarray(0, whole.length - 1);
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "mq9-wal-"));
  });

  afterEach(() => rm(folder, { recursive: true }));

  const write = (name: string, bytes: string | Uint8Array) => writeFile(join(folder, name), bytes);

  it("finds none, or whole ones", async () => {
    expect(await checkLogs(join(folder, "none"), everyFile)).toBe(true);
    expect(await checkLogs(folder, everyFile)).toBe(true);
    await write("000003.log", whole);
    await write("000005.log", Buffer.alloc(0));
    expect(await checkLogs(folder, everyFile)).toBe(true);
  });

  it("lets the last one end in the middle of a write", async () => {
    await write("000009.log", whole);
    await write("000010.log", unfinished);
    expect(await checkLogs(folder, everyFile)).toBe(false);
    await write("000011.log", Buffer.alloc(0));
    expect(await checkLogs(folder, everyFile)).toBe(false);
  });

  it("refuses one that ends in the middle of a write when a later one has records", async () => {
    await write("000009.log", unfinished);
    await write("000010.log", whole);
    await expect(checkLogs(folder, everyFile)).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringMatching(/000009\.log is damaged at byte 10 of 19,/),
    });
  });

  it("does not care for those that LevelDB will not recover", async () => {
    await write("000009.log", unfinished);
    await write("000010.log", whole);
    const live = { ...everyFile, isLiveLog: (number: number) => number >= 10 };
    expect(await checkLogs(folder, live)).toBe(true);
  });

  it.each([
    "2026/11/20-22:00:00.0 7f0 (ignoring error) /d/000003.log: dropping 3245 bytes; checksum mismatch",
    "2026/11/20-22:00:00.0 7f0 Ignoring error Corruption: log record too small",
  ])("refuses when LevelDB says '%s'", async (line) => {
    await write("LOG", `Recovering log #3\n${line}\nDelete type=0 #3\n`);
    await expect(checkNothingDropped(folder)).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringContaining(line),
    });
  });

  it("is content with a LOG of the usual lines, or none", async () => {
    await checkNothingDropped(folder);
    await write("LOG", "Recovering log #3\nLevel-0 table #5: started\n");
    await checkNothingDropped(folder);
  });
});

/** Builds a log as LevelDB's writer does. */
function logOf(texts: readonly string[]): Buffer {
  const parts: Buffer[] = [];
  let length = 0;
  const push = (bytes: Buffer) => {
    parts.push(bytes);
    length += bytes.length;
  };
  for (const text of texts) {
    let rest = Buffer.from(text);
    let first = true;
    do {
      const left = block - (length % block);
      if (left < 7) push(Buffer.alloc(left));
      const room = block - (length % block) - 7;
      const data = rest.subarray(0, room);
      rest = rest.subarray(data.length);
      const last = rest.length === 0;
      push(fragment(first ? (last ? 1 : 2) : last ? 4 : 3, data));
      first = false;
    } while (rest.length > 0);
  }
  return Buffer.concat(parts);
}

function fragment(type: number, data: Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(6), Buffer.from([type]), data]);
  bytes.writeUInt16LE(data.length, 4);
  const sum = crc32c(bytes, 6, bytes.length);
  bytes.writeUInt32LE((((sum >>> 15) | (sum << 17)) + 0xa282_ead8) >>> 0, 0);
  return bytes;
}
