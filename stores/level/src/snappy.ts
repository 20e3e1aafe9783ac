// Undoes Snappy, in which LevelDB packs blocks. Used only by ./table-check.ts, for the few blocks
// whose contents it has to read.

/** @throws {RangeError} when the bytes are not what Snappy writes. */
export function unsnappy(packed: Buffer): Buffer {
  const [length, start] = readLength(packed);
  const out = Buffer.alloc(length);
  let at = start;
  let written = 0;
  while (at < packed.length) {
    const tag = packed.readUInt8(at);
    const kind = tag & 3;
    at += 1;
    if (kind === 0) {
      const { size, extra } = literalSize(packed, at, tag >>> 2);
      at += extra;
      if (at + size > packed.length || written + size > length) throw malformed();
      written += packed.copy(out, written, at, at + size);
      at += size;
    } else {
      const size = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
      const distanceBytes = kind === 3 ? 4 : kind;
      const low = packed.readUIntLE(at, distanceBytes);
      const distance = kind === 1 ? low + ((tag & 0xe0) << 3) : low;
      at += distanceBytes;
      if (distance === 0 || distance > written || written + size > length) throw malformed();
      // Byte by byte: a copy may reach into what it writes itself.
      for (let i = 0; i < size; i += 1, written += 1) {
        out[written] = out[written - distance] as number;
      }
    }
  }
  if (written !== length) throw malformed();
  return out;
}

function readLength(packed: Buffer): [length: number, start: number] {
  let length = 0;
  for (let at = 0; at < 5; at += 1) {
    const byte = packed.readUInt8(at);
    length += (byte & 0x7f) * 128 ** at;
    if (byte < 0x80) return [length, at + 1];
  }
  throw malformed();
}

/** Short literals carry their size in the tag, longer ones in the 1 to 4 bytes behind it. */
function literalSize(packed: Buffer, at: number, code: number): { size: number; extra: number } {
  if (code < 60) return { size: code + 1, extra: 0 };
  const extra = code - 59;
  return { size: packed.readUIntLE(at, extra) + 1, extra };
}

function malformed(): RangeError {
  return new RangeError("malformed compressed block");
}
