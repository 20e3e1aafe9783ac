// Keeps the audit in a file: one JSON object a line, appended, forced to disk every second, opened anew
// when it was moved away. Opened by the serve command; the broker hands it events already cleaned.
import { type FileHandle, open } from "node:fs/promises";
import type { AuditEvent } from "@mq9/broker";

/** A file that audit events go to. No method throws; what goes wrong is told to `failed`. */
export interface AuditFile extends AsyncDisposable {
  /** Queues one event: it is with the system soon, and on disk within a second or so. */
  write(event: AuditEvent): void;
  /** Goes on in a new file of the same name. For whoever moved the old one away. */
  reopen(): Promise<void>;
  /** Writes what is queued, forces it to disk, closes. Idempotent. */
  close(): Promise<void>;
}

/** Between two forced writes. */
const syncEveryMs = 1_000;
/** Lines that wait for a disk that does not take them; more are left out, and counted. */
const waitingMax = 100_000;

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

class JsonLinesFile implements AuditFile {
  readonly #path: string;
  readonly #failed: (error: Error) => void;
  #handle: FileHandle | undefined = undefined;
  #lines: string[] = [];
  /** Lines that could not be kept. */
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
    this.#handle = await open(this.#path, "a", 0o600);
    this.#timer = setInterval(() => this.#queue(() => this.#sync()), syncEveryMs).unref();
  }

  write(event: AuditEvent): void {
    if (this.#closing !== undefined) return;
    if (this.#lines.length >= waitingMax) {
      this.#lost += 1;
      return;
    }
    const { atMs, ...fact } = event;
    this.#lines.push(lineOf(atMs, fact));
    if (this.#writeScheduled) return;
    this.#writeScheduled = true;
    setImmediate(() => {
      this.#writeScheduled = false;
      this.#queue(() => this.#append());
    });
  }

  reopen(): Promise<void> {
    return this.#queue(async () => {
      await this.#sync();
      await this.#handle?.close();
      this.#handle = undefined;
      this.#handle = await open(this.#path, "a", 0o600);
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

  /** Lines stay queued until the system took them. */
  async #append(): Promise<void> {
    if (this.#lines.length === 0) return;
    this.#handle ??= await open(this.#path, "a", 0o600);
    const lines = this.#lines;
    const lost = this.#lost;
    const lacking = lost === 0 ? "" : lineOf(Date.now(), { kind: "audit.lost", count: lost });
    this.#lines = [];
    try {
      await this.#handle.appendFile(lines.join("") + lacking);
    } catch (error) {
      this.#lines = lines.concat(this.#lines);
      throw error;
    }
    this.#lost -= lost;
    this.#isDirty = true;
  }

  async #sync(): Promise<void> {
    await this.#append();
    if (!this.#isDirty) return;
    await this.#handle?.datasync();
    this.#isDirty = false;
  }
}

function lineOf(atMs: number, fact: object): string {
  return `${JSON.stringify({ time: new Date(atMs).toISOString(), ...fact })}\n`;
}
