// The numbers that wait to be handed out again, per rank, lowest first.
import type { Rank } from "@mq9/protocol";

export class Ready {
  readonly #lists: number[][] = [[], [], [], []];

  add(rank: Rank, seq: number): void {
    const list = this.#lists[rank] as number[];
    const at = indexOf(list, seq);
    if (list[at] !== seq) list.splice(at, 0, seq);
  }

  remove(rank: Rank, seq: number): void {
    const list = this.#lists[rank] as number[];
    const at = indexOf(list, seq);
    if (list[at] === seq) list.splice(at, 1);
  }

  has(rank: Rank, seq: number): boolean {
    const list = this.#lists[rank] as number[];
    return list[indexOf(list, seq)] === seq;
  }

  /** The lowest numbers of a rank. */
  first(rank: Rank, most: number): readonly number[] {
    return (this.#lists[rank] as number[]).slice(0, most);
  }

  get size(): number {
    return this.#lists.reduce((sum, list) => sum + list.length, 0);
  }

  clear(): void {
    for (const list of this.#lists) list.length = 0;
  }
}

/** Where a number lies, or would. */
function indexOf(list: readonly number[], seq: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as number) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
