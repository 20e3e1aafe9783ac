// Bytes nobody should send, to every kind of listener: nothing throws, nobody else is disturbed, and
// nothing stays behind. RUNS=25 is ten thousand of each.
import { once } from "node:events";
import { connect as connectTcp, createServer, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import {
  createRouter,
  defaultTlsOptions,
  defaultWebSocketOptions,
  type Router,
  type TlsOptions,
} from "@mq9/router";
import { createAuthority, tempDir } from "@mq9/testkit";
import { describe, expect, it } from "vitest";
import { createRandom, runs, seed } from "../malformed/random.ts";
import { binary, frame, join, request } from "../websocket/raw-websocket.ts";
import { encrypted, plain, type Wire } from "./raw-tls.ts";

const random = createRandom(7);
const below = (limit: number): number => random.below(limit);
/** Of each kind, in an ordinary run. */
const count = runs(400);

function randomBytes(lengthMax: number): Buffer {
  return Buffer.from(random.bytes(below(lengthMax)), "latin1");
}

/** Changes a few bytes, cuts, repeats. */
function mutate(bytes: Buffer): Buffer {
  let result = Buffer.from(bytes);
  for (let left = below(6); left > 0; left--) result[below(result.length)] = below(256);
  if (below(3) === 0) result = result.subarray(0, below(result.length));
  if (below(4) === 0) result = Buffer.concat([result, randomBytes(200)]);
  if (below(8) === 0) result = Buffer.concat([result, result]);
  return result;
}

/** First bytes of a real client, which begins a handshake. */
async function clientHello(): Promise<Buffer> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const client = connectTls({ host: "127.0.0.1", port, servername: "localhost" });
  client.on("error", () => {});
  const [socket] = (await once(server, "connection")) as [Socket];
  const [hello] = (await once(socket, "data")) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return hello;
}

/** Sends bytes in a few pieces and leaves, in one way or another. */
async function disturb(port: number, bytes: Buffer): Promise<void> {
  const socket = connectTcp({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  socket.resume();
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await Promise.race([new Promise((resolve) => socket.once("connect", resolve)), closed]);
  const cut = below(bytes.length + 1);
  socket.write(bytes.subarray(0, cut));
  if (below(2) === 0) await new Promise(setImmediate);
  if (!socket.destroyed) socket.write(bytes.subarray(cut));
  const leave = below(4);
  if (leave === 0) socket.resetAndDestroy();
  else if (leave === 1) socket.destroy();
  else socket.end();
  await closed;
}

/** Runs of a kind, some at a time. */
async function many(times: number, run: () => Promise<void>): Promise<void> {
  let left = times;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await run();
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

interface Rig {
  readonly router: Router;
  readonly ports: readonly number[];
}

async function startAll(): Promise<Rig[]> {
  await using folder = await tempDir("mq9-fuzz");
  const authority = await createAuthority(folder.path);
  const { cert, key } = await authority.issue("server", { subject: "/CN=localhost" });
  const tls = { ...defaultTlsOptions, cert, key, ca: authority.cert, timeoutMs: 1_000 };
  const modes: Partial<TlsOptions>[] = [
    {},
    { verify: true },
    { allowNonTls: true },
    { handshakeFirst: true },
    { handshakeFirst: 5 },
  ];
  const started: Rig[] = [];
  for (const mode of modes) {
    const webTls = mode.handshakeFirst === undefined ? undefined : tls;
    const websocket = {
      ...defaultWebSocketOptions,
      host: "127.0.0.1",
      port: 0,
      tls: webTls,
      handshakeTimeoutMs: 400,
    };
    const router = createRouter({
      host: "127.0.0.1",
      port: 0,
      tls: { ...tls, ...mode },
      websocket,
      partialTimeoutMs: 400,
    });
    const { port, websocket: web } = await router.listen();
    started.push({ router, ports: [port, web?.port ?? 0] });
  }
  return started;
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => /TCP|TLS/.test(name)).length;
}

describe(`with seed ${seed}`, () => {
  it("listeners survive what is no handshake", async () => {
    const before = openSockets();
    const hello = await clientHello();
    const started = await startAll();
    const ports = started.flatMap((rig) => rig.ports);
    const kinds = [
      () => randomBytes(600),
      () => mutate(hello),
      () =>
        Buffer.concat([Buffer.from([0x16, 3, below(5), below(256), below(256)]), randomBytes(400)]),
      () => mutate(Buffer.from(request())),
      () => mutate(Buffer.from(request({ Origin: "https://a.example", Cookie: "a=b; c" }))),
      () => mutate(Buffer.from('CONNECT {"verbose":false}\r\nPING\r\nPUB a 3\r\nabc\r\n')),
    ];
    await many(count, async () => {
      const kind = kinds[below(kinds.length)] as () => Buffer;
      await disturb(ports[below(ports.length)] as number, kind());
    });
    for (const { router, ports: of } of started) {
      expect(await answers(of[0] as number, router.options.tls?.verify === true)).toBe(true);
      await router.close();
      expect([...router.connections]).toEqual([]);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(openSockets()).toBeLessThanOrEqual(before);
  }, 300_000);

  it("WebSockets survive frames of any kind", async () => {
    const router = createRouter({
      host: "127.0.0.1",
      port: 0,
      websocket: { ...defaultWebSocketOptions, host: "127.0.0.1", port: 0 },
    });
    const port = (await router.listen()).websocket?.port ?? 0;
    const good = await join(port);
    await good.through("\r\n");
    await many(count, async () => {
      await using wire = await join(port);
      for (let left = 1 + below(4); left > 0; left--) wire.send(anyFrame());
      if (below(2) === 0) wire.socket.end();
      await new Promise(setImmediate);
    });
    good.send(frame(binary, "PING\r\n"));
    await good.through("PONG\r\n");
    await good[Symbol.asyncDispose]();
    await router.close();
    expect([...router.connections]).toEqual([]);
  }, 300_000);
});

/** A frame, whole or not, right or wrong. */
function anyFrame(): string {
  const payloads = ["PING\r\n", 'CONNECT {"verbose":false}\r\n', "SUB a 1\r\nPUB a 1\r\nx\r\n", ""];
  const payload =
    below(2) === 0
      ? (payloads[below(payloads.length)] as string)
      : randomBytes(300).toString("latin1");
  const first = below(3) === 0 ? below(256) : [0x81, 0x82, 0x02, 0x80, 0x89, 0x8a, 0x88][below(7)];
  const claim = below(10) === 0 ? BigInt(below(2 ** 31)) : undefined;
  const bytes = frame(first as number, payload, below(10) !== 0, claim);
  return below(8) === 0 ? mutate(Buffer.from(bytes, "latin1")).toString("latin1") : bytes;
}

/** Whether a port still serves who does it right. */
async function answers(port: number, needsCertificate: boolean): Promise<boolean> {
  if (needsCertificate) return await greeted(await plain(port));
  const trusting = { rejectUnauthorized: false };
  const first = await encrypted({ port, ...trusting }).catch(() => undefined);
  if (first !== undefined) return await greeted(first);
  await using clear = await plain(port);
  await clear.info();
  return await greeted(await clear.encrypt(trusting));
}

async function greeted(wire: Wire): Promise<boolean> {
  await using greetedBy = wire;
  if (!("encrypted" in wire.socket)) {
    await greetedBy.info();
    return true;
  }
  greetedBy.send('CONNECT {"verbose":false}\r\nPING\r\n');
  return (await greetedBy.through("PONG\r\n")).includes("PONG");
}
