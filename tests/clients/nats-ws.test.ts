// nats.ws in Chromium: comes in by password, key and creds file, encrypted too, works all day, is back
// after a kill and after a lame duck. The real server, started with the same files, is told the same.
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type AddressInfo, createServer } from "node:net";
import path from "node:path";
import {
  createAuthority,
  findPeer,
  type RunningBroker,
  startBroker,
  startNatsServer,
  tempDir,
} from "@mq9/testkit";
import { nkeys } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { creds, free, jwt, unlimited } from "../auth/jwts.ts";
import { openBrowser, PageServer } from "../support/browser.ts";

const chromium = findPeer("chromium");
const realServer = findPeer("nats-server");
const open: AsyncDisposable[] = [];
afterAll(async () => {
  for (const item of open.splice(0).reverse()) await item[Symbol.asyncDispose]();
});

const known = nkeys.createUser();
const stranger = nkeys.createUser();
const operator = nkeys.createOperator();
const account = nkeys.createAccount();
const seedOf = (pair: typeof known): string => Buffer.from(pair.getSeed()).toString();

const rights = `permissions: { publish: { deny: "closed.>" }, subscribe: { deny: "closed.>" } }`;
const users = `authorization { users: [
  { user: alice, password: "secret", ${rights} }
  { nkey: ${known.getPublicKey()} }
] }`;
const claims = { limits: unlimited };
const trust = `operator: ${jwt("operator", {
  by: operator,
  about: operator.getPublicKey(),
  claims: { system_account: account.getPublicKey() },
})}
resolver: MEMORY
resolver_preload: { ${account.getPublicKey()}: ${jwt("account", {
  by: operator,
  about: account.getPublicKey(),
  claims,
})} }`;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** One server for each configuration, and where their WebSockets are. */
interface Door {
  readonly urls: Readonly<Record<string, string>>;
  /** That with users, where it is ours. */
  readonly broker: RunningBroker | undefined;
}

async function openDoor(kind: "ours" | "theirs", folder: string, origin: string): Promise<Door> {
  const pair = `cert_file: "${folder}/server.pem", key_file: "${folder}/server.key"`;
  const configs = { users, operator: trust, encrypted: users };
  const urls: Record<string, string> = {};
  let broker: RunningBroker | undefined;
  for (const [name, config] of Object.entries(configs)) {
    const port = await freePort();
    const isEncrypted = name === "encrypted";
    const encryption = isEncrypted ? `tls { ${pair} }` : "no_tls: true";
    const listener = `host: "127.0.0.1", port: ${port}, allowed_origins: ["${origin}"]`;
    const file = path.join(folder, `${kind}-${name}.conf`);
    await writeFile(file, `${config}\nwebsocket { ${listener}, ${encryption} }\n`);
    urls[name] = `${isEncrypted ? "wss" : "ws"}://127.0.0.1:${port}`;
    const args = ["-c", file];
    if (kind === "theirs") {
      open.push(await startNatsServer(args));
      continue;
    }
    const ours = await startBroker({ args });
    open.push(ours);
    if (name === "users") broker = ours;
  }
  return { urls, broker };
}

/** Its one file for browsers. */
const library = path.join(
  path.dirname(createRequire(import.meta.url).resolve("nats.ws")),
  "../esm/nats.js",
);

describe.skipIf(chromium.path === undefined)(`nats.ws in Chromium ${chromium.reason}`, () => {
  const page = new PageServer();
  let over: Promise<unknown>;
  let broker: RunningBroker;

  beforeAll(async () => {
    const folder = await tempDir("mq9-nats-ws");
    open.push({ [Symbol.asyncDispose]: () => folder.remove() }, page);
    const authority = await createAuthority(folder.path);
    const altNames = "DNS:localhost,IP:127.0.0.1";
    const { cert } = await authority.issue("server", { subject: "/CN=localhost", altNames });
    const origin = await page.listen();
    const ours = await openDoor("ours", folder.path, origin);
    const doors: Record<string, Door["urls"]> = { ours: ours.urls };
    if (realServer.path !== undefined) {
      doors["theirs"] = (await openDoor("theirs", folder.path, origin)).urls;
    }
    broker = ours.broker as RunningBroker;
    const token = (by: typeof known, pair: typeof known): string =>
      creds(jwt("user", { by, about: pair.getPublicKey(), claims: free }), pair);
    const secrets = {
      seed: seedOf(known),
      stranger: seedOf(stranger),
      creds: token(account, known),
      strangerCreds: token(nkeys.createAccount(), stranger),
    };
    const script = "text/javascript";
    const tag = '<script type="module" src="/journey.js"></script>';
    page.files.set("/", { type: "text/html", body: `<!doctype html><title>x</title>${tag}` });
    page.files.set("/settings", {
      type: "application/json",
      body: JSON.stringify({ doors, secrets }),
    });
    page.files.set("/nats-ws-library.js", { type: script, body: await readFile(library, "utf8") });
    page.files.set("/journey.js", {
      type: script,
      body: await readFile(path.join(import.meta.dirname, "js/nats-ws.js"), "utf8"),
    });
    const browser = openBrowser(`${origin}/`, folder.path, cert);
    open.push(browser);
    const patience = new Promise((resolve) => setTimeout(resolve, 80_000).unref());
    over = Promise.race([browser.ended, patience]);
    over.catch(() => {}); // a report that does not come says so
  }, 60_000);

  const day = {
    request: [true, ["one", "two"]],
    request_many: ["0", "1", "2"],
    no_responders: "503",
    queue_group: [40, true],
    permission_subscribe: ["PERMISSIONS_VIOLATION", false],
    permission_publish: [["publish", "closed.b"], false],
    drain: [100, true],
  };
  const expected = {
    password: "in",
    wrong: "refused",
    nobody: "refused",
    nkey: "in",
    stranger: "refused",
    creds: "in",
    strangerCreds: "refused",
    encrypted: "in",
    day,
    encryptedDay: day,
  };

  it("comes in, works and hears of refusals", { timeout: 90_000 }, async () => {
    expect((await page.report("ours", over))["result"]).toEqual(expected);
  });

  it.skipIf(realServer.path === undefined)(
    `does the same with the real server ${realServer.reason}`,
    { timeout: 90_000 },
    async () => {
      expect((await page.report("theirs", over))["result"]).toEqual(expected);
    },
  );

  it("finds mail that waited", { timeout: 90_000 }, async () => {
    expect((await page.report("mailbox", over))["result"]).toEqual(["first", "second"]);
  });

  it("is back after the broker was killed, and after a lame duck", {
    timeout: 90_000,
  }, async () => {
    await page.report("killed: ready", over);
    await broker.kill();
    await broker.restart();
    expect((await page.report("killed", over))["result"]).toEqual(["still subscribed"]);
    await page.report("lame duck: ready", over);
    await broker.restart();
    const seen = (await page.report("lame duck", over))["result"];
    expect(seen).toEqual(["lame duck", "still subscribed"]);
  });
});
