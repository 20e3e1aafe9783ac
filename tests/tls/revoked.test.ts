// An authority or a pin is taken out while clients are in by it: a reload ends them, and nobody else.

import { createHash, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import {
  createAuthority,
  runProgram,
  type TestAuthority,
  type TestCertificate,
} from "@mq9/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokerInProcess, brokerInProcess } from "../support/in-process.ts";
import { binary, frame, request } from "../websocket/raw-websocket.ts";
import { type Certificates, makeCertificates } from "./certificates.ts";
import { encrypted, type Wire } from "./raw-tls.ts";

let made: Certificates;
let other: TestAuthority;
let ann: TestCertificate;
let bob: TestCertificate;

beforeAll(async () => {
  made = await makeCertificates("mq9-revoked");
  other = await createAuthority(made.folder.path, "other");
  ann = await made.authority.issue("ann", { subject: "/CN=ann" });
  bob = await other.issue("bob", { subject: "/CN=bob" });
});
afterAll(() => made[Symbol.asyncDispose]());

const revoked = "-ERR 'User Authentication Revoked'\r\n";
const greeting = 'CONNECT {"verbose":false}\r\nPING\r\n';
const pinOf = ({ cert }: TestCertificate): string =>
  createHash("sha256")
    .update(new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");

interface Rules {
  readonly ca: string;
  readonly pinnedCerts?: readonly string[];
}

const tlsOf = ({ ca, pinnedCerts }: Rules) => ({
  cert: made.server.cert,
  key: made.server.key,
  ca,
  pinnedCerts,
  verify: true,
  handshakeFirst: true,
});

function start(rules: Rules, maps = true): Promise<BrokerInProcess> {
  const tls = tlsOf(rules);
  const users = ["CN=ann", "CN=bob"].map((user) => ({ user }));
  const auth = { users, certificateNamesUser: true };
  return brokerInProcess({ tls, websocket: { port: 0, tls }, ...(maps ? { auth } : {}) });
}

async function enter(port: number, shown: TestCertificate): Promise<Wire> {
  const ca = made.authority.cert;
  const wire = await encrypted({ port, ca, cert: shown.cert, key: shown.key });
  await wire.through("\r\n");
  wire.send(greeting);
  await wire.through("PONG\r\n");
  return wire;
}

async function enterWeb(port: number, shown: TestCertificate): Promise<Wire> {
  const ca = made.authority.cert;
  const wire = await encrypted({ port, ca, cert: shown.cert, key: shown.key });
  wire.send(request());
  await wire.through("\r\n\r\n");
  wire.send(frame(binary, greeting));
  await wire.through("PONG\r\n");
  return wire;
}

async function stays(wire: Wire): Promise<void> {
  wire.send("PING\r\n");
  await wire.through("PONG\r\n");
}

describe("a reload", () => {
  it.each([true, false])(
    "ends who came in by an authority that is gone, on both listeners (named by it: %s)",
    async (maps) => {
      const both = made.authority.cert + other.cert;
      await using running = await start({ ca: both }, maps);
      const { port, websocket } = running.address;
      await using stayed = await enter(port, ann);
      await using gone = await enter(port, bob);
      await using web = await enterWeb(websocket?.port ?? 0, bob);
      const tls = tlsOf({ ca: made.authority.cert });
      running.broker.reload({ tls, websocketTls: tls });
      expect(await gone.toEnd()).toBe(revoked);
      expect(await web.toEnd()).toContain(revoked);
      await stays(stayed);
      await expect(enter(port, bob)).rejects.toThrow();
    },
  );

  it("ends who has a key that is pinned no more", async () => {
    const ca = made.authority.cert + other.cert;
    await using running = await start({ ca, pinnedCerts: [pinOf(ann), pinOf(bob).toUpperCase()] });
    await using stayed = await enter(running.address.port, ann);
    await using gone = await enter(running.address.port, bob);
    running.broker.reload({ tls: tlsOf({ ca, pinnedCerts: [pinOf(ann)] }) });
    expect(await gone.toEnd()).toBe(revoked);
    await stays(stayed);
  });

  it("keeps who came in by an authority whose certificate was renewed", async () => {
    await using running = await start({ ca: made.authority.cert });
    await using stayed = await enter(running.address.port, ann);
    const renewed = await sameName("renewed", ["-key", path.join(made.folder.path, "ca.key")]);
    running.broker.reload({ tls: tlsOf({ ca: renewed }) });
    await stays(stayed);
  });

  it("ends who came in by an authority in whose name another key signs", async () => {
    await using running = await start({ ca: made.authority.cert });
    await using gone = await enter(running.address.port, ann);
    const impostor = await sameName("impostor", [
      ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-keyout", path.join(made.folder.path, "impostor.key")],
    ]);
    running.broker.reload({ tls: tlsOf({ ca: impostor }) });
    expect(await gone.toEnd()).toBe(revoked);
  });
});

/** Another certificate of the authority `ca`. */
async function sameName(name: string, key: readonly string[]): Promise<string> {
  const file = path.join(made.folder.path, `${name}.pem`);
  const args = ["req", "-x509", ...key, "-out", file, "-days", "3", "-subj", "/CN=ca"];
  const { code, stderr } = await runProgram("openssl", args);
  expect(code, stderr).toBe(0);
  return await readFile(file, "utf8");
}
