// A queue that is read with `for await`: filled by callbacks, emptied by one loop.

export interface StreamOptions {
  /** Called once when the reader leaves its loop or the stream ends. May take time. */
  readonly onReturn?: () => void | Promise<void>;
  /** Entries that wait; beyond it the oldest is dropped. Default: no bound. */
  readonly most?: number;
  /** Ends the loop quietly when it fires. */
  readonly signal?: AbortSignal | undefined;
}

export class Stream<T> implements AsyncIterableIterator<T> {
  #items: T[] = [];
  /** Index of the next one in `#items`: shifting a long array is slow. */
  #next = 0;
  #readers: ((result: IteratorResult<T>) => void)[] = [];
  #failure: { readonly error: unknown } | undefined;
  #rejecters: ((error: unknown) => void)[] = [];
  #ended = false;
  #returned = false;
  readonly #options: StreamOptions;
  readonly #abort = (): void => void this.return();

  constructor(options: StreamOptions = {}) {
    this.#options = options;
    if (options.signal?.aborted) void this.return();
    else options.signal?.addEventListener("abort", this.#abort, { once: true });
  }

  /** Entries that wait for the reader. */
  get waiting(): number {
    return this.#items.length - this.#next;
  }

  get ended(): boolean {
    return this.#ended;
  }

  push(item: T): void {
    if (this.#ended) return;
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      this.#rejecters.shift();
      reader({ done: false, value: item });
      return;
    }
    this.#items.push(item);
    const { most } = this.#options;
    if (most !== undefined && this.waiting > most) this.#take();
  }

  /** The loop ends after what waits; with an error it throws then. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    if (error !== undefined) this.#failure = { error };
    this.#finish();
  }

  async next(): Promise<IteratorResult<T>> {
    if (this.waiting > 0) return { done: false, value: this.#take() };
    if (this.#ended) {
      await this.#leave();
      if (this.#failure === undefined) return { done: true, value: undefined };
      const { error } = this.#failure;
      this.#failure = undefined;
      throw error;
    }
    return await new Promise((resolve, reject) => {
      this.#readers.push(resolve);
      this.#rejecters.push(reject);
    });
  }

  /** What waits is forgotten. */
  async return(): Promise<IteratorResult<T>> {
    this.#ended = true;
    this.#items = [];
    this.#next = 0;
    this.#finish();
    await this.#leave();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): T {
    const item = this.#items[this.#next] as T;
    this.#items[this.#next] = undefined as T;
    this.#next += 1;
    if (this.#next > 1_000 && this.#next * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#next);
      this.#next = 0;
    }
    return item;
  }

  /** Readers wait only while there is nothing to read. */
  #finish(): void {
    const readers = this.#readers.splice(0);
    const rejecters = this.#rejecters.splice(0);
    if (readers.length === 0) return;
    const failure = this.#failure;
    this.#failure = undefined;
    void this.#leave().then(() => {
      for (const [index, reader] of readers.entries()) {
        if (index === 0 && failure !== undefined) rejecters[0]?.(failure.error);
        else reader({ done: true, value: undefined });
      }
    });
  }

  async #leave(): Promise<void> {
    if (this.#returned) return;
    this.#returned = true;
    this.#options.signal?.removeEventListener("abort", this.#abort);
    await this.#options.onReturn?.();
  }
}
