// CRC-32C, the checksum of LevelDB's own files. Node has no built-in one; used only while opening.

const tables: readonly Uint32Array[] = makeTables();

/** The CRC-32C of `bytes[start..end)`. Eight bytes per round: about a gigabyte per second. */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as unknown as EightTables;
  let sum = 0xffff_ffff;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    sum ^= word(bytes, at);
    const next = word(bytes, at + 4);
    sum =
      (t7[sum & 0xff] as number) ^
      (t6[(sum >>> 8) & 0xff] as number) ^
      (t5[(sum >>> 16) & 0xff] as number) ^
      (t4[sum >>> 24] as number) ^
      (t3[next & 0xff] as number) ^
      (t2[(next >>> 8) & 0xff] as number) ^
      (t1[(next >>> 16) & 0xff] as number) ^
      (t0[next >>> 24] as number);
  }
  for (; at < end; at += 1) {
    sum = (t0[(sum ^ (bytes[at] as number)) & 0xff] as number) ^ (sum >>> 8);
  }
  return ~sum >>> 0;
}

/** Undoes the disguise in which LevelDB stores a checksum, so that data may hold its own sum. */
export function unmasked(stored: number): number {
  const rotated = (stored - 0xa282_ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

type Table = Uint32Array;
type EightTables = [Table, Table, Table, Table, Table, Table, Table, Table];

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

function makeTables(): Uint32Array[] {
  const first = Uint32Array.from({ length: 256 }, (_, byte) => {
    let sum = byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0x82f6_3b78 : 0);
    return sum;
  });
  const made = [first];
  for (let table = 1; table < 8; table += 1) {
    const previous = made[table - 1] as Uint32Array;
    made.push(previous.map((sum) => (first[sum & 0xff] as number) ^ (sum >>> 8)));
  }
  return made;
}
