// work(): the messages of a group as a loop, each settled by hand. The engine is ./consume-worker.ts; a
// message's lease is kept alive until the loop asks for the next one.

import { reasonLengthMax } from "@mq9/protocol";
import { type ConsumeOptions, type ConsumeSource, safely, workerOptions } from "./consume.ts";
import type { Held, Outcome } from "./consume-held.ts";
import { Worker } from "./consume-worker.ts";
import { textOf } from "./errors.ts";
import type { Message } from "./message.ts";

export type WorkOptions<T = unknown> = Omit<ConsumeOptions<T>, "concurrency">;

const left: Outcome = { kind: "left" };
const unseen: Outcome = { kind: "unseen" };

/** Leaving the loop hands back what was fetched ahead; the message at hand stays ours until its lease ends. */
export function work<T>(
  source: ConsumeSource<T>,
  options: WorkOptions<T> = {},
): AsyncIterableIterator<Message<T>> {
  return new Work(source, options);
}

/** Says what becomes of the message that its worker waits for. */
type Release = (outcome: Outcome) => void;

class Work<T> implements AsyncIterableIterator<Message<T>> {
  readonly #source: ConsumeSource<T>;
  readonly #worker: Worker<T>;
  readonly #options: WorkOptions<T>;
  readonly #onError: (error: unknown, message: Message<T> | undefined) => void;
  /** The loop has it, until it asks for the next. */
  #release: Release | undefined;
  /** A message, or the end, for the loop that waits. */
  #hand: ((held: Held<T> | undefined) => void) | undefined;
  #waiting: { readonly held: Held<T>; readonly release: Release } | undefined;
  readonly #stop = (): void => void this.#end();

  constructor(source: ConsumeSource<T>, options: WorkOptions<T>) {
    this.#source = source;
    this.#options = options;
    this.#onError = safely((error, message) => options.onError?.(error, message));
    this.#worker = new Worker(source, workerOptions(source, options), {
      run: (held) => this.#run(held),
      onError: this.#onError,
    });
    options.signal?.addEventListener("abort", this.#stop, { once: true });
    if (options.signal?.aborted) this.#stop();
    const stays = source.onClose?.(() => this.#end());
    const over = (): void => {
      stays?.();
      this.#hand?.(undefined);
    };
    this.#worker.done.then(over, over);
  }

  async next(): Promise<IteratorResult<Message<T>>> {
    for (;;) {
      this.#release?.(left);
      this.#release = undefined;
      const held = await this.#take();
      if (held === undefined) {
        await this.#worker.done;
        return { done: true, value: undefined };
      }
      if (await this.#fits(held)) return { done: false, value: held.message };
    }
  }

  async return(): Promise<IteratorResult<Message<T>>> {
    await this.#end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** One at a time: the next is begun when the loop is done with this one. */
  async #run(held: Held<T>): Promise<Outcome> {
    return await new Promise<Outcome>((release) => {
      if (this.#hand === undefined) {
        this.#waiting = { held, release };
        return;
      }
      this.#release = release;
      this.#hand(held);
    });
  }

  async #take(): Promise<Held<T> | undefined> {
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      this.#release = waiting.release;
      return waiting.held;
    }
    if (this.#worker.stopping) return undefined;
    return await new Promise((resolve) => {
      this.#hand = (held) => {
        this.#hand = undefined;
        resolve(held);
      };
    });
  }

  /** What does not fit the schema goes to the dead letters, unseen by the loop. */
  async #fits(held: Held<T>): Promise<boolean> {
    try {
      await this.#source.check?.(held.message);
      return true;
    } catch (error) {
      this.#onError(error, held.message);
      await held.reject(textOf(error).slice(0, reasonLengthMax));
      return false;
    }
  }

  async #end(): Promise<void> {
    this.#options.signal?.removeEventListener("abort", this.#stop);
    const stopped = this.#worker.stop();
    this.#waiting?.release(unseen);
    this.#waiting = undefined;
    this.#release?.(left);
    this.#release = undefined;
    await stopped;
  }
}
