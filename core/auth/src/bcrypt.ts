// Verifies bcrypt hashes in a thread of its own: one check takes tens of milliseconds of plain
// arithmetic, which the event loop must not spend. The thread starts with the first check and holds
// nothing open.
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";

/** Run from text, so that it needs no file beside it: the same from sources and from a build. */
const program = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { compareSync } = require(workerData);
  parentPort.on("message", ({ id, password, hash }) => {
    let matches;
    try {
      matches = compareSync(password, hash);
    } catch {}
    parentPort.postMessage({ id, matches });
  });
`;

interface Answer {
  readonly id: number;
  /** Undefined: the check could not be made. */
  readonly matches: boolean | undefined;
}

class BcryptThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (matches: boolean | undefined) => void>();
  #lastId = 0;

  /** @param ended hears once that it can not be used any more */
  constructor(ended: () => void) {
    const workerData = createRequire(import.meta.url).resolve("bcryptjs");
    this.#worker = new Worker(program, { eval: true, workerData });
    this.#worker.unref();
    this.#worker.on("message", ({ id, matches }: Answer) => {
      this.#waiting.get(id)?.(matches);
      this.#waiting.delete(id);
    });
    this.#worker.on("error", () => {}); // `exit` follows
    this.#worker.on("exit", () => {
      ended();
      for (const answer of this.#waiting.values()) answer(undefined);
      this.#waiting.clear();
    });
  }

  compare(password: string, hash: string): Promise<boolean | undefined> {
    return new Promise((resolve) => {
      const id = ++this.#lastId;
      this.#waiting.set(id, resolve);
      this.#worker.postMessage({ id, password, hash });
    });
  }
}

let thread: BcryptThread | undefined;

/** Whether a password fits a bcrypt hash; undefined when the check could not be made. Never rejects. */
export function compareWithBcrypt(password: string, hash: string): Promise<boolean | undefined> {
  thread ??= new BcryptThread(() => {
    thread = undefined;
  });
  return thread.compare(password, hash);
}
