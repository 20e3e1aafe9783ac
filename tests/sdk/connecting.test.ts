// Getting in: every kind of credentials, TLS, WebSocket in Node, and errors that say what to do.
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import path from "node:path";
import { type ConnectOptions, connect } from "@mq9/sdk";
import { createAuthority, findPeer, startBroker, startNatsServer, tempDir } from "@mq9/testkit";
import { nkeys } from "@nats-io/nats-core";
import { afterAll, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { brokerInProcess } from "../support/in-process.ts";

const open: AsyncDisposable[] = [];
afterAll(async () => {
  for (const item of open.splice(0).reverse()) await item[Symbol.asyncDispose]();
});

async function folder(): Promise<string> {
  const made = await tempDir("mq9-sdk");
  open.push(made);
  return made.path;
}

/** Makes a mailbox and sends to it: the connection is good for something. */
async function works(options: ConnectOptions): Promise<void> {
  await using mq9 = await connect(options);
  const box = await mq9.createMailbox({ ttlSeconds: 60 });
  expect(await box.send("hello")).toEqual({ msgId: 0 });
}

async function failure(options: ConnectOptions): Promise<{ code: string; message: string }> {
  return await connect(options).then(
    () => ({ code: "connected", message: "" }),
    (error: unknown) => error as { code: string; message: string },
  );
}

describe("credentials", () => {
  it("as a user and a password, beside the address or in it", async () => {
    await using broker = await startBroker({ args: ["--user", "ada", "--pass", "s3cret:/@"] });
    await works({ url: broker.url, user: "ada", password: "s3cret:/@" });
    const inUrl = broker.url.replace("//", "//ada:s3cret%3A%2F%40@");
    await works({ url: inUrl });
    const wrong = await failure({ url: broker.url.replace("//", "//ada:guess@") });
    expect(wrong).toMatchObject({
      code: "forbidden",
      message: `the broker at ${broker.url} refused user 'ada' with this password: check the user, the password, the token or the creds`,
    });
    expect(await failure({ url: broker.url })).toMatchObject({
      code: "forbidden",
      message: expect.stringContaining("refused a connection without credentials") as string,
    });
  });

  it("as a token", async () => {
    await using broker = await startBroker({ args: ["--auth", "let-me-in"] });
    await works({ url: broker.url, token: "let-me-in" });
    await works({ url: broker.url.replace("//", "//let-me-in@") });
    const wrong = await failure({ url: broker.url, token: "wrong" });
    expect(wrong).toMatchObject({ code: "forbidden" });
    expect(wrong.message).not.toContain("wrong");
  });

  it("as an NKey", async () => {
    const pair = nkeys.createUser();
    const config = path.join(await folder(), "mq9.conf");
    await writeFile(config, `authorization { users = [ { nkey: ${pair.getPublicKey()} } ] }\n`);
    await using broker = await startBroker({ args: ["-c", config] });
    await works({ url: broker.url, nkey: new TextDecoder().decode(pair.getSeed()) });
    expect(await failure({ url: broker.url, nkey: "SUNOSEED" })).toMatchObject({
      code: "invalid",
      message: "the option nkey holds no valid credentials",
    });
  });

  it("as an agent whose rights name an inbox of its own, and says so of every call without it", async () => {
    const config = path.join(await folder(), "mq9.conf");
    await writeFile(
      config,
      'authorization { users = [ { user: ada, password: "x", profile: agent } ] }\n',
    );
    await using broker = await startBroker({ args: ["-c", config] });
    const identity = { url: broker.url, user: "ada", password: "x" };
    const deaf = await connect(identity);
    for (let at = 0; at < 2; at += 1) {
      await expect(deaf.createMailbox({ name: "own" })).rejects.toMatchObject({
        code: "forbidden",
        message: expect.stringContaining("give the inboxPrefix that its rights name") as string,
      });
    }
    await deaf.close();
    vi.stubEnv("MQ9_INBOX_PREFIX", "_INBOX_ada");
    try {
      await using mq9 = await connect(identity);
      await mq9.createMailbox({ name: "own" });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it("from the environment, and never when the caller names others", async () => {
    await using broker = await startBroker({ args: ["--user", "ada", "--pass", "x"] });
    vi.stubEnv("MQ9_URL", broker.url.replace("//", "//ada:x@"));
    vi.stubEnv("MQ9_AGENT", "planner");
    try {
      await using mq9 = await connect();
      expect(mq9.agent).toBe("planner");
      expect(mq9.server).toMatchObject({ url: broker.url, foreign: false });
      expect(await failure({ url: broker.url, user: "eve", password: "x" })).toMatchObject({
        code: "forbidden",
      });
      vi.stubEnv("MQ9_CREDS", path.join(await folder(), "none.creds"));
      expect(await failure({})).toMatchObject({
        code: "invalid",
        message: expect.stringMatching(
          /^the creds file .*none\.creds \(MQ9_CREDS\) can not be/,
        ) as string,
      });
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe("TLS", () => {
  it("is trusted by the authority's file, and what is wrong is told", async () => {
    const authority = await createAuthority(await folder());
    const altNames = "IP:127.0.0.1";
    const server = await authority.issue("server", { subject: "/CN=broker", altNames });
    const other = await authority.issue("other", { subject: "/CN=other", altNames: "DNS:other" });
    const tlsArgs = ({ certFile, keyFile }: { certFile: string; keyFile: string }): string[] => [
      "--tls",
      "--tlscert",
      certFile,
      "--tlskey",
      keyFile,
    ];
    await using broker = await startBroker({ args: tlsArgs(server) });
    const url = broker.url.replace("nats:", "tls:");
    await works({ url, tls: { caFile: authority.certFile } });
    expect(await failure({ url })).toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("give the authority's certificate as tls.caFile") as string,
    });
    await using misnamed = await startBroker({ args: tlsArgs(other) });
    expect(await failure({ url: misnamed.url, tls: { caFile: authority.certFile } })).toMatchObject(
      {
        code: "unreachable",
        message: expect.stringContaining("for another host name") as string,
      },
    );
    const verifying = ["--tlsverify", "--tlscacert", authority.certFile];
    await using strict = await startBroker({ args: [...tlsArgs(server), ...verifying] });
    const unnamed = {
      url: strict.url.replace("nats:", "tls:"),
      tls: { caFile: authority.certFile },
      connectTimeoutMs: 1_000,
    };
    expect(await failure(unnamed)).toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("a certificate from this side: give tls.certFile") as string,
    });
    await using plain = await startBroker();
    expect(await failure({ url: plain.url.replace("nats:", "tls:") })).toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("use nats:// instead of tls://") as string,
    });
  });
});

describe("WebSocket in Node", () => {
  it("goes through the class that is given", async () => {
    await using broker = await brokerInProcess({ websocket: { port: 0 } });
    const url = `ws://127.0.0.1:${broker.address.websocket?.port}`;
    await works({ url, webSocket: WebSocket });
  });

  it.skipIf("WebSocket" in globalThis)("says what is missing where there is none", async () => {
    expect(await failure({ url: "ws://127.0.0.1:8080" })).toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("give the class of the package ws") as string,
    });
  });

  it("says what to look at when nobody is there", async () => {
    const url = "ws://127.0.0.1:1";
    expect(await failure({ url, webSocket: WebSocket })).toMatchObject({
      code: "unreachable",
      message: `no broker at ${url}: nobody listens there. Is it running, with a websocket block in its configuration that allows the origin of this page?`,
    });
  });

  it("and TCP beside it each come back over their own way", async () => {
    await using broker = await brokerInProcess({ websocket: { port: 0 } });
    const url = `ws://127.0.0.1:${broker.address.websocket?.port}`;
    await using plain = await connect(`nats://127.0.0.1:${broker.address.port}`);
    await using web = await connect({ url, webSocket: WebSocket });
    const box = await plain.createMailbox({ name: "both" });
    for (const each of [plain, web]) {
      const status = each.status();
      await each.connection.reconnect();
      while ((await status.next()).value?.type !== "reconnected");
      await each.send(box.name, "back");
    }
    expect((await box.info()).messages).toBe(2);
  });
});

describe("who is no broker", () => {
  it("another service on the port", async () => {
    const http = createServer((_, response) => response.end("hello"));
    const greeter = createTcpServer((socket) => socket.end("220 mail.example ESMTP\r\n"));
    for (const server of [http, greeter]) server.listen(0, "127.0.0.1");
    await Promise.all([http, greeter].map((server) => once(server, "listening")));
    const url = (server: { address(): unknown }): string =>
      `nats://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await failure({ url: url(greeter) })).toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("is that the port of another service?") as string,
    });
    expect(await failure({ url: url(http), connectTimeoutMs: 300 })).toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("did not answer in time") as string,
    });
    http.closeAllConnections();
    for (const server of [http, greeter]) server.close();
  });

  it("an address that is none", async () => {
    for (const url of ["http://127.0.0.1:8222", "nats://", " , "]) {
      expect(await failure({ url }), url).toMatchObject({ code: "invalid" });
    }
  });

  it.skipIf(findPeer("nats-server").path === undefined)("a NATS server without mq9", async () => {
    await using server = await startNatsServer();
    await using mq9 = await connect(server.url);
    expect(mq9.server).toMatchObject({ foreign: true, dialects: [] });
    await expect(mq9.createMailbox()).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(/is a NATS server without mq9: .*mq9 serve$/) as string,
    });
  });

  it("a signal that ends the wait", async () => {
    const silent = createTcpServer(() => {});
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const url = `nats://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const stop = new AbortController();
    const connecting = failure({ url, signal: stop.signal });
    stop.abort();
    expect(await connecting).toMatchObject({ code: "aborted" });
    silent.close();
  });
});
