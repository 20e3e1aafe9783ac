// What drivers write down and the checker reads: one JSON object per line, in the order in which
// its process saw things happen. Nothing here knows the broker.
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Lower leaves first: 0 critical, 1 urgent, 2 normal, 3 low. */
export type Rank = 0 | 1 | 2 | 3;

/**
 * One observation. `t` is the machine's monotonic clock in microseconds, the same for every process.
 * An `invoke` is written before its bytes are sent, an answer before anything is done about it; an
 * invocation without an answer may or may not have happened.
 */
export type Event =
  | { op: "create"; phase: "invoke"; t: number; conn: string; call: string }
  | { op: "create"; phase: "ok"; t: number; call: string; mailbox: string }
  | { op: "create"; phase: "refused"; t: number; call: string; text: string }
  | {
      op: "send";
      phase: "invoke";
      t: number;
      conn: string;
      /** Unique, and the first word of the payload. */
      id: string;
      mailbox: string;
      rank: Rank;
      /** Of the whole payload. */
      hash: string;
    }
  /** `msgId` is null when the send was confirmed by a PONG and not by a reply. */
  | { op: "send"; phase: "ok"; t: number; id: string; msgId: number | null }
  | { op: "send"; phase: "refused"; t: number; id: string; text: string }
  | { op: "delete"; phase: "invoke"; t: number; call: string; mailbox: string; msgId: number }
  | { op: "delete"; phase: "ok"; t: number; call: string }
  | { op: "delete"; phase: "refused"; t: number; call: string; text: string }
  /** `final`: a subscription of the last drain, which must see everything that is left. */
  | { op: "subscribe"; t: number; sub: string; mailbox: string; final: boolean }
  | {
      op: "deliver";
      t: number;
      sub: string;
      /** First word of the payload as it came. */
      id: string;
      /** Null when the delivery did not tell it. */
      msgId: number | null;
      /** Null when the delivery did not tell it. */
      rank: Rank | null;
      hash: string;
    }
  /** Everything stored at `subscribe` was delivered. */
  | { op: "drained"; t: number; sub: string }
  /** `complete` is false when the answer was cut. */
  | { op: "list"; t: number; mailbox: string; msgIds: number[]; complete: boolean }
  /** An accepted mailbox could not be read at the end. */
  | { op: "unreadable"; t: number; mailbox: string; text: string }
  | { op: "process"; t: number; what: "killed" | "stopped" | "started" };

/** The machine's monotonic clock in whole microseconds. */
export function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** Appends events to a file of its own; each call is on its way to the file when it returns. */
export class HistoryWriter {
  readonly #file: number;

  constructor(folder: string, name: string) {
    this.#file = openSync(join(folder, `${name}.jsonl`), "a");
  }

  write(...events: readonly Event[]): void {
    if (events.length === 0) return;
    writeSync(this.#file, events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** All events of all files of a folder, by file. @throws {Error} naming a line that is no event */
export function readHistory(folder: string): Event[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
  return files.toSorted().flatMap((name) => parseHistory(readFileSync(join(folder, name), "utf8")));
}

export function parseHistory(text: string): Event[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Event);
}
