// Standard base64 with padding, written as ASCII bytes so that large payloads become one buffer.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const code = new Uint8Array(64);
for (let i = 0; i < 64; i += 1) code[i] = alphabet.charCodeAt(i);
const padding = 0x3d;

/** Bytes that `writeBase64` will write for so many input bytes. */
export function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/** Writes the encoding of `bytes` into `target` from `offset` on; the room must be there. */
export function writeBase64(target: Uint8Array, offset: number, bytes: Uint8Array): void {
  const whole = bytes.length - (bytes.length % 3);
  let at = offset;
  for (let i = 0; i < whole; i += 3) {
    const three = (byte(bytes, i) << 16) | (byte(bytes, i + 1) << 8) | byte(bytes, i + 2);
    target[at] = digit(three >> 18);
    target[at + 1] = digit(three >> 12);
    target[at + 2] = digit(three >> 6);
    target[at + 3] = digit(three);
    at += 4;
  }
  if (whole === bytes.length) return;
  const two = bytes.length - whole === 2;
  const last = (byte(bytes, whole) << 16) | (two ? byte(bytes, whole + 1) << 8 : 0);
  target[at] = digit(last >> 18);
  target[at + 1] = digit(last >> 12);
  target[at + 2] = two ? digit(last >> 6) : padding;
  target[at + 3] = padding;
}

function byte(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

function digit(bits: number): number {
  return code[bits & 63] ?? 0;
}
