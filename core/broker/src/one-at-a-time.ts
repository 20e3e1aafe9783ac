// Requests of one connection that read a lot run one after the other, with a turn of the event loop
// between: a hundred that came together must not keep everybody else waiting for all of them.

export class OneAtATime {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Runs when those that came before have ended, whatever came of them. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const isFirst = this.#waiting === 0;
    this.#waiting += 1;
    const ran = this.#last.then(async () => {
      if (!isFirst) await new Promise(setImmediate);
      return task();
    });
    this.#last = ran.then(
      () => this.#ended(),
      () => this.#ended(),
    );
    return ran;
  }

  #ended(): void {
    this.#waiting -= 1;
  }
}
