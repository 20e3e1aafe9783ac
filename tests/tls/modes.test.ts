// The ways to encrypt the NATS port, byte by byte: when INFO comes, what it says, who is let through,
// and that nobody hears of somebody else's failed handshake.
import { createHash, X509Certificate } from "node:crypto";
import {
  type Connection,
  createRouter,
  defaultTlsOptions,
  type Router,
  type TlsOptions,
} from "@mq9/router";
import { createAuthority, type TempDir, type TestCertificate, tempDir } from "@mq9/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { encrypted, plain, type Wire } from "./raw-tls.ts";

let folder: TempDir;
let ca: string;
let server: TestCertificate;
let renewed: TestCertificate;
let agent: TestCertificate;
let stranger: TestCertificate;
let expired: TestCertificate;

beforeAll(async () => {
  folder = await tempDir("mq9-tls");
  const authority = await createAuthority(folder.path);
  const others = await createAuthority(folder.path, "others");
  const names = { altNames: "DNS:localhost,IP:127.0.0.1" };
  ca = authority.cert;
  server = await authority.issue("server", { subject: "/CN=localhost", ...names });
  renewed = await authority.issue("renewed", { subject: "/CN=renewed", ...names });
  const altNames = "email:agent@example.org,DNS:agent.example,URI:spiffe://example/agent";
  agent = await authority.issue("agent", { subject: "/O=Ex, ample/CN=agent", altNames });
  stranger = await others.issue("stranger", { subject: "/CN=agent", altNames });
  expired = await authority.issue("expired", { subject: "/CN=agent", altNames, days: -1 });
});
afterAll(() => folder.remove());

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const item of open.splice(0).reverse()) await item[Symbol.asyncDispose]();
});

interface Rig {
  readonly router: Router;
  readonly port: number;
  readonly seen: Connection[];
}

async function start(tls: Partial<TlsOptions> = {}): Promise<Rig> {
  const seen: Connection[] = [];
  const router = createRouter(
    {
      host: "127.0.0.1",
      port: 0,
      tls: { ...defaultTlsOptions, cert: server.cert, key: server.key, ca, ...tls },
    },
    { connected: (connection) => seen.push(connection) },
  );
  open.push({ [Symbol.asyncDispose]: () => router.close() });
  return { router, seen, ...(await router.listen()) };
}

function keep(wire: Wire): Wire {
  open.push(wire);
  return wire;
}

const greeting = 'CONNECT {"verbose":false,"protocol":1}\r\nPING\r\n';

async function greet(wire: Wire): Promise<void> {
  wire.send(greeting);
  await wire.through("PONG\r\n");
}

describe("TLS after INFO", () => {
  it("tells that TLS is required, then speaks only encrypted", async () => {
    const { port, seen } = await start();
    const clear = keep(await plain(port));
    expect(await clear.info()).toMatchObject({ tls_required: true, port });
    await greet(keep(await clear.encrypt({ ca })));
    expect(seen[0]?.peer.tls).toEqual({
      version: "TLSv1.3",
      cipher: expect.stringMatching(/^TLS_/) as string,
      certificate: undefined,
    });
  });

  it("closes on a client that goes on in clear", async () => {
    const { port, seen } = await start();
    const clear = keep(await plain(port));
    await clear.info();
    clear.send(greeting);
    expect(await clear.toEnd()).not.toContain("PONG");
    expect(seen).toEqual([]);
  });

  it("cuts a handshake that does not come, or drips", async () => {
    const { port } = await start({ timeoutMs: 150 });
    const silent = keep(await plain(port));
    const dripping = keep(await plain(port));
    await Promise.all([silent.info(), dripping.info()]);
    const drip = setInterval(() => dripping.send("\x16"), 20);
    dripping.send("\x16\x03\x01\x40\x00");
    await Promise.all([silent.toEnd(), dripping.toEnd()]);
    clearInterval(drip);
  });

  it("offers TLS 1.2 and 1.3, and nothing older", async () => {
    const { port, seen } = await start();
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const clear = keep(await plain(port));
      await clear.info();
      const only = { ca, minVersion: version, maxVersion: version };
      await greet(keep(await clear.encrypt(only)));
      expect(seen.at(-1)?.peer.tls?.version).toBe(version);
    }
    const old = keep(await plain(port));
    await old.info();
    const options = { ca, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" };
    await expect(old.encrypt(options as never)).rejects.toThrow();
    const strict = await start({ minVersion: "TLSv1.3" });
    const second = keep(await plain(strict.port));
    await second.info();
    await expect(second.encrypt({ ca, maxVersion: "TLSv1.2" })).rejects.toThrow();
  });

  it("refuses ciphers without forward secrecy", async () => {
    const { port } = await start();
    const clear = keep(await plain(port));
    await clear.info();
    const options = { ca, maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA256:AES128-SHA" };
    await expect(clear.encrypt(options as never)).rejects.toThrow();
  });

  it("lets nobody take up an earlier session", async () => {
    const { port } = await start();
    const first = keep(await plain(port));
    await first.info();
    const secure = keep(await first.encrypt({ ca }));
    const sessions: Buffer[] = [];
    secure.socket.on("session", (session: Buffer) => sessions.push(session));
    await greet(secure);
    expect(sessions).not.toEqual([]);
    const again = keep(await plain(port));
    await again.info();
    const second = keep(await again.encrypt({ ca, session: sessions[0] as Buffer }));
    await greet(second);
    expect((second.socket as unknown as { isSessionReused(): boolean }).isSessionReused()).toBe(
      false,
    );
  });
});

describe("TLS for who wants it", () => {
  it("reads the first byte to know", async () => {
    const { port, seen } = await start({ allowNonTls: true });
    const clear = keep(await plain(port));
    const info = await clear.info();
    expect(info).toMatchObject({ tls_available: true });
    expect(info).not.toHaveProperty("tls_required");
    await greet(clear);
    const other = keep(await plain(port));
    await other.info();
    await greet(keep(await other.encrypt({ ca })));
    expect(seen.map((connection) => connection.peer.tls?.version)).toEqual([undefined, "TLSv1.3"]);
  });
});

describe("TLS before INFO", () => {
  it("says nothing in clear", async () => {
    const { port } = await start({ handshakeFirst: true, timeoutMs: 1_000 });
    const wire = keep(await encrypted({ port, ca }));
    expect(await wire.info()).toMatchObject({ tls_required: true });
    await greet(wire);
    const clear = keep(await plain(port));
    expect(await clear.toEnd()).toBe("");
  });

  it("waits a moment for a handshake, then speaks in clear", async () => {
    const { port } = await start({ handshakeFirst: 1_000 });
    const first = keep(await encrypted({ port, ca }));
    expect(await first.info()).toMatchObject({ tls_required: true });
    const clear = keep(await plain(port));
    expect(await clear.info()).toMatchObject({ tls_required: true });
    await greet(keep(await clear.encrypt({ ca })));
  });

  it("waits a moment, and then lets the client choose", async () => {
    const { port } = await start({ handshakeFirst: 30, allowNonTls: true });
    const clear = keep(await plain(port));
    expect(await clear.info()).toMatchObject({ tls_available: true });
    await greet(clear);
  });

  it("cuts off who is still shaking hands when the router closes", async () => {
    const { port, router } = await start({ handshakeFirst: true, timeoutMs: 60_000 });
    const clear = keep(await plain(port));
    clear.send("\x16\x03\x01");
    const other = keep(await encrypted({ port, ca }));
    await other.info();
    await router.close();
    expect(await clear.toEnd()).toBe("");
  });
});

describe("client certificates", () => {
  it("say who the peer is", async () => {
    const { port, seen } = await start({ verify: true });
    const clear = keep(await plain(port));
    expect(await clear.info()).toMatchObject({ tls_required: true, tls_verify: true });
    await greet(keep(await clear.encrypt({ ca, cert: agent.cert, key: agent.key })));
    expect(seen[0]?.peer.tls?.certificate).toEqual({
      subject: "CN=agent,O=Ex\\, ample",
      emails: ["agent@example.org"],
      dnsNames: ["agent.example"],
      uris: ["spiffe://example/agent"],
      spkiSha256: pinOf(agent),
      authorities: [expect.stringMatching(/^[0-9a-f]{64} /)],
    });
  });

  it("are needed, in time, and from the right authority", async () => {
    const { port, seen } = await start({ verify: true });
    for (const shown of [undefined, stranger, expired]) {
      const clear = keep(await plain(port));
      await clear.info();
      const options = shown === undefined ? { ca } : { ca, cert: shown.cert, key: shown.key };
      // With TLS 1.3 the client is done before the server has looked at its certificate.
      const wire = await clear.encrypt(options).then(keep, () => undefined);
      wire?.send(greeting);
      expect((await wire?.toEnd()) ?? "").not.toContain("PONG");
    }
    expect(seen).toEqual([]);
  });

  it("may be pinned by their keys", async () => {
    const { port, seen } = await start({ verify: true, pinnedCerts: [pinOf(agent).toUpperCase()] });
    const first = keep(await plain(port));
    await first.info();
    await greet(keep(await first.encrypt({ ca, cert: agent.cert, key: agent.key })));
    const second = keep(await plain(port));
    await second.info();
    const wire = keep(await second.encrypt({ ca, cert: renewed.cert, key: renewed.key }));
    wire.send(greeting);
    expect(await wire.toEnd()).not.toContain("PONG");
    expect(seen).toHaveLength(1);
  });
});

describe("reload", () => {
  it("shows the new certificate to new connections, and keeps the old ones", async () => {
    const { port, router } = await start({ handshakeFirst: true });
    const before = keep(await encrypted({ port, ca }));
    await before.info();
    router.reloadTls({ tls: { ...defaultTlsOptions, cert: renewed.cert, key: renewed.key } });
    const clear = keep(await plain(port));
    await clear.info();
    const after = keep(await clear.encrypt({ ca }));
    await greet(after);
    await greet(before);
    expect(subjectOf(before)).toBe("localhost");
    expect(subjectOf(after)).toBe("renewed");
  });

  it("changes nothing when the new certificate can not be used", async () => {
    const { port, router } = await start();
    const mixed = { ...defaultTlsOptions, cert: renewed.cert, key: server.key };
    expect(() => router.reloadTls({ tls: mixed })).toThrow("does not belong to the certificate");
    const clear = keep(await plain(port));
    await clear.info();
    const wire = keep(await clear.encrypt({ ca }));
    await greet(wire);
    expect(subjectOf(wire)).toBe("localhost");
  });

  it("can not encrypt a listener that runs in clear", async () => {
    const router = createRouter({ host: "127.0.0.1", port: 0 });
    const tls = { ...defaultTlsOptions, cert: server.cert, key: server.key };
    expect(() => router.reloadTls({ tls })).toThrow(RangeError);
  });
});

describe("a failed handshake", () => {
  it("is nobody else's business", async () => {
    const { port } = await start();
    const clear = keep(await plain(port));
    await clear.info();
    const good = keep(await clear.encrypt({ ca }));
    await greet(good);
    for (const bytes of [
      "\x16\x03\x01\x00\x05hello",
      "GET / HTTP/1.1\r\n\r\n",
      "\x00",
      "\x15\x03",
    ]) {
      const bad = await plain(port);
      await bad.info();
      bad.send(bytes);
      bad.socket.resetAndDestroy();
    }
    await greet(good);
  });
});

describe("large output", () => {
  it("arrives whole at many encrypted readers, fast and slow", async () => {
    const { port } = await start({ handshakeFirst: true });
    const readers: Wire[] = [];
    for (let at = 0; at < 20; at++) {
      const reader = keep(await encrypted({ port, ca }));
      await reader.info();
      reader.send(`${greeting}SUB fan ${at}\r\nPING\r\n`);
      await reader.through("PONG\r\nPONG\r\n");
      readers.push(reader);
    }
    const hashes = readers.map((reader, at) => {
      const hash = createHash("sha256");
      reader.socket.removeAllListeners("data");
      let bytes = 0;
      return new Promise<{ digest: string }>((resolve) => {
        reader.socket.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          hash.update(chunk);
          if (at % 5 === 0) {
            reader.socket.pause();
            setImmediate(() => reader.socket.resume());
          }
          if (bytes === sizeOf(at)) resolve({ digest: hash.digest("hex") });
        });
      });
    });
    const bodies = Array.from({ length: 400 }, (_, at) =>
      String.fromCharCode(97 + (at % 26)).repeat((at * 397) % 40_000),
    );
    const sizeOf = (sid: number): number =>
      bodies.reduce((sum, body) => sum + wireOf(body, sid).length, 0);
    const wireOf = (body: string, sid: number): string =>
      `MSG fan ${sid} ${body.length}\r\n${body}\r\n`;
    const publisher = keep(await encrypted({ port, ca }));
    await publisher.info();
    await greet(publisher);
    for (const body of bodies) publisher.send(`PUB fan ${body.length}\r\n${body}\r\n`);
    for (const [at, hash] of hashes.entries()) {
      const expected = createHash("sha256");
      for (const body of bodies) expected.update(wireOf(body, at));
      expect((await hash).digest).toBe(expected.digest("hex"));
    }
  });
});

function pinOf(certificate: TestCertificate): string {
  const spki = new X509Certificate(certificate.cert).publicKey.export({
    type: "spki",
    format: "der",
  });
  return createHash("sha256").update(spki).digest("hex");
}

function subjectOf(wire: Wire): string {
  const socket = wire.socket as unknown as { getPeerCertificate(): { subject: { CN: string } } };
  return socket.getPeerCertificate().subject.CN;
}
