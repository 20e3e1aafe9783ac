// From a client certificate to a user: real handshakes, on both kinds of listeners, also with names that
// were made to be misread.
import type { Connection } from "@mq9/router";
import { createRouter, defaultTlsOptions } from "@mq9/router";
import type { TestAuthority, TestCertificate } from "@mq9/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { brokerInProcess } from "../support/in-process.ts";
import { binary, frame, request } from "../websocket/raw-websocket.ts";
import { type Certificates, makeCertificates } from "./certificates.ts";
import { encrypted, type Wire } from "./raw-tls.ts";

let made: Certificates;
let authority: TestAuthority;
let server: TestCertificate;

beforeAll(async () => {
  made = await makeCertificates("mq9-identity");
  ({ authority, server } = made);
});
afterAll(() => made[Symbol.asyncDispose]());

const tlsOf = (): typeof defaultTlsOptions & { cert: string; key: string; ca: string } => ({
  ...defaultTlsOptions,
  cert: server.cert,
  key: server.key,
  ca: authority.cert,
  verify: true,
  handshakeFirst: true,
});

async function connect(port: number, shown: TestCertificate): Promise<Wire> {
  return await encrypted({ port, ca: authority.cert, cert: shown.cert, key: shown.key });
}

describe("names in a certificate", () => {
  it("are one name each, whatever they hold", async () => {
    const seen: Connection[] = [];
    const router = createRouter(
      { host: "127.0.0.1", port: 0, tls: tlsOf() },
      { connected: (connection) => seen.push(connection) },
    );
    const { port } = await router.listen();
    const sections = `
[names]
DNS.1 = evil.example, DNS:admin.example
DNS.2 = plain.example
email.1 = agent@example.org
URI.1 = spiffe://example/a, URI:spiffe://example/admin
IP.1 = ::1
RID.1 = 1.2.3.4
otherName.1 = 1.2.3.4;UTF8:DNS:admin.example
dirName.1 = directory
[directory]
CN = admin, DNS:admin.example
`;
    const agent = await authority.issue("agent", {
      subject: "/O=a, CN=admin/CN=x \\+ CN=admin",
      altNames: "@names",
      sections,
    });
    await using wire = await connect(port, agent);
    wire.send('CONNECT {"verbose":false}\r\nPING\r\n');
    await wire.through("PONG\r\n");
    expect(seen[0]?.peer.tls?.certificate).toMatchObject({
      subject: "CN=x \\+ CN=admin,O=a\\, CN=admin",
      dnsNames: ["evil.example, DNS:admin.example", "plain.example"],
      emails: ["agent@example.org"],
      uris: ["spiffe://example/a, URI:spiffe://example/admin"],
    });
    await router.close();
  });
});

describe("a certificate that names a user", () => {
  it("lets that user in, on both listeners, and nobody else", async () => {
    const altNames = "email:agent@example.org";
    const agent = await authority.issue("ann", { subject: "/CN=ann", altNames });
    const other = await authority.issue("eve", { subject: "/CN=agent@example.org" });
    await using running = await brokerInProcess({
      tls: tlsOf(),
      websocket: { port: 0, tls: tlsOf() },
      auth: { users: [{ user: "agent@example.org" }], certificateNamesUser: true },
    });
    const { port, websocket } = running.address;
    const connectLine = 'CONNECT {"verbose":false}\r\nPING\r\n';
    for (const [shown, answer] of [
      [agent, "PONG\r\n"],
      [other, "-ERR 'Authorization Violation'\r\n"],
    ] as const) {
      await using wire = await connect(port, shown);
      await wire.through("\r\n");
      wire.send(connectLine);
      await wire.through(answer);
      await using web = await connect(websocket?.port ?? 0, shown);
      web.send(request());
      await web.through("\r\n\r\n");
      web.send(frame(binary, connectLine));
      await web.through(answer);
    }
  });
});
