// The `nats` command line as an operator and as a user of one account, against the broker and against
// nats-server: what it shows must be the same where the two do the same.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import {
  findPeer,
  type ProgramResult,
  type RunningNatsServer,
  runProgram,
  startChild,
  startNatsServer,
  type TempDir,
  tempDir,
} from "@mq9/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../support/until.ts";
import { type SystemRig, startRig } from "./support.ts";

const { path: nats = "nats", reason } = findPeer("nats");

const stockConfig = `
server_name: rig
accounts {
  A { users: [ {user: ann, password: pw}, {user: carl, password: pw, permissions: {
    publish: {allow: ["foo.>", "$SYS.REQ.USER.INFO"], deny: ["foo.x"]}
    subscribe: {allow: ["foo.>", "_INBOX.>"], deny: ["foo.no"]}
    allow_responses: {max: 5, expires: "1m"}}} ] }
  B { users: [ {user: bob, password: pw} ] }
  SYS { users: [ {user: sys, password: pw} ] }
}
system_account: SYS
`;

/** A server to ask, whichever it is. */
interface Target {
  readonly port: number;
  stop(): Promise<unknown>;
}

async function startStock(folder: string): Promise<Target> {
  const file = path.join(folder, "stock.conf");
  await writeFile(file, stockConfig);
  const server: RunningNatsServer = await startNatsServer(["-c", file]);
  return { port: server.port, stop: () => server.stop() };
}

async function startOurs(): Promise<Target> {
  const rig: SystemRig = await startRig();
  return { port: rig.port, stop: () => rig.broker.stop() };
}

const stock = findPeer("nats-server");
const servers = [
  { name: "mq9", missing: reason, start: startOurs },
  { name: "nats-server", missing: reason || stock.reason, start: startStock },
];

describe.each(servers)("the nats command line with $name", ({ missing, start }) => {
  describe.skipIf(missing !== "")(`as far as it is there ${missing}`, () => {
    let target: Target;
    let home: TempDir;
    beforeAll(async () => {
      home = await tempDir("nats-cli");
      target = await start(home.path);
    });
    afterAll(async () => {
      await target.stop();
      await home.remove();
    });

    const options = (user: string) => ({
      env: {
        PATH: process.env["PATH"],
        HOME: home.path,
        XDG_CONFIG_HOME: home.path,
        NATS_URL: `nats://127.0.0.1:${target.port}`,
        NATS_USER: user,
        NATS_PASSWORD: "pw",
        NATS_TIMEOUT: "2s",
      },
    });
    const attempt = (user: string, ...args: string[]): Promise<ProgramResult> =>
      runProgram(nats, args, options(user));
    const run = async (user: string, ...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await attempt(user, ...args);
      expect(code, stdout + stderr).toBe(0);
      return stdout + stderr;
    };
    const json = async (user: string, ...args: string[]): Promise<Record<string, unknown>> =>
      JSON.parse(await run(user, ...args)) as Record<string, unknown>;
    /** Keeps a connection of ann open while something is asked about it. */
    const listening = async (subject: string) => {
      const child = startChild(nats, ["sub", subject], options("ann"));
      await until(async () =>
        (await run("sys", "server", "request", "connections", "--subscriptions")).includes(subject)
          ? true
          : undefined,
      );
      return {
        child,
        [Symbol.asyncDispose]: async () => {
          child.process.kill("SIGTERM");
          await child.ended;
        },
      };
    };

    it("checks a connection, a service and a server", async () => {
      expect(await run("ann", "server", "check", "connection")).toMatch(/^OK Connection/);
      const asked = ["server", "check", "request", "--subject", "$SYS.REQ.USER.INFO"];
      expect(await run("ann", ...asked)).toMatch(/OK:Valid response/);
      expect(await run("sys", "server", "check", "server", "--name", "rig")).toMatch(
        /^OK rig \| uptime=\S+ cpu=\S+ mem=\d+ connections=1 subscriptions=\d+/,
      );
      const other = await attempt("ann", "server", "check", "server", "--name", "rig");
      expect(other.stdout).toMatch(/CRITICAL.*no responders/);
    });

    it("finds the servers", async () => {
      expect(await run("sys", "server", "ping")).toMatch(/^rig +rtt=.*\n[\s\S]*1 replies/);
      expect(await run("sys", "server", "list")).toMatch(/│ rig +│/);
      expect((await attempt("ann", "server", "ping")).stdout).toMatch(/system account/);
      expect((await attempt("ann", "server", "list")).stderr).toMatch(/system privileges/);
    });

    it("tells about the server", async () => {
      const info = await run("sys", "server", "info");
      expect(info).toMatch(/Server information for rig \(N[A-Z0-9]{55}\)/);
      expect(info).toMatch(/Maximum Payload: 1\.0 MiB/);
      expect(info).toMatch(/Auth Required: true/);
      expect(await run("sys", "server", "report", "health")).toMatch(/rig .*ok \(200\)/);
      for (const what of ["cpu", "mem"]) {
        expect(await run("sys", "server", "report", what)).toContain("rig");
      }
      for (const what of ["routes", "gateways", "leafnodes", "jetstream"]) {
        await run("sys", "server", "report", what);
      }
    });

    it("reports connections and accounts", async () => {
      await using _ = await listening("report.of.this");
      const connections = await run("sys", "server", "report", "connections", "--account", "A");
      expect(connections).toMatch(/NATS CLI Version.*│ rig .*│ A .*│/);
      expect(await run("sys", "server", "report", "accounts")).toMatch(/│ A +│ 1 /);
      expect(await run("ann", "account", "report", "connections")).toMatch(/out of 2 by subs/);
      expect(await run("ann", "account", "report", "statistics")).toMatch(/Server Statistics/);
    });

    it("asks for variables, connections, subscriptions and accounts", async () => {
      await using _ = await listening("asked.for.this");
      const asked = (...args: string[]) => json("sys", "server", "request", ...args);
      expect(await asked("variables")).toMatchObject({
        data: { server_name: "rig", auth_required: true, max_payload: 1_048_576 },
      });
      const connections = await asked("connections", "--subscriptions", "--filter-account", "A");
      expect(connections).toMatchObject({
        data: {
          num_connections: 1,
          connections: [{ subscriptions_list_detail: [{ subject: "asked.for.this" }] }],
        },
      });
      const found = await asked("subscriptions", "--detail", "--filter-account", "A");
      expect(JSON.stringify(found)).toContain('"subject":"asked.for.this"');
      expect(await asked("accounts", "--account", "A")).toMatchObject({
        data: { account_detail: { account_name: "A", client_connections: 1 } },
      });
      expect(await asked("jetstream")).toMatchObject({ data: { streams: 0 } });
    });

    it("shows who is busiest", async () => {
      await using _ = await listening("top.of.this");
      const file = path.join(home.path, "top.txt");
      await run("sys", "top", "rig", "--output", file, "--max-refresh", "1");
      const shown = await readFile(file, "utf8");
      expect(shown).toMatch(/NATS server version [\s\S]*Server: rig[\s\S]*Connections Polled: 2/);
      expect(shown).toMatch(/127\.0\.0\.1:\d+ +\d+ +NATS CLI Version/);
    });

    it("disconnects a client", async () => {
      await using victim = await listening("kick.this");
      const [id] = /\bN[A-Z0-9]{55}\b/.exec(await run("sys", "server", "info")) ?? [""];
      const { data } = (await json(
        "sys",
        "server",
        "request",
        "connections",
        "--subscriptions",
      )) as {
        data: { connections: { cid: number; subscriptions_list_detail?: { subject: string }[] }[] };
      };
      const cid = data.connections.find((each) =>
        each.subscriptions_list_detail?.some(({ subject }) => subject === "kick.this"),
      )?.cid;
      await run("sys", "server", "request", "kick", String(cid), id);
      await victim.child.waitFor(/Disconnected/);
    });

    it("shows a user its account", async () => {
      const info = await run("carl", "account", "info");
      expect(info).toMatch(/User: carl/);
      expect(info).toMatch(/Account: A/);
      expect(info).toMatch(/Publish:\s+Allow: \$SYS\.REQ\.USER\.INFO\s+foo\.>/);
      expect(info).toMatch(/Deny: foo\.no/);
      expect(await run("ann", "account", "info")).toMatch(/JetStream is not supported/);
    });

    it("shows events as they happen", async () => {
      const events = startChild(nats, ["events"], options("sys"));
      await events.waitFor(/AUTH\.ERR/);
      await until(async () => {
        await run("bob", "pub", "foo.a", "x");
        return events.stdout.includes("Client Disconnection") ? true : undefined;
      });
      await runProgram(nats, ["pub", "foo.a", "x"], {
        env: { ...options("bob").env, NATS_PASSWORD: "wrong" },
      });
      await events.waitFor(/Reason: Authentication Failure/);
      expect(events.stdout).toMatch(/Client Connection[\s\S]*User: bob[\s\S]*Account: B/);
      expect(events.stdout).toMatch(/Reason: Client Closed[\s\S]*Published: 1 messages \(1 B\)/);
      events.process.kill("SIGTERM");
      await events.ended;
    });

    it("measures what passes", async () => {
      const bench = ["--msgs", "2000", "--size", "64", "--no-progress"];
      expect(await run("ann", "bench", "pub", "bench.a", ...bench)).toMatch(/msgs\/sec/);
      const subscriber = startChild(nats, ["bench", "sub", "bench.b", ...bench], options("ann"));
      let ended = false;
      void subscriber.ended.then(() => {
        ended = true;
      });
      await until(async () => {
        await run("ann", "bench", "pub", "bench.b", ...bench);
        return ended ? true : undefined;
      });
      expect(subscriber.stdout).toMatch(/subscriber stats.*msgs\/sec/);
    });

    it("measures a service", async () => {
      const service = startChild(
        nats,
        ["bench", "service", "serve", "bench.s", "--size", "16"],
        options("ann"),
      );
      const requests = ["bench", "service", "request", "bench.s", "--msgs", "200", "--no-progress"];
      const told = await until(async () => {
        const { code, stdout } = await attempt("ann", ...requests);
        return code === 0 ? stdout : undefined;
      });
      expect(told).toMatch(/msgs\/sec/);
      service.process.kill("SIGTERM");
      await service.ended;
    });
  });
});
