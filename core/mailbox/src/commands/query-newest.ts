// QUERY by the highest numbers: reads every rank backwards and merges them. Never reads further than
// what was asked for, or than a fixed number of messages.
import { type QueryRequest, type QueryResult, type Rank, ranks } from "@mq9/protocol";
import type { MessageRecord } from "@mq9/store";
import type { Engine } from "../engine.ts";
import type { Slot } from "../slot.ts";
import { assertSameLife, Filter, Gathered } from "./matching.ts";

/**
 * The highest numbers that match, whatever their rank, in ascending order; `more` means that older ones
 * match, or may.
 */
export async function searchNewest(
  engine: Engine,
  slot: Slot,
  number: number,
  request: QueryRequest,
): Promise<Pick<QueryResult, "messages" | "more">> {
  const gathered = new Gathered(slot, request);
  const filter = new Filter(request);
  const endSeq = Math.min(slot.nextSeq, request.beforeId ?? Number.POSITIVE_INFINITY);
  const backwards = ranks.map((rank) => new Backwards(engine, number, rank, endSeq));
  let more = false;
  for (let room = engine.options.queryScanMax; !gathered.more; room -= 1) {
    for (const rank of backwards) await rank.fill();
    const nowMs = engine.nowMs();
    assertSameLife(slot, number, nowMs);
    const newest = backwards.reduce((a, b) => (b.head > a.head ? b : a));
    const stored = newest.take();
    if (stored === undefined || stored.createdAtMs < (request.sinceMs ?? 0)) break;
    if (room <= 0) {
      more = true;
      break;
    }
    const isUnread = stored.seq > (slot.readUpTo[stored.rank] as number);
    if (request.unreadOnly && !isUnread) continue;
    if (nowMs < stored.expiresAtMs && filter.takes(stored)) gathered.offer(stored);
  }
  return { messages: gathered.messages.reverse(), more: more || gathered.more };
}

/** One rank of a mailbox from its newest message down, a page at a time. */
class Backwards {
  readonly #engine: Engine;
  readonly #number: number;
  readonly #rank: Rank;
  #page: MessageRecord[] = [];
  #next = 0;
  #beforeSeq: number;

  constructor(engine: Engine, number: number, rank: Rank, beforeSeq: number) {
    this.#engine = engine;
    this.#number = number;
    this.#rank = rank;
    this.#beforeSeq = beforeSeq;
  }

  /** The number of the message that comes next; -1 = there is none. */
  get head(): number {
    return this.#page[this.#next]?.seq ?? -1;
  }

  /** Reads the next page when there is nothing left of this one. */
  async fill(): Promise<void> {
    if (this.#next < this.#page.length || this.#beforeSeq <= 0) return;
    this.#next = 0;
    this.#page = await this.#engine.store.messages(this.#number, {
      rank: this.#rank,
      afterSeq: -1,
      beforeSeq: this.#beforeSeq,
      newestFirst: true,
      limit: this.#engine.pageMessages,
      bytesMax: this.#engine.pageBytes,
    });
    this.#beforeSeq = this.#page.at(-1)?.seq ?? 0;
  }

  take(): MessageRecord | undefined {
    const message = this.#page[this.#next];
    this.#next += 1;
    return message;
  }
}
