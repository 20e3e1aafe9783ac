// Reads the optional fields of a record one behind the other, as ./record-writer.ts wrote them. Used
// by ./records.ts, after the checksum of the record was found to fit; checks nothing itself.

export class RecordReader {
  /** Where the next field starts. */
  at: number;
  readonly #value: Buffer;

  constructor(value: Buffer, at: number) {
    this.#value = value;
    this.at = at;
  }

  u8(): number {
    this.at += 1;
    return this.#value.readUInt8(this.at - 1);
  }

  u16(): number {
    this.at += 2;
    return this.#value.readUInt16BE(this.at - 2);
  }

  u32(): number {
    this.at += 4;
    return this.#value.readUInt32BE(this.at - 4);
  }

  u48(): number {
    this.at += 6;
    return this.#value.readUIntBE(this.at - 6, 6);
  }

  /** A view of the next bytes. */
  bytes(length: number): Uint8Array {
    this.at += length;
    return this.#value.subarray(this.at - length, this.at);
  }

  /** A text behind its length in two bytes. */
  shortText(): string {
    const end = this.u16() + this.at;
    const text = this.#value.toString("utf8", this.at, end);
    this.at = end;
    return text;
  }

  /** Texts behind their count in two bytes. */
  texts(): string[] {
    return Array.from({ length: this.u16() }, () => this.shortText());
  }
}
