// `mq9 serve` as whoever starts it sees it: flags, layers, messages, signals, exit codes. Every test
// spawns the executable, so the build has to be there.
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import {
  type Child,
  connectRaw,
  type RunningBroker,
  repositoryRoot,
  runProgram,
  startBroker,
  startChild,
  tempDir,
} from "@mq9/testkit";
import { describe, expect, it, vi } from "vitest";

// Longer than the helpers wait (60 s for a program), so that they say what they waited for.
vi.setConfig({ testTimeout: 150_000 });

const executable = path.join(repositoryRoot, "apps/mq9/bin/mq9.js");
const linux = process.platform === "linux";
const root = process.getuid?.() === 0;

/** Runs `mq9` to its end. Only the settings given here reach it. */
function mq9(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return runProgram(process.execPath, [executable, ...args], { env: cleanEnvironment(env) });
}

function cleanEnvironment(env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("MQ9_"));
  return { ...Object.fromEntries(inherited), ...env };
}

/** The events of a JSON log. */
function eventsOf(log: string): Record<string, unknown>[] {
  return log
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg }) => !String(msg).startsWith("at most")); // said where few files may be open
}

// Tests run on nearly full disks too.
const anyDisk = ["--disk-soft-mark", "0", "--disk-hard-mark", "0", "--disk-reserve", "0"];

/** A broker whose terminal is a file: started by hand, for what `startBroker` does not do. */
async function startByHand(dataDir: string, args: readonly string[]): Promise<Child> {
  const child = startChild(
    process.execPath,
    [executable, "serve", "--port", "-1", "--data", dataDir, ...anyDisk, ...args],
    { env: cleanEnvironment({}) },
  );
  await child.waitFor(/"msg":"listening"|is ready/);
  return child;
}

describe("help", () => {
  it("is what a bare mq9 prints", async () => {
    const { code, stdout, stderr } = await mq9([]);
    expect(code).toBe(0);
    expect(stdout).toContain("Usage: mq9");
    expect(stdout).toContain("serve");
    expect(stderr).toBe("");
  });

  it("teaches every flag of serve within 80 columns, in groups, with defaults and examples", async () => {
    const { code, stdout } = await mq9(["serve", "--help"]);
    expect(code).toBe(0);
    for (const part of [
      "Network:",
      "Storage:",
      "Limits:",
      "-p, --port <port>",
      "[4222]",
      "--max-payload <size>",
      "[1MiB]",
      "--disk-soft-mark",
      "--insecure",
      "MQ9_MAX_PAYLOAD",
      "Examples:",
      "nats --server 127.0.0.1:4222 req '$mq9.AI.MAILBOX.CREATE'",
      "Exit codes:",
    ]) {
      expect(stdout).toContain(part);
    }
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  it("names the version", async () => {
    const { code, stdout } = await mq9(["--version"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^mq9 \d+\.\d+\.\d+\n$/);
  });
});

describe("what can not be used", () => {
  it.each([
    [["serve", "--prot", "4222"], /unknown option '--prot'[\s\S]*Did you mean --port\?/],
    [["serv"], /unknown command 'serv'[\s\S]*Type: mq9 serve/],
    [["serve", "--max-payload", "1XB"], /--max-payload.*"1XB" is not a size/],
    [["serve", "--port", "99999"], /--port.*no port/],
    [["serve", "--port"], /argument missing/],
    [["serve", "--ttl", "1w"], /--ttl.*is not a duration/],
    [["serve", "--log-level", "loud"], /one of debug, info, warn, error/],
    [["serve", "--max-payload", "100MiB"], /max_payload can not be 100MiB.*64MiB/],
    [["serve", "--host", "0.0.0.0"], /refusing to listen on 0\.0\.0\.0.*--insecure/],
    [["serve", "--host", "127.0.0.1:4222"], /the port has its own option/],
    [["serve", "--user", "alice"], /--user and --pass belong together/],
    [["serve", "--tls"], /--tls needs --tlscert and --tlskey/],
    [["serve", "-ms", "8443"], /monitoring is plain HTTP here/],
    [["serve", "--signal", "reload"], /say which broker/],
    [["serve", "--config", "/no/such/file.yaml"], /no configuration file \/no\/such/],
    [["serve", "extra"], /too many arguments/],
  ])("%j ends with code 2 and one explanation", async (args, explanation) => {
    const { code, stdout, stderr } = await mq9(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(explanation);
    expect(stderr).toMatch(/^error: /);
    expect(stderr).not.toMatch(/^\s+at /m); // no stack trace
    expect(stdout).toBe("");
  });

  it("names the environment variable", async () => {
    const { code, stderr } = await mq9(["serve"], { MQ9_PING_MAX: "often" });
    expect(code).toBe(2);
    expect(stderr).toContain("MQ9_PING_MAX");
  });

  it("lists everything that is wrong with a configuration file", async () => {
    await using dir = await tempDir();
    const file = path.join(dir.path, "mq9.yaml");
    writeFileSync(file, "max_paylod: 1\nport: 70000\n");
    const { code, stderr } = await mq9(["serve", "--config", file]);
    expect(code).toBe(2);
    expect(stderr).toContain(file);
    expect(stderr).toContain("did you mean max_payload?");
    expect(stderr).toMatch(/port: .*no port/);
  });
});

describe("layers", () => {
  it("put flags over environment over file over defaults, and --print-config says which", async () => {
    await using dir = await tempDir();
    const file = path.join(dir.path, "mq9.json");
    writeFileSync(file, JSON.stringify({ port: 1111, ttl: "1h", max_payload: "2MiB" }));
    const { code, stdout, stderr } = await mq9(
      ["serve", "--port", "3333", "--print-config", "--config", file],
      { MQ9_PORT: "2222", MQ9_TTL: "2h" },
    );
    expect(code).toBe(0);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^port: 3333 +# flag --port$/m);
    expect(stdout).toMatch(/^ttl: 2h +# environment MQ9_TTL$/m);
    expect(stdout).toMatch(/^max_payload: 2MiB +# file .*mq9\.json:\d+$/m);
    expect(stdout).toMatch(/^ping_max: 2 +# default$/m);
  });

  it("reach the broker that runs", async () => {
    await using dir = await tempDir();
    const file = path.join(dir.path, "mq9.yaml");
    writeFileSync(file, "name: from-file\nmax_payload: 1MiB\nport: 1\n");
    await using broker = await startBroker({
      args: ["--config", file],
      env: { MQ9_MAX_PAYLOAD: "2MiB", MQ9_PORT: "2" },
    });
    await using client = await connectRaw(broker.port);
    expect(client.info).toMatchObject({ server_name: "from-file", max_payload: 2_097_152 });
    expect(broker.port).toBeGreaterThan(2);
  });

  it("accept the spellings of nats-server", async () => {
    await using dir = await tempDir();
    const store = path.join(dir.path, "js");
    const args = ["-a", "127.0.0.1", "-p", "4333", "-js", `-sd=${store}`, "--print-config"];
    const { code, stdout } = await mq9(["serve", ...args]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^port: 4333 /m);
    expect(stdout).toContain(`data: ${store}`);
    expect(stdout).toContain("# note: -js is ignored");
  });
});

describe("what keeps a broker from starting", () => {
  /** Starts on a folder where it must fail, and returns the one event it logs. */
  async function failure(args: readonly string[]) {
    const { code, stdout, stderr } = await mq9(["serve", "--log-format", "json", ...args]);
    expect(stdout).toBe("");
    const events = eventsOf(stderr);
    const last = events.at(-1);
    expect(last?.["level"]).toBe("fatal");
    expect(stderr).not.toContain('"stack"');
    return { code, message: String(last?.["msg"]) };
  }

  it("is a port in use: it says which, how to find the program, and how to choose another", async () => {
    await using dir = await tempDir();
    await using other = await listenSomewhere();
    const port = String(other.port);
    const { code, message } = await failure(["--port", port, "--data", dir.path]);
    expect(code).toBe(75);
    expect(message).toContain(`port ${port} on 127.0.0.1 is in use`);
    expect(message).toMatch(/`.*\d+.*`/);
    expect(message).toContain(`--port ${other.port + 1}`);
  });

  it("is a data folder that another broker uses, which goes on unharmed", async () => {
    await using broker = await startBroker();
    const { code, message } = await failure(["--port", "-1", "--data", broker.dataDir]);
    expect(code).toBe(75);
    expect(message).toMatch(/in use by another mq9 process.*--data/);
    await using client = await connectRaw(broker.port);
    client.send("SUB _INBOX.a 1");
    client.publish("$mq9.AI.MAILBOX.CREATE", '{"ttl":60}', "_INBOX.a");
    expect((await client.readMessage()).payload.toString()).toContain("mail_id");
  });

  it("is a data folder written by a newer release", async () => {
    await using dir = await tempDir();
    writeFileSync(path.join(dir.path, "FORMAT"), '{"format":999,"engine":"leveldb"}\n');
    const { code, message } = await failure(["--port", "-1", "--data", dir.path]);
    expect(code).toBe(75);
    expect(message).toMatch(/newer release.*format 999/);
  });

  it("is a data folder that is a file", async () => {
    await using dir = await tempDir();
    const file = path.join(dir.path, "file");
    writeFileSync(file, "");
    const { code, message } = await failure(["--port", "-1", "--data", file]);
    expect(code).toBe(75);
    expect(message).toContain("is a file");
  });

  // The superuser may read and write everything, so its tests borrow another user.
  const other = { uid: 65_534, gid: 65_534 };
  const borrowed =
    root && spawnSync(process.execPath, [executable, "--version"], other).status === 0;
  it.runIf(!root || borrowed)("is a data folder that this user may not use", async () => {
    await using dir = await tempDir();
    chmodSync(dir.path, 0o755);
    const locked = path.join(dir.path, "locked");
    mkdirSync(locked);
    if (root) chownSync(locked, other.uid, other.gid);
    chmodSync(locked, 0o000);
    for (const data of [locked, path.join(locked, "below")]) {
      const { code, stderr } = await runProgram(
        process.execPath,
        [executable, "serve", "--port", "-1", "--data", data, "--log-format", "pretty"],
        { env: cleanEnvironment({}), cwd: dir.path, ...(root ? other : {}) },
      );
      expect(code).toBe(75);
      expect(stderr).toMatch(/^error: data folder .* may not be read and written.*--data\b.*\n$/);
    }
    chmodSync(locked, 0o700);
  });

  it("is an executable that was not built", async () => {
    await using dir = await tempDir();
    const copy = path.join(dir.path, "mq9.js");
    copyFileSync(executable, copy);
    const { code, stderr } = await runProgram(process.execPath, [copy, "serve"]);
    expect(code).toBe(1);
    expect(stderr).toContain("run `npm run build` first");
  });
});

describe("output", () => {
  it("is one JSON event per line on standard error, among them listening with host and port", async () => {
    await using dir = await tempDir();
    const child = await startByHand(dir.path, []);
    child.process.kill("SIGTERM");
    expect((await child.ended).code).toBe(0);
    expect(child.stdout).toBe("");
    const events = eventsOf(child.stderr);
    const lines = child.stderr.trimEnd().split("\n");
    expect(lines.filter((line) => !line.startsWith("{"))).toEqual([]);
    for (const event of events) {
      expect(event).toMatchObject({
        time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        level: expect.any(String) as string,
        component: expect.any(String) as string,
        msg: expect.any(String) as string,
      });
    }
    expect(events.find(({ msg }) => msg === "listening")).toMatchObject({
      host: "127.0.0.1",
      port: expect.any(Number) as number,
    });
    expect(events.map(({ msg }) => msg)).toEqual(["listening", "stopping", "stopped"]);
  });

  it("is a banner for people: address, folder, durability, something to try, how to stop", async () => {
    await using dir = await tempDir();
    const child = await startByHand(dir.path, ["--log-format", "pretty"]);
    await child.waitFor(/Ctrl-C/);
    child.process.kill("SIGTERM");
    expect((await child.ended).code).toBe(0);
    expect(child.stdout).toBe("");
    expect(child.stderr).toMatch(/nats:\/\/127\.0\.0\.1:\d+/);
    expect(child.stderr).toContain(dir.path);
    expect(child.stderr).toContain("fsync");
    expect(child.stderr).toMatch(/mq9 mailbox create inbox --url nats:\/\/127\.0\.0\.1:\d+\n/);
    expect(child.stderr).not.toContain("\u001b"); // no colours into a pipe
  });

  it("says loudly that a broker without authentication listens beyond this machine", async () => {
    await using broker = await startBroker({ args: ["--host", "0.0.0.0", "--insecure"] });
    await broker.stop();
    const warnings = eventsOf(broker.logs).filter(({ level }) => level === "warn");
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.["msg"]).toMatch(/0\.0\.0\.0 without authentication/);
  });

  it("holds no payload and no token, whatever the level", async () => {
    await using broker = await startBroker({ args: ["--log-level", "debug"] });
    await using client = await connectRaw(broker.port, { auth_token: "canary-token" });
    client.send("SUB _INBOX.a 1");
    client.publish("$mq9.AI.MAILBOX.CREATE", '{"ttl":60}', "_INBOX.a");
    const reply = (await client.readMessage()).payload.toString();
    const { mail_id } = JSON.parse(reply) as { mail_id: string };
    client.publish(`$mq9.AI.INBOX.${mail_id}.urgent`, "canary-payload");
    await client.flush();
    await broker.stop();
    expect(broker.logs).toContain("listening");
    expect(broker.logs).not.toMatch(/canary/);
    expect(broker.logs).not.toContain(mail_id);
  });
});

describe("a reader that goes away", () => {
  it("does not make help fail", async () => {
    const child = startChild(process.execPath, [executable, "serve", "--help"]);
    child.process.stdout?.destroy();
    expect((await child.ended).code).toBe(0);
    expect(child.stderr).toBe("");
  });

  it("does not take the broker with it when it was reading the log", async () => {
    await using broker = await startBroker({ args: ["--log-level", "debug"] });
    broker.process.stderr?.destroy();
    await using client = await connectRaw(broker.port); // is logged, to nobody
    await client.flush();
    await using second = await connectRaw(broker.port);
    await second.flush();
    await Promise.all([client.close(), second.close()]);
    expect(await broker.stop()).toBe(0);
  });
});

describe("signals", () => {
  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "%s tells clients, closes their connections and ends with code 0",
    async (signal) => {
      await using broker = await startBroker({
        args: ["--stop-grace", "50ms", "--stop-spread", "0"],
      });
      await using client = await connectRaw(broker.port, { protocol: 1 });
      await client.flush();
      broker.process.kill(signal);
      await client.expect(/^INFO .*"ldm":true/);
      await client.closed;
      expect(await exitOf(broker)).toBe(0);
      expect(eventsOf(broker.logs).map(({ msg }) => msg)).toEqual([
        "listening",
        "stopping",
        "stopped",
      ]);
    },
  );

  it("twice stop at once, and nothing accepted is lost", async () => {
    await using broker = await startBroker({ args: ["--stop-grace", "40s"] });
    const client = await connectRaw(broker.port, { protocol: 1 });
    client.send("SUB _INBOX.a 1");
    client.publish("$mq9.AI.MAILBOX.CREATE", '{"ttl":600}', "_INBOX.a");
    const reply = (await client.readMessage()).payload.toString();
    const { mail_id } = JSON.parse(reply) as { mail_id: string };
    client.publish(`$mq9.AI.INBOX.${mail_id}.normal`, "kept");
    await client.flush(); // accepted means durable: the PONG comes after the commit
    broker.process.kill("SIGTERM");
    await client.expect(/^INFO .*"ldm":true/);
    broker.process.kill("SIGTERM");
    expect(await exitOf(broker)).toBe(0);
    expect(eventsOf(broker.logs).at(-1)?.["msg"]).toContain("stopping at once");
    await client.close();

    await broker.restart();
    await using reader = await connectRaw(broker.port);
    reader.send(`SUB $mq9.AI.INBOX.${mail_id}.* 1`);
    expect((await reader.readMessage()).payload.toString()).toBe("kept");
  });

  it.runIf(linux)("SIGUSR1 does not open Node's inspector", async () => {
    await using broker = await startBroker();
    await using client = await connectRaw(broker.port);
    broker.process.kill("SIGUSR1");
    await client.flush(); // still there, and the signal had its turn
    await client.flush();
    expect(broker.logs).not.toMatch(/Debugger listening/);
    await broker.stop();
    expect(broker.logs).not.toMatch(/Debugger listening/);
  });
});

describe("the process", () => {
  it.runIf(linux)("gives the thread pool eight threads, whatever it was told", async () => {
    const threads = async (size: string) => {
      await using broker = await startBroker({ env: { UV_THREADPOOL_SIZE: size } });
      return readdirSync(`/proc/${broker.process.pid}/task`).length;
    };
    const [small, eight, sixteen] = [await threads("2"), await threads("8"), await threads("16")];
    expect(small).toBe(eight);
    expect(sixteen - eight).toBe(8);
  });

  it.each([
    ["an exception", 'throw new Error("boom")'],
    ["a rejection", 'Promise.reject(new Error("boom"))'],
  ])("reports %s nobody caught and ends with code 70", async (_kind, code) => {
    await using dir = await tempDir();
    const hook = path.join(dir.path, "hook.cjs");
    writeFileSync(hook, `process.on("SIGUSR2", () => { ${code}; });\n`);
    await using broker = await startBroker({ env: { NODE_OPTIONS: `--require=${hook}` } });
    broker.process.kill("SIGUSR2");
    expect(await exitOf(broker)).toBe(70);
    expect(eventsOf(broker.logs).at(-1)).toMatchObject({
      level: "fatal",
      err: { message: "boom" },
    });
  });

  it.runIf(linux && spawnSync("prlimit", ["--version"]).status === 0)(
    "ends with code 74 when the disk takes no more and does not recover",
    async () => {
      await using broker = await startBroker();
      await using client = await connectRaw(broker.port);
      client.send("SUB _INBOX.a 1");
      await client.flush();
      // From now on every write to a file fails with EFBIG.
      const limited = spawnSync("prlimit", [`--pid=${broker.process.pid}`, "--fsize=0"]);
      expect(limited.status).toBe(0);
      client.publish("$mq9.AI.MAILBOX.CREATE", '{"ttl":60}', "_INBOX.a");
      expect(await exitOf(broker)).toBe(74);
      expect(eventsOf(broker.logs).at(-1)).toMatchObject({
        level: "fatal",
        msg: expect.stringContaining("the disk failed") as string,
      });
    },
  );
});

/** Waits for a broker that ends by itself. @returns its exit code, when its log is complete */
async function exitOf(broker: RunningBroker): Promise<number | null> {
  if (broker.process.exitCode === null) await once(broker.process, "exit");
  return await broker.stop(); // it ended already, so this only gathers what is left of its output
}

async function listenSomewhere(): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return {
    port: address.port,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
