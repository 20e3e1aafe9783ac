import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { afterEach, describe, expect, it, test } from "vitest";
import { listenTcp } from "./tcp.ts";
import { defaultTlsOptions, type TlsOptions } from "./tls-options.ts";
import { TlsServer } from "./tls-server.ts";

const request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=x";
const pem = execFileSync("openssl", [...request.split(" "), "-keyout", "-", "-out", "-"], {
  encoding: "utf8",
  stdio: ["ignore", "pipe", "ignore"],
});
const options: TlsOptions = { ...defaultTlsOptions, cert: pem, key: pem };

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0).reverse()) close();
});

interface Rig {
  readonly tls: TlsServer;
  readonly port: number;
  /** Encrypted sides, in the order in which they got through. */
  readonly secured: TLSSocket[];
}

async function start(change: Partial<TlsOptions>, handshakesMax: number): Promise<Rig> {
  const tls = new TlsServer({ ...options, ...change }, handshakesMax);
  const secured: TLSSocket[] = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on("error", () => {});
    tls.handshake(socket, (encrypted) => secured.push(encrypted));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(() => {
    server.close();
    tls.close();
    for (const socket of secured) socket.destroy();
  });
  return { tls, secured, port: (server.address() as AddressInfo).port };
}

async function silent(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

async function shake(port: number): Promise<TLSSocket> {
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  return socket;
}

test("a port that shakes hands first turns away who comes when too many wait for that", async () => {
  const tls = new TlsServer({ ...options, handshakeFirst: true });
  const listener = await listenTcp({ host: "127.0.0.1", port: 0, tls, silentMax: 1 }, () => {
    throw new Error("nobody got through");
  });
  open.push(() => void listener.stop());
  const first = await silent(listener.port);
  await expect.poll(() => tls.pending).toBe(1);
  const second = await silent(listener.port);
  await once(second.resume(), "close");
  expect(tls.pending).toBe(1);
  first.destroy();
  await expect.poll(() => tls.pending).toBe(0);
  const third = await silent(listener.port);
  await expect.poll(() => tls.pending).toBe(1);
  third.destroy();
});

describe("TlsServer", () => {
  it("lets no more shake hands at one time than it may, and the next when one is done", async () => {
    const { tls, secured, port } = await start({}, 2);
    const first = await silent(port);
    const second = await silent(port);
    const third = shake(port);
    await expect.poll(() => tls.pending).toBe(3);
    expect(secured).toHaveLength(0);
    first.destroy();
    (await third).destroy();
    await expect.poll(() => tls.pending).toBe(1);
    second.destroy();
    await expect.poll(() => tls.pending).toBe(0);
  });

  it("gives nobody's turn to who left while waiting", async () => {
    const { tls, port } = await start({}, 1);
    const first = await silent(port);
    const waiting = await silent(port);
    const last = shake(port);
    await expect.poll(() => tls.pending).toBe(3);
    waiting.destroy();
    first.destroy();
    (await last).destroy();
    await expect.poll(() => tls.pending).toBe(0);
  });

  it("cuts those who are slow, one after the other", async () => {
    const { tls, port } = await start({ timeoutMs: 100 }, 1);
    const sockets = await Promise.all([silent(port), silent(port), silent(port)]);
    await Promise.all(sockets.map((socket) => once(socket.resume(), "close")));
    await expect.poll(() => tls.pending).toBe(0);
  });

  it("cuts off everybody when it is closed", async () => {
    const { tls, port } = await start({}, 1);
    const sockets = await Promise.all([silent(port), silent(port)]);
    await expect.poll(() => tls.pending).toBe(2);
    tls.close();
    await Promise.all(sockets.map((socket) => once(socket.resume(), "close")));
    await expect.poll(() => tls.pending).toBe(0);
  });

  it("refuses options that can not be used", () => {
    const other = execFileSync("openssl", ["ecparam", "-name", "prime256v1", "-genkey", "-noout"]);
    expect(() => new TlsServer({ ...options, key: other.toString() })).toThrow("does not belong");
  });
});
