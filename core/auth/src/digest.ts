// Digests under a key that lives as long as the process: what is offered as a secret is compared and
// remembered in this form only, so nothing here is of use to who reads it elsewhere.
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const processKey = randomBytes(32);

/** 32 bytes that tell two secrets apart, within this process only. */
export function digestOf(text: string): Buffer {
  return createHmac("sha256", processKey).update(text, "utf8").digest();
}

/** Compares two digests in constant time. */
export function sameDigest(a: Buffer, b: Buffer): boolean {
  return timingSafeEqual(a, b);
}
