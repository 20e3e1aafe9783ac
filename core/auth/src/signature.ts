// Verifies ed25519 signatures of nkeys: over nonces and over JWTs.
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { decodeNkey, type NkeyKind } from "@mq9/wire";

/** What comes before 32 bytes of an ed25519 key in its standard form. */
const keyHead = Buffer.from("302a300506032b6570032100", "hex");
const signatureBytes = 64;

/** A public nkey ready to verify. @returns undefined when the text is no key of the kind */
export function verifierOf(text: string, kind: NkeyKind): KeyObject | undefined {
  const nkey = decodeNkey(text);
  if (nkey === undefined || nkey.kind !== kind) return undefined;
  const key = Buffer.concat([keyHead, nkey.key]);
  return createPublicKey({ key, format: "der", type: "spki" });
}

/** @param signature base64 with either alphabet, padded or not */
export function verifySignature(key: KeyObject, signed: string, signature: string): boolean {
  // Read leniently by design of the protocol; a signature that lost characters has the wrong length.
  const bytes = Buffer.from(signature, "base64");
  return bytes.length === signatureBytes && verify(null, Buffer.from(signed), key, bytes);
}
