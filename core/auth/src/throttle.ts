// Counts wrong secrets per user and address. After ten within a minute the next are refused unseen,
// right or wrong, until the minute is over. Knows no users and no connections, so counts outlive
// both; bounded, the longest unused go first.
import { isIPv6 } from "node:net";
import { digestOf } from "./digest.ts";

/** Different wrong secrets within the window. */
const failuresMax = 10;
const windowMs = 60_000;
/** Pairs of user and address remembered. */
const entriesMax = 10_000;

interface Entry {
  /** When the window ends; unset before the first failure. */
  untilMs: number;
  /** Wrong by earlier rules, within the window. */
  before: number;
  readonly wrong: Set<string>;
  /** Being verified now. */
  readonly open: Map<string, number>;
}

/** Leave to verify one secret. Exactly one of its methods is called. */
export interface Attempt {
  failed(): void;
  succeeded(): void;
  /** Nothing was verified after all. */
  abandoned(): void;
}

/** Wrong secrets of one server. */
export class Throttle {
  readonly #nowMs: () => number;
  readonly #entries = new Map<string, Entry>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * Asks for leave. A secret that was wrong before is refused and not counted again: a client that
   * repeats it does not guess.
   * @param offered digest of the secret
   * @returns undefined = refused
   */
  begin(user: string, address: string, offered: Buffer): Attempt | undefined {
    const key = digestOf(`${user}\0${network(address)}`).toString("latin1", 0, 16);
    const secret = offered.toString("latin1", 0, 16);
    const entry = this.#entry(key);
    if (entry.wrong.has(secret)) return undefined;
    const guesses = entry.before + entry.wrong.size + entry.open.size;
    if (guesses >= failuresMax && !entry.open.has(secret)) return undefined;
    entry.open.set(secret, (entry.open.get(secret) ?? 0) + 1);
    const end = () => {
      const left = (entry.open.get(secret) ?? 1) - 1;
      if (left === 0) entry.open.delete(secret);
      else entry.open.set(secret, left);
      this.#forget(key, entry);
    };
    return {
      failed: () => {
        if (entry.before + entry.wrong.size === 0) entry.untilMs = this.#nowMs() + windowMs;
        entry.wrong.add(secret);
        end();
      },
      succeeded: () => {
        clear(entry);
        end();
      },
      abandoned: end,
    };
  }

  /**
   * What was wrong may be right from now on: it is looked at again, and counted again if it is wrong. How
   * often somebody was wrong stays.
   */
  secretsChanged(): void {
    for (const entry of this.#entries.values()) {
      entry.before += entry.wrong.size;
      entry.wrong.clear();
    }
  }

  /** Pairs remembered now. */
  get size(): number {
    return this.#entries.size;
  }

  #entry(key: string): Entry {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      const oldest = this.#entries.size >= entriesMax ? this.#entries.keys().next() : undefined;
      if (oldest?.done === false) this.#entries.delete(oldest.value);
      entry = { untilMs: 0, before: 0, wrong: new Set(), open: new Map() };
    } else {
      this.#entries.delete(key); // to the end: it was used
      if (this.#nowMs() >= entry.untilMs) clear(entry);
    }
    this.#entries.set(key, entry);
    return entry;
  }

  #forget(key: string, entry: Entry): void {
    if (
      entry.before + entry.wrong.size + entry.open.size === 0 &&
      this.#entries.get(key) === entry
    ) {
      this.#entries.delete(key);
    }
  }
}

function clear(entry: Entry): void {
  entry.before = 0;
  entry.wrong.clear();
}

/** Who has one IPv6 address usually has its whole network of 64 bits. */
function network(address: string): string {
  if (!isIPv6(address) || address.includes(".")) return address;
  const [head = "", tail] = address.split("::");
  const first = head === "" ? [] : head.split(":");
  if (tail === undefined) return first.slice(0, 4).join(":");
  const last = tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => "0");
  return [...first, ...zeros, ...last].slice(0, 4).join(":");
}
