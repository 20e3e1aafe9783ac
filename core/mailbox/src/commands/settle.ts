// ACK, NACK and EXTEND: what becomes of a message that a group was handed. An answer follows the
// commit, so what was settled stays settled.
import {
  type AckMode,
  type AckRequest,
  ackMax,
  delayMsMax,
  type ExtendRequest,
  leaseMsMax,
  leaseMsMin,
  Mq9Error,
  type NackRequest,
  reasonLengthMax,
} from "@mq9/protocol";
import type { MessageRecord } from "@mq9/store";
import type { Target } from "../access.ts";
import type { Engine } from "../engine.ts";
import { holdsDeadLetters } from "../pull/dead-letters.ts";
import type { PullGroup } from "../pull/pull-group.ts";
import { backoffMs, type Unsettled } from "../pull/unsettled.ts";
import type { Slot } from "../slot.ts";
import { findMessage, wasGiven } from "./find.ts";

/** @throws {Mq9Error} `not_found`, `expired`, `not_delivered`, `invalid`, `quota_exceeded` */
export async function ack(
  engine: Engine,
  at: Target,
  request: AckRequest,
): Promise<readonly number[]> {
  const { group: name, mode } = request;
  const msgIds = namedNumbers(request);
  const stored = new Map<number, MessageRecord>();
  return engine.command(
    at,
    async (slot) => {
      const group = groupOf(engine, slot, name);
      const wrong = msgIds.find((msgId) => !wasGiven(slot, msgId));
      if (wrong !== undefined) {
        throw notDelivered(slot, wrong, "no message of it has that number");
      }
      const isOpen = (msgId: number): boolean =>
        group.unsettled(msgId) !== undefined || canSettleAhead(group, msgId, stored.get(msgId));
      if (!msgIds.some(isOpen)) {
        if (slot.staged > 0) await engine.journal.settled(); // who settled it may not be durable yet
        return [];
      }
      engine.stage();
      engine.journal.writeLate(group);
      const settled: number[] = [];
      for (const msgId of msgIds) settleOne(group, msgId, mode, stored.get(msgId), settled);
      await engine.durable(slot);
      engine.meters.acks += settled.length;
      return settled;
    },
    (slot) => {
      const group = slot.pulls.get(name);
      if (group === undefined) return undefined;
      const unknown = msgIds.filter(
        (msgId) => group.unsettled(msgId) === undefined && !group.memory.isBehindAll(msgId),
      );
      return unknown.length === 0 ? undefined : findAll(engine, slot, unknown, stored);
    },
  );
}

/** @throws {Mq9Error} `invalid` when several are named and the mode is about others too */
function namedNumbers({ msgId, alsoMsgIds = [], mode }: AckRequest): readonly number[] {
  if (alsoMsgIds.length === 0) return [msgId];
  if (mode !== "one") {
    throw new Mq9Error("invalid", "several messages are acknowledged each by itself: mode is one");
  }
  if (alsoMsgIds.length >= ackMax) {
    throw new Mq9Error("invalid", `one acknowledgement names at most ${ackMax} messages`);
  }
  return [msgId, ...alsoMsgIds];
}

async function findAll(
  engine: Engine,
  slot: Slot,
  msgIds: readonly number[],
  found: Map<number, MessageRecord>,
): Promise<void> {
  for (const msgId of msgIds) {
    const record = await findMessage(engine, slot, msgId);
    if (record !== undefined) found.set(msgId, record);
  }
}

/** @throws {Mq9Error} `quota_exceeded` when too many were acknowledged before they were handed out */
function settleOne(
  group: PullGroup,
  msgId: number,
  mode: AckMode,
  stored: MessageRecord | undefined,
  settled: number[],
): void {
  const message = group.unsettled(msgId);
  if (message === undefined) {
    if (stored !== undefined && group.memory.settleAhead(stored.rank, msgId)) settled.push(msgId);
    return;
  }
  for (const seq of group.meant(message, mode)) {
    if (group.acknowledge(seq)) settled.push(seq);
  }
}

function canSettleAhead(
  group: PullGroup,
  msgId: number,
  stored: MessageRecord | undefined,
): boolean {
  return stored !== undefined && !group.memory.isSettled(stored.rank, msgId);
}

/** @throws {Mq9Error} `not_found`, `expired`, `not_delivered`, `invalid` */
export function nack(engine: Engine, at: Target, request: NackRequest): Promise<void> {
  const { delayMs, poison = false, unseen = false, reason } = request;
  if (
    delayMs !== undefined &&
    !(Number.isInteger(delayMs) && delayMs >= 0 && delayMs <= delayMsMax)
  ) {
    throw new Mq9Error(
      "invalid",
      `the delay must be a whole number of milliseconds to ${delayMsMax}`,
    );
  }
  if (reason !== undefined && reason.length > reasonLengthMax) {
    throw new Mq9Error("too_large", `the reason is longer than ${reasonLengthMax} characters`);
  }
  return engine.command(at, async (slot) => {
    const group = groupOf(engine, slot, request.group);
    const message = deliveredOf(slot, group, request);
    if (!unseen) engine.meters.nacks += 1;
    if (poison && !holdsDeadLetters(slot)) return group.giveUp(message, reason);
    engine.stage();
    engine.journal.writeLate(group);
    if (unseen) {
      group.handBackUnseen(message);
    } else {
      const waitMs = delayMs ?? backoffMs(message.deliveries);
      group.handBack(message, waitMs === 0 ? 0 : engine.nowMs() + waitMs);
    }
    return engine.durable(slot);
  });
}

/** @returns when the lease ends now @throws {Mq9Error} `not_found`, `expired`, `not_delivered`, `invalid` */
export function extend(engine: Engine, at: Target, request: ExtendRequest): Promise<number> {
  const { leaseMs = engine.options.leaseMs } = request;
  if (!(Number.isInteger(leaseMs) && leaseMs >= leaseMsMin && leaseMs <= leaseMsMax)) {
    throw new Mq9Error("invalid", `the ack wait must be ${leaseMsMin} to ${leaseMsMax} ms`);
  }
  return engine.command(at, async (slot) => {
    const group = groupOf(engine, slot, request.group);
    const message = deliveredOf(slot, group, request);
    if (message.lease === undefined) {
      throw notDelivered(slot, request.msgId, "its lease has ended");
    }
    const endsAtMs = engine.nowMs() + leaseMs;
    group.extend(message, endsAtMs);
    return endsAtMs;
  });
}

function groupOf(engine: Engine, slot: Slot, name: string): PullGroup {
  if (!slot.isLive(engine.nowMs())) throw slot.absence();
  const group = slot.pulls.get(name);
  if (group === undefined) {
    throw new Mq9Error(
      "not_delivered",
      `group ${name} of mailbox ${slot.name} has fetched nothing yet`,
    );
  }
  return group;
}

/** The message as this group holds it. @throws {Mq9Error} `not_delivered` */
function deliveredOf(
  slot: Slot,
  group: PullGroup,
  { msgId, deliveryCount }: Pick<NackRequest, "msgId" | "deliveryCount">,
): Unsettled {
  const message = group.unsettled(msgId);
  if (message === undefined || message.dying || message.delivery === 0) {
    throw notDelivered(slot, msgId, `group ${group.name} does not hold it`);
  }
  if (deliveryCount !== undefined && deliveryCount !== message.delivery) {
    throw notDelivered(slot, msgId, `it is out in delivery ${message.delivery} by now`);
  }
  return message;
}

function notDelivered(slot: Slot, msgId: number, why: string): Mq9Error {
  return new Mq9Error("not_delivered", `message ${msgId} of mailbox ${slot.name}: ${why}`);
}
