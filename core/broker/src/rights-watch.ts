// Rights that end by themselves or are taken away: finds the connections that this concerns, which then
// let go of what they must not have any more. Called by the owner of `$mq9.AI.`.
import type { Account, Visitor } from "./visitor.ts";

/** How late a right may end at the latest. */
const everyMs = 1_000;

export class RightsWatch {
  readonly #nowMs: () => number;
  /** Connections whose rights have to be asked for. */
  readonly #guarded = new Set<Visitor>();
  #timer: NodeJS.Timeout | undefined;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** A connection came. Nothing is done for those that may do everything. */
  add(visitor: Visitor): void {
    if (visitor.rights === undefined) return;
    this.#guarded.add(visitor);
    this.#timer ??= setInterval(() => this.#look(), everyMs).unref();
  }

  left(visitor: Visitor): void {
    this.#guarded.delete(visitor);
    if (this.#guarded.size === 0) this.stop();
  }

  /** A token of this mailbox counts no more. */
  revoked(account: Account, mailbox: string): void {
    for (const visitor of this.#guarded) {
      if (visitor.account === account && visitor.rights?.hasShown(mailbox) === true) {
        visitor.review();
      }
    }
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const nowMs = this.#nowMs();
    for (const visitor of this.#guarded) {
      if (visitor.rights !== undefined && nowMs >= visitor.rights.endsAtMs) visitor.review();
    }
  }
}
