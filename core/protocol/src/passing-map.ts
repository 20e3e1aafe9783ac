// A Map for entries that come and go with every message. V8 links the table that a Map outgrew, or
// shrank from, to the next one; once such a table reached the old generation, every later one stays
// until the next major collection, with all that was ever in it. A map that is made anew now and then
// has no past: at ten thousand messages a second that is the difference between a major collection
// every two seconds and one every minute.

/** Deletions beyond the number of entries before the table is made anew. */
const slack = 16;

export class PassingMap<K, V> {
  #map = new Map<K, V>();
  #deleted = 0;

  get size(): number {
    return this.#map.size;
  }

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  has(key: K): boolean {
    return this.#map.has(key);
  }

  set(key: K, value: V): this {
    this.#map.set(key, value);
    return this;
  }

  /** @returns whether it was there */
  delete(key: K): boolean {
    const map = this.#map;
    if (!map.has(key)) return false;
    if (map.size === 1) {
      this.clear();
      return true;
    }
    map.delete(key);
    this.#deleted += 1;
    if (this.#deleted > map.size + slack) {
      this.#map = new Map(map);
      this.#deleted = 0;
    }
    return true;
  }

  clear(): void {
    this.#map = new Map();
    this.#deleted = 0;
  }

  /** In the order they were put. An entry that is deleted meanwhile may still be told. */
  keys(): IterableIterator<K> {
    return this.#map.keys();
  }

  /** See `keys`. */
  values(): IterableIterator<V> {
    return this.#map.values();
  }

  /** See `keys`. */
  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.#map.entries();
  }
}
