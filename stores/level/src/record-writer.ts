// The scratch buffer in which a key and its value are laid out side by side before LevelDB copies
// them. Used by ./keys.ts and ./records.ts; one per store, reused for every record.
//
//   0          keyEnd                                        end
//   | key ...  | version (1) | body ...          | crc32 (4) |
//
// The checksum covers everything before it, the key included, so a value can not be read under
// another key than its own.
import { crc32 } from "node:zlib";

/** Version of nearly every record in the store. A reader that meets a greater one stops. */
export const recordVersion = 1;
/** Of records with a field that readers of version 1 do not know; others stay readable for them. */
export const laterRecordVersion = 2;

/** Bytes of a message key; the one key whose view is made once and reused. */
export const messageKeyBytes = 14;

const initialBytes = 64 * 1024;
/** A larger scratch buffer is given back after the record that needed it. */
const keptBytesMax = 1024 * 1024;
const numberMax = 0xffff_ffff_ffff;

export class RecordWriter {
  #bytes: Buffer = Buffer.allocUnsafeSlow(initialBytes);
  #messageKey: Buffer = this.#bytes.subarray(0, messageKeyBytes);
  #at = 0;
  #keyEnd = 0;

  /** Starts a key; the bytes of the record before are given up. */
  startKey(space: number): void {
    if (this.#bytes.length > keptBytesMax) this.#replace(Buffer.allocUnsafeSlow(initialBytes));
    this.#at = 0;
    this.u8(space);
    this.#keyEnd = 0;
  }

  /** Ends the key and starts the value. */
  startValue(version: number = recordVersion): void {
    this.#keyEnd = this.#at;
    this.u8(version);
  }

  /** The key written so far, valid until the next `startKey`. */
  key(): Buffer {
    const end = this.#keyEnd === 0 ? this.#at : this.#keyEnd;
    return end === messageKeyBytes ? this.#messageKey : this.#bytes.subarray(0, end);
  }

  /** Seals the value with its checksum; valid until the next `startKey`. */
  sealedValue(): Buffer {
    const sum = crc32(this.#bytes.subarray(0, this.#at));
    this.u32(sum);
    return this.#bytes.subarray(this.#keyEnd, this.#at);
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at] = value;
    this.#at += 1;
  }

  u16(value: number): void {
    this.#reserve(2);
    this.#at = this.#bytes.writeUInt16BE(value, this.#at);
  }

  u32(value: number): void {
    this.#reserve(4);
    writeU32(this.#bytes, this.#at, value);
    this.#at += 4;
  }

  /** An unsigned number below 2^48: numbers of mailboxes and messages, instants in milliseconds. */
  u48(value: number): void {
    if (!(Number.isInteger(value) && value >= 0 && value <= numberMax)) throw outOfRange(value);
    this.#reserve(6);
    const high = Math.floor(value / 0x1_0000_0000);
    const bytes = this.#bytes;
    bytes[this.#at] = high >>> 8;
    bytes[this.#at + 1] = high;
    writeU32(bytes, this.#at + 2, value % 0x1_0000_0000);
    this.#at += 6;
  }

  /** The UTF-8 bytes of a text, without a length. */
  text(text: string): void {
    this.#reserve(text.length * 3);
    this.#at += this.#bytes.write(text, this.#at);
  }

  /** A text behind its length in two bytes. */
  shortText(text: string): void {
    const lengthAt = this.#at;
    this.u16(0);
    this.text(text);
    const length = this.#at - lengthAt - 2;
    if (length > 0xffff) throw outOfRange(length);
    this.#bytes.writeUInt16BE(length, lengthAt);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(needed)));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#replace(grown);
  }

  #replace(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#messageKey = bytes.subarray(0, messageKeyBytes);
  }
}

/** Whether a value is what was written under this key. */
export function isSealed(key: Buffer, value: Buffer): boolean {
  const end = value.length - 4;
  return end >= 1 && crc32(value.subarray(0, end), crc32(key)) === value.readUInt32BE(end);
}

function writeU32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function outOfRange(value: number): RangeError {
  return new RangeError(
    `${value} does not fit a record: a number is an integer from 0 to 2^48 - 1, a text holds 65535 bytes at most`,
  );
}
