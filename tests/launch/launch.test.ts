// `mq9` in place of a nats-server, as the helpers of client libraries and service managers start it:
// by that name, with a file and flags of its own, and told by signals what to do.
import { once } from "node:events";
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { connect as connectTls } from "node:tls";
import {
  type Child,
  connectRaw,
  createAuthority,
  findPeer,
  repositoryRoot,
  runProgram,
  startChild,
  tempDir,
} from "@mq9/testkit";
import { nkeys } from "@nats-io/transport-node";
import { describe, expect, it, vi } from "vitest";
import { free, jwt, type KeyPair, unlimited } from "../auth/jwts.ts";

vi.setConfig({ testTimeout: 60_000 });

const executable = path.join(repositoryRoot, "apps/mq9/bin/mq9.js");
const anyDisk = "mq9 { disk_soft_mark: 0, disk_hard_mark: 0, disk_reserve: 0 }";

function cleanEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("MQ9_"));
  return { ...Object.fromEntries(inherited), ...more };
}

interface Ports {
  readonly nats: readonly string[];
  readonly monitoring?: readonly string[];
  readonly websocket?: readonly string[];
}

/** A server started under the name of a stock one, as a test helper does. */
class Server implements AsyncDisposable {
  readonly child: Child;
  readonly folder: string;
  readonly configFile: string;

  private constructor(child: Child, folder: string, configFile: string) {
    this.child = child;
    this.folder = folder;
    this.configFile = configFile;
  }

  static async start(
    folder: string,
    config: string,
    args: readonly string[] = [],
  ): Promise<Server> {
    const program = path.join(folder, "nats-server");
    if (!existsSync(program)) symlinkSync(executable, program);
    const configFile = path.join(folder, "server.conf");
    writeFileSync(configFile, `${config}\n${anyDisk}\n`);
    const given = ["-p", "-1", "-c", configFile, "--ports_file_dir", folder, ...args];
    const child = startChild(process.execPath, [program, ...given, "-sd", `${folder}/data`], {
      env: cleanEnvironment(),
      cwd: folder,
    });
    const server = new Server(child, folder, configFile);
    await vi.waitUntil(() => server.portsFile() !== undefined || child.process.exitCode !== null, {
      timeout: 20_000,
    });
    if (server.portsFile() === undefined) throw new Error(child.stderr);
    return server;
  }

  portsFile(): string | undefined {
    const name = `nats-server_${this.child.process.pid}.ports`;
    return readdirSync(this.folder).includes(name) ? path.join(this.folder, name) : undefined;
  }

  get ports(): Ports {
    return JSON.parse(readFileSync(this.portsFile() ?? "", "utf8")) as Ports;
  }

  get port(): number {
    return Number(new URL(this.ports.nats[0] ?? "").port);
  }

  /** Writes the file anew and waits for what the log says about it. */
  async reload(config: string, answer: RegExp): Promise<void> {
    writeFileSync(this.configFile, `${config}\n${anyDisk}\n`);
    const before = this.child.stderr.length;
    this.child.process.kill("SIGHUP");
    await vi.waitUntil(() => answer.test(this.child.stderr.slice(before)), { timeout: 10_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.process.exitCode === null) this.child.process.kill("SIGTERM");
    await this.child.ended;
  }
}

async function answerTo(port: number, options: Readonly<Record<string, unknown>>): Promise<string> {
  await using client = await connectRaw(port, options);
  client.send("PING");
  return await client.readLine();
}

/** Who the server says it is when a client goes on in TLS after INFO. */
async function certificateName(port: number): Promise<string | undefined> {
  const socket = connect({ host: "127.0.0.1", port });
  await once(socket, "data"); // INFO
  const secure = connectTls({ socket, rejectUnauthorized: false });
  await once(secure, "secureConnect");
  const { subject } = secure.getPeerCertificate();
  secure.destroy();
  return Array.isArray(subject.CN) ? subject.CN[0] : subject.CN;
}

const users = (...list: readonly string[]) =>
  `authorization { users = [\n${list.map((user) => `{user: ${user}, password: pw}`).join("\n")}\n]}`;

describe("a launcher of nats-server", () => {
  it("finds its ports, its log lines and its pid file, and no trace after the stop", async () => {
    await using dir = await tempDir();
    const pidFile = path.join(dir.path, "server.pid");
    const config = 'http: "127.0.0.1:-1"\nwebsocket { port: -1, no_tls: true }';
    await using server = await Server.start(dir.path, config, ["-P", pidFile, "-n", "here", "-js"]);
    const { ports, child } = server;
    expect(ports.nats).toEqual([expect.stringMatching(/^nats:\/\/127\.0\.0\.1:\d+$/)]);
    expect(ports.websocket).toEqual([expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+$/)]);
    expect(readFileSync(pidFile, "utf8")).toBe(String(child.process.pid));
    const line = (text: string) =>
      new RegExp(
        `^\\[${child.process.pid}\\] \\d{4}/\\d\\d/\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{6} \\[INF\\] ${text}$`,
        "m",
      );
    expect(child.stderr).toMatch(
      line(`Listening for client connections on 127.0.0.1:${server.port}`),
    );
    expect(child.stderr).toMatch(line("Listening for websocket clients on ws://127.0.0.1:\\d+"));
    expect(child.stderr).toMatch(line("Starting http monitor on 127.0.0.1:\\d+"));
    expect(child.stderr).toMatch(line("Server is ready"));
    expect(child.stderr).toContain("-js is ignored");
    const varz = await fetch(`${ports.monitoring?.[0]}/varz`);
    expect(await varz.json()).toMatchObject({ server_name: "here", port: server.port });
    child.process.kill("SIGTERM");
    expect(await child.ended).toMatchObject({ code: 0 });
    expect(readdirSync(dir.path).filter((name) => /\.ports$|\.pid$/.test(name))).toEqual([]);
  });

  it("may give the configuration on standard input", async () => {
    await using dir = await tempDir();
    const child = startChild(
      process.execPath,
      [executable, "serve", "-c", "/dev/stdin", "--data", `${dir.path}/d`, "--log-format", "nats"],
      { env: cleanEnvironment(), stdio: ["pipe", "pipe", "pipe"] },
    );
    child.process.stdin?.end(`listen: 127.0.0.1:-1\nmax_payload: 2MB\n${anyDisk}`);
    const [, port = ""] = await child.waitFor(/client connections on 127\.0\.0\.1:(\d+)/);
    await using client = await connectRaw(Number(port));
    expect(client.info["max_payload"]).toBe(2 * 1024 * 1024);
    child.process.kill("SIGTERM");
    await child.ended;
  });

  it("learns from -t whether a configuration can be used, and where not", async () => {
    await using dir = await tempDir();
    const file = path.join(dir.path, "a.conf");
    const check = () =>
      runProgram(process.execPath, [executable, "serve", "-t", "-c", file], {
        env: cleanEnvironment(),
      });
    writeFileSync(file, `${users("ann")}\ncluster { port: 6222 }\n`);
    const good = await check();
    expect(good).toMatchObject({ code: 0, stdout: `mq9: configuration file ${file} is valid\n` });
    expect(good.stderr).toContain("a.conf:4: cluster is ignored: mq9 runs alone");
    writeFileSync(file, "port: 4222\nmax_paylod: 1\n");
    const bad = await check();
    expect(bad.code).toBe(1);
    expect(bad.stderr).toContain(`${file}:2:1: max_paylod: there is no such setting; did you mean`);
  });

  it("gives user, password, token and certificates as flags, which nobody sees again", async () => {
    await using dir = await tempDir();
    await using server = await Server.start(dir.path, "debug: true", [
      ...["--user", "ann", "--pass", "geheim", "-DV"],
    ]);
    expect(await answerTo(server.port, { user: "ann", pass: "geheim" })).toBe("PONG");
    expect(await answerTo(server.port, {})).toBe("-ERR 'Authorization Violation'");
    expect(server.child.stderr).toMatch(/cid:1 - <<- \[CONNECT .*"pass":"\[REDACTED\]"/);
    expect(server.child.stderr).not.toContain("geheim");
    const { stdout } = await runProgram(
      process.execPath,
      [executable, "serve", "--auth", "s3cret", "--print-config"],
      { env: cleanEnvironment() },
    );
    expect(stdout).toMatch(/^# auth: \(set\) +# flag --auth$/m);
    expect(stdout).not.toContain("s3cret");
    const { certFile, keyFile } = await (await createAuthority(dir.path)).issue("server", {
      subject: "/CN=localhost",
      altNames: "DNS:localhost,IP:127.0.0.1",
    });
    await using other = await tempDir();
    await using tls = await Server.start(other.path, "", [
      ...["--tls", `--tlscert=${certFile}`, "--tlskey", keyFile],
    ]);
    expect(tls.ports.nats[0]).toMatch(/^tls:/);
    await using client = await connectRaw(tls.port, null);
    expect(client.info["tls_required"]).toBe(true);
  });
});

describe("operator mode", () => {
  it("lets in who has credentials of an account in resolver_preload", async () => {
    await using dir = await tempDir();
    const operator = nkeys.createOperator();
    const account = nkeys.createAccount();
    const user = nkeys.createUser();
    const claims = { limits: unlimited };
    const about = (pair: KeyPair) => ({ about: pair.getPublicKey() });
    const operatorFile = path.join(dir.path, "operator.jwt");
    const operatorJwt = jwt("operator", { by: operator, ...about(operator), claims: {} });
    writeFileSync(
      operatorFile,
      `-----BEGIN NATS OPERATOR JWT-----\n${operatorJwt}\n------END------\n`,
    );
    const accountJwt = jwt("account", { by: operator, ...about(account), claims });
    const userJwt = jwt("user", { by: account, ...about(user), claims: free });
    await using server = await Server.start(
      dir.path,
      `operator: "${operatorFile}"\nresolver: MEMORY\nresolver_preload {\n${account.getPublicKey()}: ${accountJwt}\n}`,
    );
    const signed = (jwtOfUser: string, nonce: unknown) => ({
      jwt: jwtOfUser,
      sig: Buffer.from(user.sign(Buffer.from(String(nonce)))).toString("base64url"),
    });
    const enter = async (jwtOfUser: string) => {
      await using client = await connectRaw(server.port, null);
      const options = { verbose: false, protocol: 1, ...signed(jwtOfUser, client.info["nonce"]) };
      client.send(`CONNECT ${JSON.stringify(options)}`, "PING");
      return await client.readLine();
    };
    expect(await enter(userJwt)).toBe("PONG");
    const stranger = nkeys.createAccount();
    const forged = jwt("user", { by: stranger, ...about(user), claims: free });
    expect(await enter(forged)).toBe("-ERR 'Authorization Violation'");
  });
});

describe("SIGHUP", () => {
  it("keeps who is still allowed, ends who is not, and says what changed", async () => {
    await using dir = await tempDir();
    await using server = await Server.start(dir.path, users("ann", "bob"));
    await using ann = await connectRaw(server.port, { user: "ann", pass: "pw" });
    await using bob = await connectRaw(server.port, { user: "bob", pass: "pw" });
    ann.send("SUB news 1", "PING");
    await ann.expect("PONG");
    bob.send("PING");
    await bob.expect("PONG");

    await server.reload(`${users("ann", "eve")}\nping_max: 7`, /configuration reloaded/);
    expect(server.child.stderr).toMatch(/configuration reloaded changed=.*ping_max = 7.*users/);
    await bob.closed;
    await using eve = await connectRaw(server.port, { user: "eve", pass: "pw" });
    eve.publish("news", "hello");
    expect((await ann.readMessage()).payload.toString()).toBe("hello");
  });

  it("keeps everything as it was when the file can not be used", async () => {
    await using dir = await tempDir();
    await using server = await Server.start(dir.path, users("ann"));
    await server.reload(
      `${users("bob")}\nbogus: 1`,
      /\[ERR\].*what held before still holds.*bogus/,
    );
    expect(await answerTo(server.port, { user: "ann", pass: "pw" })).toBe("PONG");
    await server.reload(users("bob"), /configuration reloaded changed=users/);
    expect(await answerTo(server.port, { user: "ann", pass: "pw" })).toMatch(/^-ERR/);
    expect(await answerTo(server.port, { user: "bob", pass: "pw" })).toBe("PONG");
  });

  it("takes up new certificates, and keeps the old when the new can not be read", async () => {
    await using dir = await tempDir();
    const authority = await createAuthority(dir.path);
    const [one, two] = [
      await authority.issue("one", { subject: "/CN=one", altNames: "DNS:localhost" }),
      await authority.issue("two", { subject: "/CN=two", altNames: "DNS:localhost" }),
    ];
    const [certFile, keyFile] = [path.join(dir.path, "live.pem"), path.join(dir.path, "live.key")];
    const install = (cert: string, key: string) => {
      writeFileSync(certFile, cert);
      writeFileSync(keyFile, key);
    };
    install(one.cert, one.key);
    const config = `tls { cert_file: "${certFile}", key_file: "${keyFile}" }`;
    await using server = await Server.start(dir.path, config);
    expect(await certificateName(server.port)).toBe("one");
    install(two.cert, "no key");
    await server.reload(config, /what held before still holds/);
    expect(await certificateName(server.port)).toBe("one");
    install(two.cert, two.key);
    await server.reload(config, /configuration reloaded changed=tls/);
    expect(await certificateName(server.port)).toBe("two");
  });

  it("changes nothing when what changes now does not fit what waits for a restart", async () => {
    await using dir = await tempDir();
    await using server = await Server.start(dir.path, `${users("ann")}\nhost: 0.0.0.0`);
    const open = "host: 127.0.0.1"; // where nobody would have to say who he is
    await server.reload(open, /what held before still holds.*without authentication/);
    expect(await answerTo(server.port, { user: "ann", pass: "pw" })).toBe("PONG");
  });

  it("says what needs a restart, each time", async () => {
    await using dir = await tempDir();
    await using server = await Server.start(dir.path, "");
    const other = "http_base_path: x\nwebsocket { port: -1, no_tls: true }";
    for (let round = 0; round < 2; round++) {
      await server.reload(other, /only after a restart settings=http_base_path, websocket/);
    }
    expect(server.child.stderr).toMatch(/configuration reloaded changed=nothing/);
  });
});

describe("--signal", () => {
  it("reaches a broker by its pid file: reload, reopen, stop", async () => {
    await using dir = await tempDir();
    const pidFile = path.join(dir.path, "pid");
    const log = path.join(dir.path, "server.log");
    await using server = await Server.start(dir.path, "", ["-P", pidFile, "-l", log]);
    const signal = (command: string) =>
      runProgram(process.execPath, [executable, "serve", "--signal", `${command}=${pidFile}`], {
        env: cleanEnvironment(),
      });
    const logged = (text: string) =>
      vi.waitUntil(() => existsSync(log) && readFileSync(log, "utf8").includes(text));
    expect(await signal("reload")).toMatchObject({ code: 0 });
    await logged("configuration reloaded");
    renameSync(log, `${log}.1`);
    expect(await signal("reopen")).toMatchObject({ code: 0 });
    await logged("log file reopened");
    expect(await signal("dance")).toMatchObject({ code: 2 });
    expect(await signal("stop")).toMatchObject({ code: 0 });
    expect(await server.child.ended).toMatchObject({ code: 0 });
    expect((await signal("stop")).code).toBe(2); // the pid file is gone
  });

  it("ldm tells clients to leave, serves them meanwhile, and lets nobody in", async () => {
    await using dir = await tempDir();
    await using server = await Server.start(
      dir.path,
      'lame_duck_grace_period: "10s", lame_duck_duration: "30s"',
    );
    const { port } = server;
    await using client = await connectRaw(port, { protocol: 1 });
    client.send("SUB here 1", "PING");
    await client.expect("PONG");
    server.child.process.kill("SIGUSR2");
    await client.expect(/^INFO .*"ldm":true/);
    await expect(connectRaw(port)).rejects.toThrow();
    client.publish("here", "still served");
    expect((await client.readMessage()).payload.toString()).toBe("still served");
    await client.close();
    // With the last client the wait is over.
    expect(await server.child.ended).toMatchObject({ code: 0 });
  });
});

describe("a lame duck", () => {
  it("stops soon when SIGTERM follows", async () => {
    await using dir = await tempDir();
    await using server = await Server.start(dir.path, 'lame_duck_duration: "10m"');
    await using client = await connectRaw(server.port, { protocol: 1 });
    client.send("PING");
    await client.expect("PONG");
    server.child.process.kill("SIGUSR2");
    await client.expect(/^INFO .*"ldm":true/);
    server.child.process.kill("SIGTERM");
    expect(await server.child.ended).toMatchObject({ code: 0 });
    expect(server.child.stderr).toMatch(/stopped$/m);
  });
});

describe("a port that is taken", () => {
  it("is named, whichever listener wanted it", async () => {
    await using dir = await tempDir();
    await using server = await Server.start(dir.path, 'http: "127.0.0.1:-1"');
    const http = new URL(server.ports.monitoring?.[0] ?? "").port;
    const { code, stderr } = await runProgram(
      process.execPath,
      [executable, "serve", "-p", "-1", "-m", http, "--data", `${dir.path}/other`],
      { env: cleanEnvironment() },
    );
    expect(code).toBe(75);
    expect(stderr).toContain(`port ${http} on 127.0.0.1 is in use`);
  });
});

const peer = findPeer("nats-server");

describe.skipIf(peer.path === undefined)(`beside a nats-server ${peer.reason}`, () => {
  it("the same file leads to the same values in /varz", async () => {
    await using dir = await tempDir();
    const config = `
      server_name: twin, http: "127.0.0.1:-1", listen: "127.0.0.1:-1"
      max_payload: 2mib, max_control_line: 2k, max_conn: 17, max_pending: 16MB, max_subs: 9
      ping_interval: "1m30s", ping_max: 5, write_deadline: "3s", http_base_path: "/n"
      authorization { timeout: 1.5, users: [{user: a, password: b}] }`;
    const file = path.join(dir.path, "stock.conf");
    writeFileSync(file, config);
    const stock = startChild(peer.path ?? "", ["-c", file, "--ports_file_dir", dir.path], {});
    await vi.waitUntil(() => readdirSync(dir.path).some((name) => name.endsWith(".ports")));
    const stockPorts = readdirSync(dir.path).find((name) => name.endsWith(".ports")) ?? "";
    const { monitoring } = JSON.parse(
      readFileSync(path.join(dir.path, stockPorts), "utf8"),
    ) as Ports;
    await using ours = await tempDir();
    await using server = await Server.start(ours.path, config);
    const shown = async (url: string | undefined) => {
      const varz = (await (await fetch(`${url}/n/varz`)).json()) as Record<string, unknown>;
      return Object.fromEntries(compared.map((name) => [name, varz[name]]));
    };
    expect(await shown(server.ports.monitoring?.[0])).toEqual(await shown(monitoring?.[0]));
    stock.process.kill("SIGTERM");
    await stock.ended;
  });
});

/** Fields of /varz that follow from the file alone. */
const compared = [
  ...["server_name", "host", "max_payload", "max_control_line", "max_connections", "max_pending"],
  ...["max_subscriptions", "ping_interval", "ping_max", "write_deadline", "auth_required"],
  ...["auth_timeout", "http_host", "http_base_path"],
];

describe("mq9 passwd and mq9 nkey", () => {
  it("make what a configuration file takes", async () => {
    await using dir = await tempDir();
    const hashing = startChild(process.execPath, [executable, "passwd"], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    hashing.process.stdin?.end("geheim\n");
    await once(hashing.process, "exit");
    await hashing.ended;
    const hash = hashing.stdout.trim();
    expect(hash).toMatch(/^\$scrypt\$/);
    const { stdout } = await runProgram(process.execPath, [executable, "nkey"]);
    const [seed, key] = stdout.split("\n");
    expect(seed).toMatch(/^SU[A-Z2-7]{56}$/);
    const config = `authorization { users: [{user: ann, password: "${hash}"}, {nkey: ${key}}] }`;
    await using server = await Server.start(dir.path, config);
    expect(await answerTo(server.port, { user: "ann", pass: "geheim" })).toBe("PONG");
    expect(await answerTo(server.port, { user: "ann", pass: "other" })).toMatch(/^-ERR/);
  });
});
