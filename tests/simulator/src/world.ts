// Virtual time: a heap of events, run one at a time. An event belongs to a process; a process that
// was killed runs nothing any more, one that is frozen runs later. Between two events every promise
// that can settle does, so the order of everything follows from the seed.
import { createHash } from "node:crypto";
import { Random } from "./random.ts";

/** What the patches replace, as it was. */
const realImmediate = setImmediate;

/** A seed plays some ten thousand events; so many are somebody going round in circles. */
const eventsMax = 1_000_000;

/** Somebody whose events stand and fall together: one life of the broker, or all clients. */
export interface Process {
  readonly name: string;
  alive: boolean;
  /** It runs nothing before that instant. */
  frozenUntil: number;
}

/** A scheduled event; `cancelled` ones are skipped. */
export interface Scheduled {
  at: number;
  readonly order: number;
  readonly process: Process;
  readonly run: () => void;
  cancelled: boolean;
}

export class World {
  readonly random: Random;
  readonly clients: Process = { name: "clients", alive: true, frozenUntil: 0 };
  /** Whose event is running. */
  current: Process = this.clients;
  /** Milliseconds since the world began; never steps back. */
  now = 0;
  /** What the machine's wall clock shows beyond `now`. */
  wallBase = 1_900_000_000_000;
  /** What went wrong outside of any history. */
  readonly defects: string[] = [];
  /** Lines of the trace, when somebody wants to read it. */
  readonly lines: string[] | undefined;
  events = 0;
  readonly #heap: Scheduled[] = [];
  readonly #hash = createHash("sha256");
  #order = 0;

  constructor(seed: number, keepTrace: boolean) {
    this.random = new Random(seed);
    this.lines = keepTrace ? [] : undefined;
  }

  /** Runs something later, in the process that is running now unless another is named. */
  after(delayMs: number, run: () => void, process: Process = this.current): Scheduled {
    const at = this.now + Math.max(0, delayMs);
    const event = { at, order: this.#order++, process, run, cancelled: false };
    this.#push(event);
    return event;
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  process(name: string): Process {
    return { name, alive: true, frozenUntil: 0 };
  }

  /** One line of what happened; the hash of all of them is what two runs are compared by. */
  trace(text: string): void {
    const line = `${this.now.toFixed(3)} ${this.current.name} ${text}`;
    this.#hash.update(line);
    this.lines?.push(line);
  }

  /** The hash of everything traced; ends the trace. */
  digest(): string {
    return this.#hash.digest("hex");
  }

  defect(text: string): void {
    this.trace(`DEFECT ${text}`);
    this.defects.push(text);
  }

  /** Runs events until `done` says so, or until virtual time is up. @returns whether it was done */
  async run(done: () => boolean, untilMs: number): Promise<boolean> {
    for (;;) {
      await new Promise<void>((resolve) => realImmediate(resolve)); // lets every promise settle
      if (done()) return true;
      const event = this.#pop();
      if (event === undefined || event.at > untilMs || this.events > eventsMax) return false;
      if (event.cancelled || !event.process.alive) continue;
      if (event.process.frozenUntil > event.at) {
        event.at = event.process.frozenUntil;
        this.#push(event);
        continue;
      }
      this.now = event.at;
      this.current = event.process;
      this.events += 1;
      try {
        event.run();
      } catch (error) {
        this.defect(`an event of ${event.process.name} threw ${describe(error)}`);
      }
    }
  }

  #push(event: Scheduled): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent] as Scheduled)) break;
      heap[at] = heap[parent] as Scheduled;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): Scheduled | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Scheduled)) child += 1;
      const next = heap[child];
      if (next === undefined || !isBefore(next, last)) break;
      heap[at] = next;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

export function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
