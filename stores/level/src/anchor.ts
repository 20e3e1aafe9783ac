// The anchor: a small file that remembers the last acknowledged commit outside LevelDB, because
// LevelDB drops a damaged tail of its log without a word. Written about once a second while there
// are commits, and at open and close. Two slots in turn, each in a sector of its own and with a
// checksum, so a torn write leaves the other one.
//
//   slot (512 bytes): {"generation":7,"commit":1234,"clean":false} spaces crc32-as-hex newline
import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";

export interface AnchorState {
  /** The last commit that was acknowledged when this was written; 0 = none. */
  readonly commit: number;
  /** The store was closed properly after it, and not opened since. */
  readonly clean: boolean;
}

const slotBytes = 512;
const sumBytes = 9;

export class Anchor {
  readonly #file: FileHandle;
  #generation = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(path: string): Promise<Anchor> {
    return new Anchor(await openOrCreate(path));
  }

  /** What was written last; undefined when the file is new or none of its slots is whole. */
  async read(): Promise<AnchorState | undefined> {
    const bytes = Buffer.alloc(2 * slotBytes);
    const { bytesRead } = await this.#file.read(bytes, 0, bytes.length, 0);
    const slots = [0, slotBytes]
      .filter((at) => at + slotBytes <= bytesRead)
      .map((at) => parseSlot(bytes.toString("latin1", at, at + slotBytes)))
      .filter((slot) => slot !== undefined)
      .sort((a, b) => b.generation - a.generation);
    const newest = slots[0];
    if (newest !== undefined) this.#generation = newest.generation;
    return newest;
  }

  /** Replaces what is remembered. `sync`: wait for the disk, not just the system. */
  async write(state: AnchorState, sync: boolean): Promise<void> {
    const turn = this.#writing.then(() => this.#writeSlot(state, sync));
    // The caller hears of the failure; the next write must not fail for it.
    this.#writing = turn.catch(() => undefined);
    await turn;
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  async #writeSlot(state: AnchorState, sync: boolean): Promise<void> {
    this.#generation += 1;
    const { commit, clean } = state;
    const line = JSON.stringify({ generation: this.#generation, commit, clean });
    const body = line.padEnd(slotBytes - sumBytes);
    const slot = Buffer.from(`${body}${sumOf(body)}\n`, "latin1");
    await this.#file.write(slot, 0, slotBytes, (this.#generation % 2) * slotBytes);
    if (sync) await this.#file.sync();
  }
}

function parseSlot(slot: string): (AnchorState & { generation: number }) | undefined {
  const body = slot.slice(0, slotBytes - sumBytes);
  if (slot.slice(slotBytes - sumBytes, -1) !== sumOf(body)) return undefined;
  return JSON.parse(body) as AnchorState & { generation: number };
}

function sumOf(body: string): string {
  return crc32(body).toString(16).padStart(8, "0");
}

async function openOrCreate(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r+");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    return open(path, "wx+", 0o600);
  }
}
