// The registries of all accounts: made when an account first needs one, and reminded of the time.
import { neverMs } from "@mq9/protocol";
import type { StoreOpening } from "@mq9/store";
import type { Engine } from "../engine.ts";
import type { Slot } from "../slot.ts";
import { Registry } from "./registry.ts";
import type { Downtime } from "./roll.ts";

export class Registries {
  readonly #engine: Engine;
  readonly #registries = new Map<string, Registry>();
  #downtime: Downtime = { sinceMs: 0, forMs: 0 };

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Tells how long the broker was down. */
  opened({ clockMs, fresh }: StoreOpening): void {
    if (fresh) return;
    this.#downtime = { sinceMs: clockMs, forMs: Math.max(0, this.#engine.nowMs() - clockMs) };
  }

  reopened(): void {
    for (const registry of this.#registries.values()) registry.reopened();
  }

  account(name: string): Registry {
    let registry = this.#registries.get(name);
    if (registry === undefined) {
      registry = new Registry(this.#engine, name, this.#downtime);
      this.#registries.set(name, registry);
    }
    return registry;
  }

  /** A mailbox began, ended or got another end, durably. */
  mailboxChanged(slot: Slot): void {
    this.#registries.get(slot.account)?.mailboxChanged(slot.name, slot.record);
  }

  /** When some registry has something to do next; `Infinity` = none has. */
  get dueMs(): number {
    let dueMs = neverMs;
    for (const registry of this.#registries.values()) dueMs = Math.min(dueMs, registry.dueMs);
    return dueMs < neverMs ? dueMs : Number.POSITIVE_INFINITY;
  }

  attend(nowMs: number): void {
    for (const registry of this.#registries.values()) registry.attend(nowMs);
  }

  /** Stages every report that is only in memory. */
  writeReports(): void {
    for (const registry of this.#registries.values()) registry.writeReports();
  }
}
