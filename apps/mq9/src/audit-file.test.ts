import { appendFile, mkdir, mkdtemp, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { AuditEvent } from "@mq9/broker";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AuditReader } from "./audit-chain.ts";
import { openAuditFile } from "./audit-file.ts";

const event = (connections: number): AuditEvent => ({
  kind: "quarantine.began",
  by: undefined,
  account: "A",
  user: "ann",
  connections,
  atMs: 1_795_000_000_000,
});

describe("the audit file", () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "mq9-audit-"));
    file = path.join(folder, "audit.jsonl");
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** The events in a file, whose records must hold together. */
  const lines = async (name = file): Promise<Record<string, unknown>[]> => {
    const text = await readFile(name, "utf8");
    const reader = new AuditReader();
    for (const line of text.split("\n")) reader.read(line);
    expect(reader.faults).toEqual([]);
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ kind }) => kind !== "audit.opened");
  };

  test("has one object a line, is for its owner alone, and is appended to", async () => {
    const unexpected = (error: Error): never => {
      throw error;
    };
    for (const number of [1, 2]) {
      await using audit = await openAuditFile(file, unexpected);
      audit.write(event(number));
    }
    expect(await lines()).toEqual(
      [1, 2].map((connections) => ({
        time: "2026-11-18T11:06:40.000Z",
        kind: "quarantine.began",
        account: "A",
        user: "ann",
        connections,
        chain: expect.stringMatching(/^[0-9a-f]{32}$/),
      })),
    );
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test("goes on in a new file once the old one was moved away", async () => {
    const audit = await openAuditFile(file, () => {});
    audit.write(event(1));
    await audit.reopen();
    await rename(file, `${file}.1`);
    audit.write(event(2));
    await audit.reopen();
    audit.write(event(3));
    await audit.close();
    audit.write(event(4));
    expect(await lines(`${file}.1`)).toMatchObject([{ connections: 1 }, { connections: 2 }]);
    expect(await lines()).toMatchObject([{ connections: 3 }]);
  });

  test("keeps what it could not write, says so once, and writes it when it can", async () => {
    const errors: string[] = [];
    const audit = await openAuditFile(file, (error) =>
      errors.push(String((error as NodeJS.ErrnoException).code)),
    );
    await rm(file);
    await mkdir(file);
    await audit.reopen();
    expect(audit.write(event(1))).toBe(false);
    await audit.reopen();
    expect(errors).toEqual(["EISDIR"]);
    await rmdir(file);
    await audit.close();
    expect(await lines()).toMatchObject([{ connections: 1 }]);
  });

  test("names the record that somebody changed, took out or put in, and no other", async () => {
    const audit = await openAuditFile(file, () => {});
    for (let number = 0; number < 20; number++) audit.write(event(number));
    await audit.close();
    const whole = (await readFile(file, "utf8")).trimEnd().split("\n");
    const faultsOf = (changed: readonly string[]): number[] => {
      const reader = new AuditReader();
      for (const line of changed) reader.read(line);
      return reader.faults.map(({ line }) => line);
    };
    expect(faultsOf(whole)).toEqual([]);
    const seventh = String(whole[6]);
    expect(faultsOf(whole.with(6, seventh.replace('"ann"', '"amn"')))).toEqual([7]);
    expect(faultsOf(whole.with(6, seventh.slice(0, 40)))).toEqual([7, 8]);
    expect(faultsOf(whole.toSpliced(6, 1))).toEqual([7]);
    expect(faultsOf(whole.toSpliced(6, 0, seventh))).toEqual([8]);
    expect(faultsOf(whole.slice(5))).toEqual([1]);
  });

  test("of a process that was cut off in the middle of a line goes on whole", async () => {
    const first = await openAuditFile(file, () => {});
    first.write(event(1));
    await first.close();
    await appendFile(file, '{"time":"2026-11-');
    const second = await openAuditFile(file, () => {});
    second.write(event(2));
    await second.close();
    const reader = new AuditReader();
    for (const line of (await readFile(file, "utf8")).split("\n")) reader.read(line);
    expect(reader.faults).toEqual([{ line: 3, what: "is no whole record" }]);
    expect(reader.records).toBe(4);
  });
});
