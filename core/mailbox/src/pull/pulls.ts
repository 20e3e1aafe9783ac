// What every group of pullers needs of the engine, and who holds what: a consumer that leaves gives
// back everything, in whatever mailbox.
import { type Consumer, type Mq9Error, PassingMap } from "@mq9/protocol";
import type { Store } from "@mq9/store";
import type { Engine } from "../engine.ts";
import type { MailMeters } from "../meters.ts";
import type { Positions } from "../positions.ts";
import type { Slot } from "../slot.ts";
import { Alarms } from "./alarms.ts";
import { bury } from "./dead-letters.ts";
import type { PullGroup, PullHost, Why } from "./pull-group.ts";
import type { Unsettled } from "./unsettled.ts";

/** Something a consumer holds: messages of a group, or a fetch that waits. */
export interface Holding {
  readonly slot: Slot;
  release(consumer: Consumer): void;
}

export class Pulls implements PullHost {
  readonly alarms: Alarms;
  readonly #engine: Engine;
  readonly #holdings = new PassingMap<Consumer, PassingMap<Holding, true>>();
  readonly #left = new WeakSet<Consumer>();

  constructor(engine: Engine) {
    this.#engine = engine;
    this.alarms = new Alarms(engine.deps.wakeAt);
  }

  get store(): Store {
    return this.#engine.store;
  }

  get positions(): Positions {
    return this.#engine.positions;
  }

  get meters(): MailMeters {
    return this.#engine.meters;
  }

  get journal(): { settled(): Promise<void> } {
    return this.#engine.journal;
  }

  get pageMessages(): number {
    return this.#engine.options.pageMessages;
  }

  get pageBytes(): number {
    return this.#engine.options.pageBytes;
  }

  get unsettledMax(): number {
    return this.#engine.options.unsettledMax;
  }

  nowMs(): number {
    return this.#engine.nowMs();
  }

  defer(run: () => void): void {
    this.#engine.deps.defer(run);
  }

  writeGroup(group: PullGroup): Promise<void> {
    this.#engine.stage();
    this.#engine.journal.writeLate(group);
    return this.#engine.durable(group.slot);
  }

  bury(group: PullGroup, message: Unsettled, why: Why): Promise<void> {
    return bury(this.#engine, group, message, why);
  }

  /** Consumers that hold or wait for something. */
  get consumerCount(): number {
    return this.#holdings.size;
  }

  hasLeft(consumer: Consumer): boolean {
    return this.#left.has(consumer);
  }

  holds(consumer: Consumer, holding: Holding): void {
    const known = this.#holdings.get(consumer);
    if (known !== undefined) known.set(holding, true);
    else this.#holdings.set(consumer, new PassingMap<Holding, true>().set(holding, true));
  }

  holdsNoMore(consumer: Consumer, holding: Holding): void {
    const known = this.#holdings.get(consumer);
    known?.delete(holding);
    if (known?.size === 0) this.#holdings.delete(consumer);
  }

  /** A consumer left for good: what it holds is free, what it waits for is over. */
  release(consumer: Consumer): void {
    this.#left.add(consumer);
    const holdings = this.#holdings.get(consumer);
    this.#holdings.delete(consumer);
    for (const holding of holdings?.keys() ?? []) holding.release(consumer);
  }

  /** Frees what a consumer holds or waits for in mailboxes where it may not stay. @returns whether anything was */
  review(consumer: Consumer, mayStay: (slot: Slot) => boolean): boolean {
    const holdings = this.#holdings.get(consumer);
    let freed = false;
    for (const holding of holdings?.keys() ?? []) {
      if (mayStay(holding.slot)) continue;
      holding.release(consumer);
      freed = true;
    }
    return freed;
  }

  failure(error: unknown): Mq9Error {
    return this.#engine.failure(error);
  }
}
