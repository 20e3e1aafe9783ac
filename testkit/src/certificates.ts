// Certificates for tests, made anew by the openssl command in a folder of the test.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { runProgram } from "./child.ts";

/** A certificate and its key, as PEM text and as files. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface IssueOptions {
  /** As openssl writes it, for instance `/O=Example/CN=agent`. */
  readonly subject: string;
  /** For instance `DNS:localhost,IP:127.0.0.1`. */
  readonly altNames?: string;
  /** Further lines of the file that `altNames` may refer to, for instance `[names]\nDNS.1 = localhost`. */
  readonly sections?: string;
  /** From today on; -1 is over already. Default 2. */
  readonly days?: number;
}

/** Somebody who signs certificates. */
export interface TestAuthority {
  readonly cert: string;
  readonly certFile: string;
  issue(name: string, options: IssueOptions): Promise<TestCertificate>;
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** Makes an authority whose files lie in a folder. @param name of its files, unique there */
export async function createAuthority(folder: string, name = "ca"): Promise<TestAuthority> {
  const file = (ending: string): string => path.join(folder, ending);
  const caFile = file(`${name}.pem`);
  const caKeyFile = file(`${name}.key`);
  const caFiles = ["-keyout", caKeyFile, "-out", caFile];
  await openssl("req", "-x509", ...newKey, ...caFiles, "-days", "2", "-subj", `/CN=${name}`);
  return {
    cert: await readFile(caFile, "utf8"),
    certFile: caFile,
    issue: async (leaf, { subject, altNames, sections = "", days = 2 }) => {
      const [keyFile, requestFile, certFile, namesFile] = [
        file(`${leaf}.key`),
        file(`${leaf}.csr`),
        file(`${leaf}.pem`),
        file(`${leaf}.ext`),
      ];
      const names = altNames === undefined ? "" : `subjectAltName=${altNames}\n`;
      await writeFile(namesFile, `${names}${sections}\n`);
      await openssl("req", ...newKey, "-keyout", keyFile, "-out", requestFile, "-subj", subject);
      const signer = ["-CA", caFile, "-CAkey", caKeyFile, "-CAcreateserial", "-days", String(days)];
      const files = ["-in", requestFile, "-extfile", namesFile, "-out", certFile];
      await openssl("x509", "-req", ...signer, ...files);
      const cert = await readFile(certFile, "utf8");
      return { cert, key: await readFile(keyFile, "utf8"), certFile, keyFile };
    },
  };
}

async function openssl(...args: string[]): Promise<void> {
  const { code, stderr } = await runProgram("openssl", args);
  if (code !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
}
