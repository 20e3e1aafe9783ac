// TLS as an operator sets it up: the blocks of the documents are settings that the executable takes, and a
// certificate is changed under a running broker.
import { copyFile, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import {
  repositoryRoot,
  runProgram,
  startBroker,
  type TempDir,
  type TestAuthority,
  type TestCertificate,
} from "@mq9/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Certificates, localNames, makeCertificates } from "./certificates.ts";
import { encrypted, plain, type Wire } from "./raw-tls.ts";

let made: Certificates;
let folder: TempDir;
let authority: TestAuthority;
let server: TestCertificate;
let renewed: TestCertificate;

beforeAll(async () => {
  made = await makeCertificates("mq9-serve");
  ({ folder, authority, server } = made);
  renewed = await authority.issue("renewed", { subject: "/CN=renewed", altNames: localNames });
});
afterAll(() => made[Symbol.asyncDispose]());

/** Settings in a page: its blocks without a language. */
async function settingsOf(page: string): Promise<string[]> {
  const text = await readFile(path.join(repositoryRoot, page), "utf8");
  const blocks = [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)];
  return blocks.flatMap(([, language, block = ""]) => (language === "" ? [block] : []));
}

function subjectOf(wire: Wire): string {
  const socket = wire.socket as unknown as { getPeerCertificate(): { subject: { CN: string } } };
  return socket.getPeerCertificate().subject.CN;
}

describe.each(["docs/operating/tls.md", "docs/guide/browsers.md"])("%s", (page) => {
  it("shows settings that the broker takes", async () => {
    const blocks = await settingsOf(page);
    expect(blocks.length).toBeGreaterThan(1);
    for (const [at, block] of blocks.entries()) {
      const file = path.join(folder.path, `${path.basename(page)}-${at}.conf`);
      await writeFile(
        file,
        block
          .replaceAll("/etc/mq9/cert.pem", server.certFile)
          .replaceAll("/etc/mq9/key.pem", server.keyFile)
          .replaceAll("/etc/mq9/clients-ca.pem", authority.certFile),
      );
      const executable = path.join(repositoryRoot, "apps/mq9/bin/mq9.js");
      const args = [executable, "serve", "--config", file, "--print-config"];
      const { code, stdout, stderr } = await runProgram(process.execPath, args);
      expect(code, `${block}\n${stdout}${stderr}`).toBe(0);
    }
  });
});

describe("a running broker", () => {
  it("shows a new certificate after SIGHUP, and keeps the old one when the new is none", async () => {
    const certFile = path.join(folder.path, "current.pem");
    const keyFile = path.join(folder.path, "current.key");
    const config = path.join(folder.path, "mq9.conf");
    const use = async (pair: { certFile: string; keyFile: string }): Promise<void> => {
      await copyFile(pair.certFile, certFile);
      await copyFile(pair.keyFile, keyFile);
    };
    await use(server);
    await writeFile(
      config,
      `tls { cert_file: "${certFile}", key_file: "${keyFile}", handshake_first: true }\n`,
    );
    await using broker = await startBroker({ args: ["--config", config] });
    const ca = authority.cert;
    const shown = async (): Promise<string> => {
      await using wire = await encrypted({ port: broker.port, ca });
      return subjectOf(wire);
    };
    await using before = await encrypted({ port: broker.port, ca });
    await before.info();
    expect(subjectOf(before)).toBe("localhost");
    await use(renewed);
    broker.process.kill("SIGHUP");
    await expect.poll(shown, { timeout: 10_000 }).toBe("renewed");
    await use({ certFile: server.certFile, keyFile: renewed.keyFile });
    const logged = broker.logs.length;
    broker.process.kill("SIGHUP");
    await expect
      .poll(() => broker.logs.slice(logged), { timeout: 10_000 })
      .toContain(`does not belong to the certificate (${certFile}, ${keyFile})`);
    expect(await shown()).toBe("renewed");
    before.send('CONNECT {"verbose":false}\r\nPING\r\n');
    await before.through("PONG\r\n");
    await using clear = await plain(broker.port);
    clear.send("PING\r\n");
    expect(await clear.toEnd()).not.toContain("PONG");
  });
});
