// Which configured user a client certificate names. Addresses and names in it are compared exactly;
// its subject is compared part by part, in any order.
import type { PeerCertificate } from "@mq9/router";

/**
 * Finds a user in the order e-mail addresses, DNS names, URIs, subject.
 * @param names configured user names
 */
export function userOfCertificate(
  certificate: PeerCertificate,
  names: ReadonlySet<string>,
): string | undefined {
  const { emails, dnsNames, uris, subject } = certificate;
  const named = [...emails, ...dnsNames, ...uris].find((name) => names.has(name));
  if (named !== undefined) return named;
  if (names.has(subject)) return subject;
  const parts = partsOf(subject);
  if (parts === undefined) return undefined;
  for (const name of names) {
    if (name.includes("=") && partsOf(name) === parts) return name;
  }
  return undefined;
}

/** The parts of an RFC 4514 text in one order, each type in capitals. @returns undefined when it is none */
function partsOf(subject: string): string | undefined {
  const parts = splitAt(subject, /[,;+]/);
  const pairs: string[] = [];
  for (const part of parts) {
    const [type = "", ...rest] = splitAt(part, /=/);
    if (rest.length === 0 || type.trim() === "") return undefined;
    pairs.push(`${type.trim().toUpperCase()}=${rest.join("=").trim()}`);
  }
  return pairs.length === 0 ? undefined : JSON.stringify(pairs.sort());
}

/** Splits at characters that no backslash stands before. */
function splitAt(text: string, separator: RegExp): string[] {
  const parts: string[] = [];
  let part = "";
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] as string;
    if (letter === "\\") part += letter + (text[++at] ?? "");
    else if (separator.test(letter)) {
      parts.push(part);
      part = "";
    } else part += letter;
  }
  return [...parts, part];
}
