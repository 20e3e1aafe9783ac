// A model of a disk with a volatile cache, fed with the events of a trace. At any moment it can be
// asked what a loss of power would leave: what was synced, and of the rest as much as chance lets.
import { dirname } from "node:path";
import type { Random } from "./random.ts";
import type { TraceEvent } from "./trace.ts";

/**
 * What becomes of writes that were not synced. `none`: lost. `all`: kept. `subset`: each by chance.
 * `torn`: those before one are kept, of that one some sectors of 512 bytes. `oldSize`: kept inside the
 * file as it was, nothing beyond. `zeros`: the file has grown, its new bytes are zeros.
 */
export const styles = ["none", "all", "subset", "torn", "oldSize", "zeros"] as const;
export type Style = (typeof styles)[number];

/**
 * What becomes of names (made, renamed, removed) that were not synced. `ordered`: a journal keeps
 * their order, and the sync of a file takes its own making along, as common file systems do.
 * `strict`: a new name is kept by chance until its folder was synced, whatever was synced in the file;
 * renames and removals keep their order among themselves, which every file system does.
 */
export type NameRule = "ordered" | "strict";

type DataChange =
  | { readonly at: number; readonly kind: "write"; readonly offset: number; readonly bytes: Buffer }
  | { readonly at: number; readonly kind: "truncate"; readonly length: number };

interface DiskFile {
  readonly changes: DataChange[];
  /** Changes at earlier events are on the disk. */
  syncedAt: number;
  /** The event that gave it its first name. */
  readonly madeAt: number;
}

interface NameChange {
  readonly at: number;
  readonly kind: "make" | "rename" | "link" | "remove" | "makeFolder";
  readonly path: string;
  readonly to: string;
  readonly file: DiskFile | undefined;
}

/** The files of an image by path. A folder is there when a file in it is. */
export type Image = Map<string, Buffer>;

export class Disk {
  readonly #names = new Map<string, DiskFile>();
  readonly #open = new Map<number, DiskFile | string>();
  readonly #nameChanges: NameChange[] = [];
  readonly #syncs = new Map<number, { target: DiskFile | string | undefined; at: number }>();
  /** Changes of names at earlier events are on the disk, by the rule `ordered`. */
  #namesSyncedAt = 0;
  /** The same by the rule `strict`, per folder. */
  readonly #folderSyncedAt = new Map<string, number>();
  #at = 0;

  /** @param base what is on the disk, all of it synced */
  constructor(base: Image = new Map()) {
    for (const [path, bytes] of base) {
      const file = this.#openFile(path, false);
      file.changes.push({ at: 0, kind: "write", offset: 0, bytes });
      file.syncedAt = 1;
      this.#folderSyncedAt.set(dirname(path), 1);
    }
    this.#namesSyncedAt = 1;
  }

  /** Applies the next event. */
  take(event: TraceEvent): void {
    this.#at += 1;
    switch (event.type) {
      case "open":
        this.#open.set(event.fd, this.#openFile(event.path, event.truncates));
        break;
      case "openFolder":
        this.#open.set(event.fd, event.path);
        break;
      case "write":
        this.#change(event.fd, { ...event, kind: "write", at: this.#at });
        break;
      case "truncate":
        this.#change(event.fd, { kind: "truncate", length: event.length, at: this.#at });
        break;
      case "syncBegin":
        this.#syncs.set(event.sync, { target: this.#open.get(event.fd), at: this.#at });
        break;
      case "syncEnd":
        this.#synced(event.sync);
        break;
      case "rename":
      case "link":
        this.#name(event.type, event.path, event.to);
        break;
      case "remove":
        this.#name("remove", event.path);
        break;
      case "makeFolder":
        this.#name("makeFolder", event.path);
        break;
      case "mark":
        break;
    }
  }

  /** What is left when the power goes now. */
  image(random: Random, style: Style, rule: NameRule): Image {
    const names = this.#survivingNames(random, style, rule);
    const image: Image = new Map();
    for (const [path, file] of names) image.set(path, survivingBytes(file, random, style));
    return image;
  }

  #openFile(path: string, truncates: boolean): DiskFile {
    let file = this.#names.get(path);
    if (file === undefined) {
      file = { changes: [], syncedAt: 0, madeAt: this.#at };
      this.#names.set(path, file);
      this.#nameChanges.push({ at: this.#at, kind: "make", path, to: "", file });
    } else if (truncates) {
      file.changes.push({ at: this.#at, kind: "truncate", length: 0 });
    }
    return file;
  }

  #change(fd: number, change: DataChange): void {
    const file = this.#open.get(fd);
    if (typeof file === "object") file.changes.push(change);
  }

  #name(kind: "rename" | "link" | "remove" | "makeFolder", path: string, to = ""): void {
    const file = this.#names.get(path);
    if (kind !== "link") this.#names.delete(path);
    if (to !== "" && file !== undefined) this.#names.set(to, file);
    this.#nameChanges.push({ at: this.#at, kind, path, to, file });
  }

  #synced(sync: number): void {
    const begun = this.#syncs.get(sync);
    const target = begun?.target;
    if (begun === undefined || target === undefined) return;
    if (typeof target === "string") {
      this.#namesSyncedAt = Math.max(this.#namesSyncedAt, begun.at);
      const earlier = this.#folderSyncedAt.get(target) ?? 0;
      this.#folderSyncedAt.set(target, Math.max(earlier, begun.at));
    } else {
      target.syncedAt = Math.max(target.syncedAt, begun.at);
      this.#namesSyncedAt = Math.max(this.#namesSyncedAt, target.madeAt + 1);
    }
  }

  #survivingNames(random: Random, style: Style, rule: NameRule): Map<string, DiskFile> {
    const changes = this.#nameChanges;
    const pending = changes.filter(({ at }) => at >= this.#namesSyncedAt).length;
    const kept = style === "none" ? 0 : style === "all" ? pending : random.below(pending + 1);
    const survives = ({ at, kind, path, to }: NameChange, index: number): boolean => {
      const inOrder = index < changes.length - pending + kept;
      if (rule === "ordered") return inOrder;
      const folder = dirname(kind === "rename" ? to : path);
      if (at < (this.#folderSyncedAt.get(folder) ?? 0) || kind === "makeFolder") return true;
      if (kind !== "make") return inOrder;
      return style === "all" || (style !== "none" && random.oneIn(2));
    };
    const names = new Map<string, DiskFile>();
    for (const [index, change] of changes.entries()) {
      if (!survives(change, index)) continue;
      if (change.kind === "rename" || change.kind === "remove") names.delete(change.path);
      const name = change.kind === "make" ? change.path : change.to;
      if (change.file !== undefined && name !== "") names.set(name, change.file);
    }
    return names;
  }
}

function survivingBytes(file: DiskFile, random: Random, style: Style): Buffer {
  const synced = file.changes.filter(({ at }) => at < file.syncedAt);
  const pending = file.changes.filter(({ at }) => at >= file.syncedAt);
  const content = new Content();
  for (const change of synced) content.apply(change);
  const size = content.size;
  const torn = random.below(pending.length + 1);
  for (const [index, change] of pending.entries()) {
    if (style === "none") break;
    if (style === "subset" && random.oneIn(2)) continue;
    if (style === "torn" && index > torn) break;
    if (style === "torn" && index === torn) content.applyTorn(change, random);
    else content.apply(change);
  }
  if (style === "oldSize" && content.size > size) content.cut(size);
  if (style === "zeros" && content.size > size) content.clear(size + random.below(2) * 512);
  return content.bytes();
}

const sectorBytes = 512;

/** The bytes of a file under construction. */
class Content {
  #bytes: Buffer = Buffer.alloc(4096);
  size = 0;

  apply(change: DataChange): void {
    if (change.kind === "truncate") this.#resize(change.length);
    else this.#write(change.offset, change.bytes);
  }

  /** Of a write, each sector by chance. */
  applyTorn(change: DataChange, random: Random): void {
    if (change.kind === "truncate") return;
    for (let from = 0; from < change.bytes.length; ) {
      const at = change.offset + from;
      const length = Math.min(sectorBytes - (at % sectorBytes), change.bytes.length - from);
      if (random.oneIn(2)) this.#write(at, change.bytes.subarray(from, from + length));
      from += length;
    }
  }

  cut(size: number): void {
    this.#resize(size);
  }

  clear(from: number): void {
    this.#bytes.fill(0, Math.min(from, this.size), this.size);
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.size);
  }

  #write(offset: number, bytes: Buffer): void {
    if (offset + bytes.length > this.size) this.#resize(offset + bytes.length);
    bytes.copy(this.#bytes, offset);
  }

  #resize(size: number): void {
    if (size > this.#bytes.length) {
      const grown = Buffer.alloc(2 ** Math.ceil(Math.log2(size)));
      this.#bytes.copy(grown, 0, 0, this.size);
      this.#bytes = grown;
    }
    if (size < this.size) this.#bytes.fill(0, size, this.size);
    this.size = size;
  }
}
