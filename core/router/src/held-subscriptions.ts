// The subscriptions of one connection: those of ordinary subjects are in the list of its account, those
// of claimed spaces with their owners. Used by the connection alone.

import type { Connection } from "./connection.ts";
import type { Hub } from "./hub.ts";
import type { Standing } from "./standing.ts";
import type { SubjectSpace } from "./subject-space.ts";
import { Subscription, type SubscriptionRequest } from "./subscription.ts";

/** @returns whether the owner took it; the connection was told when not */
export type EnterSpace = (space: SubjectSpace, subscription: Subscription) => boolean;

export class HeldSubscriptions {
  readonly bySid: Map<string, Subscription> = new Map();
  readonly #connection: Connection;
  readonly #hub: Hub;
  readonly #enter: EnterSpace;

  constructor(connection: Connection, hub: Hub, enter: EnterSpace) {
    this.#connection = connection;
    this.#hub = hub;
    this.#enter = enter;
  }

  /** @returns false when the owner of its space did not take it */
  add(request: SubscriptionRequest, standing: Standing): boolean {
    const space = this.#hub.subjects.spaceOf(request.subject);
    const subscription = new Subscription(this.#connection, request, space);
    subscription.filter = standing.filterFor(request.subject, request.queue);
    this.bySid.set(request.sid, subscription);
    if (space === undefined) {
      this.#connection.sublist.insert(subscription);
      return true;
    }
    if (this.#enter(space, subscription)) return true;
    this.#forget(subscription);
    return false;
  }

  /** UNSUB, or its max was reached. */
  finish(subscription: Subscription): void {
    if (!subscription.active) return;
    this.#forget(subscription);
    if (subscription.space === undefined) this.#connection.sublist.remove(subscription);
    else subscription.space.unsubscribe(this.#connection, subscription);
  }

  /** Ends what is not allowed any more, and filters the rest. @returns what ended */
  review(standing: Standing): readonly Subscription[] {
    const ended: Subscription[] = [];
    for (const subscription of this.bySid.values()) {
      const { subject, queue } = subscription;
      if (standing.canSubscribe(subject, queue)) {
        subscription.filter = standing.filterFor(subject, queue);
      } else {
        this.finish(subscription);
        ended.push(subscription);
      }
    }
    return ended;
  }

  /** They stay known, and nothing is delivered to them: to owners it is as if they had ended. */
  silence(standing: Standing): void {
    const held = [...this.bySid.values()];
    this.#leaveSpaces(held);
    for (const subscription of held) {
      subscription.filter = standing.filterFor(subscription.subject, subscription.queue);
    }
  }

  /** Those of spaces come to their owners as if new. */
  enterSpaces(): void {
    this.#enterAll([...this.bySid.values()]);
  }

  /** Those of spaces leave and come again: their owners look at rights then. */
  leaveAndEnterSpaces(): void {
    const held = [...this.bySid.values()].filter(({ space }) => space !== undefined);
    this.#leaveSpaces(held);
    this.#enterAll(held);
  }

  endAll(): void {
    const held = [...this.bySid.values()];
    this.bySid.clear();
    for (const subscription of held) subscription.active = false;
    this.#hub.retired.add(this.#connection.sublist, held);
    this.#leaveSpaces(held);
  }

  #forget(subscription: Subscription): void {
    subscription.active = false;
    this.bySid.delete(subscription.sid);
  }

  /** Those not taken end. */
  #enterAll(held: readonly Subscription[]): void {
    for (const subscription of held) {
      const { space, active } = subscription;
      if (!active || space === undefined) continue;
      if (this.#connection.closed || this.#enter(space, subscription)) continue;
      this.#forget(subscription);
    }
  }

  /** To the owners of spaces it is as if the connection had ended. */
  #leaveSpaces(held: readonly Subscription[]): void {
    for (const space of this.#hub.subjects.spaces) {
      space.disconnect(
        this.#connection,
        held.filter((subscription) => subscription.space === space),
      );
    }
    this.#connection.ownerState = undefined;
  }
}
