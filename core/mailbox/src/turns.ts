// Lets a few reads of the store run and the others wait, first come first served: what is read at
// the same time is in memory at the same time. Whoever asks bounds how many wait.

export class Turns {
  readonly #most: number;
  readonly #between: (() => Promise<void>) | undefined;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /**
   * @param most reads that run at the same time
   * @param between run before a read that had to wait, so that others come in between
   */
  constructor(most: number, between?: () => Promise<void>) {
    this.#most = most;
    this.#between = between;
  }

  async run<T>(read: () => Promise<T>): Promise<T> {
    if (this.#running < this.#most) this.#running += 1;
    else await new Promise<void>((begin) => this.#waiting.push(begin)).then(this.#between);
    try {
      return await read();
    } finally {
      // The turn passes on as it is, or a newcomer could take it between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
