// How much one fetch may still gather: bounded in count and bytes.
import type { MessageRecord } from "@mq9/store";

export class Budget {
  count = 0;
  /** Something was left out; nothing comes in after that. */
  more = false;
  readonly #most: number;
  #room: number;

  constructor(most: number, bytesMax: number) {
    this.#most = most;
    this.#room = bytesMax;
  }

  /** How many more may come. */
  get left(): number {
    return this.more ? 0 : this.#most - this.count;
  }

  get room(): number {
    return this.#room;
  }

  /** Takes a message in if there is room; the first always comes in. Once one does not, none does. */
  takes(stored: MessageRecord): boolean {
    const bytes = stored.payload.length + (stored.headers?.length ?? 0);
    if (this.left <= 0 || (this.count > 0 && bytes > this.#room)) {
      this.more = true;
      return false;
    }
    this.#room -= bytes;
    this.count += 1;
    return true;
  }
}
