// SUBSCRIBE: pushes mail to one reader, or to one member of a group. The mailbox need not exist yet.
import {
  directoryName,
  type MailSubscription,
  Mq9Error,
  type SubscribeRequest,
} from "@mq9/protocol";
import type { Guard } from "../access.ts";
import type { Engine } from "../engine.ts";
import { Feed } from "../feed.ts";
import { Glob } from "../glob.ts";
import { groupMembersMax } from "../group.ts";
import type { Slot } from "../slot.ts";

/** @throws {Mq9Error} `quota_exceeded` naming the limit */
export function subscribe(
  engine: Engine,
  account: string,
  request: SubscribeRequest,
  guard?: Guard,
): MailSubscription {
  if (request.match === "glob") return new Glob(engine, account, request, guard);
  const slot = engine.slot(`${account}/${request.mailbox}`);
  if (guard !== undefined && idleCount(slot, guard) >= idleMax) {
    throw quota("subscriptions of one connection that wait for one mailbox", idleMax);
  }
  if (request.group !== undefined) {
    if (!slot.groups.has(request.group) && groupCount(slot) >= engine.options.groupsMax) {
      throw quota("groups of one mailbox", engine.options.groupsMax);
    }
    const group = engine.group(slot, request.group);
    if (group.memberCount >= groupMembersMax && group.admittedCount >= groupMembersMax)
      throw quota("members of one group", groupMembersMax);
    const member = group.join(request.ranks, request.sink, guard);
    slot.enter(() => {
      group.start();
      return undefined;
    });
    return member;
  }
  // The directory is there for every agent, and what is only replayed is soon over.
  const counts = slot.name !== directoryName && request.replayOnly !== true;
  if (counts && feedCount(slot) >= engine.options.feedsMax) {
    throw quota("subscriptions of one mailbox", engine.options.feedsMax);
  }
  const feed = new Feed(engine, slot, request.ranks, request.sink, guard);
  slot.feeds.push(feed);
  slot.enter(() => {
    // In the mailbox's turn: whatever is accepted later comes after this.
    feed.open(request.replayOnly === true ? slot.nextSeq : undefined);
    return undefined;
  });
  return feed;
}

/** Subscriptions of one connection to one mailbox that it may not read; every send has to pass them by. */
const idleMax = 64;

function idleCount({ feeds, groups }: Slot, guard: Guard): number {
  let count = 0;
  for (const feed of feeds) if (feed.isIdleOf(guard)) count += 1;
  for (const group of groups.values()) count += group.idleCountOf(guard);
  return count;
}

/** Those of strangers, who get nothing, must not keep others out. */
function feedCount({ feeds }: Slot): number {
  return feeds.reduce((sum, feed) => sum + (feed.isAdmitted ? 1 : 0), 0);
}

function groupCount({ groups }: Slot): number {
  let count = 0;
  for (const group of groups.values()) {
    if (group.memberCount === 0 || group.admittedCount > 0) count += 1;
  }
  return count;
}

function quota(what: string, limit: number): Mq9Error {
  return new Mq9Error("quota_exceeded", `the limit of ${limit} ${what} is reached`);
}
