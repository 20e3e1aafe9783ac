// What survives when the process is killed, and who may open a folder. The killed process runs the
// built package, so this file builds it first.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { MessageRecord, Store } from "@mq9/store";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { createLevelStore } from "./level-store.ts";

const packageFolder = join(import.meta.dirname, "..");
const messagesPerCommit = 8;
const commitsKept = 50;

/** Commits without end and says so after each: see `expectedPayload` for what is in a message. */
const committer = `
  import { writeSync } from "node:fs";
  import { createLevelStore } from "@mq9/store-level";
  const store = createLevelStore({ folder: process.argv[1], writeBufferBytes: 256 * 1024 });
  await store.open();
  const cursor = (await store.cursors(1)).get("commits");
  let commit = cursor === undefined ? 0 : Number(Buffer.from(cursor).toString());
  for (;;) {
    commit += 1;
    const batch = store.batch();
    for (let i = 0; i < ${messagesPerCommit}; i += 1) {
      const seq = commit * ${messagesPerCommit} + i;
      const payload = Buffer.alloc((seq * 37) % 3000, String(seq));
      batch.putMessage(1, { seq, rank: seq % 4, label: "normal", createdAtMs: seq, expiresAtMs: seq, key: undefined, headers: undefined, payload });
      const old = seq - ${messagesPerCommit * commitsKept};
      batch.removeMessage(1, old < 0 ? 0 : old % 4, Math.max(0, old));
    }
    batch.putCursor(1, "commits", Buffer.from(String(commit)));
    await store.commit(batch);
    writeSync(1, commit + "\\n");
  }
`;

let folder: string;

beforeAll(async () => {
  const tsc = join(packageFolder, "../../node_modules/.bin/tsc");
  await promisify(execFile)(tsc, ["-b", packageFolder]);
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mq9-crash-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

it("keeps every acknowledged commit when the process is killed, again and again", async () => {
  for (let kill = 0; kill < 10; kill += 1) {
    const acknowledged = await commitUntilKilled(5 + kill * 23);
    const store = createLevelStore({ folder });
    const opening = await store.open();
    expect(opening).toMatchObject({ fresh: false, recovered: true });
    const commits = await commitsIn(store);
    expect([acknowledged, acknowledged + 1]).toContain(commits);
    await expectExactly(store, commits);
    await store.close();
  }
}, 120_000);

it("is locked while another process has the folder open", async () => {
  const child = startCommitter();
  await once(child.stdout as NodeJS.ReadableStream, "data");
  const store = createLevelStore({ folder });
  try {
    await expect(store.open()).rejects.toMatchObject({
      code: "locked",
      message: expect.stringContaining(folder),
    });
  } finally {
    await stop(child);
  }
  await store.open();
  await store.close();
});

/** Lets the child commit, kills it after it said `count` commits. @returns the last it said. */
async function commitUntilKilled(count: number): Promise<number> {
  const child = startCommitter();
  let said = "";
  let killed = false;
  child.stdout?.on("data", (chunk: Buffer) => {
    said += chunk.toString();
    if (!killed && said.split("\n").length > count) {
      killed = true;
      child.kill("SIGKILL");
    }
  });
  await once(child, "close");
  expect(child.signalCode).toBe("SIGKILL");
  return Number(said.slice(0, said.lastIndexOf("\n")).split("\n").at(-1));
}

function startCommitter(): ChildProcess {
  const code = ["--input-type=module", "--eval", committer, folder];
  return spawn(process.execPath, code, {
    cwd: packageFolder,
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function stop(child: ChildProcess): Promise<void> {
  const closed = once(child, "close");
  child.kill("SIGKILL");
  await closed;
}

async function commitsIn(store: Store): Promise<number> {
  const cursor = (await store.cursors(1)).get("commits");
  return Number(Buffer.from(cursor ?? []).toString());
}

/** The store holds the messages of the last commits, byte for byte, and no other. */
async function expectExactly(store: Store, commits: number): Promise<void> {
  const first = Math.max(1, commits - commitsKept + 1) * messagesPerCommit;
  const last = (commits + 1) * messagesPerCommit - 1;
  const found: MessageRecord[] = [];
  for (const rank of [0, 1, 2, 3] as const) {
    found.push(
      ...(await store.messages(1, { rank, afterSeq: -1, limit: 10_000, bytesMax: 2 ** 30 })),
    );
  }
  found.sort((a, b) => a.seq - b.seq);
  expect(found.map(({ seq }) => seq)).toEqual(
    Array.from({ length: last - first + 1 }, (_, at) => first + at),
  );
  for (const { seq, rank, payload } of found) {
    expect(rank).toBe(seq % 4);
    expect(Buffer.compare(payload, Buffer.alloc((seq * 37) % 3000, String(seq)))).toBe(0);
  }
}
