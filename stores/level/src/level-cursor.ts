// Reads LevelDB's variable-length numbers, in which its tables and its manifest speak.

/** Where a block lies in a table. */
export interface Handle {
  readonly offset: number;
  readonly size: number;
}

/** A place in a buffer that moves on as it reads. @throws {RangeError} past the end. */
export class LevelCursor {
  at: number;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  get atEnd(): boolean {
    return this.at >= this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const byte = this.#bytes.readUInt8(this.at);
      this.at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new RangeError("a number in a file of LevelDB is too long");
  }

  handle(): Handle {
    return { offset: this.varint(), size: this.varint() };
  }

  /** Passes over bytes that stand behind their length. */
  skipBytes(): void {
    this.at = this.varint() + this.at;
  }
}
