// What is typed wrongly: every mistake ends with its exit code and says what to type instead. And what is
// the same everywhere: help, versions, topics.

import { readdir, readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import path from "node:path";
import { tempDir } from "@mq9/testkit";
import { describe, expect, it } from "vitest";
import { fitting, mq9, words } from "./mq9.ts";

describe.concurrent("a mistake", () => {
  it.each<[line: string, code: number, says: string]>([
    ["sned inbox x", 2, "error: unknown command 'sned'\nType: mq9 send\n"],
    ["pub inbox x", 2, "Type: mq9 send\n"],
    ["subscribe inbox", 2, "Type: mq9 tail\n"],
    ["mailbox list", 2, "Type: mq9 mailbox ls\n"],
    ["help sned", 2, "Type: mq9 send\n"],
    ["-q mailbox ls", 2, "Flags stand behind the command"],
    ["send 'a b' x", 2, "A name is letters, digits, '-', '_', '@' and '.', up to 128 of them."],
    ["tail '>'", 2, '">" can not be the name of a mailbox'],
    ["send inbox x --delay 500ms", 2, "is no whole number of seconds"],
    ["mailbox crate x", 2, "Type: mq9 mailbox create\n"],
    ["agent search x", 2, "Type: mq9 agent find\n"],
    ["send", 2, "error: missing required argument 'mailbox'\nType: mq9 send"],
    ["send inbox", 2, "Type: mq9 send inbox 'text'"],
    ["send inbox x --prority urgent", 2, "Did you mean --priority?"],
    ["send inbox x -p urgnet", 2, "Allowed choices are critical, urgent, high"],
    ["send inbox x --ttl soon", 2, "is not a duration, for instance 90, 90s, 24h or 7d"],
    ["send inbox x -H nonsense", 2, "A header is written 'Name: value'."],
    ["send inbox x --group g", 2, "--group goes with --wait-for acked"],
    ["send inbox @/nonexistent", 3, "error: there is no file /nonexistent\nA text that begins"],
    [
      "fetch inbox extra",
      2,
      "error: too many arguments for 'fetch'. Expected 1 argument but got 2",
    ],
    ["fetch inbox -n 0", 2, "It must be a whole number from 1 to 1000."],
    ["fetch inbox --follow", 2, "--follow goes with --exec"],
    [
      "fetch inbox --from yesterday",
      2,
      "Write a time as 2026-11-21T07:00:00Z, or how long ago: 2h",
    ],
    [
      "send inbox several words",
      2,
      "Put the text into quotes: mq9 send <mailbox> 'several words'\n",
    ],
    ["reply inbox 7 several words", 2, "mq9 reply <mailbox> <id> 'several words'\n"],
    ["audit /nonexistent", 3, "error: there is no file /nonexistent\n"],
    ["ack inbox seven", 2, "error: seven is no message number\nThey count from 0"],
    ["mailbox create --public", 2, "Type: mq9 mailbox create <name> --public"],
    ["mailbox renew inbox", 2, "required option '--ttl <time>' not specified"],
    ["mailbox grant inbox fly", 2, "Rights are send, receive, query, manage."],
    ["mailbox ls --context nobody", 3, "Make it with: mq9 context create nobody"],
    ["mailbox ls --password x", 2, "a password needs a user"],
    ["mailbox ls --creds /nonexistent", 3, "there is no file /nonexistent"],
    ["agent find", 2, "Type: mq9 agent find <words>"],
    ["schema fetc", 3, "Did you mean fetch?"],
  ])("%s", async (line, code, says) => {
    const ran = await mq9(words(line), { env: { MQ9_URL: "nats://127.0.0.1:1" } });
    expect(ran.stderr).toContain(says);
    expect(ran).toMatchObject({ code, stdout: "" });
    expect(ran.stderr).toMatch(/^error: /);
    expect(ran.stderr).not.toMatch(/\n {4}at /);
  });

  it("is told as JSON where JSON was asked for", async () => {
    for (const line of [
      "mailbox ls --json --jsonl",
      "send inbox --json",
      "sned --jsonl",
      "mailbox ls --jsonl --url nats://127.0.0.1:1",
    ]) {
      const { stdout, stderr, code } = await mq9(words(line));
      expect(stdout).toBe("");
      expect(fitting("error", stderr)).toMatchObject({ error: { exit_code: code } });
    }
  });
});

describe.concurrent("without a broker", () => {
  it("says where it looked, why, and what to start", async () => {
    const { code, stderr } = await mq9(["mailbox", "ls"], {
      env: { NATS_URL: "nats://127.0.0.1:1" },
    });
    expect(code).toBe(5);
    expect(stderr).toBe(
      "error: no broker at nats://127.0.0.1:1: nobody listens there. Is it running? Start it with: mq9 serve\nThe address comes from NATS_URL.\n",
    );
  });

  it("gives up on what accepts and says nothing", async () => {
    await using listener = Object.assign(createServer().listen(0, "127.0.0.1"), {
      [Symbol.asyncDispose]: async () => void listener.close(),
    });
    await new Promise((resolve) => listener.once("listening", resolve));
    const { port } = listener.address() as AddressInfo;
    const line = `mailbox ls --url nats://127.0.0.1:${port} --request-timeout 300ms`;
    expect((await mq9(words(line))).code).toBe(5);
  });
});

describe.concurrent("help", () => {
  it("lists every command within 80 columns, bare and asked for", async () => {
    const bare = await mq9([]);
    const asked = await mq9(["--help"]);
    expect(bare).toMatchObject({ code: 0, stderr: "" });
    expect(asked.stdout).toBe(bare.stdout);
    for (const word of ["mailbox", "send", "fetch", "wait", "agent", "dlq", "serve"]) {
      expect(bare.stdout).toMatch(new RegExp(`^ {2}${word} {2,}\\S`, "m"));
    }
    for (const line of bare.stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  it("shows an example of each command, and what is beside it", async () => {
    const { stdout } = await mq9(["help", "fetch"]);
    expect(stdout).toContain("Usage: mq9 fetch [options] <mailbox>");
    expect(stdout).toContain("Examples:");
    expect(stdout).toContain("  4  there was nothing to take");
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    expect((await mq9(["help", "connection"])).stdout).toContain("MQ9_URL");
    expect((await mq9(["help", "exit-codes"])).stdout).toContain("  5  no connection");
    expect((await mq9(["mailbox"])).code).toBe(2);
  });
});

describe.concurrent("a command loads no more than it needs", () => {
  it.each<[line: string, loads: RegExp, spares: RegExp]>([
    ["--version", /main\.js/, /commander|zod|clients\/sdk|@nats-io|\/core\/|\/stores\/|pino/],
    ["send --help", /commander/, /zod|clients\/sdk|@nats-io|\/core\/|\/stores\/|pino/],
    ["send box x", /@nats-io/, /zod|\/core\/(?!protocol)|\/stores\/|pino|prom-client/],
  ])("%s", async (line, loads, spares) => {
    await using folder = await tempDir("cli-loads");
    // The scripts that were run, as the engine counts them.
    const env = { NODE_V8_COVERAGE: folder.path, MQ9_URL: "nats://127.0.0.1:1" };
    await mq9(words(line), { env });
    const [file = ""] = await readdir(folder.path);
    const text = await readFile(path.join(folder.path, file), "utf8");
    const { result } = JSON.parse(text) as { result: { url: string }[] };
    const scripts = result.map(({ url }) => url).filter((url) => url.startsWith("file:"));
    expect(scripts.filter((url) => loads.test(url))).not.toEqual([]);
    expect(scripts.filter((url) => spares.test(url))).toEqual([]);
  });
});
