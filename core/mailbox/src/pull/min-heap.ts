// A binary heap by instant, for whatever waits for a time. Entries that lost their meaning stay
// until they come up or `sift` throws them out; nobody searches in here.

export interface Timed {
  readonly atMs: number;
}

export class MinHeap<T extends Timed> {
  #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The earliest. */
  get first(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    const items = this.#items;
    let at = items.length;
    while (at > 0) {
      const above = (at - 1) >>> 1;
      const parent = items[above] as T;
      if (parent.atMs <= item.atMs) break;
      items[at] = parent;
      at = above;
    }
    items[at] = item;
  }

  /** Takes the earliest out. */
  pop(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (first === undefined || last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= items.length) break;
      const right = left + 1;
      const below =
        right < items.length && (items[right] as T).atMs < (items[left] as T).atMs ? right : left;
      const child = items[below] as T;
      if (child.atMs >= last.atMs) break;
      items[at] = child;
      at = below;
    }
    items[at] = last;
    return first;
  }

  /** Keeps only what still counts. */
  sift(counts: (item: T) => boolean): void {
    const kept = this.#items.filter(counts);
    this.#items = [];
    for (const item of kept) this.push(item);
  }
}
