// How many connections one address may have, and how fast it may open connections that never get past
// CONNECT. Asked by the router for every connection it accepts, also while there are no limits: they may
// be set later.

import type { RouterOptions } from "./options.ts";

interface Caller {
  /** Connections whose transport lives. */
  open: number;
  /** Connections it may open at once without getting past CONNECT. */
  credit: number;
  /** When the credit was right. */
  atMs: number;
}

/** Limits per address, as the router's options name them; 0 = none. */
export type AddressLimitOptions = Pick<
  RouterOptions,
  "maxConnectionsPerAddress" | "connectRatePerAddress"
>;

/** Counts by address. An IPv6 caller is its /64: one host commonly has all of it. */
export class AddressLimits {
  readonly #options: () => AddressLimitOptions;
  readonly #callers = new Map<string, Caller>();

  /** @param options those of today */
  constructor(options: () => AddressLimitOptions) {
    this.#options = options;
  }

  /** Addresses known at the moment. */
  get size(): number {
    return this.#callers.size;
  }

  /** A connection was accepted; `left` has to follow. @returns false when it is one too many */
  entered(address: string, nowMs: number): boolean {
    const { maxConnectionsPerAddress: connectionsMax, connectRatePerAddress: ratePerSecond } =
      this.#options();
    const key = networkOf(address);
    let caller = this.#callers.get(key);
    if (caller === undefined) {
      caller = { open: 0, credit: ratePerSecond, atMs: nowMs };
      this.#callers.set(key, caller);
    }
    caller.open++;
    if (connectionsMax !== 0 && caller.open > connectionsMax) return false;
    if (ratePerSecond === 0) return true;
    this.#earn(caller, nowMs);
    if (caller.credit < 1) return false;
    caller.credit--;
    return true;
  }

  /** The connection got past CONNECT: it cost its address nothing. */
  welcomed(address: string): void {
    const caller = this.#callers.get(networkOf(address));
    if (caller !== undefined) caller.credit++;
  }

  /** Its transport is gone. */
  left(address: string): void {
    const key = networkOf(address);
    const caller = this.#callers.get(key);
    if (caller === undefined) return;
    caller.open--;
    if (caller.open === 0 && this.#options().connectRatePerAddress === 0) this.#callers.delete(key);
  }

  /** Forgets who is gone and owes nothing. */
  tidy(nowMs: number): void {
    for (const [key, caller] of this.#callers) {
      this.#earn(caller, nowMs);
      if (caller.open === 0 && caller.credit >= this.#options().connectRatePerAddress) {
        this.#callers.delete(key);
      }
    }
  }

  #earn(caller: Caller, nowMs: number): void {
    const { connectRatePerAddress: ratePerSecond } = this.#options();
    const earned = ((nowMs - caller.atMs) / 1_000) * ratePerSecond;
    caller.credit = Math.min(ratePerSecond, caller.credit + earned);
    caller.atMs = nowMs;
  }
}

/** The part of an address that stands for its owner: all of IPv4, the first 64 bits of IPv6. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("%", 1)[0]?.split("::") ?? [];
  const front = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const back = tail === "" ? [] : tail.split(":");
    while (front.length + back.length < 8) front.push("0");
    front.push(...back);
  }
  return front.slice(0, 4).join(":");
}
