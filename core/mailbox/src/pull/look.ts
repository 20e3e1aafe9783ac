// One look of a group of pullers for what a wish may have: first what waits to be handed out again,
// then what is new, rank by rank. Takes note of how far the group came; leases nothing.
import { type Rank, ranks } from "@mq9/protocol";
import type { MessageRecord, Store } from "@mq9/store";
import type { Slot } from "../slot.ts";
import { Budget } from "./budget.ts";
import type { GroupMemory } from "./group-memory.ts";
import { readOne } from "./read-one.ts";
import { Unsettled } from "./unsettled.ts";

/** Messages read at the same time when they are handed out again. */
const readAtOnce = 16;

/** What a look needs of the engine. */
export interface LookHost {
  readonly store: Store;
  readonly pageMessages: number;
  readonly pageBytes: number;
  readonly unsettledMax: number;
  nowMs(): number;
}

/** What a look needs of its group. */
export interface LookGroup {
  readonly slot: Slot;
  readonly mailboxNumber: number;
  readonly memory: GroupMemory;
  /** The message is not there any more, or its time is over. */
  settle(seq: number): boolean;
  /** It was handed out too often: it goes to the dead letters. @returns whether it did */
  buryIfSpent(message: Unsettled): boolean;
}

/** How much is looked for. */
export interface LookBounds {
  readonly limit: number;
  readonly bytesMax: number;
  /** One of so many messages is of the lowest rank; 0 = no guard against starvation. */
  readonly fairEvery: number;
  /** Messages handed out since the last of those. */
  readonly sinceFair: number;
}

export class Look {
  readonly budget: Budget;
  readonly taken: { readonly message: Unsettled; readonly stored: MessageRecord }[] = [];
  /** The group holds as many messages as it may. */
  capped = false;
  readonly #host: LookHost;
  readonly #group: LookGroup;
  readonly #bounds: LookBounds;
  readonly #epoch: number;

  constructor(host: LookHost, group: LookGroup, bounds: LookBounds) {
    this.#host = host;
    this.#group = group;
    this.#bounds = bounds;
    this.#epoch = group.memory.epoch;
    this.budget = new Budget(bounds.limit, bounds.bytesMax);
  }

  /** The group began again meanwhile: what was taken counts no more. */
  get isOutdated(): boolean {
    return this.#epoch !== this.#group.memory.epoch;
  }

  async gather(): Promise<void> {
    const { budget } = this;
    await this.#takeFair();
    for (const rank of ranks) {
      if (budget.left <= 0) break;
      await this.#takeRank(rank, budget.left);
    }
    if (!budget.more && budget.left <= 0) budget.more = await this.#hasMore();
  }

  /** The share of the lowest rank, if the wish guards it: one of `fairEvery` messages. */
  async #takeFair(): Promise<void> {
    const { fairEvery, sinceFair, limit } = this.#bounds;
    if (fairEvery <= 0) return;
    const share = Math.min(limit, Math.floor((sinceFair + limit) / fairEvery));
    for (const rank of [3, 2, 1] as const) {
      if (share > 0 && this.budget.count === 0) await this.#takeRank(rank, share);
    }
  }

  /** Up to `most` messages of one rank: what waits to be handed out again, then what is new. */
  async #takeRank(rank: Rank, most: number): Promise<void> {
    const { budget } = this;
    const until = budget.count + most;
    const wanted = (): number =>
      this.isOutdated ? 0 : Math.min(budget.left, until - budget.count);
    while (wanted() > 0) {
      const again = this.#group.memory.ready.first(rank, Math.min(wanted(), readAtOnce));
      if (again.length === 0) break;
      await this.#takeAgain(rank, again);
    }
    while (wanted() > 0) {
      if (!(await this.#takeNew(rank, wanted()))) break;
    }
  }

  async #takeAgain(rank: Rank, seqs: readonly number[]): Promise<void> {
    const { slot, mailboxNumber, memory } = this.#group;
    const removed = slot.beginRead();
    try {
      const stored = await Promise.all(
        seqs.map((seq) => readOne(this.#host.store, mailboxNumber, { rank, seq })),
      );
      if (this.isOutdated) return;
      const nowMs = this.#host.nowMs();
      seqs.forEach((seq, i) => {
        const message = memory.unsettled.get(seq);
        if (message === undefined) memory.ready.remove(rank, seq); // it would be looked at for ever
        if (message === undefined || !memory.ready.has(rank, seq)) return; // settled meanwhile
        const found = stored[i];
        if (found === undefined || removed.has(seq) || nowMs >= found.expiresAtMs) {
          this.#group.settle(seq);
        } else if (!this.#group.buryIfSpent(message) && this.budget.takes(found)) {
          memory.ready.remove(rank, seq);
          this.taken.push({ message, stored: found });
        }
      });
    } finally {
      slot.endRead(removed);
    }
  }

  /** @returns whether there may be more of this rank */
  async #takeNew(rank: Rank, most: number): Promise<boolean> {
    const { budget } = this;
    const { slot, mailboxNumber, memory } = this.#group;
    const host = this.#host;
    const free = host.unsettledMax - memory.unsettled.size;
    if (free <= 0) {
      this.capped = true;
      return false;
    }
    const removed = slot.beginRead();
    try {
      const limit = Math.min(most, free, host.pageMessages);
      const page = await host.store.messages(mailboxNumber, {
        rank,
        afterSeq: memory.cursor(rank),
        limit: limit + 1, // which tells whether there is more than was asked for
        bytesMax: Math.min(host.pageBytes, Math.max(1, budget.room)),
      });
      if (this.isOutdated) return false;
      const nowMs = host.nowMs();
      const until = budget.count + limit;
      for (const stored of page) {
        const { seq } = stored;
        if (budget.count >= until) {
          if (budget.left <= 0) budget.more = true;
          return true;
        }
        const counts =
          !memory.isSettled(rank, seq) && nowMs < stored.expiresAtMs && !removed.has(seq);
        if (counts) {
          if (!budget.takes(stored)) return false;
          const message = new Unsettled({ seq, rank, deliveries: 0, unseen: 0, notBeforeMs: 0 });
          memory.unsettled.set(seq, message);
          this.taken.push({ message, stored });
        }
        memory.pass(rank, seq);
      }
      return page.length > 0;
    } finally {
      slot.endRead(removed);
    }
  }

  /** Whether anything could be handed out on top of a full hand. */
  async #hasMore(): Promise<boolean> {
    const { mailboxNumber, memory } = this.#group;
    if (memory.ready.size > 0) return true;
    for (const rank of ranks) {
      const page = await this.#host.store.messages(mailboxNumber, {
        rank,
        afterSeq: memory.cursor(rank),
        limit: 1,
        bytesMax: 1,
      });
      if (page.length > 0) return true;
    }
    return false;
  }
}
