// TLS through the broker's options: what can not work is named before anything listens, and a reload
// is for whoever comes next.
import { generateKeyPairSync } from "node:crypto";
import {
  type BrokerOptionsInput,
  OptionsError,
  resolveOptions,
  type TlsOptionsInput,
} from "@mq9/broker";
import { createRouter, defaultTlsOptions, type Identity } from "@mq9/router";
import { createAuthority, type TempDir, type TestCertificate, tempDir } from "@mq9/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { brokerInProcess } from "../support/in-process.ts";
import { encrypted, plain } from "./raw-tls.ts";

let folder: TempDir;
let ca: string;
let server: TestCertificate;
let renewed: TestCertificate;

beforeAll(async () => {
  folder = await tempDir("mq9-tls");
  const authority = await createAuthority(folder.path);
  const names = { altNames: "DNS:localhost,IP:127.0.0.1" };
  ca = authority.cert;
  server = await authority.issue("server", { subject: "/CN=localhost", ...names });
  renewed = await authority.issue("renewed", { subject: "/CN=renewed", ...names });
});
afterAll(() => folder.remove());

const refused: readonly [string, (pair: TlsOptionsInput) => BrokerOptionsInput, string][] = [
  ["tls.cert", (pair) => ({ tls: { ...pair, cert: "/etc/cert.pem" } }), "must be PEM text"],
  ["tls.key", (pair) => ({ tls: { ...pair, key: pair.cert } }), "must be PEM text"],
  ["tls.key", (pair) => ({ tls: { ...pair, key: renewed.key } }), "does not belong"],
  ["tls.key", (pair) => ({ tls: { ...pair, key: lockedKey() } }), "is encrypted"],
  ["tls.ca", (pair) => ({ tls: { ...pair, verify: true } }), "missing"],
  ["tls.ca", (pair) => ({ tls: { ...pair, verify: true, ca: "nothing" } }), "authority"],
  ["tls.timeoutMs", (pair) => ({ tls: { ...pair, timeoutMs: 0 } }), "0 ms"],
  ["tls.handshakeFirst", (pair) => ({ tls: { ...pair, handshakeFirst: 0 } }), "1 to 60000 ms"],
  ["tls.pinnedCerts", (pair) => ({ tls: { ...pair, pinnedCerts: [] } }), "verify"],
  [
    "tls.pinnedCerts",
    (pair) => ({ tls: { ...pair, ca, verify: true, pinnedCerts: ["ab"] } }),
    "SHA-256",
  ],
  [
    "websocket.tls.key",
    (pair) => ({ websocket: { port: 0, tls: { ...pair, key: renewed.key } } }),
    "does not belong",
  ],
];

function lockedKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey
    .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" })
    .toString();
}

describe("TLS options of a broker", () => {
  it.each(refused)("%s is named when it can not be used (%#)", (option, inputOf, words) => {
    const { cert, key } = server;
    expect(() => resolveOptions(inputOf({ cert, key }))).toThrow(
      expect.objectContaining({ option, message: expect.stringContaining(words) as string }),
    );
  });

  it("are changed by a reload, on both listeners", async () => {
    const { cert, key } = server;
    const first = { cert, key, handshakeFirst: true };
    await using running = await brokerInProcess({ tls: first, websocket: { port: 0, tls: first } });
    const next = { cert: renewed.cert, key: renewed.key, handshakeFirst: true };
    running.broker.reload({ tls: next, websocketTls: next });
    for (const port of [running.address.port, running.address.websocket?.port ?? 0]) {
      await using wire = await encrypted({ port, ca });
      const socket = wire.socket as unknown as { getPeerCertificate(): { subject: object } };
      expect(socket.getPeerCertificate().subject).toEqual({ CN: "renewed" });
    }
    const mixed = { ...next, key: server.key };
    expect(() => running.broker.reload({ tls: next, websocketTls: mixed })).toThrow(OptionsError);
  });

  it("are not changed by a reload of which any part can not be used", async () => {
    const { cert, key } = server;
    const tls = { cert, key, handshakeFirst: true };
    await using running = await brokerInProcess({ tls });
    const next = { ...tls, cert: renewed.cert, key: renewed.key };
    const auth = { token: "t" };
    const limits = { maxPendingBytes: 1 };
    const wrong = { tls: next, auth, limits };
    const words = /maxPendingBytes is 1/;
    expect(() => running.broker.reload(wrong)).toThrow(OptionsError);
    expect(() => running.broker.reload(wrong)).toThrow(words);
    const few = { maxConnections: 1 };
    expect(() => running.broker.reload({ limits: few, websocketTls: next })).toThrow(OptionsError);
    await using _first = await encrypted({ port: running.address.port, ca });
    await using wire = await encrypted({ port: running.address.port, ca });
    const socket = wire.socket as unknown as { getPeerCertificate(): { subject: object } };
    expect(socket.getPeerCertificate().subject).toEqual({ CN: "localhost" });
    expect(await wire.info()).not.toHaveProperty("auth_required");
    wire.send('CONNECT {"verbose":false}\r\nPING\r\n');
    await wire.through("PONG\r\n");
  });
});

describe("the time to say who one is", () => {
  it("begins after the handshake", async () => {
    const everyone: Identity = { account: "$G", user: "", permissions: undefined };
    const { cert, key } = server;
    const router = createRouter(
      {
        host: "127.0.0.1",
        port: 0,
        authTimeoutMs: 150,
        tls: { ...defaultTlsOptions, cert, key, timeoutMs: 5_000 },
      },
      {
        authenticator: {
          required: true,
          nonces: false,
          authenticate: () => everyone,
          renew: () => everyone,
        },
      },
    );
    const { port } = await router.listen();
    await using clear = await plain(port);
    await clear.info();
    await new Promise((resolve) => setTimeout(resolve, 400)); // longer than there is to say it
    await using wire = await clear.encrypt({ ca });
    wire.send('CONNECT {"verbose":false}\r\nPING\r\n');
    await wire.through("PONG\r\n");
    await router.close();
  });
});
