import { mkdir, mkdtemp, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { AuditEvent } from "@mq9/broker";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
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

  const lines = async (name = file): Promise<unknown[]> =>
    (await readFile(name, "utf8"))
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));

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
    audit.write(event(1));
    await audit.reopen();
    expect(errors).toEqual(["EISDIR"]);
    await rmdir(file);
    await audit.close();
    expect(await lines()).toMatchObject([{ connections: 1 }]);
  });
});
