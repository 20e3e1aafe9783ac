// Messages of one worker that go back: later, or to the dead letters. Each is a request of its own,
// repeated until it is answered; one that the group holds no more is as good as returned.
import type { PullApi } from "@mq9/protocol";
import type { Return } from "./consume-held.ts";
import { codeOf, mayPass, Pause, retryDelayMs } from "./consume-retry.ts";

interface Open {
  deliveryCount: number;
  readonly how: Return;
}

export interface ReturnsOptions {
  readonly api: Pick<PullApi, "nack">;
  readonly mailbox: string;
  readonly group: string;
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

  /** @throws {Mq9Error} what can never succeed */
  async send(msgId: number, deliveryCount: number, how: Return): Promise<void> {
    const open: Open = { deliveryCount, how };
    this.#open.set(msgId, open);
    try {
      await this.#repeat(msgId, open);
    } finally {
      if (this.#open.get(msgId) === open) this.#open.delete(msgId);
    }
  }

  /** It was handed to us again before it could be returned: that delivery is the one to return. */
  adopt(msgId: number, deliveryCount: number): boolean {
    const open = this.#open.get(msgId);
    if (open === undefined) return false;
    open.deliveryCount = deliveryCount;
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

  async #repeat(msgId: number, open: Open): Promise<void> {
    const { api, mailbox, group } = this.#options;
    const { how } = open;
    const rest =
      how.kind === "reject"
        ? { poison: true, reason: how.reason }
        : { delayMs: how.delayMs, reason: how.reason };
    for (let failures = 0; !this.#givenUp; failures += 1) {
      const { deliveryCount } = open;
      try {
        await api.nack({ mailbox, group, msgId, deliveryCount, ...rest });
        return;
      } catch (error) {
        const isOurs = open.deliveryCount === deliveryCount;
        if (codeOf(error) === "not_delivered" && isOurs) return; // others have it, or it is settled
        if (!mayPass(error) && isOurs) throw error;
        await this.#pause.wait(retryDelayMs(failures));
      }
    }
  }
}
