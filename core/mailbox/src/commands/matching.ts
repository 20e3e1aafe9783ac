// What a QUERY keeps of what it reads: the messages that meet its conditions, up to what was asked for.
import type { MailMessage, QueryRequest } from "@mq9/protocol";
import type { MessageRecord } from "@mq9/store";
import type { Slot } from "../slot.ts";

/** The conditions on a message itself; those on its number and its instant bound what is read. */
export class Filter {
  readonly #tags: readonly string[] | undefined;
  readonly #any: boolean;

  constructor({ tags, tagsMode }: QueryRequest) {
    this.#tags = tags?.length === 0 ? undefined : tags;
    this.#any = tagsMode === "any";
  }

  takes({ tags: carried = [] }: MessageRecord): boolean {
    if (this.#tags === undefined) return true;
    return this.#any
      ? this.#tags.some((tag) => carried.includes(tag))
      : this.#tags.every((tag) => carried.includes(tag));
  }
}

const bytesMaxDefault = 1_048_576;
const noBytes = new Uint8Array(0);

/** The first messages of a mailbox, up to the count and the bytes that were asked for. */
export class Gathered {
  readonly messages: MailMessage[] = [];
  /** Something was left out, and so is everything after it. */
  more = false;
  readonly #slot: Slot;
  readonly #limit: number;
  readonly #withPayload: boolean;
  #room: number;

  constructor(slot: Slot, { limit, bytesMax = bytesMaxDefault, withPayload = true }: QueryRequest) {
    this.#slot = slot;
    this.#limit = limit;
    this.#withPayload = withPayload;
    this.#room = bytesMax;
  }

  offer(stored: MessageRecord): void {
    const bytes = this.#withPayload ? stored.payload.length + (stored.headers?.length ?? 0) : 0;
    const fits = this.messages.length === 0 || bytes <= this.#room;
    if (this.more || !fits || this.messages.length >= this.#limit) {
      this.more = true;
      return;
    }
    this.#room -= bytes;
    const message = this.#slot.message(stored);
    this.messages.push(
      this.#withPayload ? message : { ...message, payload: noBytes, headers: undefined },
    );
  }
}

/** @throws {Mq9Error} when the life that is read ended between two pages */
export function assertSameLife(slot: Slot, number: number, nowMs: number): void {
  if (!slot.isLive(nowMs) || slot.record?.number !== number) throw slot.absence();
}
