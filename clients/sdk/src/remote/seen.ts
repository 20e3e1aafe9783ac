// Which numbers were handed out already, as stretches: most readers see nearly all of them, so there are
// few. Bounded, since a mailbox can live for years.

interface Stretch {
  from: number;
  /** Included. */
  to: number;
}

/** Beyond so many, the lowest are forgotten: what lies there could be handed out once more. */
const stretchesMax = 65_536;

export class SeenNumbers {
  /** Ascending, with gaps between. */
  readonly #stretches: Stretch[] = [];

  /** @returns false when it was there already */
  add(number: number): boolean {
    const stretches = this.#stretches;
    const at = this.#firstEndingAtOrAfter(number - 1);
    const stretch = stretches[at];
    if (stretch === undefined || stretch.from > number + 1) {
      stretches.splice(at, 0, { from: number, to: number });
      if (stretches.length > stretchesMax) stretches.shift();
      return true;
    }
    if (stretch.from <= number && number <= stretch.to) return false;
    if (number === stretch.from - 1) {
      stretch.from = number;
      return true;
    }
    stretch.to = number; // one above its end
    const next = stretches[at + 1];
    if (next !== undefined && next.from === number + 1) {
      stretch.to = next.to;
      stretches.splice(at + 1, 1);
    }
    return true;
  }

  has(number: number): boolean {
    const stretch = this.#stretches[this.#firstEndingAtOrAfter(number)];
    return stretch !== undefined && stretch.from <= number;
  }

  get stretches(): number {
    return this.#stretches.length;
  }

  /** The usual number is the highest so far: looked at first. */
  #firstEndingAtOrAfter(number: number): number {
    const stretches = this.#stretches;
    const last = stretches.length - 1;
    if (last < 0 || (stretches[last] as Stretch).to < number) return stretches.length;
    if (last === 0 || (stretches[last - 1] as Stretch).to < number) return last;
    let low = 0;
    let high = last;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((stretches[middle] as Stretch).to < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
