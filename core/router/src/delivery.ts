// The hot path: one published frame to the subscriptions it reaches. Nothing is allocated per
// message or per delivery.

import { composeFrame, type PublishFrame } from "@mq9/wire";
import type { Connection } from "./connection.ts";
import type { SubjectEntry } from "./subject-table.ts";
import type { MatchResult } from "./sublist.ts";
import type { Subscription } from "./subscription.ts";

/** Delivers frames, and counts. */
export class Delivery {
  outMsgs = 0;
  /** Headers and payloads. */
  outBytes = 0;
  #random: number;
  /** The frame at hand without its headers, made when the first receiver needs it. */
  #bare: PublishFrame | undefined = undefined;

  /** @param seed for the choice of queue members; any whole number */
  constructor(seed: number) {
    this.#random = seed | 1;
  }

  /**
   * Delivers to all plain subscriptions of a result and to one member of each group.
   * @param from the publisher; undefined for the server itself
   * @returns how many subscriptions got it
   */
  send(
    result: MatchResult,
    from: Connection | undefined,
    entry: SubjectEntry,
    frame: PublishFrame,
  ): number {
    const count = this.sendToSome(result, from, entry, frame, 0, result.plain.length);
    return result.groups.length === 0
      ? count
      : count + this.sendToGroups(result, from, entry, frame);
  }

  /** Delivers to the plain subscriptions from one place of the result to another. */
  sendToSome(
    result: MatchResult,
    from: Connection | undefined,
    entry: SubjectEntry,
    frame: PublishFrame,
    start: number,
    end: number,
  ): number {
    const { plain } = result;
    let count = 0;
    for (let at = start; at < end; at++) {
      if (this.#deliver(plain[at] as Subscription, from, entry, frame)) count++;
    }
    this.#bare = undefined;
    return count;
  }

  /** Delivers to one member of each group. */
  sendToGroups(
    { groups }: MatchResult,
    from: Connection | undefined,
    entry: SubjectEntry,
    frame: PublishFrame,
  ): number {
    let count = 0;
    for (let at = 0; at < groups.length; at++) {
      if (this.#deliverToOne(groups[at] as Subscription[], from, entry, frame)) count++;
    }
    this.#bare = undefined;
    return count;
  }

  /** Tries members from a random one on until one takes it. */
  #deliverToOne(
    members: readonly Subscription[],
    from: Connection | undefined,
    entry: SubjectEntry,
    frame: PublishFrame,
  ): boolean {
    const count = members.length;
    let at = this.#below(count);
    for (let tried = 0; tried < count; tried++) {
      if (this.#deliver(members[at] as Subscription, from, entry, frame)) return true;
      if (++at === count) at = 0;
    }
    return false;
  }

  #deliver(
    subscription: Subscription,
    from: Connection | undefined,
    entry: SubjectEntry,
    frame: PublishFrame,
  ): boolean {
    const to = subscription.connection;
    if (!subscription.active || (to === from && !to.echo)) return false;
    if (subscription.filter !== undefined && !subscription.filter(entry.text)) return false;
    let sent = frame;
    if (frame.headerBytes !== 0 && !to.headers) sent = this.#bare ??= withoutHeaders(entry, frame);
    to.outbox.addMessage(
      entry.prefix,
      entry.prefixView,
      sent.headerBytes === 0 ? 1 : 0,
      subscription.sidBytes,
      sent,
    );
    const bytes = sent.bodyEnd - sent.bodyStart;
    this.outMsgs++;
    this.outBytes += bytes;
    to.outMsgs++;
    to.outBytes += bytes;
    if (to.grants !== undefined && frame.replyEnd !== frame.replyStart) {
      to.grants.grant(frame.data.latin1Slice(frame.replyStart, frame.replyEnd));
    }
    subscription.delivered++;
    if (subscription.delivered === subscription.max) to.finish(subscription);
    return true;
  }

  /** A random number of 0 to `count` - 1. */
  #below(count: number): number {
    if (count === 1) return 0;
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return (x >>> 0) % count;
  }
}

function withoutHeaders(entry: SubjectEntry, frame: PublishFrame): PublishFrame {
  const reply = frame.data.latin1Slice(frame.replyStart, frame.replyEnd);
  const payload = frame.data.subarray(frame.bodyStart + frame.headerBytes, frame.bodyEnd);
  return composeFrame(entry.text, reply, undefined, payload);
}
