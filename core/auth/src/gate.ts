// Lets a few slow checks run at one time and a bounded number wait, so that a flood of logins takes
// neither the processor nor the memory of those who are in already.

/** Checks that run at one time. */
const runningMax = 2;
/** Checks that wait; more are refused. */
const waitingMax = 100;

/** A gate before slow work. */
export class Gate {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** @returns undefined when too many wait already; else what the job gives */
  pass<T>(job: () => Promise<T>): Promise<T> | undefined {
    if (this.#running < runningMax) return this.#run(job);
    if (this.#waiting.length >= waitingMax) return undefined;
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        this.#run(job).then(resolve, reject);
      });
    });
  }

  async #run<T>(job: () => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await job();
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
}
