// `mq9 explain`, `mq9 doctor` and `mq9 top` against a broker with something of every kind to tell.
import { once } from "node:events";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { findPeer, runProgram, startNatsServer, tempDir } from "@mq9/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { fitting, mq9, type Ran } from "../cli/mq9.ts";
import { useBroker } from "../support/use-broker.ts";
import { connectAsker } from "./support.ts";

const broker = useBroker({ args: ["--http-port", "-1"] });

interface Findings {
  readonly found?: boolean;
  readonly worst: string;
  readonly findings: readonly { code: string; level: string; text: string; next?: string }[];
}

function run(...args: string[]): Promise<Ran> {
  return mq9(args, { env: { MQ9_URL: broker().url } });
}

/** @returns the codes of its findings, and the whole */
async function explained(what: string, exit = 0): Promise<Findings & { codes: string[] }> {
  const { code, stdout, stderr } = await run("explain", what, "--json");
  expect(code, stdout + stderr).toBe(exit);
  const value = fitting<Record<string, unknown> & Findings>("explain", stdout);
  return { ...value, codes: value.findings.map((finding) => finding.code) };
}

beforeAll(async () => {
  await using asker = await connectAsker(broker().url);
  const ask = (...request: Parameters<typeof asker.ask>) => asker.ask(...request);
  await ask("MAILBOX.CREATE", { name: "jobs", ttl: 300 });
  for (const name of ["empty", "state", "idle", "brief"]) {
    await ask("MAILBOX.CREATE", { name, ttl: 86_400 });
  }
  for (let at = 0; at < 5; at += 1) await ask("MSG.SEND.jobs", `job ${at}`);
  await ask("MSG.SEND.jobs", "later", { "mq9-delay": "600" });
  const group = { group_name: "workers", deliver: "earliest", detached: true };
  await ask("MSG.FETCH.jobs", { ...group, config: { num_msgs: 4 } });
  await ask("MSG.ACK.jobs", { group_name: "workers", msg_id: 0, ack_mode: "one" });
  await ask("MSG.NACK.jobs", {
    group_name: "workers",
    msg_id: 1,
    poison: true,
    reason: "no stamp",
  });
  await ask("MSG.NACK.jobs", { group_name: "workers", msg_id: 2, delay_ms: 600_000 });
  await ask("MSG.SEND.state", "old", { "mq9-key": "k" });
  await ask("MSG.SEND.state", "new", { "mq9-key": "k" });
  for (let at = 0; at < 3; at += 1) await ask("MSG.SEND.idle", "x");
  await ask("MSG.FETCH.idle", { ...group, group_name: "sleepers", config: { num_msgs: 1 } });
  await ask("MSG.ACK.idle", { group_name: "sleepers", msg_id: 0, ack_mode: "one" });
  await ask("AGENT.REGISTER", { name: "clerk", mailbox: "jobs" });
  await ask("AGENT.REGISTER", { name: "mute" });
  await ask("AGENT.REGISTER", { name: "lost", mailbox: "nowhere" });
  await ask("AGENT.REGISTER", { name: "herald", mailbox: "herald" });
});

describe("mq9 explain", () => {
  it.each([
    ["jobs/0", ["stored", "mailbox_ends_soon", "acked", "read"], "ok|warn"],
    ["jobs/1", ["stored", "mailbox_ends_soon", "dead_lettered", "read"], "fail"],
    ["jobs/2", ["stored", "mailbox_ends_soon", "deferred", "read"], "warn"],
    ["jobs/3", ["stored", "mailbox_ends_soon", "leased", "read"], "warn"],
    ["jobs#4", ["stored", "mailbox_ends_soon", "waiting", "unread"], "warn"],
    ["idle/1", ["stored", "mailbox_there", "waiting_no_worker", "unread"], "warn"],
    ["state/1", ["stored", "mailbox_there", "no_group", "unread"], "note"],
  ])("tells of message %s what became of it", async (what, codes, worst) => {
    const value = await explained(what);
    expect(value.codes).toEqual(codes);
    expect(value.worst).toMatch(new RegExp(worst));
  });

  it.each([
    ["state/0", ["gone"], "replaced it"],
    ["jobs/99", ["number_never_given", "delayed"], "the last one given is 4"],
    ["jbos", ["mailbox_missing", "name_similar"], "there is a mailbox jobs"],
    ["clerk", ["mailbox_missing", "name_of_agent"], "an agent has that name"],
    ["agent:clark", ["agent_unknown"], "there is one called clerk"],
  ])("tells of %s why it is not there, and ends with 3", async (what, codes, says) => {
    const value = await explained(what, 3);
    expect(value.codes).toEqual(codes);
    expect(value.found).toBe(false);
    expect(value.findings.map(({ text }) => text).join("\n")).toContain(says);
  });

  it.each([
    ["empty", ["mailbox_there", "never_sent"]],
    ["idle", ["mailbox_there", "holds", "no_worker"]],
    ["jobs", ["mailbox_ends_soon", "holds", "delayed", "group", "dead_letters"]],
    [
      "agent:clerk",
      ["agent_active", "mailbox_ends_soon", "holds", "delayed", "group", "dead_letters"],
    ],
    ["agent:mute", ["agent_active", "no_mailbox"]],
    ["agent:lost", ["agent_active", "mailbox_missing"]],
    ["agent:herald", ["agent_active", "mailbox_missing"]],
  ])("tells of %s what is to be known", async (what, codes) => {
    expect((await explained(what)).codes).toEqual(codes);
  });

  it("speaks to people in lines of 80 columns, with commands that can be pasted", async () => {
    const { stdout, code } = await run("explain", "jobs/1");
    expect(code).toBe(0);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(stdout.replace(/\s+/g, " ")).toContain("(no stamp)");
    const [, line] = /→ mq9 (dlq retry jobs \d+)/.exec(stdout) ?? [];
    const retried = await run(...(line ?? "").split(" "));
    expect(retried, retried.stderr).toMatchObject({ code: 0 });
    expect((await explained("jobs/1")).codes).toContain("waiting");
  });

  it("takes nothing", async () => {
    await using asker = await connectAsker(broker().url);
    const before = await asker.ask("MAILBOX.INFO.idle");
    await explained("idle");
    await explained("idle/2");
    expect(await asker.ask("MAILBOX.INFO.idle")).toEqual(before);
  });

  it.each(["", "a b", "jobs/x", "agent:"])("refuses %j with what to type", async (what) => {
    const { code, stderr } = await run("explain", what);
    expect(code).toBe(2);
    expect(stderr).toContain("mq9 explain jobs/17");
  });
});

describe("mq9 doctor", () => {
  async function doctor(exit: number, ...args: string[]): Promise<Record<string, string>> {
    const { code, stdout, stderr } = await run("doctor", "--json", ...args);
    expect(code, stdout + stderr).toBe(exit);
    const { findings } = fitting<Record<string, unknown> & Findings>("doctor", stdout);
    return Object.fromEntries(findings.map((finding) => [finding.code, finding.level]));
  }

  it("finds nothing in the way of a broker that is well", async () => {
    const ports = /"http":"([^"]+)"/.exec(broker().logs)?.[1] ?? "";
    const args = ["--data", broker().dataDir, "--monitoring", `http://${ports}`];
    expect(await doctor(0, ...args)).toMatchObject({
      node_version: "ok",
      context: "ok",
      data_folder: "ok",
      reachable: "ok",
      version: "ok",
      mail: "ok",
      clock: "ok",
      ready: "ok",
    });
    const { stdout } = await run("doctor", ...args);
    expect(stdout).toMatch(/Nothing stands in the way/);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(160);
  });

  it("tells a port where nobody listens from one that somebody else has", async () => {
    const server = createServer((_, answer) => answer.end("hello")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const url = `nats://127.0.0.1:${port}`;
    const soon = ["--request-timeout", "1s"];
    expect(await doctor(5, "--url", url, ...soon)).toMatchObject({ port_conflict: "fail" });
    server.close();
    await once(server, "close");
    expect(await doctor(5, "--url", url)).toMatchObject({ unreachable: "fail" });
    expect(await doctor(5, "--url", "nats://no.host.invalid")).toMatchObject({
      unknown_host: "fail",
    });
  });

  it("sees folders and files that are wrong", async () => {
    await using dir = await tempDir("mq9-doctor");
    const missing = path.join(dir.path, "missing");
    expect(await doctor(1, "--data", missing)).toMatchObject({ data_folder: "fail" });
    const folder = path.join(dir.path, "open");
    await mkdir(path.join(folder, "restore.new"), { recursive: true });
    await chmod(folder, 0o755);
    expect(await doctor(0, "--data", folder)).toMatchObject({
      data_folder_readable: "warn",
      restore_unfinished: "warn",
    });
    const contexts = path.join(dir.path, "mq9/context");
    await mkdir(contexts, { recursive: true });
    await writeFile(path.join(contexts, "work.json"), JSON.stringify({ url: broker().url }));
    await chmod(path.join(contexts, "work.json"), 0o644);
    const env = { XDG_CONFIG_HOME: dir.path };
    const read = await mq9(["doctor", "--context", "work", "--json"], { env });
    expect(read.stdout).toContain('"code":"context_readable","level":"warn"');
    const none = await mq9(["doctor", "--context", "wrok", "--json"], { env });
    expect(none.code).toBe(5);
    expect(none.stdout).toContain('"code":"context","level":"fail"');
  });

  const peer = findPeer("nats-server");
  it.skipIf(peer.path === undefined)(
    `tells a NATS server without mailboxes${peer.path === undefined ? ` (${peer.reason})` : ""}`,
    async () => {
      await using server = await startNatsServer();
      expect(await doctor(1, "--url", server.url)).toMatchObject({ not_mq9: "fail" });
    },
  );
});

describe("mq9 top", () => {
  it("looks once, for people and for programs", async () => {
    const { stdout, code } = await run("top", "--once", "--prefix", "j");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^jobs +5 /m);
    expect(stdout).toMatch(/^workers +jobs /m);
    expect(stdout).not.toContain("idle");
    const ports = /"http":"([^"]+)"/.exec(broker().logs)?.[1] ?? "";
    const json = await run("top", "--once", "--json", "--monitoring", `http://${ports}`);
    const value = fitting<{ mailboxes: object[]; broker: object }>("top", json.stdout);
    expect(value.mailboxes).toContainEqual(
      expect.objectContaining({ mailbox: "empty", messages: 0, next_id: 0, groups: [] }),
    );
    expect(value.broker).toMatchObject({ connections: expect.any(Number) });
  });

  const tmux = "tmux";
  it("draws on a terminal, follows its size, and gives it back", async ({ skip }) => {
    const there = await runProgram(tmux, ["-V"]).catch(() => undefined);
    if (there === undefined) return skip("needs tmux");
    const socket = ["-L", `mq9-top-${process.pid}`];
    const call = (...args: string[]) => runProgram(tmux, [...socket, ...args]);
    const line = `'${process.execPath}' apps/mq9/bin/mq9.js top --url ${broker().url} --every 300ms; echo "ended with $?"; cat`;
    await call("new-session", "-d", "-x", "80", "-y", "24", line);
    try {
      const screen = async (pattern: RegExp): Promise<string> => {
        for (let tries = 0; tries < 200; tries += 1) {
          const { stdout } = await call("capture-pane", "-p");
          if (pattern.test(stdout)) return stdout;
        }
        throw new Error(`${pattern} never was on the screen`);
      };
      const first = await screen(/q quits, s sorts \(by messages\)/);
      expect(first).toMatch(/^jobs +5 /m);
      await call("send-keys", "s");
      await screen(/by rate/);
      await call("resize-window", "-x", "60", "-y", "12");
      await screen(/^.{1,60}\n(?:.*\n)*q quits/);
      await call("send-keys", "q");
      const last = await screen(/ended with 0/);
      expect(last).not.toContain("MAILBOX");
    } finally {
      await call("kill-server");
    }
  });
});
