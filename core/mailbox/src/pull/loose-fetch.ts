// A fetch without a group: reads from a place and records nothing, and waits for what comes when
// there is nothing yet.
import { type FetchResult, type MailMessage, ranks } from "@mq9/protocol";
import type { Slot } from "../slot.ts";
import type { Sleeper } from "./alarms.ts";
import { Budget } from "./budget.ts";
import type { PullHost, Wish } from "./pull-group.ts";

const nothing: FetchResult = { messages: [], more: false };

export class LooseFetch implements Sleeper {
  readonly #host: PullHost;
  readonly slot: Slot;
  readonly #wish: Wish;
  readonly #cursors: Float64Array;
  /** The life it reads; undefined until the directory of an account has its first entry. */
  #mailboxNumber: number | undefined;
  #changes = 0;
  #wakened: ((why: "mail" | "over") => void) | undefined;
  #over = false;

  /** @param cursors only numbers above these, per rank */
  constructor(host: PullHost, slot: Slot, wish: Wish, cursors: Float64Array) {
    this.#host = host;
    this.slot = slot;
    this.#wish = wish;
    this.#cursors = cursors;
    this.#mailboxNumber = slot.record?.number;
  }

  /** @throws {Mq9Error} */
  async run(): Promise<FetchResult> {
    const { waitMs, consumer } = this.#wish;
    const slot = this.slot;
    if (slot.staged > 0) await this.#host.journal.settled();
    if (waitMs <= 0) return this.#read();
    slot.loose.add(this);
    this.#host.alarms.set(this, this.#host.nowMs() + waitMs);
    if (consumer !== undefined) this.#host.holds(consumer, this);
    try {
      for (;;) {
        const changes = this.#changes;
        const result = await this.#read();
        if (result.messages.length > 0 || this.#over) return result;
        if (this.#changes !== changes) continue;
        const why = await new Promise<"mail" | "over">((wake) => {
          this.#wakened = wake;
        });
        if (why === "over" && slot.isLive(this.#host.nowMs())) return nothing;
      }
    } finally {
      slot.loose.delete(this);
      this.#host.alarms.forget(this);
      if (consumer !== undefined) this.#host.holdsNoMore(consumer, this);
    }
  }

  /** A message became readable. */
  arrived(): void {
    this.#changes += 1;
    this.#wake("mail");
  }

  /** Its time is up. */
  ring(): void {
    this.#over = true;
    this.#wake("over");
  }

  /** Whoever asked left. */
  release(): void {
    this.ring();
  }

  /** The mailbox ended: the next look says so. */
  end(): void {
    this.ring();
  }

  #wake(why: "mail" | "over"): void {
    const wakened = this.#wakened;
    this.#wakened = undefined;
    if (wakened !== undefined) this.#host.defer(() => wakened(why));
  }

  async #read(): Promise<FetchResult> {
    const { limit, bytesMax } = this.#wish;
    const host = this.#host;
    const slot = this.slot;
    const budget = new Budget(limit, bytesMax);
    const messages: MailMessage[] = [];
    this.#mailboxNumber ??= slot.record?.number;
    const number = this.#mailboxNumber;
    if (number === undefined) return nothing;
    const removed = slot.beginRead();
    try {
      for (const rank of ranks) {
        for (let afterSeq = this.#cursors[rank] as number; !budget.more; ) {
          this.#assertThere();
          const page = await host.store.messages(number, {
            rank,
            afterSeq,
            limit: Math.min(budget.left + 1, host.pageMessages),
            bytesMax: host.pageBytes,
          });
          this.#assertThere();
          if (page.length === 0) break;
          const nowMs = host.nowMs();
          for (const stored of page) {
            afterSeq = stored.seq;
            if (nowMs >= stored.expiresAtMs || removed.has(stored.seq)) continue;
            if (!budget.takes(stored)) break;
            messages.push(slot.message(stored));
          }
        }
      }
    } finally {
      slot.endRead(removed);
    }
    return { messages, more: budget.more };
  }

  /** @throws {Mq9Error} when this life of the mailbox is over */
  #assertThere(): void {
    const slot = this.slot;
    if (!slot.isLive(this.#host.nowMs())) throw slot.absence();
    if (slot.record?.number !== this.#mailboxNumber) throw slot.absence();
  }
}
