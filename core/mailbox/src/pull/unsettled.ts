// One message in the hands of a group of pullers, and the fetch results it was part of.
import type { Consumer, Rank } from "@mq9/protocol";
import type { UnsettledState } from "./group-state.ts";

/** Whoever holds a message, and until when. */
export interface Lease {
  readonly consumer: Consumer | undefined;
  readonly endsAtMs: number;
}

/** One fetch result: what an acknowledgement of a batch is about. */
export class FetchBatch {
  /** In the order they were returned. */
  readonly messages: readonly Unsettled[];
  /**
   * How acknowledgements without a mode are meant: each for itself, or for everything before it too.
   * Undefined until the first.
   */
  meant: "one" | "batch" | undefined = undefined;

  constructor(messages: readonly Unsettled[]) {
    this.messages = messages;
  }
}

/** Handed out or handed back, and not settled. */
export class Unsettled implements UnsettledState {
  readonly seq: number;
  readonly rank: Rank;
  deliveries: number;
  /** Deliveries that perhaps nobody saw: they are told, and do not count against it. */
  unseen: number;
  notBeforeMs: number;
  lease: Lease | undefined = undefined;
  /** When it was handed out last. */
  handedAtMs = 0;
  /** The latest result it was part of, and its place there; they outlive the lease. */
  batch: FetchBatch | undefined = undefined;
  place = 0;
  /** On its way to the dead letters. */
  dying = false;

  /** Which delivery it is in, as its reader is told. */
  get delivery(): number {
    return this.deliveries + this.unseen;
  }

  /** When its lease or its pause ends; `Infinity` = neither. */
  get changesAtMs(): number {
    if (this.lease !== undefined) return this.lease.endsAtMs;
    return this.notBeforeMs > 0 ? this.notBeforeMs : Number.POSITIVE_INFINITY;
  }

  constructor({ seq, rank, deliveries, unseen, notBeforeMs }: UnsettledState) {
    this.seq = seq;
    this.rank = rank;
    this.deliveries = deliveries;
    this.unseen = unseen;
    this.notBeforeMs = notBeforeMs;
  }
}

/** How long a message waits after so many deliveries before the next: not at all at first. */
export function backoffMs(deliveries: number): number {
  if (deliveries < 3) return 0;
  return Math.min(60_000, 1000 * 2 ** Math.min(deliveries - 3, 6));
}
