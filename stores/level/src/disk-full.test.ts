// A disk that is full for a while. LevelDB alone acknowledges after that what it then loses; the
// engine must not. Needs the right to mount a small disk; says so where it has none.
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, statfs, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store, StoreError } from "@mq9/store";
import { patternBytes, sampleMessage } from "@mq9/store/testing";
import { ClassicLevel } from "classic-level";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLevelStore } from "./level-store.ts";
import { copyAsKilled } from "./test-support/killed-copy.ts";

const diskBytes = 48 * 1024 * 1024;
const payloadBytes = 8000;

describe.skipIf(!canMount())("a disk that was full (needs the right to mount a tmpfs)", () => {
  let folder: string;
  let disk: string;
  let ballast: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "mq9-full-"));
    disk = join(folder, "disk");
    ballast = join(disk, "ballast");
    await mkdir(disk);
    mount(disk);
  });

  afterEach(async () => {
    // Lazily: a store that a failing test left open must not keep the disk.
    execFileSync("umount", ["-l", disk]);
    await rm(folder, { recursive: true });
  });

  /** Leaves so much room on the disk and no more. */
  async function leaveRoom(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(disk);
    await writeFile(ballast, Buffer.alloc(Math.max(0, bavail * bsize - bytes)));
  }

  /** What a process killed now would leave behind, as another folder. */
  async function crashImage(source: string): Promise<string> {
    const image = join(folder, "image");
    await copyAsKilled(source, image);
    return image;
  }

  it("makes LevelDB alone lose what it acknowledged afterwards", async () => {
    const path = join(disk, "raw");
    const raw = new ClassicLevel<string, Uint8Array>(path, {
      valueEncoding: "view",
      writeBufferSize: 64 * 1024 * 1024,
    });
    await raw.open();
    await leaveRoom(1024 * 1024);
    const put = (at: number) => raw.put(`key ${at}`, patternBytes(payloadBytes), { sync: true });
    let written = 0;
    await expect(
      (async () => {
        for (;;) {
          await put(written);
          written += 1;
        }
      })(),
    ).rejects.toThrow();
    await truncate(ballast);
    const acknowledged: number[] = [];
    for (let at = written + 1; at < written + 100; at += 1) {
      await put(at);
      acknowledged.push(at);
    }
    const image = await crashImage(path);
    await raw.close();
    const after = new ClassicLevel<string, Uint8Array>(image, { valueEncoding: "view" });
    const found = await Promise.all(acknowledged.map((at) => after.get(`key ${at}`)));
    await after.close();
    expect(found.filter((value) => value === undefined).length).toBeGreaterThan(0);
  });

  // A large write buffer: only the log grows. A small one: the disk fills under a compaction too.
  it.each([64 * 1024 * 1024, 128 * 1024])(
    "costs the engine nothing that was acknowledged (write buffer of %i bytes)",
    async (writeBufferBytes) => {
      const path = join(disk, "data");
      const options = { folder: path, writeBufferBytes, tableBytes: 1024 * 1024 };
      const store = createLevelStore(options);
      await store.open();
      await commitRange(store, 0, 20);
      await leaveRoom(1024 * 1024);

      const { acknowledged, error } = await commitUntilRefused(store, 20);

      expect(error).toMatchObject({ name: "StoreError", code: "full" });
      await expect(commitRange(store, 9000, 9001)).rejects.toMatchObject({ code: "full" });
      await expect(store.lastSeq(1)).rejects.toMatchObject({ code: "full" });
      await truncate(ballast);
      await expect(commitRange(store, 9000, 9001)).rejects.toMatchObject({ code: "full" });
      await store.close();

      expect(await store.open()).toMatchObject({ fresh: false, recovered: true });
      const last = await store.lastSeq(1);
      expect([acknowledged, acknowledged + 1]).toContain(last);
      await commitRange(store, last + 1, last + 201);
      const image = await crashImage(path);
      await store.close();

      const survivor = createLevelStore({ ...options, folder: image });
      expect(await survivor.open()).toMatchObject({ recovered: true });
      await expectAll(survivor, last + 200);
      await survivor.close();
    },
  );

  it("is told apart from other errors when a store is opened, and heals", async () => {
    const path = join(disk, "data");
    const store = createLevelStore({ folder: path });
    await store.open();
    await commitRange(store, 0, 200);
    await store.close();
    await leaveRoom(0);
    await expect(store.open()).rejects.toMatchObject({ code: "full" });
    await expect(createLevelStore({ folder: join(disk, "new") }).open()).rejects.toMatchObject({
      code: "full",
    });
    await truncate(ballast);
    await store.open();
    await expectAll(store, 199);
    await store.close();
  });

  it("reports its room", async () => {
    const store = createLevelStore({ folder: join(disk, "data") });
    await store.open();
    expect(await store.space()).toMatchObject({ totalBytes: diskBytes });
    await leaveRoom(2 * 1024 * 1024);
    expect((await store.space())?.freeBytes).toBeLessThanOrEqual(2 * 1024 * 1024);
    await store.close();
  });
});

async function commitRange(store: Store, from: number, to: number): Promise<void> {
  for (let seq = from; seq < to; seq += 1) {
    const batch = store.batch();
    batch.putMessage(1, sampleMessage(seq, { payload: payloadOf(seq) }));
    await store.commit(batch);
  }
}

async function commitUntilRefused(
  store: Store,
  from: number,
): Promise<{ acknowledged: number; error: StoreError }> {
  for (let seq = from; ; seq += 1) {
    try {
      await commitRange(store, seq, seq + 1);
    } catch (error) {
      return { acknowledged: seq - 1, error: error as StoreError };
    }
  }
}

/** Messages 0 to `last` are there, byte for byte, and no other. */
async function expectAll(store: Store, last: number): Promise<void> {
  const range = { rank: 2, afterSeq: -1, limit: 100_000, bytesMax: 2 ** 30 } as const;
  const found = await store.messages(1, range);
  expect(found.map(({ seq }) => seq)).toEqual(Array.from({ length: last + 1 }, (_, seq) => seq));
  for (const { seq, payload } of found) {
    expect(Buffer.compare(payload, payloadOf(seq))).toBe(0);
  }
}

function payloadOf(seq: number): Uint8Array {
  const payload = patternBytes(payloadBytes);
  payload[0] = seq;
  return payload;
}

function mount(path: string): void {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${diskBytes}`, "tmpfs", path], {
    stdio: "ignore",
  });
}

function canMount(): boolean {
  if (process.platform !== "linux") return false;
  const path = execFileSync("mktemp", ["-d"]).toString().trim();
  try {
    mount(path);
    execFileSync("umount", [path]);
    return true;
  } catch {
    // No right to mount: the tests are skipped under a name that says so.
    return false;
  } finally {
    execFileSync("rmdir", [path]);
  }
}
