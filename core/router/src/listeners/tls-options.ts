// How a listener encrypts, and whether that can work. Called with PEM texts; reads no files.

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";

/** Encryption of one listener. */
export interface TlsOptions {
  /** PEM text of the certificate, followed by those between it and its root. */
  readonly cert: string;
  /** PEM text of its private key, not encrypted. */
  readonly key: string;
  /** PEM texts of the authorities that client certificates are verified against. */
  readonly ca?: string | undefined;
  /** Clients must show a certificate that one of `ca` stands for. */
  readonly verify: boolean;
  /**
   * true: the handshake comes before INFO. A number: INFO is held back for so many milliseconds, and a
   * client that begins a handshake meanwhile gets it first. false: INFO goes first, in clear.
   */
  readonly handshakeFirst: boolean | number;
  /** Clients may stay in clear. */
  readonly allowNonTls: boolean;
  /** A handshake that takes longer is cut, in milliseconds. */
  readonly timeoutMs: number;
  /** Hex SHA-256 of the public keys (SPKI) that client certificates may have; undefined = any. */
  readonly pinnedCerts?: readonly string[] | undefined;
  /** Default `TLSv1.2`. */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3" | undefined;
}

/** What may be left out has these values. */
export const defaultTlsOptions: Omit<TlsOptions, "cert" | "key"> = Object.freeze({
  verify: false,
  handshakeFirst: false,
  allowNonTls: false,
  timeoutMs: 2_000, // same as nats-server
});

/** A part of the TLS options that can not be used. */
export class TlsOptionsError extends Error {
  /** Which one, for instance `key`. */
  readonly option: keyof TlsOptions;

  constructor(option: keyof TlsOptions, message: string) {
    super(message);
    this.name = "TlsOptionsError";
    this.option = option;
  }
}

const handshakeFirstMsMax = 60_000;

/**
 * Checks that certificate and key can be read and belong together, and that nothing contradicts.
 * @throws {TlsOptionsError} naming the first part that does not work
 */
export function checkTlsOptions(options: TlsOptions): void {
  const { ca, verify, handshakeFirst, timeoutMs, pinnedCerts, minVersion } = options;
  checkPair(options);
  if (verify && (ca === undefined || ca.trim() === "")) {
    throw new TlsOptionsError(
      "ca",
      "client certificates are verified against ca, which is missing",
    );
  }
  if (ca !== undefined) checkAuthorities(ca);
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1) {
    throw new TlsOptionsError(
      "timeoutMs",
      `a handshake timeout of ${timeoutMs} ms is not possible`,
    );
  }
  if (
    typeof handshakeFirst === "number" &&
    !(Number.isSafeInteger(handshakeFirst) && inRange(handshakeFirst, 1, handshakeFirstMsMax))
  ) {
    throw new TlsOptionsError(
      "handshakeFirst",
      `INFO can be held back for 1 to ${handshakeFirstMsMax} ms, not ${handshakeFirst}`,
    );
  }
  if (pinnedCerts !== undefined && !verify) {
    throw new TlsOptionsError("pinnedCerts", "pinned certificates are only seen with verify");
  }
  const wrong = pinnedCerts?.find((pin) => !/^[0-9a-f]{64}$/i.test(pin));
  if (wrong !== undefined) {
    throw new TlsOptionsError("pinnedCerts", `${wrong} is no SHA-256 of 64 hexadecimal digits`);
  }
  if (minVersion !== undefined && minVersion !== "TLSv1.2" && minVersion !== "TLSv1.3") {
    throw new TlsOptionsError("minVersion", `${String(minVersion)} is not offered`);
  }
}

function checkPair({ cert, key }: TlsOptions): void {
  const certificate = certificateOf("cert", cert);
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(key);
  } catch {
    const isEncrypted = /BEGIN ENCRYPTED PRIVATE KEY|4,ENCRYPTED/.test(key);
    throw new TlsOptionsError(
      "key",
      isEncrypted
        ? "the private key is encrypted, and nobody is there to type its passphrase"
        : "the private key can not be read: it must be PEM text",
    );
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new TlsOptionsError("key", "the private key does not belong to the certificate");
  }
}

function checkAuthorities(ca: string): void {
  const blocks = pemBlocks(ca);
  for (const pem of blocks.length === 0 ? [ca] : blocks) certificateOf("ca", pem);
}

function certificateOf(option: "cert" | "ca", pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    const what = option === "ca" ? "an authority's certificate" : "the certificate";
    throw new TlsOptionsError(option, `${what} can not be read: it must be PEM text`);
  }
}

/** Every certificate of a bundle. */
export function pemBlocks(text: string): readonly string[] {
  return text.match(/-----BEGIN [A-Z ]+-----[\s\S]*?-----END [A-Z ]+-----/g) ?? [];
}

function inRange(value: number, lowest: number, highest: number): boolean {
  return value >= lowest && value <= highest;
}
