// A push queue group on one mailbox: every message goes to one member, from a position that all
// members share and that survives a restart. What a member got lately and did not remove comes
// back when the member vanishes; what it got before leaving on purpose counts as done.
import {
  type MailMessage,
  type MailSink,
  type MailSubscription,
  type Rank,
  type RankMask,
  ranks,
} from "@mq9/protocol";
import type { MessageRecord } from "@mq9/store";
import type { FeedHost } from "./feed.ts";
import type { Slot } from "./slot.ts";

/** A vanished member gives back what it was handed within this time. */
export const givenBackWithinMs = 30_000;
/** Deliveries remembered per member; older ones count as done. */
const outstandingMax = 1024;
/** Members of one group. */
export const groupMembersMax = 1024;

/** One message that is out with a member, or came back from one. */
interface Handed {
  readonly rank: Rank;
  readonly seq: number;
  readonly atMs: number;
}

export class Group {
  readonly name: string;
  readonly #host: FeedHost;
  readonly #slot: Slot;
  /** Highest number handed to any member, per rank. */
  readonly #cursors = new Float64Array(4).fill(-1);
  /** Came back and waits for another member; in delivery order. */
  readonly #returned: Handed[] = [];
  readonly #members: Member[] = [];
  #turn = 0;
  /** Nothing that somebody could take waits in the store. */
  #live = false;
  #pumping = false;
  /** Grows whenever there may be something to hand out; a page read before does not count then. */
  #starts = 0;
  #dirty = false;

  constructor(host: FeedHost, slot: Slot, name: string) {
    this.#host = host;
    this.#slot = slot;
    this.name = name;
  }

  get memberCount(): number {
    return this.#members.length;
  }

  /** Nothing was ever handed out, so there is nothing to remember. */
  get isBlank(): boolean {
    return this.#returned.length === 0 && this.#cursors.every((seq) => seq < 0);
  }

  /** Adds a member. The caller starts the group once the mailbox is in memory. */
  join(mask: RankMask, sink: MailSink): MailSubscription {
    const member = new Member(this, mask, sink);
    this.#members.push(member);
    // Until the store was read for it, it must not get what arrives: that would skip what is stored.
    this.#live = false;
    this.#starts += 1;
    return member;
  }

  /** Hands out what is stored. Called when a member has room, and when mailbox or store are back. */
  start(): void {
    this.#live = false;
    this.#starts += 1;
    void this.#pump();
  }

  /** A message became readable. */
  push(message: MailMessage, nowMs: number): void {
    if (!this.#live || message.msgId <= (this.#cursors[message.rank] as number)) return;
    // Nobody wants this rank or has room: whoever joins, or makes room, starts the group again.
    const member = this.#memberFor(message.rank);
    if (member !== undefined) this.#handOver(member, message, false, nowMs);
  }

  /** A keyed message was taken back without a successor. */
  retract(key: string): void {
    for (const member of this.#members) member.sink.retracted?.(key);
  }

  /** A message was removed for everybody, durably: nobody has to give it back. */
  settle(seq: number): void {
    const done = (handed: Handed): boolean => handed.seq === seq;
    for (const list of [this.#returned, ...this.#members.map((member) => member.outstanding)]) {
      const index = list.findIndex(done);
      if (index >= 0) {
        list.splice(index, 1);
        this.#changed(this.#host.nowMs());
      }
    }
  }

  /** Starts over for a new life of the mailbox. */
  reset(): void {
    this.#returned.length = 0;
    for (const member of this.#members) member.outstanding.length = 0;
    this.#dirty = false;
  }

  /** The position changed since it was last written. */
  get isDirty(): boolean {
    return this.#dirty;
  }

  /** Whether the position changed since the last call. */
  takeDirty(): boolean {
    const dirty = this.#dirty;
    this.#dirty = false;
    return dirty;
  }

  /** Lets deliveries count as done that are too old to be given back. @returns whether some are not */
  settleAged(nowMs: number): boolean {
    let open = false;
    for (const { outstanding } of this.#members) {
      const young = outstanding.findIndex(({ atMs }) => nowMs - atMs < givenBackWithinMs);
      const aged = young < 0 ? outstanding.length : young;
      if (aged > 0) this.#dirty = true;
      outstanding.splice(0, aged);
      open ||= outstanding.length > 0;
    }
    return open;
  }

  leave(member: Member, how: "unsubscribed" | "vanished"): void {
    const index = this.#members.indexOf(member);
    if (index < 0) return;
    this.#members.splice(index, 1);
    if (index < this.#turn) this.#turn -= 1;
    const nowMs = this.#host.nowMs();
    if (how === "vanished") this.#takeBack(member.outstanding, nowMs);
    this.#host.left(this.#slot);
    if (this.#members.length > 0) {
      this.#changed(nowMs);
      this.start();
    } else if (this.isBlank) {
      this.#slot.groups.delete(this.name);
    } else {
      this.#changed(nowMs);
    }
  }

  #takeBack(outstanding: readonly Handed[], nowMs: number): void {
    for (const handed of outstanding) {
      if (nowMs - handed.atMs < givenBackWithinMs) this.#returned.push(handed);
    }
    this.#returned.sort((a, b) => a.rank - b.rank || a.seq - b.seq);
  }

  #changed(nowMs: number): void {
    this.#dirty = true;
    this.#host.positions.changed(this.#slot, nowMs);
  }

  /** Whether a member asked for this rank and has room. */
  #canTake(rank: Rank): boolean {
    return this.#members.some((member) => member.writable && (member.ranks & (1 << rank)) !== 0);
  }

  /** The next member in turn that wants this rank and has room. */
  #memberFor(rank: Rank): Member | undefined {
    const count = this.#members.length;
    for (let i = 0; i < count; i += 1) {
      const member = this.#members[(this.#turn + i) % count] as Member;
      if (member.writable && (member.ranks & (1 << rank)) !== 0) {
        this.#turn = (this.#turn + i + 1) % count;
        return member;
      }
    }
    return undefined;
  }

  #handOver(member: Member, message: MailMessage, replayed: boolean, nowMs: number): void {
    const { rank, msgId } = message;
    if (msgId > (this.#cursors[rank] as number)) this.#cursors[rank] = msgId;
    member.outstanding.push({ rank, seq: msgId, atMs: nowMs });
    if (member.outstanding.length > outstandingMax) member.outstanding.shift();
    this.#host.positions.handed(this.#slot, rank, msgId, nowMs);
    this.#changed(nowMs);
    if (member.sink.deliver(message, replayed) || !this.#members.includes(member)) return;
    member.writable = false;
    member.sink.onceWritable(() => {
      member.writable = true;
      this.start();
    });
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (!this.#live && this.#members.some((member) => member.writable)) {
        const version = this.#slot.version;
        const starts = this.#starts;
        const removed = this.#slot.beginRead();
        const more = await this.#page(removed).finally(() => this.#slot.endRead(removed));
        const unchanged = this.#slot.version === version && this.#starts === starts;
        if (!more && unchanged) this.#live = true;
      }
    } catch (error) {
      this.#host.readFailed(error);
    } finally {
      this.#pumping = false;
    }
  }

  /** Hands out one page of the first rank that has any. @returns false when no rank had */
  async #page(removed: ReadonlySet<number>): Promise<boolean> {
    for (const rank of ranks) {
      if (!this.#canTake(rank)) continue;
      const record = this.#slot.record;
      if (record === undefined || !this.#slot.isLive(this.#host.nowMs())) return false;
      const back = this.#returned.find((handed) => handed.rank === rank);
      const page =
        back !== undefined
          ? await this.#readReturned(record.number, back)
          : await this.#host.store.messages(record.number, {
              rank,
              afterSeq: this.#cursors[rank] as number,
              limit: this.#host.pageMessages,
              bytesMax: this.#host.pageBytes,
            });
      if (this.#slot.record?.number !== record.number) return true;
      const nowMs = this.#host.nowMs();
      if (!this.#slot.isLive(nowMs)) return false;
      for (const stored of page) {
        const gone = nowMs >= stored.expiresAtMs || removed.has(stored.seq);
        const member = gone ? undefined : this.#memberFor(rank);
        if (!gone && member === undefined) return true;
        if (back !== undefined) remove(this.#returned, back);
        if (member !== undefined) this.#handOver(member, this.#slot.message(stored), true, nowMs);
        else if (stored.seq > (this.#cursors[rank] as number)) this.#cursors[rank] = stored.seq;
        // What came back while this page was handed out goes before the rest of it.
        if (this.#returned.some((handed) => handed.rank === rank)) return true;
      }
      if (back !== undefined && page.length === 0) remove(this.#returned, back);
      if (page.length > 0 || back !== undefined) return true;
    }
    return false;
  }

  async #readReturned(mailboxNumber: number, handed: Handed): Promise<MessageRecord[]> {
    const stored = await this.#host.store.message(mailboxNumber, handed.seq);
    return stored === undefined ? [] : [stored];
  }

  /** Cursors, then what came back or is out, the latest of it: `rank` and `seq` each. */
  encode(nowMs: number): Uint8Array {
    const out: Handed[] = [];
    for (const member of this.#members) {
      for (const handed of member.outstanding) {
        if (nowMs - handed.atMs < givenBackWithinMs) out.push(handed);
      }
    }
    out.sort((a, b) => a.atMs - b.atMs);
    const kept = [...this.#returned, ...out.slice(-outstandingMax)];
    const view = new DataView(new ArrayBuffer(32 + kept.length * 9));
    for (let rank = 0; rank < 4; rank += 1)
      view.setFloat64(rank * 8, this.#cursors[rank] as number);
    kept.forEach((handed, i) => {
      view.setUint8(32 + i * 9, handed.rank);
      view.setFloat64(33 + i * 9, handed.seq);
    });
    return new Uint8Array(view.buffer);
  }

  /** Continues where `encode` stood. Everybody who was handed something is gone by now. */
  restore(bytes: Uint8Array, nowMs: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let rank = 0; rank < 4; rank += 1) this.#cursors[rank] = view.getFloat64(rank * 8);
    const back: Handed[] = [];
    for (let at = 32; at + 9 <= bytes.byteLength; at += 9) {
      back.push({ rank: view.getUint8(at) as Rank, seq: view.getFloat64(at + 1), atMs: nowMs });
    }
    this.#takeBack(back, nowMs);
  }
}

function remove(list: Handed[], handed: Handed): void {
  const index = list.indexOf(handed);
  if (index >= 0) list.splice(index, 1);
}

class Member implements MailSubscription {
  readonly #group: Group;
  readonly ranks: RankMask;
  readonly sink: MailSink;
  /** What it was handed lately, oldest first. */
  readonly outstanding: Handed[] = [];
  writable = true;

  constructor(group: Group, mask: RankMask, sink: MailSink) {
    this.#group = group;
    this.ranks = mask;
    this.sink = sink;
  }

  end(how: "unsubscribed" | "vanished"): void {
    this.#group.leave(this, how);
  }
}
