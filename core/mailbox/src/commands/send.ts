// SEND: accepts one message for one mailbox and wakes its readers once it is durable. The hot path:
// one object per message, no promise, nothing asynchronous when the mailbox is in memory. What needs
// a look into the store first (a key, an id against repeats, a delay) waits for the mailbox's turn.
import { isKeptName, Mq9Error, neverMs, rankOf, type SendRequest } from "@mq9/protocol";
import type { MessageRecord } from "@mq9/store";
import { type Guard, refusalFor, verbs } from "../access.ts";
import { findSend, type KnownSend, sendDigest, sendName, stageSendId } from "../dedup.ts";
import type { Engine } from "../engine.ts";
import type { Effect } from "../journal.ts";
import { latestKey } from "../latest.ts";
import { overQuota } from "../quotas.ts";
import { findScheduledId, stageScheduled } from "../schedule.ts";
import { malformed } from "../send-limits.ts";
import type { Slot } from "../slot.ts";
import { messageBytes } from "../tally.ts";

/** What else there is to say of a send that was accepted. */
export interface SendDetail {
  /** Of a delayed message; its `msgId` is -1. */
  readonly scheduledId?: number | undefined;
  /** It was there already, and nothing was stored. */
  readonly duplicate?: boolean | undefined;
}

/** Told once how a send ended. `msgId` is -1 with an error, and of a delayed message. */
export interface SendCompletion {
  settled(error: Mq9Error | undefined, msgId: number, detail?: SendDetail): void;
}

/**
 * Stores a message; `completion` hears when it is on stable storage or why it is not.
 * Refusals: `not_found`, `expired`, `forbidden` (the directory), `invalid`, `too_large`,
 * `quota_exceeded`, `dedup_conflict`, `insufficient_storage`, `draining`, `storage_failed`;
 * `unknown` when the disk failed under it.
 * @param guard whose right to send counts; undefined = nobody's has to be asked
 */
export function send(
  engine: Engine,
  key: string,
  request: SendRequest,
  completion: SendCompletion,
  guard?: Guard,
): void {
  const slot = engine.readySlot(key);
  if (slot === undefined || needsLook(slot, request)) {
    sendInTurn(engine, key, request, completion, guard);
  } else {
    const refusal = guard && refusalFor(slot, guard, verbs.send);
    if (refusal === undefined) stagePlain(engine, slot, request, completion);
    else completion.settled(refusal, -1);
  }
}

/** Whether the store has to be asked before anything can be staged. */
function needsLook(slot: Slot, request: SendRequest): boolean {
  if (request.dedupId !== undefined || request.delayMs !== undefined) return true;
  const key = keyOf(slot, request);
  return key !== undefined && slot.record !== undefined && !slot.keyPlaces.has(key);
}

function keyOf(slot: Slot, request: SendRequest): string | undefined {
  return slot.record?.kind === "latest" ? latestKey : request.key;
}

function sendInTurn(
  engine: Engine,
  key: string,
  request: SendRequest,
  completion: SendCompletion,
  guard: Guard | undefined,
): void {
  const slot = engine.slot(key);
  slot.enter(() => {
    const refusal = guard && refusalFor(slot, guard, verbs.send);
    if (refusal !== undefined) {
      completion.settled(engine.faultOf(slot) ?? refusal, -1);
      return undefined;
    }
    if (needsLook(slot, request)) return sendAfterLook(engine, slot, request, completion);
    stagePlain(engine, slot, request, completion);
    return undefined;
  });
}

/** A request's id, and the earlier send under it if there is one. */
interface SendId {
  readonly name: string;
  readonly digest: Uint8Array;
  readonly earlier: KnownSend | undefined;
}

async function sendAfterLook(
  engine: Engine,
  slot: Slot,
  request: SendRequest,
  completion: SendCompletion,
): Promise<void> {
  const nowMs = engine.nowMs();
  const refusal = refusalOf(engine, slot, request, nowMs);
  if (refusal !== undefined) {
    completion.settled(refusal, -1);
    return;
  }
  let stage: () => void;
  try {
    stage = await look(engine, slot, request, completion);
  } catch (error) {
    completion.settled(engine.failure(error), -1);
    return;
  }
  stage();
}

/** Reads what the store has to say about a send. @returns what stages or answers it, at once */
async function look(
  engine: Engine,
  slot: Slot,
  request: SendRequest,
  completion: SendCompletion,
): Promise<() => void> {
  let id: SendId | undefined;
  if (request.dedupId !== undefined) {
    const name = sendName(request);
    const digest = sendDigest(engine, request);
    id = { name, digest, earlier: await findSend(engine, slot, name) };
    const { earlier } = id;
    if (earlier !== undefined) return () => answerRepeat(engine, slot, earlier, digest, completion);
  }
  if (request.delayMs !== undefined) {
    const nowMs = engine.nowMs();
    const scheduledId = await findScheduledId(engine, slot, nowMs + request.delayMs);
    const delayed = { nowMs, scheduledId };
    return () => stageDelayed(engine, slot, request, completion, { ...delayed, id });
  }
  const key = keyOf(slot, request);
  if (key !== undefined) await engine.findPlace(slot, key);
  return () => stagePlain(engine, slot, request, completion, id);
}

function stagePlain(
  engine: Engine,
  slot: Slot,
  request: SendRequest,
  completion: SendCompletion,
  id?: SendId,
): void {
  const nowMs = engine.nowMs();
  const refusal = refusalOf(engine, slot, request, nowMs) ?? roomless(engine, slot, request);
  if (refusal !== undefined) {
    completion.settled(refusal, -1);
    return;
  }
  const message = recordOf(slot, request, nowMs);
  const batch = engine.stage();
  slot.nextSeq += 1;
  engine.stageMessage(batch, slot, message);
  engine.afterCommit(slot, new SendEffect(engine, slot, message, completion));
  if (id === undefined) return;
  const outcome = { msgId: message.seq, scheduledId: undefined };
  stageSendId(engine, batch, slot, id.name, { digest: id.digest, outcome, atMs: nowMs });
}

/** What is known of a delayed send when it is staged. `nowMs` is when it was accepted. */
interface Delayed {
  readonly nowMs: number;
  readonly scheduledId: number;
  readonly id: SendId | undefined;
}

function stageDelayed(
  engine: Engine,
  slot: Slot,
  request: SendRequest,
  completion: SendCompletion,
  { nowMs, scheduledId, id }: Delayed,
): void {
  const refusal =
    refusalOf(engine, slot, request, engine.nowMs()) ?? roomless(engine, slot, request);
  if (refusal !== undefined) {
    completion.settled(refusal, -1);
    return;
  }
  const batch = engine.stage();
  stageScheduled(engine, batch, slot, scheduledId, recordOf(slot, request, nowMs));
  engine.afterCommit(slot, new DelayedEffect(slot, scheduledId, completion));
  if (id === undefined) return;
  const outcome = { msgId: -1, scheduledId };
  stageSendId(engine, batch, slot, id.name, { digest: id.digest, outcome, atMs: nowMs });
}

/** Answers a repeat, once the first is durable, with what the first was answered. */
function answerRepeat(
  engine: Engine,
  slot: Slot,
  earlier: KnownSend,
  digest: Uint8Array,
  completion: SendCompletion,
): void {
  const { msgId, scheduledId } = earlier.outcome;
  const answer = (error: Mq9Error | undefined): void => {
    if (error !== undefined) completion.settled(error, -1);
    else if (earlier.digest.every((byte, i) => byte === digest[i])) {
      completion.settled(undefined, msgId, { scheduledId, duplicate: true });
    } else completion.settled(dedupConflict(), -1);
  };
  if (!slot.isLive(engine.nowMs())) answer(slot.absence());
  else if (earlier.waiting === undefined) answer(engine.journal.failure);
  else earlier.waiting.push(answer);
}

function dedupConflict(): Mq9Error {
  return new Mq9Error(
    "dedup_conflict",
    "another message was sent under this dedup id a short while ago: take a new id for a new message",
  );
}

function recordOf(slot: Slot, request: SendRequest, nowMs: number): MessageRecord {
  return {
    seq: slot.nextSeq,
    rank: rankOf(request.label),
    label: request.label,
    createdAtMs: nowMs,
    expiresAtMs: request.ttlSeconds === undefined ? neverMs : nowMs + request.ttlSeconds * 1000,
    key: keyOf(slot, request),
    headers: request.headers,
    payload: request.payload,
    tags: request.tags,
    from: request.from,
  };
}

/** Why this mailbox takes no such message. */
function refusalOf(
  engine: Engine,
  slot: Slot,
  request: SendRequest,
  nowMs: number,
): Mq9Error | undefined {
  if (isKeptName(slot.name)) {
    return new Mq9Error("forbidden", `mailbox '${slot.name}' is kept by the broker`);
  }
  if (!slot.isLive(nowMs)) return slot.absence();
  return malformed(engine.options, request);
}

/** Why nothing more can be stored here now. A repeat of an earlier send needs no room. */
function roomless(engine: Engine, slot: Slot, request: SendRequest): Mq9Error | undefined {
  const stopped = engine.refusal ?? engine.journal.failure;
  if (stopped !== undefined) return stopped;
  // What a delayed message will replace is known when it becomes visible, and is there until then.
  const key = request.delayMs === undefined ? keyOf(slot, request) : undefined;
  const replaced = key === undefined ? undefined : slot.keyPlaces.get(key);
  return overQuota(engine, slot, messageBytes(request), replaced);
}

/** What happens to a sent message once its batch is on disk. */
class SendEffect implements Effect {
  readonly #engine: Engine;
  readonly #slot: Slot;
  readonly #mailboxNumber: number;
  readonly #message: MessageRecord;
  readonly #completion: SendCompletion;

  constructor(engine: Engine, slot: Slot, message: MessageRecord, completion: SendCompletion) {
    this.#engine = engine;
    this.#slot = slot;
    this.#mailboxNumber = slot.record?.number as number;
    this.#message = message;
    this.#completion = completion;
  }

  committed(): void {
    this.#slot.staged -= 1;
    this.#engine.announce(this.#slot, this.#mailboxNumber, this.#message);
    this.#completion.settled(undefined, this.#message.seq);
  }

  failed(error: Mq9Error): void {
    this.#slot.staged -= 1;
    this.#completion.settled(error, -1);
  }
}

/** The same for a delayed message, which nobody sees yet. */
class DelayedEffect implements Effect {
  readonly #slot: Slot;
  readonly #scheduledId: number;
  readonly #completion: SendCompletion;

  constructor(slot: Slot, scheduledId: number, completion: SendCompletion) {
    this.#slot = slot;
    this.#scheduledId = scheduledId;
    this.#completion = completion;
  }

  committed(): void {
    this.#slot.staged -= 1;
    this.#completion.settled(undefined, -1, { scheduledId: this.#scheduledId });
  }

  failed(error: Mq9Error): void {
    this.#slot.staged -= 1;
    this.#completion.settled(error, -1);
  }
}
