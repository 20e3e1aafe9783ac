// An authority and the certificate of a server on this machine, in a folder of their own. Made once by
// each test file that encrypts.
import {
  createAuthority,
  type TempDir,
  type TestAuthority,
  type TestCertificate,
  tempDir,
} from "@mq9/testkit";

export interface Certificates extends AsyncDisposable {
  readonly folder: TempDir;
  readonly authority: TestAuthority;
  readonly server: TestCertificate;
}

/** Names by which clients reach a server of the tests. */
export const localNames = "DNS:localhost,IP:127.0.0.1";

export async function makeCertificates(name: string): Promise<Certificates> {
  const folder = await tempDir(name);
  const authority = await createAuthority(folder.path);
  const server = await authority.issue("server", {
    subject: "/CN=localhost",
    altNames: localNames,
  });
  return { folder, authority, server, [Symbol.asyncDispose]: () => folder.remove() };
}
