// The same bytes to the broker's WebSocket listener and to that of the real nats-server: status codes,
// close codes and what operations answer must be alike.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { findPeer, startNatsServer, tempDir } from "@mq9/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { brokerInProcess } from "../support/in-process.ts";
import { plain } from "../tls/raw-tls.ts";
import { binary, frame, join, request, type Said, said, text } from "./raw-websocket.ts";

const peer = findPeer("nats-server");
const open: AsyncDisposable[] = [];
let ours: number;
let theirs: number;

beforeAll(async () => {
  if (peer.path === undefined) return;
  const folder = await tempDir("mq9-differential");
  const config = path.join(folder.path, "server.conf");
  await writeFile(
    config,
    'websocket { listen: "127.0.0.1:-1", no_tls: true, allowed_origins: ["https://app.example"] }\n',
  );
  const server = await startNatsServer(["-c", config]);
  theirs = Number(/websocket clients on ws:\/\/127\.0\.0\.1:(\d+)/.exec(server.logs)?.[1]);
  const broker = await brokerInProcess({
    websocket: { port: 0, allowedOrigins: ["https://app.example"] },
  });
  ours = broker.address.websocket?.port ?? 0;
  open.push(folder, server, broker);
});
afterAll(async () => {
  for (const item of open.splice(0).reverse()) await item[Symbol.asyncDispose]();
});

const connect = 'CONNECT {"verbose":false,"pedantic":false,"protocol":1,"headers":true}\r\n';

/** The part that a connection which goes on ends with. */
const lastPing = frame(binary, "PING\r\n");

/** What matters of an answer to a handshake. */
async function statusOf(port: number, bytes: string): Promise<unknown> {
  await using wire = await plain(port);
  wire.send(bytes);
  const head = await wire.through("\r\n\r\n");
  const status = head.slice("HTTP/1.1 ".length, "HTTP/1.1 ".length + 3);
  const accept = /^sec-websocket-accept: (.*)\r$/im.exec(head)?.[1];
  const protocol = /^sec-websocket-(protocol|extensions)/im.test(head);
  const version = status === "101" ? undefined : /^sec-websocket-version: 13\r$/im.test(head);
  return { status, accept, protocol, version };
}

/** What a server says to these bytes, which must make it close or end with a PING. */
async function answerTo(
  port: number,
  parts: readonly string[],
): Promise<Said & { readonly over: boolean }> {
  await using wire = await join(port);
  await wire.through("\r\n");
  wire.received = "";
  for (const part of parts) {
    wire.send(part);
    await new Promise(setImmediate);
  }
  const marker = "PONG\r\n";
  const ends = parts.at(-1) === lastPing;
  const received = ends ? await wire.through(marker) : await wire.toEnd();
  return { ...said(received), over: !ends };
}

describe.skipIf(peer.path === undefined)(
  `WebSockets as nats-server has them ${peer.reason}`,
  () => {
    it.each([
      ["a good handshake", request()],
      ["any path", request({}, "GET /any/where?a=b HTTP/1.1")],
      [
        "sub-protocols and extensions that are offered",
        request({
          "Sec-WebSocket-Protocol": "nats",
          "Sec-WebSocket-Extensions": "permessage-deflate",
        }),
      ],
      ["Connection among others", request({ Connection: "keep-alive, Upgrade" })],
      ["Upgrade in capitals", request({ Upgrade: "WebSocket" })],
      ["POST", request({ "Content-Length": "0" }, "POST / HTTP/1.1")],
      ["HEAD", request({}, "HEAD / HTTP/1.1")],
      ["a plain GET", request({ Upgrade: undefined, Connection: undefined })],
      ["no Upgrade", request({ Upgrade: undefined })],
      ["another Upgrade", request({ Upgrade: "h2c" })],
      ["no Connection", request({ Connection: undefined })],
      ["no key", request({ "Sec-WebSocket-Key": undefined })],
      ["a short key", request({ "Sec-WebSocket-Key": "c2hvcnQ=" })],
      ["a key that is no base64", request({ "Sec-WebSocket-Key": "!!!!!!!!!!!!!!!!!!!!!!==" })],
      ["no version", request({ "Sec-WebSocket-Version": undefined })],
      ["version 8", request({ "Sec-WebSocket-Version": "8" })],
      ["an allowed origin", request({ Origin: "https://app.example" })],
      ["an allowed origin with its port", request({ Origin: "https://app.example:443" })],
      ["a foreign origin", request({ Origin: "https://evil.example" })],
      ["an allowed host by another scheme", request({ Origin: "http://app.example" })],
      ["an origin that is none", request({ Origin: "null" })],
      [
        "a bad method before a bad version",
        request({ "Sec-WebSocket-Version": "8" }, "PUT / HTTP/1.1"),
      ],
      [
        "a bad version before a bad origin",
        request({ "Sec-WebSocket-Version": "8", Origin: "https://evil.example" }),
      ],
      ["the path of MQTT", request({}, "GET /mqtt HTTP/1.1")],
    ])("handshake: %s", async (_, bytes) => {
      expect(await statusOf(ours, bytes)).toEqual(await statusOf(theirs, bytes));
    });

    it.each([
      [
        "operations over frames of both kinds",
        [frame(text, `${connect}SUB a 1\r\nPUB a 5\r\nhe`), frame(binary, "llo\r\n"), lastPing],
      ],
      [
        "a frame cut in the middle",
        [frame(binary, connect).slice(0, 20), frame(binary, connect).slice(20), lastPing],
      ],
      [
        "fragments",
        [frame(0x01, "SUB a"), frame(0x00, " 1\r\nPUB"), frame(0x80, " a 0\r\n\r\n"), lastPing],
      ],
      [
        "a ping between fragments",
        [frame(0x02, "SUB a"), frame(0x89, "!"), frame(0x80, " 1\r\n"), lastPing],
      ],
      ["an empty ping, and pongs nobody asked for", [frame(0x89, ""), frame(0x8a, "x"), lastPing]],
      ["empty frames", [frame(binary, ""), frame(text, ""), lastPing]],
      ["no mask", [frame(binary, "PING\r\n", false)]],
      ["RSV1", [frame(0xc2, "PING\r\n")]],
      ["RSV2", [frame(0xa2, "PING\r\n")]],
      ["RSV3", [frame(0x92, "PING\r\n")]],
      ["an unknown opcode", [frame(0x83, "x")]],
      ["an unknown control opcode", [frame(0x8b, "x")]],
      ["a continuation of nothing", [frame(0x80, "x")]],
      ["a message within another", [frame(0x02, "PI"), frame(0x82, "NG")]],
      ["a ping in parts", [frame(0x09, "x")]],
      ["a ping of 126 bytes", [frame(0x89, "x".repeat(126))]],
      ["a length of 2^63", [frame(binary, "x", true, 2n ** 63n)]],
      ["an operation before a breach", [`${frame(binary, "PING\r\n")}${frame(0xc2, "x")}`]],
      ["close", [frame(0x88, "\x03\xe8")]],
      ["close with words", [frame(0x88, "\x03\xe9bye")]],
      ["close without a code", [frame(0x88, "")]],
      ["close with half a code", [frame(0x88, "\x03")]],
      ["close with a code that must not travel", [frame(0x88, "\x03\xee")]],
      ["close with a code of an application", [frame(0x88, "\x0f\xa0")]],
      ["an operation that is none", [frame(binary, `${connect}NONSENSE\r\n`)]],
      ["a payload that is too large", [frame(binary, `${connect}PUB a 2000000\r\n`)]],
      ["a line that is too long", [frame(binary, `${connect}PUB ${"a".repeat(5_000)}`)]],
      ["CONNECT that is no JSON", [frame(binary, "CONNECT {\r\n")]],
      ["an unknown protocol", [frame(binary, 'CONNECT {"protocol":7}\r\n')]],
    ] as const)("frames: %s", async (_, parts) => {
      const mine = await answerTo(ours, parts);
      const real = await answerTo(theirs, parts);
      expect(mine.over).toBe(real.over);
      if (!real.over) {
        expect(mine).toEqual(real);
        return;
      }
      // The real one often loses its last words over an error; what it does say must be said here too.
      expect(mine.data.slice(0, real.data.length)).toBe(real.data);
      expect(mine.control.slice(0, real.control.length)).toEqual(real.control);
      expect(mine.control.at(-1)?.[0]).toBe(8);
    });

    it("handshake: no Host", async () => {
      // There the HTTP library answers, which knows nothing of WebSockets.
      for (const port of [ours, theirs]) {
        expect(await statusOf(port, request({ Host: undefined }))).toMatchObject({ status: "400" });
      }
    });

    it("a frame that says it is huge is read as it comes", async () => {
      for (const port of [ours, theirs]) {
        await using wire = await join(port);
        await wire.through("\r\n");
        wire.send(frame(binary, `${connect}PING\r\n`, true, 2n ** 40n));
        await wire.through("PONG\r\n");
      }
    });
  },
);
