// What a worker holds: one message that was handed to it, from the fetch to its settlement. Knows how it
// is settled and until when it is its own; ./consume-worker.ts decides what becomes of it.
import { type MailMessage, Mq9Error } from "@mq9/protocol";
import type { Message, Settlement } from "./message.ts";

/** How a message goes back: to its group, or to the dead letters. */
export type Return =
  | {
      readonly kind: "nack";
      readonly delayMs?: number | undefined;
      readonly reason?: string | undefined;
    }
  | { readonly kind: "reject"; readonly reason: string | undefined };

/** How a message ends: nothing more is done with one that is `left`, nobody has begun with one `unseen`. */
export type Outcome = { readonly kind: "ack" | "left" | "unseen" } | Return;

/** What a held message needs of its worker. */
export interface HeldBy<T> {
  readonly group: string;
  /** Makes what the handler sees. */
  message(parts: MailMessage, settlement: Settlement): Message<T>;
  /** Settles it by hand. Resolves when that is on disk. @throws {Mq9Error} */
  settle(held: Held<T>, outcome: Outcome): Promise<void>;
  /** @returns when the lease ends now, in milliseconds since 1970 @throws {Mq9Error} */
  extend(held: Held<T>, leaseMs: number | undefined): Promise<number>;
}

export class Held<T> implements Settlement {
  readonly msgId: number;
  readonly message: Message<T>;
  readonly bytes: number;
  /** The delivery that is ours; a later one when the message was handed to us again meanwhile. */
  deliveryCount: number;
  /** When the lease ends by the clock of this process (`performance.now()`). */
  leaseEndsMs: number;
  /** A handler has begun with it. */
  running = false;
  /** Its lease went with the connection, and it was not handed to us again yet. */
  adrift = false;
  extending = false;
  /** The program settled it itself. */
  settled = false;
  readonly #by: HeldBy<T>;
  #controller: AbortController | undefined;
  #lost: Mq9Error | undefined;

  constructor(by: HeldBy<T>, parts: MailMessage, leaseEndsMs: number) {
    this.#by = by;
    this.msgId = parts.msgId;
    this.bytes = parts.payload.length + (parts.headers?.length ?? 0);
    this.deliveryCount = parts.deliveryCount ?? 1;
    this.leaseEndsMs = leaseEndsMs;
    this.message = by.message(parts, this);
  }

  get group(): string {
    return this.#by.group;
  }

  /** Made when somebody asks: most handlers never do, and controllers are not cheap. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#lost !== undefined) this.#controller.abort(this.#lost);
    return this.#controller.signal;
  }

  /** Whether its handler was told to stop. */
  get aborted(): boolean {
    return this.#lost !== undefined;
  }

  /** Tells the handler that going on is of no use. */
  abort(reason: Mq9Error): void {
    if (this.#lost !== undefined) return;
    this.#lost = reason;
    this.#controller?.abort(reason);
  }

  /** It was handed to us once more while we have it: the lease is that of the new delivery. */
  adopt(deliveryCount: number, leaseEndsMs: number): void {
    this.deliveryCount = deliveryCount;
    this.leaseEndsMs = leaseEndsMs;
    this.adrift = false;
  }

  async ack(): Promise<void> {
    await this.#settle({ kind: "ack" });
  }

  async nack(options: {
    delayMs?: number | undefined;
    reason?: string | undefined;
  }): Promise<void> {
    await this.#settle({ kind: "nack", ...options });
  }

  async reject(reason: string | undefined): Promise<void> {
    await this.#settle({ kind: "reject", reason });
  }

  async extend(leaseMs: number | undefined): Promise<Date> {
    return new Date(await this.#by.extend(this, leaseMs));
  }

  async #settle(outcome: Outcome): Promise<void> {
    this.settled = true;
    this.adrift = false;
    await this.#by.settle(this, outcome);
  }
}

/** Why a handler is told to stop although nobody stopped its worker. */
export function leaseLost(mailbox: string, msgId: number, why: string, cause?: unknown): Mq9Error {
  const text = `the lease on message ${msgId} of ${mailbox} is lost: ${why}. Another worker may be handed it; an acknowledgement still counts`;
  return new Mq9Error("not_leased", text, { cause });
}
