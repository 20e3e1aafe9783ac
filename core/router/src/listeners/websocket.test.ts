import { afterEach, describe, expect, it } from "vitest";
import type { Connection } from "../connection.ts";
import type { RouterOptions } from "../options.ts";
import type { Peer } from "../testing/peer.ts";
import { type RunningRouter, startRouter } from "../testing/rig.ts";
import { connectAndSend, frame, framesOf, handshake } from "../testing/websocket.ts";
import {
  checkWebSocketOptions,
  defaultWebSocketOptions,
  type WebSocketOptions,
} from "./websocket.ts";

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).reverse()) await item[Symbol.asyncDispose]();
});

const quiet = '{"verbose":false,"pedantic":false,"protocol":1,"headers":true}';

async function start(
  websocket: Partial<WebSocketOptions> = {},
  options: Partial<RouterOptions> = {},
  connected?: (connection: Connection) => void,
): Promise<RunningRouter & { webPort: number }> {
  const running = await startRouter(
    {
      websocket: { ...defaultWebSocketOptions, host: "127.0.0.1", port: 0, ...websocket },
      ...options,
    },
    connected === undefined ? {} : { connected },
  );
  open.push(running);
  return { ...running, webPort: running.websocketPort };
}

async function ask(port: number, bytes: string): Promise<Peer> {
  const peer = await connectAndSend(port, bytes);
  open.push(peer);
  return peer;
}

/** Shakes hands and takes INFO. */
async function join(port: number, headers: Record<string, string> = {}): Promise<Peer> {
  const peer = await ask(port, handshake(headers));
  await peer.readThrough("\r\n\r\n");
  peer.infoLine = await peer.readThrough(" \r\n");
  return peer;
}

function send(peer: Peer, text: string): void {
  peer.socket.write(frame(2, Buffer.from(text, "latin1")));
}

describe("the WebSocket listener", () => {
  it("answers the key, and tells of itself in one binary frame", async () => {
    const { webPort, router } = await start();
    const peer = await ask(webPort, handshake({ "Sec-WebSocket-Protocol": "nats" }));
    await peer.read(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    );
    const line = await peer.readThrough("\r\n");
    const [info] = framesOf(line);
    expect(info?.opcode).toBe(2);
    expect(JSON.parse(info?.text.slice(5) ?? "")).toMatchObject({
      server_id: router.serverId,
      host: "127.0.0.1",
      port: webPort,
      client_ip: "127.0.0.1",
    });
    expect(info?.text).not.toContain("tls_");
  });

  it("carries operations across frames in both directions", async () => {
    const { webPort } = await start();
    const peer = await join(webPort);
    peer.socket.write(frame(1, `CONNECT ${quiet}\r\nSUB a 1\r\nPU`, { final: false }));
    peer.socket.write(frame(0, "B a 2\r\nhi\r\nPI"));
    peer.socket.write(frame(2, "NG\r\n"));
    await peer.read("\x82\x15MSG a 1 2\r\nhi\r\nPONG\r\n");
  });

  it("answers pings with their payload", async () => {
    const { webPort } = await start();
    const peer = await join(webPort);
    peer.socket.write(frame(9, "here?"));
    await peer.read("\x8a\x05here?");
  });

  it("answers the last of many pings that came together", async () => {
    const { webPort } = await start();
    const peer = await join(webPort);
    const pings = Array.from({ length: 5_000 }, (_, at) => frame(9, String(at)));
    peer.socket.write(Buffer.concat([...pings, frame(2, `CONNECT ${quiet}\r\nPING\r\n`)]));
    const received = await peer.readThrough("PONG\r\n");
    const answers = framesOf(received).filter(({ opcode }) => opcode === 10);
    expect(answers.length).toBeLessThan(500);
    send(peer, "PING\r\n");
    peer.socket.write(frame(9, "end"));
    await peer.readThrough("\x8a\x03end");
  });

  it("goes on after more empty frames than one turn is for", async () => {
    const { webPort } = await start();
    const peer = await join(webPort);
    const empty = frame(0, "", { final: false });
    const flood = [frame(2, "", { final: false }), ...Array.from({ length: 30_000 }, () => empty)];
    peer.socket.write(Buffer.concat([...flood, frame(0, `CONNECT ${quiet}\r\nPING\r\n`)]));
    await peer.readThrough("PONG\r\n");
  });

  it.each([
    ["a method that is not GET", handshake({}, "POST / HTTP/1.1"), 405],
    ["CONNECT", handshake({}, "CONNECT a:1 HTTP/1.1"), 405],
    ["no upgrade", handshake({ Upgrade: undefined, Connection: undefined }), 400],
    ["another upgrade", handshake({ Upgrade: "h2c" }), 400],
    ["no key", handshake({ "Sec-WebSocket-Key": undefined }), 400],
    ["another version", handshake({ "Sec-WebSocket-Version": "8" }), 400],
    ["two hosts", handshake({ Host: "a\r\nHost: b" }), 400],
    ["paths of other protocols", handshake({}, "GET /mqtt HTTP/1.1"), 404],
    ["bytes before the answer", `${handshake()}PING\r\n`, 400],
    ["what is not HTTP", "PING\r\n\r\n", 400],
    [
      "both ways to say how long",
      handshake({ "Content-Length": "1", "Transfer-Encoding": "chunked" }),
      400,
    ],
    ["headers beyond 8 KiB", handshake({ "X-Long": "x".repeat(9_000) }), 431],
  ])("refuses %s", async (_, bytes, status) => {
    const { webPort } = await start();
    const peer = await ask(webPort, bytes);
    const answer = await peer.readToEnd();
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*\r\n\r\n.+\n$`));
    expect(answer).toContain("Sec-WebSocket-Version: 13\r\n");
  });

  it("closes with a code after the last error", async () => {
    const { webPort } = await start();
    const peer = await join(webPort);
    send(peer, "NONSENSE\r\n");
    const [error, close] = framesOf(await peer.readToEnd());
    expect(error).toEqual({ opcode: 2, text: "-ERR 'Unknown Protocol Operation'\r\n" });
    expect(close).toEqual({ opcode: 8, text: "\x03\xeaProtocol Violation" });
  });

  it("says 1009 to a payload that is too large, and 1001 when the server stops", async () => {
    const { webPort, router } = await start();
    const loud = await join(webPort);
    const calm = await join(webPort);
    send(loud, "PUB a 9999999\r\n");
    expect(
      framesOf(await loud.readToEnd())
        .at(-1)
        ?.text.slice(0, 2),
    ).toBe("\x03\xf1");
    void router.close();
    expect(framesOf(await calm.readToEnd()).at(-1)?.text).toBe("\x03\xe9Server Shutdown");
  });

  it("answers a close frame with its code, and ends", async () => {
    const { webPort } = await start();
    const peer = await join(webPort);
    peer.socket.write(frame(8, Buffer.from([3, 232, 98, 121, 101])));
    expect(await peer.readToEnd()).toBe("\x88\x05\x03\xe8bye");
  });

  it("closes with 1002 over a breach of framing, after what came before it", async () => {
    const { webPort } = await start();
    const peer = await join(webPort);
    peer.socket.write(Buffer.concat([frame(2, "PING\r\n"), frame(2, "x", { masked: false })]));
    expect(framesOf(await peer.readToEnd())).toEqual([
      { opcode: 2, text: "PONG\r\n" },
      { opcode: 8, text: "\x03\xeamask bit missing" },
    ]);
  });

  it("cuts a handshake that takes too long, byte by byte or not at all", async () => {
    const { webPort } = await start({ handshakeTimeoutMs: 150 });
    const silent = await ask(webPort, "");
    const slow = await ask(webPort, handshake().slice(0, -2));
    const drip = setInterval(() => slow.send("X-Drip: 1\r\n"), 20);
    await silent.readToEnd();
    await slow.readToEnd();
    clearInterval(drip);
  });

  it("keeps a reader that takes nothing within its bounds, and the others going", async () => {
    const { webPort, router } = await start({}, { maxPendingBytes: 3_000_000 });
    const stuck = await join(webPort);
    const busy = await join(webPort);
    send(stuck, `CONNECT ${quiet}\r\nSUB a 1\r\nPING\r\n`);
    await stuck.readThrough("PONG\r\n");
    stuck.socket.pause();
    send(busy, `CONNECT ${quiet}\r\nSUB a 1\r\nPING\r\n`);
    await busy.readThrough("PONG\r\n");
    const payload = "x".repeat(100_000);
    for (let at = 0; at < 200 && router.stats.slowConsumers === 0; at++) {
      send(busy, `PUB a ${payload.length}\r\n${payload}\r\nPING\r\n`);
      await busy.readThrough("PONG\r\n");
      busy.received = "";
    }
    expect(router.stats.slowConsumers).toBe(1);
    stuck.socket.destroy();
  });

  it("owes a flood of pings one answer while output is in flight", async () => {
    const { webPort } = await start();
    const peer = await join(webPort);
    peer.socket.pause();
    const before = process.memoryUsage().arrayBuffers;
    const flood = Buffer.concat(Array.from({ length: 2_000 }, () => frame(9, "x".repeat(100))));
    for (let round = 0; round < 50; round++) {
      if (!peer.socket.write(flood))
        await new Promise((drained) => peer.socket.once("drain", drained));
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(9_000_000);
    peer.socket.destroy();
  });

  it("believes X-Forwarded-For of a trusted proxy only", async () => {
    const seen: string[] = [];
    const note = (connection: Connection) => seen.push(connection.remoteAddress);
    const forwarded = { "X-Forwarded-For": "203.0.113.9" };
    for (const trustedProxies of [[], ["127.0.0.0/8"]]) {
      const { webPort } = await start({ trustedProxies }, {}, note);
      const peer = await join(webPort, forwarded);
      send(peer, `CONNECT ${quiet}\r\nPING\r\n`);
      await peer.readThrough("PONG\r\n");
      expect(peer.infoLine).toContain(`"client_ip":"${seen.at(-1)}"`);
    }
    expect(seen).toEqual(["127.0.0.1", "203.0.113.9"]);
  });

  it("fills in what cookies say and CONNECT does not", async () => {
    const seen: string[] = [];
    const { webPort, router } = await start({
      sameOrigin: true,
      cookies: { token: "mq9", user: "name" },
    });
    router.reauthenticate({
      required: true,
      nonces: false,
      authenticate: (options) => {
        seen.push(`${options.user} ${options.authToken}`);
        return { account: "A", user: "u", permissions: undefined };
      },
      renew: (identity) => identity,
    });
    const peer = await join(webPort, { Cookie: "mq9=abc; name=cookie" });
    send(peer, 'CONNECT {"user":"said","verbose":false}\r\nPING\r\n');
    await peer.readThrough("PONG\r\n");
    expect(seen).toEqual(["said abc"]);
  });
});

describe("checkWebSocketOptions", () => {
  const options = { ...defaultWebSocketOptions, host: "127.0.0.1", port: 0 };

  it.each([
    [{ port: 70_000 }, "websocket.port"],
    [{ handshakeTimeoutMs: 0 }, "websocket.handshakeTimeoutMs"],
    [{ allowedOrigins: ["example.org"] }, "example.org is no origin"],
    [{ allowedOrigins: ["ftp://example.org"] }, "is no origin"],
    [{ cookies: { jwt: "x" } }, "websocket.cookies need"],
    [{ cookies: { jwt: "x" }, allowedOrigins: ["*"] }, "websocket.cookies need"],
    [{ trustedProxies: ["proxy"] }, "proxy is no IP address"],
  ])("refuses %j", (change, message) => {
    expect(() => checkWebSocketOptions({ ...options, ...change })).toThrow(message);
  });

  it("takes cookies that are named nowhere for none", () => {
    checkWebSocketOptions({ ...options, cookies: { jwt: undefined, user: undefined } });
  });
});
