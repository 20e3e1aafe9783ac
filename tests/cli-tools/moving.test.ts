// `mq9 export` and `mq9 import` between two mailboxes worlds, `mq9 bench`, and completion in real shells.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { repositoryRoot, runProgram, startBroker, tempDir } from "@mq9/testkit";
import { describe, expect, it } from "vitest";
import { fitting, mq9, type Ran, type RunOptions } from "../cli/mq9.ts";
import { useBroker } from "../support/use-broker.ts";
import { type Answer, connectAsker } from "./support.ts";

const broker = useBroker({ args: ["--max-messages-per-mailbox", "0"] });

function run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return mq9(args, { ...options, env: { MQ9_URL: broker().url } });
}

async function ok(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(args, options);
  expect(code, args.join(" ") + stdout + stderr).toBe(0);
  return stdout;
}

/** What a mailbox holds, without what an import gives anew. */
async function contentOf(name: string): Promise<unknown[]> {
  await using asker = await connectAsker(broker().url);
  const { messages } = await asker.ask(`MSG.QUERY.${name}`, { limit: 1000 });
  return (messages as Answer[]).map((message) => {
    const { payload, payload_encoding, priority, key, tags } = message;
    return { payload, payload_encoding, priority, key, tags };
  });
}

describe("mq9 export and import", () => {
  it("bring a mailbox over with bytes, headers, keys, tags, order and what is delayed", async () => {
    await using asker = await connectAsker(broker().url);
    await asker.ask("MAILBOX.CREATE", { name: "from", ttl: 3600 });
    for (let at = 0; at < 700; at += 100) {
      const sends = Array.from({ length: 100 }, (_, i) => {
        const headers = { "mq9-tags": "bulk", "x-number": String(at + i), "mq9-reply-to": "back" };
        return asker.ask("MSG.SEND.from", `message ${at + i}`, headers);
      });
      await Promise.all(sends);
    }
    const bytes = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
    await asker.ask("MSG.SEND.from", bytes, { "mq9-priority": "critical", "mq9-key": "k" });
    await asker.ask("MSG.SEND.from", "later", { "mq9-delay": "600" });
    const lines = await ok(["export", "from"]);
    const rows = lines.trimEnd().split("\n");
    expect(rows).toHaveLength(1 + 1 + 702 + 1);
    for (const row of [...rows.slice(0, 4), ...rows.slice(-4)]) fitting("export", row);
    expect(rows.slice(2, -2).map((row) => (JSON.parse(row) as Answer)["msg_id"])).toEqual(
      Array.from({ length: 701 }, (_, at) => at),
    );
    const imported = await ok(["import", "-", "--prefix", "to.", "--json"], { input: lines });
    expect(fitting("import", imported)).toMatchObject({ mailboxes_made: 1, sent: 702 });
    expect(await contentOf("to.from")).toEqual(await contentOf("from"));
    const { messages } = await asker.ask("MSG.QUERY.to.from", { limit: 3, before_id: 3 });
    expect((messages as Answer[])[2]?.["headers"]).toMatchObject({
      "x-number": "2",
      "mq9-reply-to": "back",
    });
    expect(await asker.ask("MAILBOX.INFO.to.from")).toMatchObject({ scheduled: 1 });
    const again = await ok(["import", "-", "--prefix", "to.", "--json"], { input: lines });
    expect(fitting("import", again)).toMatchObject({ sent: 0, duplicates: 702 });
  });

  it("lose nothing of what looks alike: delayed to one instant, or under the longest of names", async () => {
    await using asker = await connectAsker(broker().url);
    const name = "n".repeat(118);
    await asker.ask("MAILBOX.CREATE", { name, ttl: 3600 });
    await asker.ask(`MSG.SEND.${name}`, "one");
    await asker.ask(`MSG.SEND.${name}`, "two");
    await asker.ask(`MSG.SEND.${name}`, "later", { "mq9-delay": "600" });
    const rows = (await ok(["export", name])).trimEnd().split("\n");
    const later = rows.findIndex((row) => row.includes('"visible_at"'));
    rows.splice(later, 0, (rows[later] as string).replace('"later"', '"again"'));
    rows[rows.length - 1] = (rows.at(-1) as string).replace('"messages":3', '"messages":4');
    const lines = `${rows.join("\n")}\n`;
    const imported = await ok(["import", "-", "--prefix", "p.", "--json"], { input: lines });
    expect(fitting("import", imported)).toMatchObject({ sent: 4, duplicates: 0 });
    const info = await asker.ask(`MAILBOX.INFO.p.${name}`);
    expect(info).toMatchObject({ messages: 2, scheduled: 2 });
    const again = await ok(["import", "-", "--prefix", "p.", "--json"], { input: lines });
    expect(fitting("import", again)).toMatchObject({ sent: 0, duplicates: 4 });
  });

  it("leave out what expired, and tell where mail was if asked", async () => {
    const at = new Date().toISOString();
    const past = new Date(Date.now() - 1_000).toISOString();
    const message = { line: "message", priority: "normal", created_at: at, encoding: "utf8" };
    const lines = [
      { line: "begin", export: 1, id: "x1", version: "1", at },
      {
        line: "mailbox",
        mailbox: "gone",
        type: "standard",
        public: false,
        ttl_seconds: 9,
        expires_at: past,
      },
      { ...message, mailbox: "gone", msg_id: 0, body: "a" },
      { line: "mailbox", mailbox: "kept", type: "standard", public: false, ttl_seconds: 0 },
      { ...message, mailbox: "kept", msg_id: 7, body: "b", from: "ann" },
      { ...message, mailbox: "kept", msg_id: 8, body: "c", expires_at: past },
      { line: "end", mailboxes: 2, messages: 3 },
    ];
    const input = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    const value = fitting("import", await ok(["import", "-", "--origin", "--json"], { input }));
    expect(value).toMatchObject({ mailboxes_made: 1, sent: 1, expired: 2 });
    await using asker = await connectAsker(broker().url);
    expect(await asker.ask("MAILBOX.INFO.gone")).toMatchObject({ code: 404 });
    const { messages } = await asker.ask("MSG.QUERY.kept");
    expect((messages as Answer[])[0]?.["headers"]).toMatchObject({
      "origin-mailbox": "kept",
      "origin-msg-id": "7",
      "origin-from": "ann",
    });
  });

  it("name the line that can not be used", async () => {
    await using dir = await tempDir("mq9-import");
    const file = path.join(dir.path, "bad.jsonl");
    const begin =
      '{"line":"begin","export":1,"id":"x2","version":"1","at":"2026-01-01T00:00:00.000Z"}';
    for (const [text, says] of [
      [`${begin}\n{"line":"mail`, "line 2"],
      [`${begin}\n{"line":"message","mailbox":"a","msg_id":0}\n`, "priority is missing"],
      ['{"line":"end","messages":0}\n', "the first line is missing"],
      [`${begin}\n`, "is cut"],
      [`${begin}\n{"line":"end","mailboxes":0,"messages":4}\n`, "4 messages, and 0 came"],
      ['{"line":"begin","export":2}\n', "a newer release"],
    ] as const) {
      await writeFile(file, text);
      const result = await run(["import", file, "--dry-run"]);
      expect(result.code, text).toBe(1);
      expect(result.stderr).toContain(says);
    }
    expect((await run(["import", path.join(dir.path, "none")])).code).toBe(3);
    expect((await run(["export"])).code).toBe(2);
    expect((await run(["export", "nobody"])).code).toBe(3);
  });
});

interface Bench {
  readonly loads: readonly {
    load: string;
    per_second: number;
    p50_ms?: number;
    messages: number;
  }[];
}

describe("mq9 bench", () => {
  const short = ["--time", "300ms", "--warmup", "100ms", "--json"];

  it("runs every load, tells what it was run on, and leaves no mailbox behind", async () => {
    const value = fitting<Record<string, unknown> & Bench>(
      "bench",
      await ok(["bench", ...short, "--data", broker().dataDir]),
    );
    expect(value.loads.map(({ load }) => load)).toEqual([
      "send",
      "fetch",
      "push",
      "core",
      "request",
    ]);
    for (const { load, messages } of value.loads) expect(messages, load).toBeGreaterThan(0);
    expect(value["disk"]).toMatchObject({ fdatasync_p50_ms: expect.any(Number) });
    const left = JSON.parse(await ok(["mailbox", "ls", "--json"])) as {
      mailboxes: { name: string }[];
    };
    expect(left.mailboxes.filter(({ name }) => /^m-|^[a-z2-7]{26}$/.test(name))).toEqual([]);
  });

  it("comes to the same order of magnitude as the benchmarks of the repository", async () => {
    const theirs = await runProgram(
      process.execPath,
      [
        path.join(repositoryRoot, "bench/run.mjs"),
        ...["durable", "--quick", "--contenders", "mq9", "--in-flight", "64"],
        ...["--mail-sizes", "256", "--targets", "single"],
      ],
      { cwd: repositoryRoot },
    );
    const [, amount = "0", kilo] = /\| ([\d.]+) (k?)\/s/.exec(theirs.stdout) ?? [];
    const expected = Number(amount) * (kilo === "k" ? 1_000 : 1);
    expect(expected, theirs.stdout + theirs.stderr).toBeGreaterThan(0);
    const ours = JSON.parse(await ok(["bench", "send", "--mailboxes", "1", ...short])) as Bench;
    const measured = ours.loads[0]?.per_second ?? 0;
    // Two machines' worth of noise either way: a load that does something else is off by more.
    expect(measured).toBeGreaterThan(expected / 20);
    expect(measured).toBeLessThan(expected * 20);
  });

  it("signs in as the other commands do, and top tells operators of the whole broker", async () => {
    await using dir = await tempDir("mq9-users");
    const [seed = "", key = ""] = (await mq9(["nkey"])).stdout.split("\n");
    const [config, seedFile] = [path.join(dir.path, "users.conf"), path.join(dir.path, "seed")];
    await writeFile(seedFile, seed);
    await writeFile(
      config,
      `accounts {
        SYS: { users: [{ user: admin, password: pw }] }
        A: { users: [{ user: ann, password: pw }, { nkey: ${key} }] }
      }
      system_account: SYS`,
    );
    await using own = await startBroker({ args: ["--config", config] });
    const { port } = own;
    const load = ["bench", "request", "--time", "100ms", "--warmup", "50ms", "--json"];
    for (const who of [
      ["--url", `nats://ann:pw@127.0.0.1:${port}`],
      ["--url", own.url, "--user", "ann", "--password", "pw"],
      ["--url", own.url, "--nkey", seedFile],
    ]) {
      const result = await mq9([...load, ...who]);
      expect(result.code, result.stderr).toBe(0);
    }
    const stranger = await mq9([...load, "--url", `nats://ann:no@127.0.0.1:${port}`]);
    expect(stranger.code).toBe(5);
    const top = ["top", "--once", "--json", "--url"];
    const operator = await mq9([...top, `nats://admin:pw@127.0.0.1:${port}`]);
    const value = fitting<{ broker?: object }>("top", operator.stdout);
    expect(value.broker).toMatchObject({ connections: expect.any(Number) });
    const user = await mq9([...top, `nats://ann:pw@127.0.0.1:${port}`]);
    expect(fitting<{ broker?: object }>("top", user.stdout).broker).toBeUndefined();
  });

  it("refuses loads that there are not", async () => {
    const result = await run(["bench", "sned"]);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain("Did you mean send?");
  });
});

describe("mq9 completion", () => {
  it("completes words, flags and their values in bash", async () => {
    const script = `source <("$NODE" "$MQ9" completion bash)
t() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mq9; echo "\${COMPREPLY[*]}"; }
t mq9 mailb; t mq9 mailbox cr; t mq9 mailbox create --tt; t mq9 send --priority cri
t mq9 -s nats://x context sel; t mq9 completion z; t mq9 restore --data /et; t mq9 nothing x`;
    const result = await runProgram("bash", ["-c", script], {
      env: {
        PATH: process.env["PATH"],
        NODE: process.execPath,
        MQ9: path.join(repositoryRoot, "apps/mq9/bin/mq9.js"),
      },
    });
    expect(result.stderr).toBe("");
    expect(result.stdout.split("\n")).toEqual([
      "mailbox",
      "create",
      "--ttl",
      "critical",
      "select",
      "zsh",
      "/etc",
      "",
      "",
    ]);
  });

  it.for(["zsh", "fish"])("loads in %s", async (shell, { skip }) => {
    const there = await runProgram(shell, ["--version"]).catch(() => undefined);
    if (there === undefined) return skip(`needs ${shell}`);
    const script = await ok(["completion", shell]);
    expect(script).toContain("mailbox");
    await using dir = await tempDir("mq9-completion");
    const file = path.join(dir.path, "script");
    await writeFile(file, script);
    const args = shell === "zsh" ? ["-f", "-n", file] : ["--no-execute", file];
    const result = await runProgram(shell, args);
    expect(result, result.stderr).toMatchObject({ code: 0 });
  });

  it("names shells that there are", async () => {
    const result = await run(["completion", "bsah"]);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain("Did you mean bash?");
  });
});
