// What was handed out, per mailbox: the highest message number per rank that any subscriber got
// (QUERY's "unread") and the positions of groups. Kept in memory, written a moment later together;
// a crash in between repeats a delivery and never skips one.
import type { StoreBatch } from "@mq9/store";
import { type Group, givenBackWithinMs } from "./group.ts";
import type { Slot } from "./slot.ts";

/** Cursor names in the store: `r` = read by anybody, `q:<group>` = a push group. */
const readName = "r";
const groupPrefix = "q:";

export class Positions {
  readonly #dirty = new Set<Slot>();
  /** Mailboxes whose groups were written with deliveries that may still come back. */
  #open = new Set<Slot>();
  readonly #delayMs: number;
  readonly #wakeAt: (atMs: number) => void;
  #dueMs: number | undefined;
  /** When the deliveries of `#open` are settled by age, and that has to be written. */
  #agedMs: number | undefined;

  /** @param wakeAt asked to call `write` at that instant */
  constructor(delayMs: number, wakeAt: (atMs: number) => void) {
    this.#delayMs = delayMs;
    this.#wakeAt = wakeAt;
  }

  /** When the next write is due; undefined = nothing changed. */
  get dueMs(): number | undefined {
    if (this.#dueMs === undefined || this.#agedMs === undefined) return this.#dueMs ?? this.#agedMs;
    return Math.min(this.#dueMs, this.#agedMs);
  }

  /** Notes that a subscriber was handed a message. */
  handed(slot: Slot, rank: number, seq: number, nowMs: number): void {
    if (seq <= (slot.readUpTo[rank] as number)) return;
    slot.readUpTo[rank] = seq;
    this.changed(slot, nowMs);
  }

  /** Notes that a position of this mailbox changed. */
  changed(slot: Slot, nowMs: number): void {
    if (slot.positionsDirty) return;
    slot.positionsDirty = true;
    this.#dirty.add(slot);
    if (this.#dueMs === undefined) {
      this.#dueMs = nowMs + this.#delayMs;
      this.#wakeAt(this.#dueMs);
    }
  }

  /** Stages every changed position. @param stage called once per mailbox */
  write(nowMs: number, stage: (slot: Slot) => StoreBatch): void {
    if (this.#agedMs !== undefined && nowMs >= this.#agedMs) this.#settleAged(nowMs);
    for (const slot of this.#dirty) {
      slot.positionsDirty = false;
      if (!slot.isLive(nowMs) || slot.record === undefined) continue;
      const batch = stage(slot);
      const number = slot.record.number;
      batch.putCursor(number, readName, encodeRanks(slot.readUpTo));
      for (const group of slot.groups.values()) {
        if (group.takeDirty()) {
          batch.putCursor(number, groupPrefix + group.name, group.encode(nowMs));
          if (group.memberCount > 0) this.#open.add(slot);
        }
      }
      for (const group of slot.pulls.values()) if (group.takeDirty()) group.writeLate(batch);
    }
    this.#dirty.clear();
    this.#dueMs = undefined;
    if (this.#open.size > 0 && this.#agedMs === undefined) {
      this.#agedMs = nowMs + givenBackWithinMs;
      this.#wakeAt(this.#agedMs);
    }
  }

  /** A crash must not give back what was handed out long ago, however quiet its group was since. */
  #settleAged(nowMs: number): void {
    const open = this.#open;
    this.#open = new Set();
    this.#agedMs = undefined;
    for (const slot of open) {
      for (const group of slot.groups.values()) {
        if (group.settleAged(nowMs)) this.#open.add(slot);
        if (group.isDirty) this.changed(slot, nowMs);
      }
    }
  }

  /** Puts stored positions into a slot that was just read from the store. */
  restore(
    slot: Slot,
    cursors: ReadonlyMap<string, Uint8Array>,
    groupOf: (slot: Slot, name: string) => Group,
    nowMs: number,
  ): void {
    for (const [name, value] of cursors) {
      if (name === readName) slot.readUpTo.set(decodeRanks(value));
      else if (name.startsWith(groupPrefix)) {
        const group = groupOf(slot, name.slice(groupPrefix.length));
        group.restore(value, nowMs);
        // Nothing was handed out when it was written: it must not count as one of the groups there are.
        if (group.isBlank && group.memberCount === 0) slot.groups.delete(group.name);
      }
    }
  }
}

function encodeRanks(readUpTo: Float64Array): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  for (let rank = 0; rank < 4; rank += 1) view.setFloat64(rank * 8, readUpTo[rank] as number);
  return bytes;
}

function decodeRanks(bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ranks = new Float64Array(4);
  for (let rank = 0; rank < 4; rank += 1) ranks[rank] = view.getFloat64(rank * 8);
  return ranks;
}
