// Keeps the audit in a file: one JSON object a line, each chained to the one before, appended, forced to
// disk every second, opened anew when it was moved away. Opened by the serve command; the broker hands it events already cleaned.
import { type FileHandle, open } from "node:fs/promises";
import type { AuditEvent } from "@mq9/broker";
import { AuditChain, chainStart, linkIn } from "./audit-chain.ts";

/** A file that audit events go to. No method throws; what goes wrong is told to `failed`. */
export interface AuditFile extends AsyncDisposable {
  /**
   * Queues one event: it is with the system soon, and on disk within a second or so.
   * @returns whether the latest attempt to write went well
   */
  write(event: AuditEvent): boolean;
  /** Goes on in a new file of the same name. For whoever moved the old one away. */
  reopen(): Promise<void>;
  /** Writes what is queued, forces it to disk, closes. Idempotent. */
  close(): Promise<void>;
}

/** Between two forced writes. */
const syncEveryMs = 1_000;
/** Lines that wait for a disk that does not take them; more are left out, and counted. */
const waitingMax = 100_000;
/** No record is longer. */
const tailBytes = 65_536;

/**
 * Opens the file, readable to its owner alone.
 * @param failed hears that events are not kept, once until they are again
 * @throws what the system says when it can not be opened
 */
export async function openAuditFile(
  path: string,
  failed: (error: Error) => void,
): Promise<AuditFile> {
  const file = new JsonLinesFile(path, failed);
  await file.open();
  return file;
}

interface AuditRecord {
  readonly atMs: number;
  readonly fact: object;
}

class JsonLinesFile implements AuditFile {
  readonly #path: string;
  readonly #failed: (error: Error) => void;
  #handle: FileHandle | undefined = undefined;
  /** Digest of the latest record that the system took. */
  #link = chainStart;
  #waiting: AuditRecord[] = [];
  /** What has to stand before the next record; "" once the file has begun. */
  #lead: "begin" | "begin after a torn line" | "" = "begin";
  /** Events that could not be kept. */
  #lost = 0;
  #isFailing = false;
  #isDirty = false;
  #writeScheduled = false;
  #timer: NodeJS.Timeout | undefined = undefined;
  /** Work on the file, one piece after the other. Never rejects. */
  #work: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined = undefined;

  constructor(path: string, failed: (error: Error) => void) {
    this.#path = path;
    this.#failed = failed;
  }

  async open(): Promise<void> {
    const handle = await open(this.#path, "a+", 0o600);
    this.#handle = handle;
    const tail = await tailOf(handle);
    if (tail !== "" && !tail.endsWith("\n")) this.#lead = "begin after a torn line";
    const links = tail.split("\n").map(linkIn);
    this.#link = links.findLast((link) => link !== undefined) ?? chainStart;
    await this.#append();
    this.#timer = setInterval(() => {
      void this.#queue(() => this.#sync());
    }, syncEveryMs).unref();
  }

  write(event: AuditEvent): boolean {
    if (this.#closing !== undefined) return true;
    if (this.#waiting.length >= waitingMax) {
      this.#lost += 1;
      return false;
    }
    const { atMs, ...fact } = event;
    this.#waiting.push({ atMs, fact });
    if (!this.#writeScheduled) {
      this.#writeScheduled = true;
      setImmediate(() => {
        this.#writeScheduled = false;
        void this.#queue(() => this.#append());
      });
    }
    return !this.#isFailing;
  }

  reopen(): Promise<void> {
    return this.#queue(async () => {
      await this.#sync();
      await this.#handle?.close();
      this.#handle = undefined;
      this.#lead = "begin";
      await this.#append();
    });
  }

  close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closing ??= this.#queue(async () => {
      await this.#sync();
      await this.#handle?.close();
      this.#handle = undefined;
    });
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #queue(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work).then(
      () => {
        this.#isFailing = false;
      },
      (error: unknown) => {
        if (!this.#isFailing) this.#failed(error as Error);
        this.#isFailing = true;
      },
    );
    return this.#work;
  }

  /** Writes what waits. @throws when the system does not take it; it waits on, then */
  async #append(): Promise<void> {
    if (this.#waiting.length === 0 && this.#lead === "") return;
    this.#handle ??= await open(this.#path, "a", 0o600);
    const handle = this.#handle;
    const { size } = await handle.stat();
    const waiting = this.#waiting;
    const lost = this.#lost;
    const chain = new AuditChain(this.#link);
    const text = this.#textOf(waiting, lost, chain);
    this.#waiting = [];
    try {
      await handle.appendFile(text);
    } catch (error) {
      this.#waiting = waiting.concat(this.#waiting);
      // best effort: half a line would be taken for one that somebody changed.
      await handle.truncate(size).catch(() => {});
      throw error;
    }
    this.#lead = "";
    this.#lost -= lost;
    this.#link = chain.link;
    this.#isDirty = true;
  }

  #textOf(waiting: readonly AuditRecord[], lost: number, chain: AuditChain): string {
    const nowMs = Date.now();
    const records = [...waiting];
    // A file says what it follows, so that each can be looked at alone.
    const opened = { kind: "audit.opened", after: chain.link };
    if (this.#lead !== "") records.unshift({ atMs: nowMs, fact: opened });
    if (lost > 0) records.push({ atMs: nowMs, fact: { kind: "audit.lost", count: lost } });
    const lines = records.map(({ atMs, fact }) =>
      chain.seal({ time: new Date(atMs).toISOString(), ...fact }),
    );
    return (this.#lead === "begin after a torn line" ? "\n" : "") + lines.join("");
  }

  async #sync(): Promise<void> {
    await this.#append();
    if (!this.#isDirty) return;
    await this.#handle?.datasync();
    this.#isDirty = false;
  }
}

/** The last lines of a file. */
async function tailOf(handle: FileHandle): Promise<string> {
  const { size } = await handle.stat();
  const length = Math.min(size, tailBytes);
  const { buffer } = await handle.read(Buffer.alloc(length), 0, length, size - length);
  return buffer.toString("utf8");
}
