// The disk of the simulated machine: what was committed survives a crash, what was under way may or
// may not. Slow, failing and full on command. A store is one process's handle on it.
import {
  type DueEntry,
  type MailboxRecord,
  MemoryStore,
  type MessagePlace,
  type MessageRange,
  type MessageRecord,
  type Store,
  type StoreBatch,
  StoreError,
  type StoreOpening,
} from "@mq9/store";
import type { Process, World } from "./world.ts";

/** How bad the disk is at the moment; shares of calls, times in milliseconds. */
export interface DiskMood {
  commitMs: number;
  readMs: number;
  /** Commits that fail and are not there afterwards, */
  failFull: number;
  failIo: number;
  /** that fail although they are there afterwards, */
  lie: number;
  /** and that succeed and are lost by the next crash: a broken promise, for proving the proof. */
  forget: number;
  failRead: number;
  freeBytes: number;
}

const totalBytes = 100 * 2 ** 30;

export function calmDisk(): DiskMood {
  const none = { failFull: 0, failIo: 0, lie: 0, forget: 0, failRead: 0 };
  return { commitMs: 0, readMs: 0, ...none, freeBytes: totalBytes };
}

export class Disk {
  readonly world: World;
  readonly mood: DiskMood = calmDisk();
  memory: MemoryStore = new MemoryStore();

  constructor(world: World) {
    this.world = world;
  }

  /** Power or process goes: what was not committed is gone. */
  crash(): void {
    this.memory = this.memory.crash();
  }
}

export interface StoreEvents {
  /** A commit is durable that began at that instant of the world's time. */
  committed(begunAt: number): void;
  /** A commit failed: the broker has to begin anew, with or without its process. */
  failed(): void;
}

/** One process's handle. */
export class SimulatedStore implements Store {
  readonly durable = true;
  readonly #events: StoreEvents;
  readonly #disk: Disk;
  readonly #memory: MemoryStore;
  readonly #process: Process;
  #failed: StoreError | undefined;
  #forgetting = false;

  constructor(disk: Disk, process: Process, events: StoreEvents) {
    this.#disk = disk;
    this.#memory = disk.memory;
    this.#process = process;
    this.#events = events;
  }

  async open(): Promise<StoreOpening> {
    await this.#wait(this.#disk.mood.readMs);
    const opening = await this.#memory.open();
    this.#failed = undefined;
    return opening;
  }

  close(): Promise<void> {
    return this.#memory.close();
  }

  batch(): StoreBatch {
    return this.#memory.batch();
  }

  async commit(batch: StoreBatch): Promise<void> {
    this.#assertSound();
    const { mood, world } = this.#disk;
    const { random } = world;
    const begunAt = world.now;
    const fate = this.#fate();
    await this.#wait(mood.commitMs * random.next());
    if (fate === "full" || fate === "io") throw this.#fail(fate);
    if (fate === "forget") this.#forgetting = true;
    if (!this.#forgetting) await this.#memory.commit(batch);
    this.#events.committed(begunAt);
    world.trace(`commit ${batch.operations} ${batch.bytes} ${fate}`);
    await this.#wait(mood.commitMs * random.next());
    if (fate === "lie") throw this.#fail(random.chance(0.5) ? "full" : "io");
  }

  mailbox(key: string): Promise<MailboxRecord | undefined> {
    return this.#read(() => this.#memory.mailbox(key));
  }

  mailboxes(prefix: string, afterKey: string, limit: number): Promise<MailboxRecord[]> {
    return this.#read(() => this.#memory.mailboxes(prefix, afterKey, limit));
  }

  messages(mailboxNumber: number, range: MessageRange): Promise<MessageRecord[]> {
    return this.#read(() => this.#memory.messages(mailboxNumber, range));
  }

  message(mailboxNumber: number, seq: number): Promise<MessageRecord | undefined> {
    return this.#read(() => this.#memory.message(mailboxNumber, seq));
  }

  lastSeq(mailboxNumber: number): Promise<number> {
    return this.#read(() => this.#memory.lastSeq(mailboxNumber));
  }

  keyPlace(mailboxNumber: number, key: string): Promise<MessagePlace | undefined> {
    return this.#read(() => this.#memory.keyPlace(mailboxNumber, key));
  }

  cursors(mailboxNumber: number): Promise<Map<string, Uint8Array>> {
    return this.#read(() => this.#memory.cursors(mailboxNumber));
  }

  cursor(mailboxNumber: number, name: string): Promise<Uint8Array | undefined> {
    return this.#read(() => this.#memory.cursor(mailboxNumber, name));
  }

  due(untilMs: number, limit: number): Promise<DueEntry[]> {
    return this.#read(() => this.#memory.due(untilMs, limit));
  }

  clearGarbage(): Promise<boolean> {
    return this.#read(() => this.#memory.clearGarbage());
  }

  async space(): Promise<{ freeBytes: number; totalBytes: number }> {
    return { freeBytes: this.#disk.mood.freeBytes, totalBytes };
  }

  /** The answer is from some instant between call and return. */
  async #read<T>(read: () => Promise<T>): Promise<T> {
    this.#assertSound();
    const { mood, world } = this.#disk;
    const { random } = world;
    if (mood.failRead > 0 && random.chance(mood.failRead)) {
      world.trace("read fails");
      throw new StoreError("io", "a read of the simulated disk failed");
    }
    if (mood.readMs === 0) return read();
    await this.#wait(mood.readMs * random.next());
    this.#assertSound();
    const answer = await read();
    await this.#wait(mood.readMs * random.next());
    return answer;
  }

  #fate(): "good" | "full" | "io" | "lie" | "forget" {
    const { failFull, failIo, lie, forget } = this.#disk.mood;
    const drawn = this.#disk.world.random.next();
    if (drawn < failFull) return "full";
    if (drawn < failFull + failIo) return "io";
    if (drawn < failFull + failIo + lie) return "lie";
    return drawn < failFull + failIo + lie + forget ? "forget" : "good";
  }

  #fail(code: "full" | "io"): StoreError {
    this.#disk.world.trace(`commit fails: ${code}`);
    this.#events.failed();
    this.#failed = new StoreError(code, "a commit of the simulated disk failed");
    return this.#failed;
  }

  #assertSound(): void {
    if (this.#failed === undefined) return;
    const message = "an earlier commit failed: close and open the store first";
    throw new StoreError("io", message, { cause: this.#failed });
  }

  async #wait(delayMs: number): Promise<void> {
    const { world } = this.#disk;
    if (delayMs > 0) await new Promise<void>((go) => world.after(delayMs, go, this.#process));
  }
}
