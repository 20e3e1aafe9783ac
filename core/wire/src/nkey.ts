// Keys as NATS writes them: base32 of a kind, 32 bytes and a checksum. Used for the server's id, for
// users' public keys and for the issuers of JWTs. Signs and verifies nothing.

/** What a public key belongs to, by its first letter. */
export type NkeyKind = "N" | "U" | "A" | "O";

/** A public key taken apart. */
export interface Nkey {
  readonly kind: NkeyKind;
  /** 32 bytes. */
  readonly key: Buffer;
}

const kindBytes: Readonly<Record<NkeyKind, number>> = { N: 0x68, U: 0xa0, A: 0x00, O: 0x70 };
/** What a seed begins with: `S`. */
const seedByte = 0x90;
const keyBytes = 32;
/** A kind, the key, a checksum: 280 bits are 56 letters without rest. */
const wholeBytes = 1 + keyBytes + 2;
const wholeLetters = 56;
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Writes a public key: 56 letters and digits that begin with its kind. @param key 32 bytes */
export function encodeNkey(kind: NkeyKind, key: Uint8Array): string {
  const whole = Buffer.alloc(wholeBytes);
  whole[0] = kindBytes[kind];
  whole.set(key.subarray(0, keyBytes), 1);
  whole.writeUInt16LE(crc16(whole.subarray(0, wholeBytes - 2)), wholeBytes - 2);
  return base32(whole);
}

/** Writes a seed, from which a private key is made: 58 letters and digits. @param seed 32 bytes */
export function encodeNkeySeed(kind: NkeyKind, seed: Uint8Array): string {
  const whole = Buffer.alloc(wholeBytes + 1);
  // Five bits say that it is a seed, the next eight of which kind.
  whole[0] = seedByte | (kindBytes[kind] >>> 5);
  whole[1] = (kindBytes[kind] & 31) << 3;
  whole.set(seed.subarray(0, keyBytes), 2);
  whole.writeUInt16LE(crc16(whole.subarray(0, wholeBytes - 1)), wholeBytes - 1);
  return base32(whole);
}

/** Reads a public key. @returns undefined when it is none, of whatever kind, or its checksum is wrong */
export function decodeNkey(text: string): Nkey | undefined {
  if (text.length !== wholeLetters) return undefined;
  const whole = fromBase32(text);
  if (whole === undefined) return undefined;
  const kind = text[0] as string;
  if (!isKind(kind) || whole[0] !== kindBytes[kind]) return undefined;
  if (whole.readUInt16LE(wholeBytes - 2) !== crc16(whole.subarray(0, wholeBytes - 2))) {
    return undefined;
  }
  return { kind, key: whole.subarray(1, 1 + keyBytes) };
}

/** Whether a text is a public key of a kind. */
export function isNkey(text: string, kind: NkeyKind): boolean {
  return decodeNkey(text)?.kind === kind;
}

function isKind(letter: string): letter is NkeyKind {
  return letter === "N" || letter === "U" || letter === "A" || letter === "O";
}

/** CRC-16/XMODEM. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 0x8000) !== 0 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
    }
  }
  return crc;
}

/** Without padding. */
function base32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(value >>> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  if (bits > 0) text += alphabet[(value << (5 - bits)) & 31];
  return text;
}

function fromBase32(text: string): Buffer | undefined {
  const bytes = Buffer.alloc(wholeBytes);
  let at = 0;
  let bits = 0;
  let value = 0;
  for (const letter of text) {
    const digit = alphabet.indexOf(letter);
    if (digit < 0) return undefined;
    value = ((value & 0xff) << 5) | digit;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (value >>> bits) & 0xff;
    }
  }
  return bytes;
}
