// What a group of pullers remembers of its mailbox: how far it came in each rank, what of that is not
// settled, and what waits to be handed out again. Written beside the mailbox as one blob
// (./group-state.ts). Knows no consumers and no clock; ./pull-group.ts decides.
import { type GroupMessageState, Mq9Error, PassingMap, type Rank, ranks } from "@mq9/protocol";
import { type DecodedGroup, encodeGroup } from "./group-state.ts";
import { Ready } from "./ready.ts";
import { Unsettled } from "./unsettled.ts";

/** Dead letters that a receipt still knows of. */
const deadRememberedMax = 1000;
/** Numbers settled ahead of the cursor, which only happens when a crash took the cursor back. */
const aheadMax = 10_000;

export class GroupMemory {
  /** Handed out or handed back, and not settled. */
  readonly unsettled: PassingMap<number, Unsettled> = new PassingMap();
  /** Those of them that may be handed out again. */
  readonly ready: Ready = new Ready();
  /** It has changed since it was written. */
  dirty = false;
  /** Grows when what was read before counts no more. */
  epoch = 0;
  readonly #cursors = new Float64Array(4).fill(-1);
  readonly #ahead = ranks.map(() => new Set<number>());
  readonly #dead = new Set<number>();
  #startSeq = 0;

  /** Begins behind these numbers, whatever was handed out or settled before. */
  begin(cursors: Float64Array): void {
    this.clear();
    this.#cursors.set(cursors);
    this.#startSeq = Math.min(...cursors) + 1;
  }

  /** Continues where the stored state stands; the unsettled are neither leased nor ready yet. */
  restore(state: DecodedGroup): void {
    this.clear();
    this.#startSeq = state.startSeq;
    this.#cursors.set(state.cursors);
    for (const { rank, seq } of state.ahead) this.#ahead[rank]?.add(seq);
    for (const seq of state.dead) this.#dead.add(seq);
    for (const each of state.unsettled) this.unsettled.set(each.seq, new Unsettled(each));
  }

  clear(): void {
    this.epoch += 1;
    this.unsettled.clear();
    this.ready.clear();
    for (const set of this.#ahead) set.clear();
    this.#dead.clear();
  }

  /** Highest number handed out or passed over. */
  cursor(rank: Rank): number {
    return this.#cursors[rank] as number;
  }

  /** The group came to this number. @returns whether it was settled before */
  pass(rank: Rank, seq: number): boolean {
    this.#cursors[rank] = seq;
    this.dirty = true;
    return this.#ahead[rank]?.delete(seq) === true;
  }

  /** Whether the group has settled a message that it does not hold. */
  isSettled(rank: Rank, seq: number): boolean {
    return seq <= this.cursor(rank) || this.#ahead[rank]?.has(seq) === true;
  }

  /** The group was handed everything up to this number, whatever its rank. */
  isBehindAll(seq: number): boolean {
    return this.#cursors.every((cursor) => seq <= cursor);
  }

  /** Settles a message that this group has not been handed. @throws {Mq9Error} `quota_exceeded` */
  settleAhead(rank: Rank, seq: number): boolean {
    if (this.isSettled(rank, seq)) return false;
    const ahead = this.#ahead[rank] as Set<number>;
    if (ahead.size >= aheadMax) {
      throw new Mq9Error(
        "quota_exceeded",
        `the limit of ${aheadMax} messages acknowledged before they were fetched is reached: fetch first`,
      );
    }
    ahead.add(seq);
    this.dirty = true;
    return true;
  }

  /** It lies among the dead letters now. */
  buried(seq: number): void {
    this.#dead.add(seq);
    if (this.#dead.size <= deadRememberedMax) return;
    for (const oldest of this.#dead) {
      this.#dead.delete(oldest);
      break;
    }
  }

  /**
   * A dead letter comes back, as if it had never been handed out.
   * @returns the message to hand out; undefined when the group has it, or will come to it by itself
   */
  revive(rank: Rank, seq: number): Unsettled | undefined {
    this.#dead.delete(seq);
    if (this.unsettled.has(seq)) return undefined;
    if (seq > this.cursor(rank)) {
      this.#ahead[rank]?.delete(seq);
      this.dirty = true;
      return undefined;
    }
    const message = new Unsettled({ seq, rank, deliveries: 0, unseen: 0, notBeforeMs: 0 });
    this.unsettled.set(seq, message);
    return message;
  }

  /** How this group stands with a message; undefined = it is none of its business. */
  standing(
    rank: Rank,
    seq: number,
  ): { state: GroupMessageState; message: Unsettled | undefined } | undefined {
    if (seq < this.#startSeq) return undefined;
    const message = this.unsettled.get(seq);
    if (message !== undefined) {
      if (message.lease !== undefined) return { state: "leased", message };
      return { state: message.notBeforeMs > 0 ? "deferred" : "waiting", message };
    }
    if (this.#dead.has(seq)) return { state: "dead_lettered", message };
    return { state: this.isSettled(rank, seq) ? "acked" : "waiting", message };
  }

  encode(group: { readonly deliveriesMax: number; readonly usedAtMs: number }): Uint8Array {
    return encodeGroup({
      deliveriesMax: group.deliveriesMax,
      usedAtMs: group.usedAtMs,
      startSeq: this.#startSeq,
      cursors: this.#cursors,
      unsettled: { size: this.unsettled.size, [Symbol.iterator]: () => this.unsettled.values() },
      ahead: this.#ahead,
      dead: this.#dead,
    });
  }
}
