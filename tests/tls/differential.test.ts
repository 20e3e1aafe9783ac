// The same clients to the broker and to the real nats-server, both with the same TLS settings: when INFO
// comes and what it says, who is let in and who is not.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { ConnectionOptions } from "node:tls";
import type { TlsOptionsInput } from "@mq9/broker";
import {
  createAuthority,
  findPeer,
  startNatsServer,
  type TempDir,
  type TestAuthority,
  type TestCertificate,
  tempDir,
} from "@mq9/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { brokerInProcess } from "../support/in-process.ts";
import { encrypted, plain, type Wire } from "./raw-tls.ts";

const peer = findPeer("nats-server");
const modes: readonly { name: string; here: Partial<TlsOptionsInput>; there: string }[] = [
  { name: "tls", here: {}, there: "" },
  { name: "verify", here: { verify: true }, there: "verify: true" },
  { name: "handshake_first", here: { handshakeFirst: true }, there: "handshake_first: true" },
  {
    name: "handshake_first and verify",
    here: { handshakeFirst: true, verify: true },
    there: "handshake_first: true, verify: true",
  },
  {
    name: "handshake_first: 1s",
    here: { handshakeFirst: 1_000 },
    there: 'handshake_first: "1s"',
  },
  { name: "min_version: 1.3", here: { minVersion: "TLSv1.3" }, there: 'min_version: "1.3"' },
];
const open: AsyncDisposable[] = [];
let folder: TempDir;
let authority: TestAuthority;
let server: TestCertificate;
let agent: TestCertificate;
let stranger: TestCertificate;

beforeAll(async () => {
  folder = await tempDir("mq9-differential");
  authority = await createAuthority(folder.path);
  const others = await createAuthority(folder.path, "others");
  const altNames = "DNS:localhost,IP:127.0.0.1";
  server = await authority.issue("server", { subject: "/CN=localhost", altNames });
  agent = await authority.issue("agent", { subject: "/CN=agent" });
  stranger = await others.issue("stranger", { subject: "/CN=agent" });
});
afterAll(async () => {
  for (const item of open.splice(0).reverse()) await item[Symbol.asyncDispose]();
  await folder.remove();
});

/** Ports of both servers with these settings. */
async function both(here: Partial<TlsOptionsInput>, there: string, rest = ""): Promise<number[]> {
  const files = `cert_file: "${server.certFile}", key_file: "${server.keyFile}", ca_file: "${authority.certFile}"`;
  const config = path.join(folder.path, `${open.length}.conf`);
  await writeFile(
    config,
    `tls { ${files}, timeout: 3${there === "" ? "" : `, ${there}`} }\n${rest}\n`,
  );
  const real = await startNatsServer(["-c", config]);
  const { cert, key } = server;
  const tls = { cert, key, ca: authority.cert, timeoutMs: 3_000, ...here };
  const broker = await brokerInProcess({ tls });
  open.push(real, broker);
  return [broker.address.port, real.port];
}

const greeting = 'CONNECT {"verbose":false,"pedantic":false,"protocol":1}\r\nPING\r\n';

/** What INFO says of TLS. */
async function flags(wire: Wire): Promise<unknown> {
  const { tls_required, tls_available, tls_verify } = await wire.info();
  return { tls_required, tls_available, tls_verify };
}

/** Whether a client gets as far as PONG. */
async function isServed(wire: Wire): Promise<boolean> {
  wire.send(greeting);
  return await wire.through("PONG\r\n").then(
    () => true,
    () => false,
  );
}

/** A client that reads INFO in clear, and then encrypts if it has options. */
async function classic(port: number, options?: ConnectionOptions): Promise<unknown> {
  await using wire = await plain(port);
  const info = await flags(wire).catch(() => "none in clear");
  if (info === "none in clear" || options === undefined) {
    return { info, served: info !== "none in clear" && (await isServed(wire)) };
  }
  const secure = await wire.encrypt(options).catch(() => undefined);
  return { info, served: secure !== undefined && (await isServed(secure)) };
}

/** A client that encrypts first. */
async function first(port: number, options: ConnectionOptions): Promise<unknown> {
  const wire = await encrypted({ port, ...options }).catch(() => undefined);
  if (wire === undefined) return "no handshake";
  await using secure = wire;
  const info = await flags(secure).catch(() => "none");
  return { info, served: info !== "none" && (await isServed(secure)) };
}

/** Everything that clients of every kind meet on a port. */
async function meet(port: number): Promise<Record<string, unknown>> {
  const ca = authority.cert;
  const known = { ca, cert: agent.cert, key: agent.key };
  const unknown = { ca, cert: stranger.cert, key: stranger.key };
  const kinds: Record<string, Promise<unknown>> = {
    clear: classic(port),
    encrypted: classic(port, { ca }),
    known: classic(port, known),
    unknown: classic(port, unknown),
    old: classic(port, { ca, maxVersion: "TLSv1.2" }),
    first: first(port, { ca }),
    firstKnown: first(port, known),
    firstUnknown: first(port, unknown),
  };
  const met = await Promise.all(
    Object.entries(kinds).map(async ([name, kind]) => [name, await kind] as const),
  );
  return Object.fromEntries(met);
}

describe.skipIf(peer.path === undefined)(`TLS as nats-server has it ${peer.reason}`, () => {
  it.each(modes)("$name", async ({ here, there }) => {
    const [ours = 0, theirs = 0] = await both(here, there);
    const [mine, real] = await Promise.all([meet(ours), meet(theirs)]);
    expect(mine).toEqual(real);
    expect(
      Object.values(mine).filter((met) => JSON.stringify(met).includes('"served":true')),
    ).not.toEqual([]);
  });

  it("allow_non_tls", async () => {
    const [ours = 0, theirs = 0] = await both({ allowNonTls: true }, "", "allow_non_tls: true");
    const known = { ca: authority.cert, cert: agent.cert, key: agent.key };
    for (const options of [undefined, known]) {
      const mine = await classic(ours, options);
      expect(mine).toEqual(await classic(theirs, options));
      expect(mine).toMatchObject({ served: true });
    }
  });
});
