// Messages of one worker that go back: later, or to the dead letters. Each is a request of its own,
// repeated until it is answered; one that the group holds no more is as good as returned.
import { type MailMessage, Mq9Error, type PullApi } from "@mq9/protocol";
import type { Return } from "./consume-held.ts";
import { codeOf, mayPass, Pause, retryDelayMs } from "./consume-retry.ts";

/** A message as it was handed to us. */
export interface Delivery {
  readonly parts: MailMessage;
  readonly leaseEndsMs: number;
}

interface Open {
  readonly how: Return;
  /** It was handed to us once more, and the broker has not answered yet. */
  later: Delivery | undefined;
}

export interface ReturnsOptions {
  readonly api: Pick<PullApi, "nack">;
  readonly mailbox: string;
  readonly group: string;
  /** It went back and came again, before we heard that it went back. */
  readonly again: (delivery: Delivery) => void;
}

export class Returns {
  readonly #options: ReturnsOptions;
  readonly #open: Map<number, Open> = new Map();
  readonly #pause = new Pause();
  #givenUp = false;

  constructor(options: ReturnsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Its return is under way. */
  has(msgId: number): boolean {
    return this.#open.has(msgId);
  }

  /** @throws {Mq9Error} what can never succeed, and `outcome_unknown` when it was given up */
  async send(msgId: number, deliveryCount: number, how: Return): Promise<void> {
    const open: Open = { how, later: undefined };
    this.#open.set(msgId, open);
    try {
      await this.#repeat(msgId, deliveryCount, open);
    } finally {
      if (this.#open.get(msgId) === open) this.#open.delete(msgId);
    }
    if (open.later !== undefined) this.#options.again(open.later);
  }

  /**
   * It was handed to us again while its return is under way. Whether because of the return, or before it came
   * to the broker, its answer will tell.
   */
  adopt(delivery: Delivery): boolean {
    const open = this.#open.get(delivery.parts.msgId);
    if (open === undefined) return false;
    open.later = delivery;
    return true;
  }

  /** Nobody has begun with it: at once for others, and no delivery. Best effort, its lease ends anyway. */
  async unseen(msgId: number, deliveryCount: number): Promise<void> {
    const { api, mailbox, group } = this.#options;
    try {
      await api.nack({ mailbox, group, msgId, deliveryCount, unseen: true });
    } catch {
      // whatever it was: the message is free when its lease ends, or when the connection does
    }
  }

  wake(): void {
    this.#pause.end();
  }

  /** No further attempts: leases end by themselves. */
  giveUp(): void {
    this.#givenUp = true;
    this.#pause.end();
  }

  async #repeat(msgId: number, firstDelivery: number, open: Open): Promise<void> {
    const { api, mailbox, group } = this.#options;
    const { how } = open;
    const rest =
      how.kind === "reject"
        ? { poison: true, reason: how.reason }
        : { delayMs: how.delayMs, reason: how.reason };
    let deliveryCount = firstDelivery;
    for (let failures = 0; !this.#givenUp; failures += 1) {
      try {
        await api.nack({ mailbox, group, msgId, deliveryCount, ...rest });
        return;
      } catch (error) {
        const isPast = codeOf(error) === "not_delivered";
        if (isPast && open.later === undefined) return; // others have it, or it is settled
        if (isPast) {
          // It came to us anew without having been returned: that delivery is the one to return.
          deliveryCount = open.later?.parts.deliveryCount ?? deliveryCount;
          open.later = undefined;
          continue;
        }
        if (!mayPass(error)) throw error;
        await this.#pause.wait(retryDelayMs(failures));
      }
    }
    const done = how.kind === "reject" ? "given to the dead letters" : "returned";
    const text = `message ${msgId} of ${mailbox} was to be ${done}, and the broker did not confirm it: group ${group} may be handed it again`;
    throw new Mq9Error("outcome_unknown", text);
  }
}
