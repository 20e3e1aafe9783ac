// Who holds what of a group of pullers: messages under lease, and fetches that wait. The host keeps a
// consumer in mind as long as it is here, and no longer: consumers come and go with every connection.
import { type Consumer, PassingMap } from "@mq9/protocol";
import type { Unsettled } from "./unsettled.ts";

/** Hears which consumers have something. */
export interface ShareHolders {
  holds(consumer: Consumer): void;
  holdsNoMore(consumer: Consumer): void;
}

interface Share {
  readonly messages: PassingMap<number, Unsettled>;
  /** Fetches of it that wait. */
  waiting: number;
}

export class Shares {
  readonly #shares = new PassingMap<Consumer, Share>();
  readonly #holders: ShareHolders;

  constructor(holders: ShareHolders) {
    this.#holders = holders;
  }

  take(consumer: Consumer | undefined, message: Unsettled): void {
    if (consumer !== undefined) this.#of(consumer).messages.set(message.seq, message);
  }

  give(consumer: Consumer | undefined, message: Unsettled): void {
    const share = consumer && this.#shares.get(consumer);
    if (consumer === undefined || share === undefined) return;
    share.messages.delete(message.seq);
    this.#forgetIfEmpty(consumer, share);
  }

  waits(consumer: Consumer | undefined): void {
    if (consumer !== undefined) this.#of(consumer).waiting += 1;
  }

  waitsNoMore(consumer: Consumer | undefined): void {
    const share = consumer && this.#shares.get(consumer);
    if (consumer === undefined || share === undefined) return;
    share.waiting -= 1;
    this.#forgetIfEmpty(consumer, share);
  }

  heldBy(consumer: Consumer): readonly Unsettled[] {
    return [...(this.#shares.get(consumer)?.messages.values() ?? [])];
  }

  /** Nobody holds a message any more; whoever waits goes on. */
  clearMessages(): void {
    for (const [consumer, share] of this.#shares) {
      share.messages.clear();
      this.#forgetIfEmpty(consumer, share);
    }
  }

  #of(consumer: Consumer): Share {
    const known = this.#shares.get(consumer);
    if (known !== undefined) return known;
    const share: Share = { messages: new PassingMap<number, Unsettled>(), waiting: 0 };
    this.#shares.set(consumer, share);
    this.#holders.holds(consumer);
    return share;
  }

  #forgetIfEmpty(consumer: Consumer, { messages, waiting }: Share): void {
    if (messages.size > 0 || waiting > 0) return;
    this.#shares.delete(consumer);
    this.#holders.holdsNoMore(consumer);
  }
}
