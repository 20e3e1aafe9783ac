// What a worker has fetched and not begun, in the order it came; and which numbers it has finished that a
// fetch under way may still bring once more. Keeps, decides nothing.
import type { Held } from "./consume-held.ts";

/** A queue whose end can be taken back. */
export class Ahead<T> {
  #items: Held<T>[] = [];
  /** Index of the first: shifting a long array is slow. */
  #next = 0;
  #bytes = 0;

  get size(): number {
    return this.#items.length - this.#next;
  }

  /** Of payloads and headers. */
  get bytes(): number {
    return this.#bytes;
  }

  push(held: Held<T>): void {
    this.#items.push(held);
    this.#bytes += held.bytes;
  }

  /** Call with `size` above 0. */
  takeFirst(): Held<T> {
    const held = this.#items[this.#next] as Held<T>;
    this.#next += 1;
    this.#bytes -= held.bytes;
    if (this.#next === this.#items.length) this.clear();
    return held;
  }

  /** Call with `size` above 0. */
  takeLast(): Held<T> {
    const held = this.#items.pop() as Held<T>;
    this.#bytes -= held.bytes;
    return held;
  }

  remove(held: Held<T>): void {
    const index = this.#items.indexOf(held, this.#next);
    if (index < 0) return;
    this.#items.splice(index, 1);
    this.#bytes -= held.bytes;
  }

  /** @returns what was in it */
  clear(): Held<T>[] {
    const rest = this.#items.slice(this.#next);
    this.#items = [];
    this.#next = 0;
    this.#bytes = 0;
    return rest;
  }
}

/** Numbers that were acknowledged while fetches were under way. */
export class Recent {
  readonly #batches: { readonly fetch: number; readonly msgIds: readonly number[] }[] = [];

  /** @param fetch the newest fetch at that time */
  add(fetch: number, msgIds: readonly number[]): void {
    this.#batches.push({ fetch, msgIds });
  }

  has(msgId: number): boolean {
    return this.#batches.some(({ msgIds }) => msgIds.includes(msgId));
  }

  /** What was acknowledged before the oldest fetch under way began can not come with any. */
  forgetBefore(oldestFetch: number): void {
    const batches = this.#batches;
    while (batches[0] !== undefined && batches[0].fetch < oldestFetch) batches.shift();
  }
}
