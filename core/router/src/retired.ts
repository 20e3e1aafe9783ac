// Takes the subscriptions of ended connections out of their lists, a slice per turn of the event loop,
// so that one client with a hundred thousand of them holds nobody up. They are inactive already.

import type { Sublist } from "./sublist.ts";
import type { Subscription } from "./subscription.ts";

/** Subscriptions taken out in one slice: about a millisecond. */
const sliceMax = 1_000;

interface Batch {
  readonly sublist: Sublist;
  readonly subscriptions: readonly Subscription[];
  at: number;
}

/** Subscriptions on their way out. */
export class Retired {
  readonly #batches: Batch[] = [];

  /** Takes them out: a few at once, more of them later. Those of owned spaces are not touched. */
  add(sublist: Sublist, subscriptions: readonly Subscription[]): void {
    const batch: Batch = { sublist, subscriptions, at: 0 };
    take(batch, sliceMax);
    if (batch.at === subscriptions.length) return;
    if (this.#batches.push(batch) === 1) setImmediate(this.#slice);
  }

  readonly #slice = (): void => {
    let left = sliceMax;
    for (let first = this.#batches[0]; first !== undefined && left > 0; first = this.#batches[0]) {
      left = take(first, left);
      if (first.at === first.subscriptions.length) this.#batches.shift();
    }
    if (this.#batches.length !== 0) setImmediate(this.#slice);
  };
}

/** @returns how many more may be taken in this slice */
function take(batch: Batch, most: number): number {
  const { sublist, subscriptions } = batch;
  const end = Math.min(subscriptions.length, batch.at + most);
  const taken = end - batch.at;
  while (batch.at < end) {
    const subscription = subscriptions[batch.at++] as Subscription;
    if (subscription.space === undefined) sublist.remove(subscription);
  }
  return most - taken;
}
