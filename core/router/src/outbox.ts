// Bounded output of one connection. Gathers everything said in one turn in a slab and sends it with
// one write; the only code that calls `Transport.write`. Over its limit it asks to be closed: a slow
// reader is never waited for.

import {
  copyRun,
  type PublishFrame,
  passingBytesMax,
  tailLength,
  writeBytes,
  writeTail,
} from "@mq9/wire";
import type { Transport } from "./listeners/transport.ts";
import type { Slab, SlabPool } from "./slab-pool.ts";
import { slabBytes, slabSizes } from "./slab-pool.ts";

/** Bounds of one outbox, in bytes and milliseconds. */
export interface OutboxLimits {
  /** Beyond it the connection is closed. */
  readonly pendingBytesMax: number;
  /** Beyond it owners are told to stop, */
  readonly highWaterBytes: number;
  /** and below it to go on. */
  readonly lowWaterBytes: number;
}

/** Who an outbox reports to: its connection. */
export interface OutboxOwner {
  /** There is output to flush at the end of this turn. */
  outboxDirty(outbox: Outbox): void;
  /** More is pending than allowed. The outbox takes nothing any more. */
  outboxOverflow(): void;
  /** Whoever produces this much should wait a little. */
  outboxCrowded(outbox: Outbox): void;
  /** All outboxes together hold more than the pool's alarm. May close outboxes, this one too. */
  outboxAlarm(): void;
}

/** Longer runs are sent from where they are instead of being copied. */
const directBytesMin: number = passingBytesMax;
/** Part of the pending limit above which producers are held. */
const crowdedPart = 0.75;
/** Slabs of a smaller size would have done for this many flushes: smaller ones do from now on. */
const smallFlushesMax = 16;

/** Output of one connection. */
export class Outbox {
  readonly #transport: Transport;
  readonly #owner: OutboxOwner;
  readonly #pool: SlabPool;
  readonly #limits: OutboxLimits;

  /** Gathers output; taken from the pool when there is some. */
  #slab: Slab | undefined = undefined;
  #used = 0;
  /** Size of the slab at hand, 0 without one. */
  #size = 0;
  #closed = false;
  /** Its owner knows that there is output. */
  #dirty = false;

  /** What waits for the write in flight, in order; the slabs among it, to give back later. */
  readonly #queue: Buffer[] = [];
  readonly #queueSlabs: (Slab | undefined)[] = [];
  #queuedBytes = 0;
  #inFlightBytes = 0;
  #inFlightSlab: Slab | undefined = undefined;
  /** What is in flight and lies in no slab. */
  #inFlightRun: Buffer | undefined = undefined;
  #writes = 0;
  /** Size of slab to begin with, from what was sent lately. */
  #level = 0;
  #smallFlushes = 0;

  #onWritable: (() => void)[] = [];
  #onUncrowded: Set<() => void> | undefined = undefined;

  constructor(transport: Transport, owner: OutboxOwner, pool: SlabPool, limits: OutboxLimits) {
    this.#transport = transport;
    this.#owner = owner;
    this.#pool = pool;
    this.#limits = limits;
  }

  /** Bytes that the transport has not taken. */
  get pendingBytes(): number {
    return this.#used + this.#queuedBytes + this.#inFlightBytes;
  }

  /** A write is in flight. */
  get isBusy(): boolean {
    return this.#inFlightBytes !== 0;
  }

  /** Writes begun; the write deadline watches it move. */
  get writes(): number {
    return this.#writes;
  }

  /** Below the mark above which owners wait. */
  get isWritable(): boolean {
    return this.pendingBytes <= this.#limits.highWaterBytes;
  }

  /** More is pending than producers should add to. */
  get isCrowded(): boolean {
    return this.pendingBytes > this.#limits.pendingBytesMax * crowdedPart;
  }

  /** Adds a whole line or block. */
  add(bytes: Buffer): void {
    if (bytes.length > directBytesMin) {
      this.addDirect(bytes);
      return;
    }
    if (this.#used + bytes.length > this.#size && !this.#makeRoom(bytes.length)) return;
    (this.#slab as Slab).bytes.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /**
   * Adds a MSG or HMSG: the end of a prefix, a sid with its blank, and what follows in the frame.
   * @param prefixStart 0 for HMSG, 1 for MSG
   */
  addMessage(
    prefix: Buffer,
    prefixView: DataView,
    prefixStart: number,
    sid: Buffer,
    frame: PublishFrame,
  ): void {
    const { data, view } = frame;
    const start = frame.subjectEnd + 1;
    const end = frame.bodyEnd + 2;
    const headLength = prefix.length - prefixStart + sid.length;
    const isDirect = end - start > directBytesMin;
    const length = isDirect ? headLength : headLength + end - start;
    if (this.#used + length > this.#size && !this.#makeRoom(length)) return;
    const slab = this.#slab as Slab;
    const bytes = slab.bytes;
    let at = copyRun(prefix, prefixView, prefixStart, prefix.length, bytes, slab.view, this.#used);
    for (let from = 0; from < sid.length; from++) bytes[at++] = sid[from] as number;
    if (isDirect) {
      this.#used = at;
      const tail = data.subarray(start, end);
      this.addDirect(frame.lasting ? tail : Buffer.from(tail));
    } else {
      this.#used = copyRun(data, view, start, end, bytes, slab.view, at);
    }
  }

  /** Adds a MSG or HMSG of the server's own; `reply` is "" for none. */
  addComposed(
    subject: string,
    sid: Buffer,
    reply: string,
    headers: Uint8Array | undefined,
    payload: Uint8Array,
  ): void {
    const headerBytes = headers === undefined ? 0 : headers.length;
    const head = 6 + subject.length + sid.length;
    const length = head + tailLength(reply, headerBytes, payload.length);
    if (length > directBytesMin) {
      const bytes = Buffer.allocUnsafeSlow(length + 1);
      const end = writeMessage(bytes, 0, subject, sid, reply, headers, payload);
      this.addDirect(bytes.subarray(0, end));
      return;
    }
    if (this.#used + length > this.#size && !this.#makeRoom(length)) return;
    const { bytes } = this.#slab as Slab;
    this.#used = writeMessage(bytes, this.#used, subject, sid, reply, headers, payload);
  }

  /** Adds bytes that are never written to again, without copying them. */
  addDirect(bytes: Buffer): void {
    if (this.#closed) return;
    this.#seal();
    this.#pool.hold(bytes);
    this.#queue.push(bytes);
    this.#queueSlabs.push(undefined);
    this.#queuedBytes += bytes.length;
    this.#relieve();
  }

  /** Sends what was gathered; waits its turn while a write is in flight. */
  flush(): void {
    this.#dirty = false;
    if (this.#inFlightBytes !== 0 || this.#closed) return;
    if (this.#queue.length !== 0) {
      this.#seal();
      this.#send();
      return;
    }
    const slab = this.#slab;
    const used = this.#used;
    if (slab === undefined) return;
    this.#slab = undefined;
    this.#size = 0;
    this.#used = 0;
    if (this.#level !== 0) this.#learn(used);
    this.#writes++;
    if (this.#transport.write(slab.bytes.subarray(0, used))) {
      this.#pool.give(slab);
    } else {
      this.#inFlightBytes = used;
      this.#inFlightSlab = slab;
    }
  }

  /** The transport took what was in flight. */
  drained(): void {
    if (this.#inFlightSlab !== undefined) this.#pool.give(this.#inFlightSlab);
    if (this.#inFlightRun !== undefined) this.#pool.release(this.#inFlightRun);
    this.#inFlightSlab = undefined;
    this.#inFlightRun = undefined;
    this.#inFlightBytes = 0;
    this.flush();
    if (this.#onUncrowded !== undefined && !this.isCrowded) this.#releaseProducers();
    if (this.#onWritable.length !== 0 && this.pendingBytes <= this.#limits.lowWaterBytes) {
      for (const resume of this.#onWritable.splice(0)) resume();
    }
  }

  /** Calls back once below the low-water mark; never after close. */
  onceWritable(resume: () => void): void {
    if (this.#closed) return;
    this.#onWritable.push(resume);
  }

  /** Calls back once when no longer crowded, or at close. The same function is kept once. */
  onceUncrowded(release: () => void): void {
    this.#onUncrowded ??= new Set();
    this.#onUncrowded.add(release);
  }

  /** Takes nothing any more and lets go of what waits. What is in flight stays with the transport. */
  close(): void {
    this.#closed = true;
    this.#seal();
    for (const [at, slab] of this.#queueSlabs.entries()) {
      if (slab !== undefined) this.#pool.give(slab);
      else this.#pool.release(this.#queue[at] as Buffer);
    }
    if (this.#inFlightSlab !== undefined) this.#pool.forget(this.#inFlightSlab);
    if (this.#inFlightRun !== undefined) this.#pool.release(this.#inFlightRun);
    this.#inFlightSlab = undefined;
    this.#inFlightRun = undefined;
    this.#inFlightBytes = 0;
    this.#queue.length = 0;
    this.#queueSlabs.length = 0;
    this.#queuedBytes = 0;
    this.#onWritable = [];
    this.#releaseProducers();
  }

  /** Makes the slab at hand have room. @returns false when the outbox is closed, or closes now */
  #makeRoom(length: number): boolean {
    if (this.#pool.heldBytes > this.#pool.alarmBytes) this.#owner.outboxAlarm();
    if (this.#closed) return false;
    const old = this.#slab;
    if (old !== undefined && this.#used + length <= slabBytes) {
      this.#grow(old, length);
      return true;
    }
    if (old !== undefined) {
      this.#seal();
      if (!this.#relieve()) return false;
    }
    // What has to wait takes as little as it can.
    const slab = this.#pool.take(length, this.#inFlightBytes === 0 ? this.#level : 0);
    this.#slab = slab;
    this.#size = slab.bytes.length;
    if (!this.#dirty) {
      this.#dirty = true;
      this.#owner.outboxDirty(this);
    }
    return true;
  }

  /** Goes on in a larger slab. */
  #grow(old: Slab, length: number): void {
    const slab = this.#pool.take(this.#used + length, old.level + 1);
    old.bytes.copy(slab.bytes, 0, 0, this.#used);
    this.#pool.give(old);
    this.#slab = slab;
    this.#size = slab.bytes.length;
    this.#level = slab.level;
    this.#smallFlushes = 0;
  }

  /** Begins smaller again when what is said has become less. */
  #learn(used: number): void {
    if (used > (slabSizes[this.#level - 1] as number)) {
      this.#smallFlushes = 0;
    } else if (++this.#smallFlushes > smallFlushesMax) {
      this.#smallFlushes = 0;
      this.#level--;
    }
  }

  /** Sends the queue, or checks its bounds while it has to wait. @returns false when that closed it */
  #relieve(): boolean {
    if (this.#inFlightBytes === 0) {
      this.#send();
    } else if (this.#queuedBytes + this.#inFlightBytes > this.#limits.pendingBytesMax) {
      this.#owner.outboxOverflow();
      return false;
    } else {
      if (this.isCrowded) this.#owner.outboxCrowded(this);
      if (this.#pool.heldBytes > this.#pool.alarmBytes) this.#owner.outboxAlarm();
    }
    return !this.#closed;
  }

  #releaseProducers(): void {
    const releases = this.#onUncrowded;
    this.#onUncrowded = undefined;
    if (releases !== undefined) for (const release of releases) release();
  }

  /** Moves what was gathered to the queue. */
  #seal(): void {
    const slab = this.#slab;
    if (slab === undefined) return;
    if (this.#inFlightBytes !== 0 && this.#used * 2 < slab.bytes.length) {
      // It waits for long, maybe: it keeps no more than it says.
      const bytes = Buffer.allocUnsafeSlow(this.#used);
      slab.bytes.copy(bytes, 0, 0, this.#used);
      this.#pool.give(slab);
      this.#pool.hold(bytes);
      this.#queue.push(bytes);
      this.#queueSlabs.push(undefined);
    } else {
      this.#queue.push(slab.bytes.subarray(0, this.#used));
      this.#queueSlabs.push(slab);
    }
    this.#queuedBytes += this.#used;
    this.#slab = undefined;
    this.#size = 0;
    this.#used = 0;
  }

  /** Writes the queue until a write stays in flight. */
  #send(): void {
    let sent = 0;
    while (sent < this.#queue.length && this.#inFlightBytes === 0) {
      const bytes = this.#queue[sent] as Buffer;
      const slab = this.#queueSlabs[sent];
      sent++;
      this.#queuedBytes -= bytes.length;
      this.#writes++;
      if (!this.#transport.write(bytes)) {
        this.#inFlightBytes = bytes.length;
        this.#inFlightSlab = slab;
        this.#inFlightRun = slab === undefined ? bytes : undefined;
      } else if (slab !== undefined) {
        this.#pool.give(slab);
      } else {
        this.#pool.release(bytes);
      }
    }
    this.#queue.splice(0, sent);
    this.#queueSlabs.splice(0, sent);
  }
}

function writeMessage(
  to: Buffer,
  start: number,
  subject: string,
  sid: Buffer,
  reply: string,
  headers: Uint8Array | undefined,
  payload: Uint8Array,
): number {
  let at = writeBytes(to, start, headers === undefined ? "MSG " : "HMSG ");
  at = writeBytes(to, at, subject);
  to[at++] = 32;
  for (let from = 0; from < sid.length; from++) to[at++] = sid[from] as number;
  return writeTail(to, at, reply, headers, payload);
}
