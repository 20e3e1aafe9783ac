// One clock for every group of pullers: who has to act at which instant. A group has at most one
// alarm that counts; an earlier one moves it, what it moved from rings for nobody.
import { MinHeap } from "./min-heap.ts";

/** Acts when its time has come. */
export interface Sleeper {
  /** Called by `Alarms.ring`; may set its next alarm. */
  ring(nowMs: number): void;
}

interface Alarm {
  readonly atMs: number;
  readonly sleeper: Sleeper;
}

export class Alarms {
  readonly #heap = new MinHeap<Alarm>();
  readonly #set = new Map<Sleeper, Alarm>();
  readonly #wakeAt: (atMs: number) => void;

  /** @param wakeAt asked to call `ring` at that instant */
  constructor(wakeAt: (atMs: number) => void) {
    this.#wakeAt = wakeAt;
  }

  /** When somebody has to act next; undefined = nobody waits. */
  get dueMs(): number | undefined {
    for (let first = this.#heap.first; first !== undefined; first = this.#heap.first) {
      if (this.#set.get(first.sleeper) === first) return first.atMs;
      this.#heap.pop();
    }
    return undefined;
  }

  /** Rings at this instant unless an earlier alarm is set. */
  set(sleeper: Sleeper, atMs: number): void {
    const known = this.#set.get(sleeper);
    if (known !== undefined && known.atMs <= atMs) return;
    const alarm = { atMs, sleeper };
    this.#set.set(sleeper, alarm);
    this.#heap.push(alarm);
    if (this.#heap.size > 2 * this.#set.size + 64) {
      this.#heap.sift((each) => this.#set.get(each.sleeper) === each);
    }
    this.#wakeAt(atMs);
  }

  forget(sleeper: Sleeper): void {
    this.#set.delete(sleeper);
  }

  /** Rings for everybody whose time has come. */
  ring(nowMs: number): void {
    for (let first = this.#heap.first; first !== undefined && first.atMs <= nowMs; ) {
      this.#heap.pop();
      if (this.#set.get(first.sleeper) === first) {
        this.#set.delete(first.sleeper);
        first.sleeper.ring(nowMs);
      }
      first = this.#heap.first;
    }
  }
}
