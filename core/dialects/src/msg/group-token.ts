// A group's name as one token of a subject, and back. Groups are named freely; a token is not. The
// mark in front is a character that no mailbox name holds, so the token is found from either side.
import { decodeText, encodeText } from "../utf8.ts";

const mark = "=";
const upperHex = "0123456789ABCDEF";

/** `=` and the name; of its UTF-8 bytes all but letters, digits, `_` and `-` become `=XX`. */
export function groupToken(group: string): string {
  let token = mark;
  for (const byte of encodeText(group)) {
    token += isPlain(byte)
      ? String.fromCharCode(byte)
      : `=${upperHex.charAt(byte >> 4)}${upperHex.charAt(byte & 15)}`;
  }
  return token;
}

/** The group of a token; undefined when no `groupToken` is written like this. */
export function groupOfToken(token: string): string | undefined {
  if (!token.startsWith(mark) || token.length === mark.length) return undefined;
  const bytes: number[] = [];
  for (let i = mark.length; i < token.length; i += 1) {
    const code = token.charCodeAt(i);
    if (isPlain(code)) {
      bytes.push(code);
      continue;
    }
    const hex = token.slice(i + 1, i + 3);
    if (code !== 0x3d || !/^[0-9A-F]{2}$/.test(hex)) return undefined;
    bytes.push(Number.parseInt(hex, 16));
    i += 2;
  }
  const group = decodeText(Uint8Array.from(bytes));
  return group !== undefined && groupToken(group) === token ? group : undefined;
}

function isPlain(code: number): boolean {
  const letter = (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a;
  return letter || (code >= 0x30 && code <= 0x39) || code === 0x5f || code === 0x2d;
}
