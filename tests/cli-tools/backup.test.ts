// `mq9 backup` and `mq9 restore` as a person runs them: against a broker that runs, one that was
// stopped, one that was killed, and against files that are not what was written.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { startBroker, type TempDir, tempDir } from "@mq9/testkit";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Answer, type Asker, connectAsker, executable, mq9 } from "./support.ts";

vi.setConfig({ testTimeout: 60_000 });

let dir: TempDir;
let data: string;
let file: string;
let again: string;

beforeEach(async () => {
  dir = await tempDir("mq9-backup");
  data = path.join(dir.path, "data");
  file = path.join(dir.path, "night.mq9backup");
  again = path.join(dir.path, "again");
});

afterEach(async () => {
  await dir.remove();
});

const workers = { group_name: "workers", deliver: "earliest" };

/** Something of every kind that a broker keeps. */
async function fillBroker(asker: Asker): Promise<void> {
  const ask = (...request: Parameters<Asker["ask"]>) => asker.ask(...request);
  await ask("MAILBOX.CREATE", { name: "jobs", ttl: 3600, public: true, desc: "things to do" });
  await ask("MAILBOX.CREATE", { name: "ended", ttl: 3600 });
  await ask("MSG.SEND.ended", "never seen again");
  await ask("MAILBOX.DROP.ended");
  for (const [at, priority] of ["critical", "normal", "urgent", "normal", "normal"].entries()) {
    const headers = { "mq9-priority": priority, "mq9-tags": `n${at},all`, "x-trace": `t${at}` };
    await ask("MSG.SEND.jobs", `job ${at}`, headers);
  }
  await ask("MSG.SEND.jobs", "old state", { "mq9-key": "state" });
  await ask("MSG.SEND.jobs", "state", { "mq9-key": "state" });
  await ask("MSG.SEND.jobs", "once", { "mq9-dedup-id": "d1" });
  await ask("MSG.SEND.jobs", "later", { "mq9-delay": "1800" });
  const taken = await ask("MSG.FETCH.jobs", {
    ...workers,
    config: { num_msgs: 4 },
    detached: true,
  });
  expect(taken["messages"]).toHaveLength(4);
  await ask("MSG.ACK.jobs", { group_name: "workers", msg_id: 0, ack_mode: "one" });
  await ask("MSG.NACK.jobs", { group_name: "workers", msg_id: 2, poison: true, reason: "no" });
  await ask("MAILBOX.GRANT.jobs", { rights: ["send"], ttl: 3600 });
  await ask("AGENT.REGISTER", { name: "clerk", mailbox: "jobs", description: "writes letters" });
}

/** What everybody can see of it, without what differs between two looks at the same broker. */
async function look(asker: Asker): Promise<Record<string, unknown>> {
  const ask = (subject: string, body?: unknown) => asker.ask(subject, body);
  const receipts: Answer[] = [];
  for (let at = 0; at < 9; at += 1) receipts.push(await ask(`MSG.RECEIPT.jobs.${at}`));
  return {
    info: await ask("MAILBOX.INFO.jobs"),
    ended: await ask("MAILBOX.INFO.ended"),
    list: await ask("MAILBOX.LIST"),
    messages: await ask("MSG.QUERY.jobs", { encoding: "utf8" }),
    dead: await ask("MSG.QUERY.jobs.dlq", { encoding: "utf8" }),
    scheduled: await ask("MSG.SCHEDULED.jobs", { encoding: "utf8" }),
    grants: await ask("MAILBOX.GRANTS.jobs"),
    agents: await ask("AGENT.DISCOVER", { text: "letters" }).then(({ agents }) =>
      (agents as Answer[]).map(({ name, mailbox, description }) => ({
        name,
        mailbox,
        description,
      })),
    ),
    receipts,
  };
}

describe("a backup of a broker with something of every kind", () => {
  it("restores to a broker that serves the same, whether it ran, was stopped or was killed", async () => {
    await using broker = await startBroker({ dataDir: data });
    const before = await (async () => {
      await using asker = await connectAsker(broker.url);
      await fillBroker(asker);
      return await look(asker);
    })();
    const files: string[] = [];
    for (const state of ["running", "killed", "stopped"]) {
      if (state === "killed") await broker.kill();
      if (state === "stopped") {
        await broker.restart();
        await broker.stop();
      }
      const made = `${file}.${state}`;
      const result = await mq9(["backup", "--data", data, made, "--json"]);
      expect(result.code, result.stderr).toBe(0);
      expect(JSON.parse(result.stdout)).toMatchObject({ file: made, mailboxes: 4, damaged: 0 });
      expect((await stat(made)).mode & 0o777).toBe(0o600);
      files.push(made);
    }
    for (const [at, made] of files.entries()) {
      const folder = `${again}-${at}`;
      const restored = await mq9(["restore", made, "--data", folder]);
      expect(restored.code, restored.stderr).toBe(0);
      expect(restored.stderr).toContain(`mq9 serve --data ${folder}`);
      await using second = await startBroker({ dataDir: folder });
      await using asker = await connectAsker(second.url);
      const after = await look(asker);
      expect(withoutLeases(after)).toEqual(withoutLeases(before));
      const repeated = await asker.ask("MSG.SEND.jobs", "once", { "mq9-dedup-id": "d1" });
      expect(repeated).toMatchObject({ msg_id: 7, duplicate: true });
      const next = await asker.ask("MSG.SEND.jobs", "new");
      expect(next).toMatchObject({ msg_id: 8 });
      const taken = await asker.ask("MSG.FETCH.jobs", { ...workers, encoding: "utf8" });
      expect(
        (taken["messages"] as Answer[]).map((row) => String(row["payload"])).toSorted(),
      ).toEqual(["job 1", "job 3", "job 4", "new", "once", "state"]);
    }
  });

  it("taken under load holds everything accepted before it, and no gap", async () => {
    await using broker = await startBroker({ dataDir: data });
    await using asker = await connectAsker(broker.url);
    await asker.ask("MAILBOX.CREATE", { name: "load", ttl: 3600 });
    let accepted = -1;
    let stop = false;
    const sending = (async () => {
      while (!stop) {
        const answers = await Promise.all(
          Array.from({ length: 20 }, () => asker.ask("MSG.SEND.load", "x".repeat(2000))),
        );
        accepted = Math.max(accepted, ...answers.map(({ msg_id: id }) => Number(id)));
      }
    })();
    const marks: number[] = [];
    for (let at = 0; at < 2; at += 1) {
      await vi.waitUntil(() => accepted > (marks.at(-1) ?? -1) + 100, { timeout: 20_000 });
      marks.push(accepted);
      const result = await mq9(["backup", "--data", data, `${file}.${at}`]);
      expect(result.code, result.stderr).toBe(0);
    }
    stop = true;
    await sending;
    for (const [at, mark] of marks.entries()) {
      const folder = `${again}-${at}`;
      expect((await mq9(["restore", `${file}.${at}`, "--data", folder])).code).toBe(0);
      await using second = await startBroker({ dataDir: folder });
      await using reader = await connectAsker(second.url);
      const info = await reader.ask("MAILBOX.INFO.load");
      expect(info["next_id"]).toBeGreaterThan(mark);
      expect(info["messages"]).toBe(info["next_id"]);
    }
  });
});

describe("mq9 backup", () => {
  it("refuses a folder without data, a file that is there, and makes nothing", async () => {
    const nothing = await mq9(["backup", "--data", data, file]);
    expect(nothing).toMatchObject({ code: 3, stdout: "" });
    expect(nothing.stderr).toContain(`there is no broker's data in ${data}`);
    await expect(stat(data)).rejects.toMatchObject({ code: "ENOENT" });
    await writeFile(file, "a letter");
    const taken = await mq9(["backup", "--data", data, file, "--json"]);
    expect(taken.code).toBe(1);
    expect(JSON.parse(taken.stderr)).toMatchObject({ error: { reason: "exists", exit_code: 1 } });
    expect(await readFile(file, "utf8")).toBe("a letter");
  });

  it("writes to standard output what restore reads from standard input", async () => {
    await using broker = await startBroker({ dataDir: data });
    await using asker = await connectAsker(broker.url);
    await fillBroker(asker);
    const script = `"$NODE" "$MQ9" backup --data "$DATA" - | gzip | gunzip | "$NODE" "$MQ9" restore - --data "$AGAIN"`;
    const shell = spawn("bash", ["-o", "pipefail", "-c", script], {
      env: { ...process.env, NODE: process.execPath, MQ9: executable, DATA: data, AGAIN: again },
      stdio: "ignore",
    });
    expect(await once(shell, "close")).toEqual([0, null]);
    expect((await readdir(again)).sort()).toEqual(["ANCHOR", "FORMAT", "store"]);
  });

  it("leaves no file behind when the broker ends under it", async () => {
    const gone = path.join(dir.path, "missing", "file");
    await using broker = await startBroker({ dataDir: data });
    const result = await mq9(["backup", "--data", broker.dataDir, gone]);
    expect(result.code).toBe(1);
    expect(await readdir(dir.path)).toEqual(["data"]);
  });
});

/** A data folder and its backup, made without a broker's second of start-up for each test. */
async function smallBackup(): Promise<Buffer> {
  await using broker = await startBroker({ dataDir: data });
  await using asker = await connectAsker(broker.url);
  await fillBroker(asker);
  const result = await mq9(["backup", "--data", data, file]);
  expect(result.code, result.stderr).toBe(0);
  return await readFile(file);
}

describe("mq9 restore", () => {
  it("refuses what is cut, changed or something else, says where, and changes nothing", async () => {
    const whole = await smallBackup();
    const middle = whole.length >> 1;
    const flipped = Buffer.from(whole);
    flipped[middle] = (flipped[middle] as number) ^ 4;
    const before = await namesBelow(data);
    const cases = [
      ["cut", whole.subarray(0, whole.length - 1), `it ends at byte ${whole.length - 1}`],
      ["flipped", flipped, /damaged.* at byte \d+/],
      ["longer", Buffer.concat([whole, whole]), `at byte ${whole.length}`],
      ["letter", Buffer.from("Dear Sir or Madam"), "no backup made by mq9"],
    ] as const;
    for (const [name, bytes, says] of cases) {
      const bad = path.join(dir.path, name);
      await writeFile(bad, bytes);
      const ways = [["--check"], ["--data", again], ["--data", data, "--force"]];
      for (const args of name === "cut" ? ways : ways.slice(name === "flipped" ? 1 : 0, 2)) {
        const result = await mq9(["restore", bad, ...args]);
        expect(result.code, `${name} ${args.join(" ")}`).toBe(1);
        expect(result.stderr).toMatch(says);
      }
    }
    await expect(stat(again)).rejects.toMatchObject({ code: "ENOENT" });
    expect(await namesBelow(data)).toEqual(before);
    expect((await mq9(["restore", path.join(dir.path, "nowhere")])).code).toBe(3);
  });

  it("replaces only what it may, and never under a running broker", async () => {
    await smallBackup();
    const other = path.join(dir.path, "other");
    await using broker = await startBroker({ dataDir: other });
    for (const flags of [[], ["--force"]]) {
      const result = await mq9(["restore", file, "--data", other, ...flags]);
      expect(result.code).toBe(1);
      expect(result.stderr).toContain(flags.length === 0 ? "not empty" : "stop the broker");
    }
    await using asker = await connectAsker(broker.url);
    await asker.ask("MAILBOX.CREATE", { name: "other", ttl: 60 });
    await broker.stop();
    expect((await mq9(["restore", file, "--data", other])).code).toBe(1);
    expect((await mq9(["restore", file, "--data", other, "--force"])).code).toBe(0);
    await broker.restart();
    await using after = await connectAsker(broker.url);
    expect(await after.ask("MAILBOX.INFO.other")).toMatchObject({ code: 404 });
    expect(await after.ask("MAILBOX.INFO.jobs")).toMatchObject({ mail_address: "jobs" });
  });

  it("leaves a file's names where they are: nothing of it becomes a path", async () => {
    const whole = await smallBackup();
    const hostile = Buffer.from(whole.toString("latin1").replaceAll("jobs", "/../"), "latin1");
    await writeFile(file, hostile);
    expect((await mq9(["restore", file, "--data", again])).code).toBe(1);
    expect((await readdir(dir.path)).sort()).toEqual(["data", "night.mq9backup"]);
  });

  it("killed at any moment leaves the old data or the new", async () => {
    await using broker = await startBroker({ dataDir: data });
    const old = await (async () => {
      await using asker = await connectAsker(broker.url);
      await asker.ask("MAILBOX.CREATE", { name: "bulk", ttl: 3600 });
      const body = "x".repeat(100_000);
      for (let at = 0; at < 150; at += 50) {
        await Promise.all(Array.from({ length: 50 }, () => asker.ask("MSG.SEND.bulk", body)));
      }
      expect((await mq9(["backup", "--data", data, file])).code).toBe(0);
      await asker.ask("MAILBOX.DROP.bulk");
      await asker.ask("MAILBOX.CREATE", { name: "later", ttl: 3600 });
      return "later";
    })();
    await broker.stop();
    const pristine = path.join(dir.path, "pristine");
    await cp(data, pristine, { recursive: true });
    // How long one takes from its first write on, so that kills fall in between.
    const startedAt = performance.now();
    expect((await mq9(["restore", file, "--data", again])).code).toBe(0);
    const wholeMs = performance.now() - startedAt;
    const found: string[] = [];
    for (let at = 1; at <= 3; at += 1) {
      const folder = path.join(dir.path, `killed-${at}`);
      await cp(pristine, folder, { recursive: true });
      const child = spawn(
        process.execPath,
        [executable, "restore", file, "--data", folder, "--force"],
        {
          stdio: "ignore",
        },
      );
      const kill = setTimeout(() => child.kill("SIGKILL"), (wholeMs * at) / 3.5);
      await once(child, "close");
      clearTimeout(kill);
      await using second = await startBroker({ dataDir: folder });
      await using asker = await connectAsker(second.url);
      const list = (await asker.ask("MAILBOX.LIST"))["mailboxes"] as Answer[];
      const names = list.map((row) => String(row["mail_address"])).join();
      expect([old, "bulk"]).toContain(names);
      if (names === "bulk") {
        expect(await asker.ask("MAILBOX.INFO.bulk")).toMatchObject({ messages: 150, next_id: 150 });
      }
      found.push(names);
    }
    expect(found[0]).toBe(old);
  });
});

describe("backup and restore", () => {
  it("may be asked only by those who may read the folder", async () => {
    await using broker = await startBroker({ dataDir: data });
    expect((await stat(data)).mode & 0o077).toBe(0);
    expect((await stat(path.join(data, "backup.sock"))).mode & 0o077).toBe(0);
    await broker.stop();
    await expect(stat(path.join(data, "backup.sock"))).rejects.toMatchObject({ code: "ENOENT" });
    await chmod(data, 0o700);
  });
});

async function namesBelow(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => !/LOG|\.log$|MANIFEST|CURRENT|\.ldb$/.test(name)).sort();
}

/** Leases end with the broker that gave them, and who read what is written a little later. */
function withoutLeases(seen: Record<string, unknown>): unknown {
  return JSON.parse(
    JSON.stringify(seen, (key, value: unknown) =>
      ["leased", "unsettled", "until_ms", "deferred", "waiting", "read"].includes(key)
        ? undefined
        : value === "leased"
          ? "waiting"
          : value,
    ),
  );
}
