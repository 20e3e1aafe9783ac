import { describe, expect, it } from "vitest";
import { crc32c } from "./crc32c.ts";
import { scanLog } from "./level-log.ts";

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
