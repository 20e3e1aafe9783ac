// From a client certificate to plain names. Called once per handshake that brought one; trusts no text
// of the certificate to be well formed.

import { createHash, type X509Certificate } from "node:crypto";
import type { PeerCertificate } from "../identity.ts";

/** What a certificate says, whose chain was verified before. @param authorities of that chain */
export function describeCertificate(
  certificate: X509Certificate,
  authorities: readonly string[],
): PeerCertificate {
  const names = parseAltNames(certificate.subjectAltName ?? "");
  const valuesOf = (kind: string): string[] =>
    names.filter((name) => name.kind === kind).map((name) => name.value);
  return {
    subject: distinguishedName(certificate.subject),
    emails: valuesOf("email"),
    dnsNames: valuesOf("DNS"),
    uris: valuesOf("URI"),
    spkiSha256: spkiSha256(certificate),
    authorities,
  };
}

/** Hex SHA-256 of the public key with its algorithm, which stays when a certificate is renewed. */
export function spkiSha256(certificate: X509Certificate): string {
  const spki = certificate.publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("hex");
}

/**
 * RFC 4514 text of a subject.
 * @param subject one line per part, least specific first, values escaped; the parts of a line with
 * several are joined by " + "
 */
export function distinguishedName(subject: string | undefined): string {
  if (subject === undefined || subject === "") return "";
  // A plus or line end within a value is escaped, so what is left of them separates.
  return subject.split("\n").reverse().join(",").replaceAll(" + ", "+");
}

export interface AltName {
  /** As the platform calls it: `DNS`, `email`, `URI`, `IP Address`, … */
  readonly kind: string;
  readonly value: string;
}

/**
 * Names of a certificate, from the list that the platform prints: `kind:value` between `, `. A value
 * that could be mistaken for more than one is a JSON string there, and only that tells
 * `DNS:"a, DNS:b"` from two names.
 * @returns no names at all when any part is not as expected: half a list is no list
 */
export function parseAltNames(text: string): AltName[] {
  const names: AltName[] = [];
  let at = 0;
  while (at < text.length) {
    const colon = text.indexOf(":", at);
    if (colon < 0) return [];
    const kind = text.slice(at, colon);
    if (!/^[A-Za-z][A-Za-z ]*$/.test(kind)) return [];
    const value = valueAt(text, colon + 1);
    if (value === undefined) return [];
    if (isPlain(value.text)) names.push({ kind, value: value.text });
    if (value.end !== text.length && !text.startsWith(", ", value.end)) return [];
    at = value.end + 2;
  }
  return names;
}

function valueAt(text: string, start: number): { text: string; end: number } | undefined {
  if (text[start] !== '"') {
    const comma = text.indexOf(", ", start);
    const end = comma < 0 ? text.length : comma;
    return { text: text.slice(start, end), end };
  }
  let end = start + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  if (end >= text.length) return undefined;
  try {
    return { text: JSON.parse(text.slice(start, end + 1)) as string, end: end + 1 };
  } catch {
    return undefined;
  }
}

/** A name with control characters, a NUL among them, is nobody's name. */
function isPlain(value: string): boolean {
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code < 32 || code === 127) return false;
  }
  return value !== "";
}
