// One large message on its way to very many readers: a slice of them per turn of the event loop, so
// that everybody else is heard in between. Begun by the hub; its publisher says no more until it is over.

import { PublishFrame } from "@mq9/wire";
import type { Connection } from "./connection.ts";
import type { Delivery } from "./delivery.ts";
import { turnWorkMax } from "./fair-turns.ts";
import type { SubjectEntry } from "./subject-table.ts";
import type { MatchResult } from "./sublist.ts";

/** One delivery of it, in units of `workOf`: nearly all of that is the write to the socket. */
function workPerDelivery(frame: PublishFrame): number {
  return 1 + ((frame.bodyEnd - frame.bodyStart) >>> 8);
}

/** Whether it is too much for one turn. Only of a lasting frame: others are small, and gone by then. */
export function needsSlices(result: MatchResult, frame: PublishFrame): boolean {
  return frame.lasting && result.plain.length * workPerDelivery(frame) > 2 * turnWorkMax;
}

/** What is left of a delivery. It goes on when its publisher is gone. */
export class FanOut {
  readonly #delivery: Delivery;
  readonly #from: Connection;
  readonly #result: MatchResult;
  readonly #entry: SubjectEntry;
  readonly #frame: PublishFrame;
  readonly #perSlice: number;
  #at = 0;

  constructor(
    delivery: Delivery,
    from: Connection,
    result: MatchResult,
    entry: SubjectEntry,
    frame: PublishFrame,
  ) {
    this.#delivery = delivery;
    this.#from = from;
    this.#result = result;
    this.#entry = entry;
    this.#frame = Object.assign(new PublishFrame(), frame);
    this.#perSlice = Math.ceil(turnWorkMax / workPerDelivery(frame));
  }

  get isDone(): boolean {
    return this.#at >= this.#result.plain.length;
  }

  /** The next readers get it, and with the last of them one of each queue group. @returns how many got it */
  slice(): number {
    const start = this.#at;
    const end = Math.min(start + this.#perSlice, this.#result.plain.length);
    this.#at = end;
    const delivery = this.#delivery;
    const what = [this.#result, this.#from, this.#entry, this.#frame] as const;
    const count = delivery.sendToSome(...what, start, end);
    return this.isDone ? count + delivery.sendToGroups(...what) : count;
  }
}
