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
import type { MailboxRecord, MessageRecord } from "@mq9/store";
import { type Guard, Pass } from "./access.ts";
import type { FeedHost } from "./feed.ts";
import { decodePosition, encodePosition, Runs } from "./runs.ts";
import type { Slot } from "./slot.ts";

/** A vanished member gives back what it was handed within this time. */
export const givenBackWithinMs = 30_000;
/** Members of one group. */
export const groupMembersMax = 1024;
/** Runs remembered of what came back, and in a stored position; beyond it more is given back than came. */
const returnedRunsMax = 4 * groupMembersMax;
/** The same of what is out with all members; half of it leaves every member one run per rank. */
const outstandingRunsMax = 2 * returnedRunsMax;

export class Group {
  readonly name: string;
  readonly #host: FeedHost;
  readonly #slot: Slot;
  /** Highest number handed to any member, per rank. */
  readonly #cursors = new Float64Array(4).fill(-1);
  /** Came back and waits for another member. */
  readonly #returned = new Runs();
  readonly #members: Member[] = [];
  /** Runs of all members together. */
  #outstanding = 0;
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

  /** Members that may take mail now: others count in no limit. */
  get admittedCount(): number {
    return this.#members.reduce((sum, member) => sum + (member.isAdmitted ? 1 : 0), 0);
  }

  /** Members of this connection that get nothing. */
  idleCountOf(guard: Guard): number {
    return this.#members.reduce((sum, member) => sum + (member.isIdleOf(guard) ? 1 : 0), 0);
  }

  /** What a member may do has changed: what it was handed and must not have any more is for others. */
  review(member: Member): void {
    if (member.isAdmitted) {
      if (member.takePassedBy()) this.start();
      return;
    }
    if (member.outstanding.count === 0) return;
    const nowMs = this.#host.nowMs();
    this.#takeBack(member.outstanding, nowMs);
    this.#bound(nowMs);
    this.#changed(nowMs);
    this.start();
  }

  /** Nothing was ever handed out, so there is nothing to remember. */
  get isBlank(): boolean {
    return this.#returned.count === 0 && this.#cursors.every((seq) => seq < 0);
  }

  /** Adds a member. The caller starts the group once the mailbox is in memory. */
  join(mask: RankMask, sink: MailSink, guard?: Guard): MailSubscription {
    const member = new Member(this, mask, sink, guard && new Pass(this.#slot, guard));
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
    for (const member of this.#members) if (member.isAdmitted) member.sink.retracted?.(key);
  }

  /** A message was removed for everybody, durably: nobody has to give it back. */
  settle(seq: number): void {
    let settled = false;
    for (const rank of ranks) {
      if (this.#returned.cut(rank, seq, seq)) settled = true;
      for (const { outstanding } of this.#members) {
        if (outstanding.cut(rank, seq, seq)) settled = true;
      }
    }
    if (!settled) return;
    const nowMs = this.#host.nowMs();
    this.#bound(nowMs);
    this.#changed(nowMs);
  }

  /** Starts over for a new life of the mailbox. */
  reset(): void {
    this.#returned.clear();
    for (const member of this.#members) member.outstanding.clear();
    this.#outstanding = 0;
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
      if (outstanding.cutAged(nowMs - givenBackWithinMs)) this.#dirty = true;
      open ||= outstanding.count > 0;
    }
    this.#count();
    return open;
  }

  leave(member: Member, how: "unsubscribed" | "vanished"): void {
    const index = this.#members.indexOf(member);
    if (index < 0) return;
    this.#members.splice(index, 1);
    if (index < this.#turn) this.#turn -= 1;
    const nowMs = this.#host.nowMs();
    if (how === "vanished") this.#takeBack(member.outstanding, nowMs);
    this.#bound(nowMs);
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

  #takeBack(outstanding: Runs, nowMs: number): void {
    outstanding.cutAged(nowMs - givenBackWithinMs);
    this.#returned.absorb(outstanding.all());
    outstanding.clear();
  }

  #count(): void {
    this.#outstanding = this.#members.reduce((sum, { outstanding }) => sum + outstanding.count, 0);
  }

  /** Keeps what is remembered within its limits, with room for many more deliveries when it was not. */
  #bound(nowMs: number): void {
    if (this.#returned.count > returnedRunsMax) this.#returned.shrink(returnedRunsMax / 2);
    this.#count();
    if (this.#outstanding <= outstandingRunsMax) return;
    this.settleAged(nowMs);
    if (this.#outstanding <= outstandingRunsMax / 2) return;
    const share = Math.floor(outstandingRunsMax / 2 / this.#members.length);
    for (const { outstanding } of this.#members) outstanding.shrink(share);
    this.#count();
  }

  #changed(nowMs: number): void {
    this.#dirty = true;
    this.#host.positions.changed(this.#slot, nowMs);
  }

  /** Whether a member asked for this rank and has room. */
  #canTake(rank: Rank): boolean {
    return this.#members.some((member) => member.canTake && (member.ranks & (1 << rank)) !== 0);
  }

  /** The next member in turn that wants this rank and has room. */
  #memberFor(rank: Rank): Member | undefined {
    const count = this.#members.length;
    for (let i = 0; i < count; i += 1) {
      const member = this.#members[(this.#turn + i) % count] as Member;
      if (member.canTake && (member.ranks & (1 << rank)) !== 0) {
        this.#turn = (this.#turn + i + 1) % count;
        return member;
      }
    }
    return undefined;
  }

  #handOver(member: Member, message: MailMessage, replayed: boolean, nowMs: number): void {
    const { rank, msgId } = message;
    const isFirst = msgId > (this.#cursors[rank] as number);
    if (isFirst) this.#cursors[rank] = msgId;
    this.#host.meters.handedOut(isFirst, nowMs - message.createdAtMs);
    const runs = member.outstanding.count;
    member.outstanding.add(rank, msgId, nowMs);
    this.#outstanding += member.outstanding.count - runs;
    if (this.#outstanding > outstandingRunsMax) this.#bound(nowMs);
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
      while (!this.#live && this.#members.some((member) => member.canTake)) {
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
      const back = this.#returned.first(rank);
      if (back !== undefined) {
        await this.#pageOfReturned(rank, { record, from: back.from, to: back.to }, removed);
        return true;
      }
      const page = await this.#host.store.messages(record.number, {
        rank,
        afterSeq: this.#cursors[rank] as number,
        limit: this.#host.pageMessages,
        bytesMax: this.#host.pageBytes,
      });
      if (this.#slot.record?.number !== record.number) return true;
      const nowMs = this.#host.nowMs();
      if (!this.#slot.isLive(nowMs)) return false;
      for (const stored of page) {
        // What came back while this page was handed out goes before the rest of it.
        if (this.#returned.first(rank) !== undefined) return true;
        const gone = nowMs >= stored.expiresAtMs || removed.has(stored.seq);
        const member = gone ? undefined : this.#memberFor(rank);
        if (!gone && member === undefined) return true;
        if (member !== undefined) this.#handOver(member, this.#slot.message(stored), true, nowMs);
        else if (stored.seq > (this.#cursors[rank] as number)) this.#cursors[rank] = stored.seq;
      }
      if (page.length > 0) return true;
    }
    return false;
  }

  /** Hands out a page of one run that came back, and forgets the numbers of it that are not stored. */
  async #pageOfReturned(
    rank: Rank,
    { record, from, to }: ReturnedRun,
    removed: ReadonlySet<number>,
  ): Promise<void> {
    const page = await this.#readReturned(record.number, { rank, from, to });
    if (this.#slot.record?.number !== record.number) return;
    const nowMs = this.#host.nowMs();
    if (!this.#slot.isLive(nowMs)) return;
    let next = from;
    for (const stored of page) {
      if (stored.seq > to) break;
      this.#returned.cut(rank, next, stored.seq - 1);
      next = stored.seq + 1;
      // What came back meanwhile goes first, what was settled meanwhile not at all.
      if ((this.#returned.first(rank)?.from ?? stored.seq) < stored.seq) return;
      if (!this.#returned.has(rank, stored.seq)) continue;
      const gone = nowMs >= stored.expiresAtMs || removed.has(stored.seq);
      const member = gone ? undefined : this.#memberFor(rank);
      if (!gone && member === undefined) return;
      this.#returned.cut(rank, stored.seq, stored.seq);
      if (member !== undefined) this.#handOver(member, this.#slot.message(stored), true, nowMs);
    }
    if ((page.at(-1)?.seq ?? to) >= to) this.#returned.cut(rank, next, to);
  }

  async #readReturned(
    mailboxNumber: number,
    { rank, from, to }: { readonly rank: Rank; readonly from: number; readonly to: number },
  ): Promise<MessageRecord[]> {
    const { store, pageMessages, pageBytes } = this.#host;
    // A run may cover numbers of other ranks, which have runs of their own. A range leaves damaged
    // messages out; asked for one by one they would stop the group.
    const limit = Math.min(pageMessages, to - from + 1);
    const range = { rank, afterSeq: from - 1, beforeSeq: to + 1, limit, bytesMax: pageBytes };
    return store.messages(mailboxNumber, range);
  }

  /** Cursors, then what came back or is out. */
  encode(nowMs: number): Uint8Array {
    const out = this.#members.flatMap(({ outstanding }) => outstanding.all());
    const kept = new Runs();
    kept.absorb(out.filter(({ atMs }) => nowMs - atMs < givenBackWithinMs));
    kept.absorb(this.#returned.all());
    kept.shrink(returnedRunsMax);
    return encodePosition(this.#cursors, kept);
  }

  /** Continues where `encode` stood. Everybody who was handed something is gone by now. */
  restore(bytes: Uint8Array, nowMs: number): void {
    const position = decodePosition(bytes, nowMs);
    if (position === undefined) return;
    this.#cursors.set(position.cursors);
    this.#returned.absorb(position.runs);
  }
}

/** A run that came back, and the life of the mailbox it belongs to. */
interface ReturnedRun {
  readonly record: MailboxRecord;
  readonly from: number;
  readonly to: number;
}

class Member implements MailSubscription {
  readonly #group: Group;
  readonly ranks: RankMask;
  readonly sink: MailSink;
  /** What it was handed lately. */
  readonly outstanding: Runs = new Runs();
  writable = true;
  readonly #pass: Pass | undefined;
  #passedBy = false;

  constructor(group: Group, mask: RankMask, sink: MailSink, pass: Pass | undefined) {
    this.#group = group;
    this.#pass = pass;
    this.ranks = mask;
    this.sink = sink;
  }

  get isAdmitted(): boolean {
    return this.#pass === undefined || this.#pass.isOpen;
  }

  isIdleOf(guard: Guard): boolean {
    return this.#pass?.isClosedTo(guard) === true;
  }

  get canTake(): boolean {
    if (this.isAdmitted) return this.writable;
    this.#passedBy = true;
    return false;
  }

  /** Whether it was passed by since the last call, because it might not take mail. */
  takePassedBy(): boolean {
    const passedBy = this.#passedBy;
    this.#passedBy = false;
    return passedBy;
  }

  /** What it may do has changed. */
  review(): void {
    this.#group.review(this);
  }

  end(how: "unsubscribed" | "vanished"): void {
    this.#group.leave(this, how);
  }
}
