// What a group of pullers has to remember, as one blob: how far it came in each rank, and which
// messages below that are not settled. Written beside the mailbox with every commit that changes it.
//
//   version(1) deliveriesMax(4) usedAt(8) startSeq(8) cursors(4 x 8)
//   count(4) of unsettled: number(varint, as a difference to the one before) flags(1) [deliveries(varint)] [notBefore(8)]
//   count(4) of settled ahead of the cursor: rank(1) number(8)
//   count(4) of dead letters: number(8)
//   for each unsettled with deliveries that perhaps nobody saw: number(8) how many(varint), to the end
import type { Rank } from "@mq9/protocol";

/** A message that was handed out, or handed back, and is not settled. */
export interface UnsettledState {
  readonly seq: number;
  readonly rank: Rank;
  /** How often it was handed out. */
  readonly deliveries: number;
  /** Deliveries beside those that perhaps nobody saw. */
  readonly unseen: number;
  /** Not to be handed out before; 0 = at once. */
  readonly notBeforeMs: number;
}

export interface GroupState {
  readonly deliveriesMax: number;
  /** When somebody last fetched. */
  readonly usedAtMs: number;
  /** Messages below were there before the group began, and are none of its business. */
  readonly startSeq: number;
  /** Highest number handed out or passed over, per rank. */
  readonly cursors: Float64Array;
  readonly unsettled: Iterable<UnsettledState> & { readonly size: number };
  /** Settled although their number is above the cursor, per rank. */
  readonly ahead: readonly ReadonlySet<number>[];
  /** The newest that went to the dead letters. */
  readonly dead: ReadonlySet<number>;
}

const formatVersion = 1;
const rankBits = 0x03;
const isDeferred = 0x04;
const countShift = 3;
/** A delivery count from here on stands behind the flags. */
const countsMany = 31;
const bytesPerUnsettledMax = 8 + 1 + 5 + 8;
const bytesPerUnseenMax = 8 + 8;

export function encodeGroup(state: GroupState): Uint8Array {
  const ahead = state.ahead.reduce((sum, set) => sum + set.size, 0);
  const unseen: UnsettledState[] = [];
  for (const each of state.unsettled) if (each.unseen > 0) unseen.push(each);
  const out = new Writer(
    1 +
      4 +
      16 +
      32 +
      12 +
      state.unsettled.size * bytesPerUnsettledMax +
      ahead * 9 +
      state.dead.size * 8 +
      unseen.length * bytesPerUnseenMax,
  );
  out.u8(formatVersion);
  out.u32(state.deliveriesMax);
  out.f64(state.usedAtMs);
  out.f64(state.startSeq);
  for (const cursor of state.cursors) out.f64(cursor);
  out.u32(state.unsettled.size);
  let before = 0;
  for (const { seq, rank, deliveries, notBeforeMs } of state.unsettled) {
    const difference = seq - before;
    out.varint(difference >= 0 ? difference * 2 : -difference * 2 - 1);
    before = seq;
    out.u8(
      rank | (notBeforeMs > 0 ? isDeferred : 0) | (Math.min(deliveries, countsMany) << countShift),
    );
    if (deliveries >= countsMany) out.varint(deliveries);
    if (notBeforeMs > 0) out.f64(notBeforeMs);
  }
  out.u32(ahead);
  state.ahead.forEach((set, rank) => {
    for (const seq of set) {
      out.u8(rank);
      out.f64(seq);
    }
  });
  out.u32(state.dead.size);
  for (const seq of state.dead) out.f64(seq);
  for (const each of unseen) {
    out.f64(each.seq);
    out.varint(each.unseen);
  }
  return out.done();
}

export interface DecodedGroup {
  readonly deliveriesMax: number;
  readonly usedAtMs: number;
  readonly startSeq: number;
  readonly cursors: Float64Array;
  readonly unsettled: readonly UnsettledState[];
  readonly ahead: readonly { readonly rank: Rank; readonly seq: number }[];
  readonly dead: readonly number[];
}

/** What `encodeGroup` wrote. @returns undefined for a format of another release */
export function decodeGroup(bytes: Uint8Array): DecodedGroup | undefined {
  const from = new Reader(bytes);
  if (from.u8() !== formatVersion) return undefined;
  const deliveriesMax = from.u32();
  const usedAtMs = from.f64();
  const startSeq = from.f64();
  const cursors = new Float64Array(4).map(() => from.f64());
  let before = 0;
  const unsettled = times(from.u32(), (): UnsettledState => {
    const zigzag = from.varint();
    const seq = before + (zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2);
    before = seq;
    const flags = from.u8();
    const few = flags >> countShift;
    const deliveries = few === countsMany ? from.varint() : few;
    const notBeforeMs = (flags & isDeferred) === 0 ? 0 : from.f64();
    return { seq, rank: (flags & rankBits) as Rank, deliveries, unseen: 0, notBeforeMs };
  });
  const ahead = times(from.u32(), () => ({ rank: from.u8() as Rank, seq: from.f64() }));
  const dead = times(from.u32(), () => from.f64());
  const unseen = new Map<number, number>();
  while (!from.atEnd) unseen.set(from.f64(), from.varint());
  return {
    deliveriesMax,
    usedAtMs,
    startSeq,
    cursors,
    unsettled: unsettled.map((each) => ({ ...each, unseen: unseen.get(each.seq) ?? 0 })),
    ahead,
    dead,
  };
}

function times<T>(count: number, make: () => T): T[] {
  const made: T[] = [];
  for (let i = 0; i < count; i += 1) made.push(make());
  return made;
}

class Writer {
  readonly #view: DataView;
  #at = 0;

  constructor(bytesMax: number) {
    this.#view = new DataView(new ArrayBuffer(bytesMax));
  }

  u8(value: number): void {
    this.#view.setUint8(this.#at, value);
    this.#at += 1;
  }

  u32(value: number): void {
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
  }

  f64(value: number): void {
    this.#view.setFloat64(this.#at, value);
    this.#at += 8;
  }

  /** Seven bits a byte, lowest first; numbers up to 2^53. */
  varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.u8((rest % 0x80) | 0x80);
    this.u8(rest);
  }

  done(): Uint8Array {
    return new Uint8Array(this.#view.buffer, 0, this.#at);
  }
}

class Reader {
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.#at >= this.#view.byteLength;
  }

  u8(): number {
    this.#at += 1;
    return this.#view.getUint8(this.#at - 1);
  }

  u32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4);
  }

  f64(): number {
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8);
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }
}
