// Stock clients over every kind of listener: TLS after INFO, before it and as the client likes, with
// client certificates, and WebSockets in clear and encrypted.
import { readFileSync } from "node:fs";
import type { TlsOptionsInput, WebSocketOptionsInput } from "@mq9/broker";
import {
  createAuthority,
  findPeer,
  runProgram,
  type TempDir,
  type TestAuthority,
  type TestCertificate,
  tempDir,
} from "@mq9/testkit";
import { wsconnect } from "@nats-io/nats-core";
import { connect as connect3 } from "@nats-io/transport-node";
import { connect as connect2 } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type BrokerInProcess, brokerInProcess } from "../support/in-process.ts";
import { buildGo, go, python, runForResult } from "../support/programs.ts";

interface Way {
  readonly name: string;
  readonly tls?: Partial<TlsOptionsInput>;
  readonly websocket?: { readonly tls: boolean; readonly verify?: boolean };
  /** What clients are told besides the authority. */
  readonly client: readonly ("cert" | "first")[];
}

const ways: readonly Way[] = [
  { name: "TLS after INFO", tls: {}, client: [] },
  { name: "TLS after INFO, both sides known", tls: { verify: true }, client: ["cert"] },
  { name: "TLS before INFO", tls: { handshakeFirst: true }, client: ["first"] },
  {
    name: "TLS before INFO, both sides known",
    tls: { handshakeFirst: true, verify: true },
    client: ["first", "cert"],
  },
  {
    name: "TLS before INFO if the client begins",
    tls: { handshakeFirst: 5_000 },
    client: ["first"],
  },
  { name: "TLS after INFO for who did not begin", tls: { handshakeFirst: 50 }, client: [] },
  { name: "TLS for who wants it", tls: { allowNonTls: true }, client: [] },
  { name: "ws", websocket: { tls: false }, client: [] },
  { name: "wss", websocket: { tls: true }, client: [] },
  { name: "wss, both sides known", websocket: { tls: true, verify: true }, client: ["cert"] },
];

const goPeer = findPeer("go");
const pythonPeer = findPeer("python");
const cliPeer = findPeer("nats");
let folder: TempDir;
let authority: TestAuthority;
let server: TestCertificate;
let agent: TestCertificate;

beforeAll(async () => {
  folder = await tempDir("mq9-clients");
  authority = await createAuthority(folder.path);
  const altNames = "DNS:localhost,IP:127.0.0.1";
  server = await authority.issue("server", { subject: "/CN=localhost", altNames });
  agent = await authority.issue("agent", { subject: "/CN=agent", altNames: "DNS:agent.example" });
  if (goPeer.path !== undefined) await buildGo("tls/go");
}, 180_000);
afterAll(() => folder.remove());

describe.each(ways)("$name", (way) => {
  let broker: BrokerInProcess;
  let url: string;
  const isEncrypted = way.tls !== undefined || way.websocket?.tls === true;
  const isWebSocket = way.websocket !== undefined;
  const shows = (what: "cert" | "first"): boolean => way.client.includes(what);

  beforeAll(async () => {
    const pair = { cert: server.cert, key: server.key, ca: authority.cert };
    const websocket: WebSocketOptionsInput | undefined = way.websocket && {
      port: 0,
      ...(way.websocket.tls && { tls: { ...pair, verify: way.websocket.verify } }),
    };
    broker = await brokerInProcess({ tls: way.tls && { ...pair, ...way.tls }, websocket });
    const { port, websocket: web } = broker.address;
    url = isWebSocket
      ? `${isEncrypted ? "wss" : "ws"}://localhost:${web?.port}`
      : `${isEncrypted ? "tls" : "nats"}://localhost:${port}`;
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  const files = (): string[] => [
    ...(isEncrypted ? [`ca=${authority.certFile}`] : []),
    ...(shows("cert") ? [`cert=${agent.certFile}`, `key=${agent.keyFile}`] : []),
    ...(shows("first") ? ["first=yes"] : []),
  ];
  const answer = { echo: true, encrypted: isEncrypted };

  it.skipIf(goPeer.path === undefined)(`nats.go ${goPeer.reason}`, async () => {
    expect(await runForResult(go("encrypted-go"), url, ...files())).toEqual(answer);
  });

  it.skipIf(pythonPeer.path === undefined)(`nats-py ${pythonPeer.reason}`, async () => {
    expect(await runForResult(python("tls/python/encrypted.py"), url, ...files())).toEqual(answer);
  });

  it.skipIf(cliPeer.path === undefined)(`the nats CLI ${cliPeer.reason}`, async () => {
    const flags = [
      ...(isEncrypted ? ["--tlsca", authority.certFile] : []),
      ...(shows("cert") ? ["--tlscert", agent.certFile, "--tlskey", agent.keyFile] : []),
      ...(shows("first") ? ["--tlsfirst"] : []),
    ];
    const cli = cliPeer.path ?? "";
    const env = { ...process.env, HOME: folder.path, XDG_CONFIG_HOME: folder.path };
    const result = await runProgram(cli, ["--server", url, ...flags, "pub", "cli", "hello"], {
      env,
    });
    expect(result.code, result.stderr).toBe(0);
  });

  it.skipIf(isWebSocket)("nats 2 and @nats-io/transport-node 3", async () => {
    const tls = {
      ca: authority.cert,
      ...(shows("cert") && { cert: agent.cert, key: agent.key }),
      ...(shows("first") && { handshakeFirst: true }),
    };
    for (const connect of [connect2, connect3]) {
      const nc = await connect({ servers: url.replace("tls://", ""), tls, reconnect: false });
      const sub = nc.subscribe("js", { max: 1 });
      const body = "0123456789".repeat(30_000);
      nc.publish("js", body);
      for await (const message of sub) expect(message.string()).toBe(body);
      await nc.close();
    }
  });

  it.skipIf(!isWebSocket)("@nats-io/nats-core 3 by wsconnect", async () => {
    const ca = readFileSync(authority.certFile);
    const shown = shows("cert") ? { cert: agent.cert, key: agent.key } : {};
    // Node.js 20 has no WebSocket of its own; the client takes the global one.
    const before = Object.getOwnPropertyDescriptor(globalThis, "WebSocket");
    class TrustingWebSocket extends WebSocket {
      constructor(address: string) {
        super(address, { ca, ...shown });
      }
    }
    Object.defineProperty(globalThis, "WebSocket", {
      value: TrustingWebSocket,
      configurable: true,
    });
    try {
      const nc = await wsconnect({ servers: url, reconnect: false });
      const sub = nc.subscribe("js", { max: 1 });
      const body = "0123456789".repeat(30_000);
      nc.publish("js", body);
      for await (const message of sub) expect(message.string()).toBe(body);
      await nc.close();
    } finally {
      if (before === undefined) Reflect.deleteProperty(globalThis, "WebSocket");
      else Object.defineProperty(globalThis, "WebSocket", before);
    }
  });
});
