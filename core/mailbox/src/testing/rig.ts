// A domain on an in-memory store with a clock, a disk and an event loop that the test moves.
// For the tests of this package only.
import { type CreateResult, type MailMessage, type MailSink, Mq9Error } from "@mq9/protocol";
import { MemoryStore, type MessageRange, type MessageRecord } from "@mq9/store";
import { asciiBytes, FaultyStore, sampleMs } from "@mq9/store/testing";
import type { MailboxDeps } from "../engine.ts";
import { type AccountMailboxes, Mailboxes } from "../mailboxes.ts";
import type { MailboxOptions } from "../options.ts";

// The event loop of whatever runs the tests; the package itself compiles without Node's types.
declare function setImmediate(run: () => void): unknown;

export class Rig {
  nowMs: number = sampleMs;
  /** What the domain reported through `storeFailed`. */
  readonly failures: unknown[] = [];
  /** Resolves when the disk works. `holdDisk` replaces it. */
  disk: Promise<void> = Promise.resolve();
  /** Turns of the event loop between reading a page of messages and handing it over. */
  pageTurns = 0;
  /** Pages on their way. */
  pages = 0;
  memory: MemoryStore;
  store: FaultyStore;
  mailboxes: Mailboxes;
  account: AccountMailboxes;
  readonly #options: Partial<MailboxOptions>;
  readonly #model: Pick<MailboxDeps, "embed" | "meters">;
  #deferred: (() => void)[] = [];
  #uuids = 0;

  private constructor(
    options: Partial<MailboxOptions>,
    model: Pick<MailboxDeps, "embed" | "meters">,
  ) {
    this.#options = options;
    this.#model = model;
    this.memory = new MemoryStore({ sync: () => this.disk });
    this.store = new SlowPages(this.memory, this);
    this.mailboxes = this.#domain();
    this.account = this.mailboxes.account("acme");
  }

  /** A domain on a fresh store. */
  static async open(
    options: Partial<MailboxOptions> = {},
    model: Pick<MailboxDeps, "embed" | "meters"> = {},
  ): Promise<Rig> {
    const rig = new Rig(options, model);
    rig.mailboxes.opened(await rig.store.open());
    return rig;
  }

  #domain(): Mailboxes {
    // A closed process never runs what it deferred.
    const deferred: (() => void)[] = [];
    this.#deferred = deferred;
    return new Mailboxes(
      {
        store: this.store,
        clock: { nowMs: () => this.nowMs },
        random: { uuid: () => this.#uuid(), bytes: (count) => this.#bytes(count) },
        defer: (run) => deferred.push(run),
        digest,
        directoryBody: (info) => asciiBytes(`${info.name}:${info.desc ?? ""}`),
        wakeAt: () => {},
        ...this.#model,
        storeFailed: (error) => this.failures.push(error),
      },
      this.#options,
    );
  }

  #uuid(): string {
    this.#uuids += 1;
    return `00000000-0000-4000-8000-${String(this.#uuids).padStart(12, "0")}`;
  }

  #bytes(count: number): Uint8Array {
    this.#uuids += 1;
    return new Uint8Array(count).fill(this.#uuids);
  }

  /** Runs everything that can run: deferred work, commits, reads. Held things stay held. */
  async settle(): Promise<void> {
    do {
      for (const run of this.#deferred.splice(0)) run();
      await turn();
    } while (this.#deferred.length > 0 || this.pages > 0);
  }

  /** One turn of the event loop. */
  async turn(): Promise<void> {
    for (const run of this.#deferred.splice(0)) run();
    await turn();
  }

  /** Settles, then tells how something ended; a promise that hangs is `hangs`. */
  async outcome<T>(promise: Promise<T>): Promise<T | string> {
    let ended: T | string = "hangs";
    void promise.then(
      (value) => {
        ended = value;
      },
      (error: unknown) => {
        ended = error instanceof Mq9Error ? error.code : String(error);
      },
    );
    await this.settle();
    return ended;
  }

  /** Nothing becomes durable until the returned function is called. */
  holdDisk(): () => Promise<void> {
    let release: () => void = () => {};
    this.disk = new Promise((resolve) => {
      release = resolve;
    });
    return async () => {
      this.disk = Promise.resolve();
      release();
      await this.settle();
    };
  }

  /** The process is killed and started again on what its disk holds. */
  async crash(): Promise<void> {
    this.disk = Promise.resolve();
    this.memory = this.memory.crash();
    await this.#restart();
  }

  /** A clean stop and start. */
  async restart(): Promise<void> {
    this.mailboxes.writePositions();
    await this.settle();
    await this.store.close();
    await this.#restart();
  }

  async #restart(): Promise<void> {
    this.store = new SlowPages(this.memory, this);
    this.mailboxes = this.#domain();
    this.account = this.mailboxes.account("acme");
    this.mailboxes.opened(await this.store.open());
  }

  /** What a broker does after a failure it can survive. */
  async reopen(): Promise<void> {
    await this.store.close();
    this.mailboxes.reopened(await this.store.open());
    await this.settle();
  }

  /** Sends text and waits until it is durable. @returns the message's number, or why not */
  send(
    mailbox: string,
    text: string,
    extra: { label?: MailMessage["label"]; ttlSeconds?: number; key?: string } = {},
  ): Promise<number | string> {
    return this.outcome(this.post(mailbox, text, extra));
  }

  /** Sends text. @returns a promise of the message's number */
  post(
    mailbox: string,
    text: string,
    extra: { label?: MailMessage["label"]; ttlSeconds?: number; key?: string } = {},
  ): Promise<number> {
    const request = { mailbox, label: "normal" as const, payload: asciiBytes(text), ...extra };
    return this.account.send(request).then((result) => result.msgId);
  }

  /** Creates a private mailbox. */
  create(
    name: string,
    extra: { ttlSeconds?: number; kind?: "latest"; public?: boolean } = {},
  ): Promise<CreateResult | string> {
    return this.outcome(
      this.account.create({
        name,
        nameStyle: "uuid",
        kind: "standard",
        ttlSeconds: 3600,
        public: false,
        ifExists: "return",
        ...extra,
      }),
    );
  }
}

/** Pages are old news by the time they arrive. */
class SlowPages extends FaultyStore {
  readonly #rig: Rig;

  constructor(inner: MemoryStore, rig: Rig) {
    super(inner);
    this.#rig = rig;
  }

  override async messages(mailboxNumber: number, range: MessageRange): Promise<MessageRecord[]> {
    const page = await super.messages(mailboxNumber, range);
    this.#rig.pages += 1;
    for (let i = 0; i < this.#rig.pageTurns; i += 1) await turn();
    this.#rig.pages -= 1;
    return page;
  }
}

/** Good enough for the few bytes that tests send. */
function digest(parts: readonly Uint8Array[]): Uint8Array {
  const sums = new Uint32Array(8).map((_, i) => 0x811c_9dc5 + i);
  for (const part of parts) {
    for (const byte of part)
      sums.forEach((sum, i) => (sums[i] = Math.imul(sum ^ byte, 0x0100_0193 + 2 * i)));
  }
  return new Uint8Array(sums.buffer);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A reader that writes down what it is handed, as `number:text`, with a `*` when it was replayed. */
export class Reader implements MailSink {
  /** Set to do something else in the middle of a delivery. */
  during: ((message: MailMessage) => void) | undefined;
  readonly #got: string[] = [];
  #room: number;
  #resume: (() => void) | undefined;

  /** @param room messages it takes before it asks to wait */
  constructor(room: number = Number.POSITIVE_INFINITY) {
    this.#room = room;
  }

  deliver(message: MailMessage, replayed: boolean): boolean {
    if (this.#resume !== undefined) this.#got.push("overrun");
    this.#got.push(`${message.msgId}:${textOf(message.payload)}${replayed ? "*" : ""}`);
    this.#room -= 1;
    this.during?.(message);
    return this.#room > 0;
  }

  onceWritable(resume: () => void): void {
    if (this.#resume !== undefined) this.#got.push("asked twice");
    this.#resume = resume;
  }

  retracted(key: string): void {
    this.#got.push(`-${key}`);
  }

  /** Waits for room. */
  get waiting(): boolean {
    return this.#resume !== undefined;
  }

  /** Makes room for so many more. */
  read(room: number): void {
    this.#room = room;
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  /** What it got since the last call. */
  take(): string[] {
    return this.#got.splice(0);
  }
}

export function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
