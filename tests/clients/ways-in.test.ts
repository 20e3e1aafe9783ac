// Stock clients come in by every door: with a token, a password, a key, a creds file; encrypted, both
// sides known, by WebSocket. Each has a request answered, with headers, hears what it may not do, and
// drains. The real server, started with the same file, is told the same.
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import path from "node:path";
import {
  createAuthority,
  findPeer,
  runProgram,
  startBroker,
  startNatsServer,
  tempDir,
} from "@mq9/testkit";
import { nkeys } from "@nats-io/transport-node";
import bcrypt from "bcryptjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { creds, free, jwt, type KeyPair, unlimited } from "../auth/jwts.ts";
import {
  buildGo,
  go,
  type Launcher,
  node,
  onJourneys,
  python,
  runForResult,
  stockJava,
  stockRust,
} from "../support/programs.ts";

const goPeer = findPeer("go");
const pythonPeer = findPeer("python");
const cliPeer = findPeer("nats");
const serverPeer = findPeer("nats-server");

interface StockClient {
  readonly name: string;
  readonly launch: () => Launcher;
  readonly args: readonly string[];
  readonly reason: string;
  /** It speaks WebSocket outside a browser. */
  readonly webSocket: boolean;
}

const clients: readonly StockClient[] = [
  ...["nats", "@nats-io/transport-node"].map((library) => ({
    name: library === "nats" ? "nats 2" : `${library} 3`,
    launch: () => node("clients/js/come-in.mjs"),
    args: [library],
    reason: "",
    webSocket: false,
  })),
  {
    name: "nats-py",
    launch: () => python("clients/python/come_in.py"),
    args: [],
    reason: pythonPeer.reason,
    webSocket: true,
  },
  {
    name: "nats.go",
    launch: () => go("come-in-go"),
    args: [],
    reason: goPeer.reason,
    webSocket: true,
  },
  {
    name: "async-nats",
    launch: stockRust,
    args: ["come_in"],
    reason: onJourneys("rust"),
    webSocket: true,
  },
  {
    name: "jnats",
    launch: stockJava,
    args: ["come_in"],
    reason: onJourneys("java"),
    webSocket: true,
  },
];

/** A way to come in. What clients are given stands for files by their names in the folder. */
interface Way {
  readonly name: string;
  /** Of the configuration that both servers read; `<folder>` and `<web port>` are filled in. */
  readonly config: string;
  readonly scheme?: "tls" | "ws" | "wss";
  readonly given: Readonly<Record<string, string>>;
  /** The same, not good enough. */
  readonly wrong: Readonly<Record<string, string>>;
}

const key: KeyPair = nkeys.createUser();
const stranger: KeyPair = nkeys.createUser();
const operator = nkeys.createOperator();
const account = nkeys.createAccount();
const closed = { closed: "closed.a" };
const rights = `permissions: { publish: { deny: "closed.>" }, subscribe: { deny: "closed.>" } }`;
/** Seconds to come in: the first signature or handshake of a Java program on a busy machine takes some. */
const patience = 30;
const user = (name: string, rest: string): string =>
  `authorization { timeout: ${patience}, users: [ { ${name}, ${rights} } ] }\n${rest}`;
const byName = `user: alice, password: "${bcrypt.hashSync("secret", 4)}"`;
const certificate = `timeout: ${patience}, cert_file: "<folder>/server.pem", key_file: "<folder>/server.key"`;
const trusted = `${certificate}, ca_file: "<folder>/ca.pem", verify: true`;
const alice = { user: "alice", pass: "secret", ...closed };
const known = { cert: "agent.pem", key: "agent.key" };
const operatorJwt = jwt("operator", {
  by: operator,
  about: operator.getPublicKey(),
  claims: { system_account: account.getPublicKey() },
});
const accountJwt = jwt("account", {
  by: operator,
  about: account.getPublicKey(),
  claims: { limits: unlimited },
});

const ways: readonly Way[] = [
  {
    name: "a token",
    config: `authorization { token: "right" }`,
    given: { token: "right" },
    wrong: { token: "left" },
  },
  {
    name: "a password",
    config: user(byName, ""),
    given: alice,
    wrong: { user: "alice", pass: "public" },
  },
  {
    name: "a key",
    config: user(`nkey: ${key.getPublicKey()}`, ""),
    given: { seed: "known.nk", ...closed },
    wrong: { seed: "stranger.nk" },
  },
  {
    name: "a creds file",
    config: `authorization { timeout: ${patience} }\noperator: ${operatorJwt}\nresolver: MEMORY\nresolver_preload: { ${account.getPublicKey()}: ${accountJwt} }`,
    given: { creds: "known.creds", ...closed },
    wrong: { creds: "stranger.creds" },
  },
  {
    name: "TLS and a password",
    config: user(byName, `tls { ${certificate} }`),
    scheme: "tls",
    given: { ...alice, ca: "ca.pem" },
    wrong: { user: "alice", pass: "public", ca: "ca.pem" },
  },
  {
    name: "TLS, both sides known, and a key",
    config: user(`nkey: ${key.getPublicKey()}`, `tls { ${trusted} }`),
    scheme: "tls",
    given: { seed: "known.nk", ...known, ca: "ca.pem", ...closed },
    wrong: { seed: "stranger.nk", ...known, ca: "ca.pem" },
  },
  {
    name: "a WebSocket and a password",
    config: user(byName, `websocket { host: "127.0.0.1", port: <web port>, no_tls: true }`),
    scheme: "ws",
    given: alice,
    wrong: { user: "alice", pass: "public" },
  },
  {
    name: "an encrypted WebSocket and a key",
    config: user(
      `nkey: ${key.getPublicKey()}`,
      `websocket { host: "127.0.0.1", port: <web port>, tls { ${certificate} } }`,
    ),
    scheme: "wss",
    given: { seed: "known.nk", ca: "ca.pem", ...closed },
    wrong: { seed: "stranger.nk", ca: "ca.pem" },
  },
];

let folder = "";
let remove: () => Promise<void>;
beforeAll(async () => {
  const dir = await tempDir("mq9-ways-in");
  folder = dir.path;
  remove = () => dir.remove();
  const authority = await createAuthority(folder);
  const altNames = "DNS:localhost,IP:127.0.0.1";
  await authority.issue("server", { subject: "/CN=localhost", altNames });
  await authority.issue("agent", { subject: "/CN=agent", altNames: "DNS:agent.example" });
  const denied = { deny: ["closed.>"] };
  for (const [name, pair] of Object.entries({ known: key, stranger })) {
    const claims = { ...free, pub: denied, sub: denied };
    const by = pair === key ? account : nkeys.createAccount();
    const token = jwt("user", { by, about: pair.getPublicKey(), claims });
    await writeFile(path.join(folder, `${name}.creds`), creds(token, pair), { mode: 0o600 });
    await writeFile(path.join(folder, `${name}.nk`), Buffer.from(pair.getSeed()), { mode: 0o600 });
  }
  if (goPeer.path !== undefined) await buildGo("clients/go");
}, 180_000);
afterAll(() => remove());

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

interface Door extends AsyncDisposable {
  readonly url: string;
}

async function openDoors(way: Way): Promise<readonly Door[]> {
  const open = async (kind: "ours" | "theirs"): Promise<Door> => {
    const webPort = await freePort();
    const config = path.join(folder, `${kind}-${ways.indexOf(way)}.conf`);
    const text = way.config.replaceAll("<folder>", folder).replace("<web port>", `${webPort}`);
    await writeFile(config, text);
    const args = ["-c", config];
    const server = kind === "ours" ? await startBroker({ args }) : await startNatsServer(args);
    const { scheme = "nats" } = way;
    const port = scheme.startsWith("ws") ? webPort : server.port;
    return {
      url: `${scheme}://localhost:${port}`,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  };
  const kinds = serverPeer.path === undefined ? (["ours"] as const) : (["ours", "theirs"] as const);
  return Promise.all(kinds.map(open));
}

/** What is given names files of the folder, but for words. */
function argumentsOf(given: Way["given"]): string[] {
  const isFile = (value: string): boolean => /\.(?:pem|key|nk|creds)$/.test(value);
  return Object.entries(given).map(
    ([name, value]) => `${name}=${isFile(value) ? path.join(folder, value) : value}`,
  );
}

const cliFlags: Readonly<Record<string, string>> = {
  user: "--user",
  pass: "--password",
  token: "--token",
  seed: "--nkey",
  creds: "--creds",
  ca: "--tlsca",
  cert: "--tlscert",
  key: "--tlskey",
};

/** @returns what it printed, and whether it went well */
async function runCli(url: string, given: Way["given"], ...command: string[]) {
  const flags = argumentsOf(given).flatMap((argument) => {
    const [name = "", value = ""] = argument.split(/=(.*)/s);
    const flag = cliFlags[name];
    return flag === undefined ? [] : [flag, value];
  });
  const env = { PATH: process.env["PATH"], HOME: folder, XDG_CONFIG_HOME: folder };
  const args = ["--server", url, ...flags, ...command];
  const { code, stdout, stderr } = await runProgram(cliPeer.path ?? "nats", args, { env });
  return { code, said: stdout + stderr };
}

describe.each(ways)("$name", (way) => {
  let doors: readonly Door[] = [];
  beforeAll(async () => {
    doors = await openDoors(way);
  }, 60_000);
  afterAll(async () => {
    for (const door of doors) await door[Symbol.asyncDispose]();
  });
  const isWebSocket = way.scheme?.startsWith("ws") === true;

  for (const { name, launch, args, reason, webSocket } of clients) {
    if (isWebSocket && !webSocket) continue;
    it.skipIf(reason !== "")(`lets ${name} in ${reason}`, { timeout: 60_000 }, async () => {
      const runs = (given: Way["given"]) =>
        Promise.all(
          doors.map(({ url }) => runForResult(launch(), url, ...args, ...argumentsOf(given))),
        );
      const denied = way.given["closed"] === undefined ? {} : { denied: true };
      const inside = { echo: true, header: "abc", ...denied };
      const [right, wrong] = await Promise.all([runs(way.given), runs(way.wrong)]);
      expect(right).toEqual(doors.map(() => inside));
      expect(wrong).toEqual(doors.map(() => "refused"));
    });
  }

  it.skipIf(cliPeer.path === undefined)(
    `lets the nats command line in ${cliPeer.reason}`,
    { timeout: 60_000 },
    async () => {
      for (const { url } of doors) {
        expect(await runCli(url, way.given, "pub", "open.a", "x")).toMatchObject({ code: 0 });
        const { code, said } = await runCli(url, way.wrong, "pub", "open.a", "x");
        expect(code, said).not.toBe(0);
        // It may still be writing when a WebSocket is closed on it, and then says that.
        expect(said).toMatch(
          isWebSocket ? /authorization violation|write/i : /authorization violation/i,
        );
        if (way.given["closed"] === undefined) continue;
        const subscribed = await runCli(
          url,
          way.given,
          "sub",
          "closed.a",
          "--count",
          "1",
          "--wait",
          "1s",
        );
        expect(subscribed.said).toMatch(/permissions violation for subscription to "closed\.a"/i);
      }
    },
  );
});
