// FETCH: takes mail for one consumer. With a group what is taken is leased; without one nothing is
// recorded.
import {
  type FetchRequest,
  type FetchResult,
  fetchMax,
  fetchWaitMsMax,
  leaseMsMax,
  leaseMsMin,
  Mq9Error,
} from "@mq9/protocol";
import { type Asked, barred, verbs } from "../access.ts";
import { isDirectory } from "../directory.ts";
import type { Engine } from "../engine.ts";
import { holdsDeadLetters } from "../pull/dead-letters.ts";
import { LooseFetch } from "../pull/loose-fetch.ts";
import { PullGroup, pullPrefix, type Wish } from "../pull/pull-group.ts";
import { startCursors } from "../pull/start.ts";
import type { Slot } from "../slot.ts";

/** @throws {Mq9Error} `not_found`, `expired`, `invalid`, `quota_exceeded` naming the limit */
export async function fetch(
  engine: Engine,
  at: Asked,
  request: FetchRequest,
): Promise<FetchResult> {
  const wish = wishOf(engine, request);
  let cursors: Float64Array | undefined;
  return engine.command(
    at,
    async (slot) => {
      const { group: name } = request;
      // The directory is there before its first entry is; a group of it begins with that.
      const isUnmade = isDirectory(slot) && slot.record === undefined;
      if (!isUnmade && !slot.isLive(engine.nowMs())) throw slot.absence();
      let group: PullGroup | undefined;
      let result: FetchResult;
      const isStranger = wish.look && name !== undefined && !slot.pulls.has(name);
      if (name === undefined || isUnmade || isStranger) {
        result = await new LooseFetch(engine.pulls, slot, wish, cursors ?? fromFirst).run();
      } else {
        assertMayRestart(slot, at, request);
        group = groupOf(engine, slot, name, request, cursors);
        result = await group.fetch(wish);
      }
      // The right may be gone since it began to wait.
      const refusal = result.messages.length === 0 ? undefined : barred(slot, at);
      if (refusal === undefined) return result;
      for (const { msgId } of result.messages) {
        const message = group?.unsettled(msgId);
        if (message?.lease !== undefined) group?.handBackUnseen(message);
      }
      throw refusal;
    },
    (slot) => {
      const known = request.group === undefined ? undefined : slot.pulls.get(request.group);
      if ((known !== undefined && request.restart !== true) || slot.record === undefined) return;
      return startCursors(engine, slot, request.start).then((found) => {
        cursors = found;
      });
    },
  );
}

/** What others of the group have acknowledged is not forgotten for everybody who may take mail. */
function assertMayRestart(slot: Slot, { guard }: Asked, { group, restart }: FetchRequest): void {
  if (restart !== true || group === undefined || !slot.pulls.has(group)) return;
  if (guard === undefined || guard.allows(verbs.manage, slot.standing)) return;
  throw new Mq9Error("forbidden", "putting a group back to its start needs the right to manage");
}

const fromFirst = new Float64Array(4).fill(-1);

/** @throws {Mq9Error} `invalid` */
function wishOf(engine: Engine, request: FetchRequest): Wish {
  const { limit, waitMs, leaseMs = engine.options.leaseMs, deliveriesMax } = request;
  const { fairEvery = 0 } = request;
  assertWhole("limit", limit, 1, fetchMax);
  assertWhole("the wait", waitMs, 0, fetchWaitMsMax);
  assertWhole("the ack wait", leaseMs, leaseMsMin, leaseMsMax);
  if (deliveriesMax !== undefined) assertWhole("the delivery limit", deliveriesMax, 1, 1000);
  if (fairEvery !== 0) assertWhole("fair_every", fairEvery, 2, fetchMax);
  return {
    limit,
    bytesMax: request.bytesMax ?? bytesMaxDefault,
    waitMs,
    leaseMs,
    consumer: request.consumer,
    held: request.held ?? "again",
    detached: request.detached ?? false,
    look: request.look ?? false,
    fairEvery,
  };
}

const bytesMaxDefault = 1_048_576;

function assertWhole(what: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new Mq9Error("invalid", `${what} must be a whole number from ${least} to ${most}`);
}

/** The group of this name, new or put back to its start when that was asked for. */
function groupOf(
  engine: Engine,
  slot: Slot,
  name: string,
  request: FetchRequest,
  cursors: Float64Array | undefined,
): PullGroup {
  let group = slot.pulls.get(name);
  const max = request.deliveriesMax;
  const changes = group === undefined || cursors !== undefined || isOther(group, max);
  if (!changes && group !== undefined) return group;
  if (
    group === undefined &&
    slot.groupCount >= engine.options.groupsMax &&
    !forgetIdle(engine, slot)
  ) {
    throw new Mq9Error(
      "quota_exceeded",
      `the limit of ${engine.options.groupsMax} groups of one mailbox is reached`,
    );
  }
  engine.stage();
  group ??= new PullGroup(engine.pulls, slot, name, engine.options.deliveriesMax);
  slot.pulls.set(name, group);
  if (max !== undefined) group.deliveriesMax = max;
  if (holdsDeadLetters(slot)) group.deliveriesMax = 0;
  if (cursors !== undefined) group.begin(cursors);
  engine.journal.writeLate(group);
  // Nothing is handed out before the group's beginning is durable.
  const begun = engine.durable(slot);
  const beginning = begun.finally(() => {
    if (group.beginning === beginning) group.beginning = undefined;
  });
  group.beginning = beginning;
  beginning.catch(() => {}); // whoever fetches hears of it
  return group;
}

/** Makes room for a group: forgets the one that nobody used for longest, if that is long enough. */
function forgetIdle(engine: Engine, slot: Slot): boolean {
  const before = engine.nowMs() - engine.options.groupIdleMs;
  let idle: PullGroup | undefined;
  for (const group of slot.pulls.values()) {
    if (!group.forgettable || group.usedAtMs > before) continue;
    if (idle === undefined || group.usedAtMs < idle.usedAtMs) idle = group;
  }
  if (idle === undefined) return false;
  engine.stage().removeCursor(idle.mailboxNumber, pullPrefix + idle.name);
  slot.pulls.delete(idle.name);
  idle.end(
    new Mq9Error("not_delivered", `group ${idle.name} was forgotten: nobody used it for long`),
  );
  return true;
}

function isOther(group: PullGroup, deliveriesMax: number | undefined): boolean {
  return (
    deliveriesMax !== undefined && group.deliveriesMax > 0 && group.deliveriesMax !== deliveriesMax
  );
}
