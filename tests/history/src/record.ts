// What a driver writes down and the checkers read: one JSON object per line, one line per finished
// operation. Written by the simulator and the crash drivers; nothing here knows the broker.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Lower leaves first: 0 critical, 1 urgent, 2 normal, 3 low. */
export type Rank = 0 | 1 | 2 | 3;

/** `unknown`: no answer, or one that leaves open whether it happened. */
export type Outcome = "ok" | "refused" | "unknown";

interface Common {
  /** The driver that saw it. */
  readonly proc: string;
  /** The connection it happened on. */
  readonly conn: string;
  readonly mailbox: string;
  /** Which life of the mailbox name, as far as the driver knows; from 0. */
  readonly inc: number;
  /** Which life of the broker, as far as the driver knows. */
  readonly epoch: number;
  /** Before the first byte was sent, in milliseconds of one monotonic clock for all drivers. */
  readonly tInv: number;
  /** After the answer was read; null = there was none. */
  readonly tRet: number | null;
  readonly res: Outcome;
  /** The broker's own clock at both instants, when it is known to differ from the drivers' clock. */
  readonly bInv?: number | undefined;
  readonly bRet?: number | undefined;
}

export interface Send extends Common {
  readonly op: "send";
  /** First word of the payload. The same again = the same message sent once more. */
  readonly id: string;
  /** Of the whole payload. */
  readonly hash: string;
  readonly rank: Rank;
  /** Null when the answer did not tell it. */
  readonly msgId: number | null;
  readonly key?: string | undefined;
  readonly ttlMs?: number | undefined;
  readonly delayMs?: number | undefined;
  readonly dedup?: string | undefined;
  readonly duplicate?: boolean | undefined;
}

/** One message that reached a reader. */
export interface Delivery extends Common {
  readonly op: "deliver";
  /** `push`: `tInv` is when the subscription was sent, `bInv` when the bytes were handed to the network. */
  readonly via: "fetch" | "push" | "read";
  /** The fetch, the subscription or the reading that brought it. */
  readonly call: string;
  readonly group: string | null;
  readonly id: string;
  readonly hash: string;
  /** Null when the delivery did not tell. */
  readonly rank: Rank | null;
  readonly msgId: number | null;
  /** How often the group was handed it by now; null = not told. */
  readonly count: number | null;
  /** How long the lease was asked for. */
  readonly leaseMs: number | null;
}

/** Something done to one message: for a group, or (delete) for everybody. */
export interface Settling extends Common {
  readonly op: "ack" | "nack" | "extend" | "delete";
  readonly group: string | null;
  readonly msgId: number;
  /** Of `extend`: how long from now; of `nack`: not before. */
  readonly forMs?: number | undefined;
}

/** A mailbox made or ended. */
export interface Housekeeping extends Common {
  readonly op: "create" | "drop" | "purge";
  /** Life time of a mailbox made; undefined or 0 = longer than the run. */
  readonly ttlMs?: number | undefined;
}

/** A consumer asked a group for more in the way that gives back what it holds. */
export interface Refetch extends Common {
  readonly op: "refetch";
  readonly group: string;
}

/** A connection is no more; `tInv` is the earliest instant at which the broker can have noticed. */
export interface Gone extends Common {
  readonly op: "gone";
}

/**
 * Everything accepted before `tInv`, visible and not settled, was handed out by `tRet`: to this
 * subscription or reading (`call`), or to this group.
 */
export interface Drained extends Common {
  readonly op: "drained";
  readonly via: "fetch" | "push" | "read";
  readonly call: string;
  readonly group: string | null;
  /** Messages sent before that instant need not be there; 0 = all. */
  readonly since: number;
}

/**
 * The broker ended (killed, stopped, its machine lost power) or began to serve; or the clock of its
 * machine jumped, and its own follows at up to a tenth more or less than real time.
 */
export interface Life extends Common {
  readonly op: "life";
  readonly what: "ended" | "started" | "clock jumped";
}

/** Everything a history holds. */
export type HistoryRecord =
  | Send
  | Delivery
  | Settling
  | Housekeeping
  | Gone
  | Refetch
  | Drained
  | Life;

/** All records of all files of a folder. @throws {SyntaxError} for a line that is no record */
export function readHistory(folder: string): HistoryRecord[] {
  const records: HistoryRecord[] = [];
  const names = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
  for (const name of names.toSorted()) {
    for (const line of readFileSync(join(folder, name), "utf8").split("\n")) {
      if (line !== "") records.push(JSON.parse(line) as HistoryRecord);
    }
  }
  return records;
}
