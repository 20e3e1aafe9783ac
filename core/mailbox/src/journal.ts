// Group commit. Every change of the domain is staged here; what was staged while one commit was
// under way becomes the next, so under load the disk forms the batches and no timer is needed.
// Never decides what is written, and never retries: after a failure nothing more is accepted.
import { Mq9Error } from "@mq9/protocol";
import type { Store, StoreBatch } from "@mq9/store";
import type { CommitObserver } from "./meters.ts";

/** What waits for a batch: told exactly once, in the order it was staged. */
export interface Effect {
  committed(): void;
  failed(error: Mq9Error): void;
}

/** A blob that many commands change and that is written once per commit, as it stands then. */
export interface LateWriter {
  /** Called when the batch closes. Must not stage, and must not throw. */
  writeLate(batch: StoreBatch): void;
}

export interface JournalOptions {
  /** Changes per commit; bounds the time one commit keeps the event loop. */
  readonly operationsMax: number;
  readonly bytesMax: number;
  readonly observer?: CommitObserver | undefined;
}

interface Staged {
  readonly batch: StoreBatch;
  readonly effects: Effect[];
  readonly late: Set<LateWriter>;
  /** Size when it was closed. */
  bytes: number;
}

export class Journal {
  readonly #store: Store;
  readonly #defer: (run: () => void) => void;
  readonly #options: JournalOptions;
  readonly #onFailure: (error: unknown) => void;
  /** Takes what is staged next; made with the first change. */
  #open: Staged | undefined;
  /** Full batches waiting for the disk, oldest first. */
  readonly #full: Staged[] = [];
  #inFlight: Staged | undefined;
  #scheduled = false;
  #failure: Mq9Error | undefined;
  #pendingBytes = 0;

  constructor(
    store: Store,
    defer: (run: () => void) => void,
    options: JournalOptions,
    onFailure: (error: unknown) => void,
  ) {
    this.#store = store;
    this.#defer = defer;
    this.#options = options;
    this.#onFailure = onFailure;
  }

  /** Bytes staged and not yet durable; what back-pressure looks at. */
  get pendingBytes(): number {
    return this.#pendingBytes + (this.#open?.batch.bytes ?? 0);
  }

  /** Set once the store failed: the error every later command is refused with. */
  get failure(): Mq9Error | undefined {
    return this.#failure;
  }

  /**
   * The batch that takes one command's changes, all of them. Valid until control returns to the
   * event loop.
   * @throws {Mq9Error} `storage_failed` after the store failed
   */
  stage(): StoreBatch {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#open !== undefined && this.#isFull(this.#open.batch)) {
      this.#full.push(this.#seal() as Staged);
    }
    this.#open ??= { batch: this.#store.batch(), effects: [], late: new Set(), bytes: 0 };
    if (!this.#scheduled && this.#inFlight === undefined) {
      this.#scheduled = true;
      this.#defer(this.#start);
    }
    return this.#open.batch;
  }

  /** Tells `effect` how the batch of the latest `stage()` ended. */
  afterCommit(effect: Effect): void {
    (this.#open as Staged).effects.push(effect);
  }

  /**
   * Writes `writer` with the batch of the latest `stage()`, once, when it closes. Call `stage` before
   * changing what `writer` writes: it may close the batch before, which must not hold the change.
   */
  writeLate(writer: LateWriter): void {
    (this.#open as Staged).late.add(writer);
  }

  /** Resolves once everything staged so far is durable. @throws what the commit failed with */
  settled(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const last = this.#open ?? this.#full.at(-1) ?? this.#inFlight;
    if (last === undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      last.effects.push({ committed: resolve, failed: reject });
    });
  }

  /**
   * Accepts nothing more, because the store failed or is about to be closed: what is being committed
   * may or may not be stored, what waits is not. Idempotent; `onFailure` is not told.
   */
  fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    const failed = this.#inFlight;
    if (failed !== undefined) this.#options.observer?.commitEnded(false);
    const open = this.#seal();
    const later = open === undefined ? this.#full.splice(0) : [...this.#full.splice(0), open];
    this.#inFlight = undefined;
    this.#pendingBytes = 0;
    const failure = new Mq9Error(
      "storage_failed",
      "the broker can not write to its disk; nothing was stored, try again later",
      { cause },
    );
    this.#failure = failure;
    const unknown = new Mq9Error(
      "unknown",
      "the disk failed while this was written: it may or may not have been stored",
      { cause },
    );
    for (const effect of failed?.effects ?? []) effect.failed(unknown);
    for (const staged of later) for (const effect of staged.effects) effect.failed(failure);
  }

  /** Accepts changes again on a store that was closed, reopened and verified. */
  reopened(): void {
    this.#failure = undefined;
  }

  #isFull(batch: StoreBatch): boolean {
    return batch.operations >= this.#options.operationsMax || batch.bytes >= this.#options.bytesMax;
  }

  /** Closes the open batch: what is staged from now on goes into the next. */
  #seal(): Staged | undefined {
    const sealed = this.#open;
    if (sealed === undefined) return undefined;
    this.#open = undefined;
    for (const writer of sealed.late) writer.writeLate(sealed.batch);
    sealed.bytes = sealed.batch.bytes;
    this.#pendingBytes += sealed.bytes;
    return sealed;
  }

  readonly #start = (): void => {
    this.#scheduled = false;
    if (this.#inFlight !== undefined || this.#failure !== undefined) return;
    const next = this.#full.shift() ?? this.#seal();
    if (next === undefined) return;
    this.#inFlight = next;
    this.#options.observer?.commitBegan(next.batch.operations);
    this.#store.commit(next.batch).then(
      () => this.#done(next),
      (cause: unknown) => this.#failed(next, cause),
    );
  };

  #done(finished: Staged): void {
    if (this.#inFlight !== finished) return; // told already, by `fail`
    this.#inFlight = undefined;
    this.#options.observer?.commitEnded(true);
    this.#pendingBytes -= finished.bytes;
    // The next commit starts before the effects run, so the disk works while replies are written.
    this.#start();
    for (const effect of finished.effects) effect.committed();
  }

  #failed(staged: Staged, cause: unknown): void {
    if (this.#inFlight !== staged) return; // told already, by `fail`
    this.fail(cause);
    this.#onFailure(cause);
  }
}
